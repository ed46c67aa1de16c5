"""The agents, with the policy that has the seat, and the team that they are."""

import os
from collections.abc import Callable
from functools import partial

from agents.registry import AGENTS, AgentSettings, build
from domain.votes import Agent, Builder
from orchestrator.local_team import LocalTeam
from orchestrator.seating import Build, Seating
from orchestrator.team import Team
from settings import Settings
from storage.models import SHIPPED
from wiring.stores import Stores, models_folder, secret

Progress = Callable[[str, int, int], None]


def build_agents(settings: Settings, stores: Stores) -> list[Agent]:
    """Every registered agent, in this process."""
    return [build(name, agents_of(settings, stores)) for name in AGENTS]


def agents_of(settings: Settings, stores: Stores) -> AgentSettings:
    """As the agents vote from now on: with the policy that is promoted, unless another is
    configured."""
    return _with_model(settings, _promoted(settings, stores))


def builder(settings: Settings, stores: Stores) -> Builder:
    """Makes agents as they vote from now on, or as they were in a version that is named."""
    return _builder(settings, _promoted(settings, stores))


def make_seating(settings: Settings, stores: Stores) -> Seating:
    """The seat of the rl agent, for the policy that is promoted by the time of a cycle."""
    return Seating("rl", partial(_promoted, settings, stores), partial(_builder, settings))


def _promoted(settings: Settings, stores: Stores) -> str:
    if settings.agents.rl_policy is not None:
        return "the configured policy"
    return stores.models.promoted() or SHIPPED


def _builder(settings: Settings, model: str) -> Builder:
    return partial(build, settings=_with_model(settings, model), models=models_folder(settings))


def _with_model(settings: Settings, model: str) -> AgentSettings:
    if settings.agents.rl_policy is not None or model == SHIPPED:
        return settings.agents
    return settings.agents.model_copy(update={"rl_policy": models_folder(settings) / model})


def make_team(
    settings: Settings, build: Build, *, in_process: bool, progress: Progress = lambda *_: None
) -> Team:
    """The registered agents, made by `build`, in this process or each in a Ray actor.

    Raises ConfigurationError where the configured Ray does not answer.
    """
    if in_process:
        return LocalTeam(tuple(AGENTS), build)
    from orchestrator.ray_session import RaySession
    from orchestrator.ray_team import RayTeam

    progress("starting Ray", 0, len(AGENTS))
    if settings.ray.address:
        session = RaySession.join(settings.ray.address)
    else:
        os.environ["RAY_AUTH_TOKEN"] = secret(settings.home, "ray-token")
        session = RaySession.local(
            settings.home,
            object_store_mb=settings.ray.object_store_mb,
            dashboard=settings.ray.dashboard,
        )
    return RayTeam(
        session,
        tuple(AGENTS),
        build,
        home=settings.home,
        timeout=settings.ray.timeout_seconds,
        progress=progress,
    )
