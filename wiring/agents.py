"""The agents, with the policy that has the seat, and the team that they are."""

import os
from collections.abc import Callable
from functools import partial

from agents.registry import AGENTS, AgentSettings, build, policy_agent
from domain.errors import ConfigurationError
from domain.votes import Agent, Builder
from orchestrator.team.base import Team
from orchestrator.team.local_team import LocalTeam
from orchestrator.team.model_rollout import Build, Seating
from settings import Settings
from storage.models.model_registry import SHIPPED
from wiring.stores import Say, Stores, models_folder, secret

Progress = Callable[[str, int, int], None]


def build_agents(settings: AgentSettings, say: Say) -> list[Agent]:
    """Every agent that votes, in this process; one of another package that cannot be made is told
    of and left out.

    Raises ConfigurationError for one that ships.
    """
    built = []
    for name in settings.names:
        try:
            built.append(build(name, settings))
        except ConfigurationError as error:
            if AGENTS[name].dist is None:
                raise
            say(str(error))
    return built


def agents_of(settings: Settings, stores: Stores) -> AgentSettings:
    """As the agents vote from now on: with the policy that is promoted, unless another is
    configured."""
    return _with_model(settings, _promoted(settings, stores))


def builder(settings: Settings, stores: Stores) -> Builder:
    """Makes agents as they vote from now on, or as they were in a version that is named."""
    return _builder(settings, _promoted(settings, stores))


def make_seating(settings: Settings, stores: Stores) -> Seating:
    """The seat of the agent that votes with policies, for the one that is promoted by the time of
    a cycle."""
    return Seating(
        policy_agent(), partial(_promoted, settings, stores), partial(_builder, settings)
    )


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
    """The agents that vote, made by `build`, in this process or each in a Ray actor.

    Raises ConfigurationError where the configured Ray does not answer.
    """
    names = settings.agents.names
    if in_process:
        return LocalTeam(names, build)
    from orchestrator.ray_session import RaySession
    from orchestrator.team.ray_team import RayTeam

    progress("starting Ray", 0, len(names))
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
        names,
        build,
        home=settings.home,
        timeout=settings.ray.timeout_seconds,
        progress=progress,
    )
