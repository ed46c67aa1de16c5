"""The agents, their factory, and the team they form."""

import os
from collections.abc import Callable
from functools import partial

from agents.registry import AGENTS, AgentSettings, build, policy_agent
from domain.errors import ConfigurationError
from domain.votes import Agent, AgentFactory
from orchestrator.team.base import Team
from orchestrator.team.local_team import LocalTeam
from orchestrator.team.model_rollout import BuildAgent, ModelRollout
from settings import Settings
from storage.models.model_registry import SHIPPED
from wiring.stores import Log, Stores, models_folder, secret

ProgressCallback = Callable[[str, int, int], None]


def build_agents(settings: AgentSettings, log: Log) -> list[Agent]:
    """Build every configured agent in this process.

    An agent of another package that cannot be built is reported and left out. Raises
    ConfigurationError for one that ships with Quorum.
    """
    built = []
    for name in settings.names:
        try:
            built.append(build(name, settings))
        except ConfigurationError as error:
            if AGENTS[name].dist is None:
                raise
            log(str(error))
    return built


def agent_settings(settings: Settings, stores: Stores) -> AgentSettings:
    """Return the agents' settings with the active model, unless another policy is configured."""
    return _with_model(settings, _active_model(settings, stores))


def agent_factory(settings: Settings, stores: Stores) -> AgentFactory:
    """Return a factory for the agents in their present versions, or in a version that is named."""
    return _factory_for_model(settings, _active_model(settings, stores))


def make_model_rollout(settings: Settings, stores: Stores) -> ModelRollout:
    """Return the rollout that keeps the agent that votes with policies on the active model."""
    return ModelRollout(
        policy_agent(),
        partial(_active_model, settings, stores),
        partial(_factory_for_model, settings),
    )


def _active_model(settings: Settings, stores: Stores) -> str:
    if settings.agents.rl_policy is not None:
        return "the configured policy"
    return stores.models.active_model() or SHIPPED


def _factory_for_model(settings: Settings, model: str) -> AgentFactory:
    return partial(build, settings=_with_model(settings, model), models=models_folder(settings))


def _with_model(settings: Settings, model: str) -> AgentSettings:
    if settings.agents.rl_policy is not None or model == SHIPPED:
        return settings.agents
    return settings.agents.model_copy(update={"rl_policy": models_folder(settings) / model})


def make_team(
    settings: Settings,
    build: BuildAgent,
    *,
    in_process: bool,
    on_progress: ProgressCallback = lambda *_: None,
) -> Team:
    """Make the team of the configured agents, built by `build`, in this process or each in a Ray
    actor.

    Raises ConfigurationError if the configured Ray does not answer.
    """
    names = settings.agents.names
    if in_process:
        return LocalTeam(names, build)
    from orchestrator.team.ray_session import RaySession
    from orchestrator.team.ray_team import RayTeam

    on_progress("starting Ray", 0, len(names))
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
        on_progress=on_progress,
    )
