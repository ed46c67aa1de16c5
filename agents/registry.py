"""The registry of agents: a row for each shipped one, and entry points of other distributions.

Other distributions announce agents in the group `quorum.agents`. A module is imported when its
agent is built or described, so that an actor loads only its own agent's libraries.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, field_validator

from agents.base import AgentDescription, description_of
from agents.coefficients import load_coefficients, refuse_unknown_agents, weights_for_agent
from agents.evidence import TunableAgent
from agents.settings import NewsSettings, RlSettings
from domain import plugins
from domain.errors import ConfigurationError, NotFoundError
from domain.votes import Agent

GROUP = "quorum.agents"
SHIPPED: Mapping[str, str] = {
    "technical": "agents.technical:TechnicalAgent",
    "news": "agents.news:NewsAgent",
    "fundamental": "agents.fundamental:FundamentalAgent",
    "risk": "agents.risk:RiskAgent",
    "rl": "agents.rl:RlAgent",
}
RESERVED = ("committee", "agent", "all", "none")
"""Names that records and settings use for something else."""

_FOUND = plugins.build_registry("agent", GROUP, SHIPPED, RESERVED)
AGENTS: Mapping[str, EntryPoint] = _FOUND.entries
"""Every agent by name."""
PROBLEMS = _FOUND.problems
"""Sentences about agents of other distributions that are left out."""


class AgentSettings(NewsSettings, RlSettings):
    """Which agents vote, and their settings."""

    enabled: tuple[str, ...] | None = Field(
        default=None,
        description="Agents that vote, as `quorum agents` names them; all when unset. Without one "
        "that is required to open, exposure may only shrink.",
    )
    coefficients: Path | None = Field(
        default=None,
        description="File of fitted weights (`quorum fit`); those that ship when unset.",
    )
    options: dict[str, dict[str, Any]] = Field(
        default={},
        description="Settings of agents from other packages, a table each: "
        "`[agents.options.NAME]`.",
    )

    @field_validator("enabled")
    @classmethod
    def _are_agents(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names == ():
            raise ValueError("agents.enabled is empty; name at least one agent, or unset it.")
        return None if names is None else tuple(dict.fromkeys(map(_require_known, names)))

    @field_validator("options")
    @classmethod
    def _of_agents(cls, options: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name in options:
            _require_known(name)
        return options

    @property
    def names(self) -> tuple[str, ...]:
        """The agents that vote."""
        return tuple(AGENTS) if self.enabled is None else self.enabled


def build(
    name: str,
    settings: AgentSettings,
    *,
    version: str | None = None,
    models: Path | None = None,
) -> Agent:
    """Build the agent called `name`, with the fitted weights of the settings where there are any.
    With a `version`, build it as it was then, if its parts still exist (`models` is the folder of
    kept policies); otherwise as it is now.

    Raises NotFoundError for an unknown name, and ConfigurationError for an agent that cannot be
    loaded or built and for coefficients that do not fit the agents.
    """
    agent_class = plugins.load_class("agent", AGENTS[require_agent(name)])
    if version is not None and hasattr(agent_class, "earlier_settings"):
        for candidate in agent_class.earlier_settings(version, settings, models):
            with suppress(ConfigurationError):  # the one in force may be damaged
                agent = _make(name, agent_class, candidate)
                if agent.version == version:
                    return agent
                if agent.version in version:
                    return _with_fitted_weights(agent, candidate)
    return _with_fitted_weights(_make(name, agent_class, settings), settings)


@cache
def describe_agent(name: str) -> AgentDescription:
    """Return what the agent declares. Never raises: one that cannot be loaded, or no longer exists,
    has defaults from its name."""
    if name not in AGENTS:
        return description_of(name)
    try:
        return description_of(name, plugins.load_class("agent", AGENTS[name]))
    except ConfigurationError as error:
        return description_of(name, fault=str(error))


def required_to_open() -> tuple[str, ...]:
    """Return the agents without whose forecast exposure may only shrink."""
    return tuple(name for name in AGENTS if describe_agent(name).required_to_open)


def policy_agent() -> str:
    """Return the agent that votes with the models of the RL lab."""
    return next(name for name in AGENTS if describe_agent(name).votes_with_policy)


def require_agent(name: str) -> str:
    """Return `name` if it is an agent's. Raises NotFoundError, naming the nearest, otherwise."""
    return plugins.require_known("agent", name, AGENTS)


def _require_known(name: str) -> str:
    try:
        return require_agent(name)
    except NotFoundError as error:
        raise ValueError(str(error)) from None


def _make(name: str, agent_class: Any, settings: AgentSettings) -> Agent:
    """Call `agent_class.create(settings)` where it declares `Settings`, else `agent_class()`. The
    settings of a shipped agent are keys of `agents`; others have a table in `options`."""
    try:
        declared = getattr(agent_class, "Settings", None)
        shipped = declared is not None and isinstance(settings, declared)
        options = settings.options.get(name, {})
        key = f"agents.options.{name}"
        plugins.refuse_unknown_options(key, options, None if shipped else declared)
        if declared is None:
            agent = agent_class()
        else:
            own = settings if shipped else _validated(key, declared, options)
            agent = agent_class.create(own)
        declared_name: str = agent.name
    except ConfigurationError:
        raise
    except Exception as error:
        if AGENTS[name].dist is None:
            raise
        raise ConfigurationError(
            f"The agent {name!r} of {plugins.distribution_label(AGENTS[name])} cannot be made "
            f"({type(error).__name__}: {error}). Repair that package or uninstall it."
        ) from error
    if declared_name != name:
        raise ConfigurationError(
            f"The agent {name!r} of {plugins.distribution_label(AGENTS[name])} "
            f"calls itself {declared_name!r}. "
            "Give it the same `name` as its entry point."
        )
    made: Agent = agent
    return made


def _validated(key: str, declared: type[BaseModel], options: dict[str, Any]) -> BaseModel:
    try:
        return declared.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (key, *first["loc"])))
        raise ConfigurationError(f"The setting {place!r} is refused: {first['msg']}.") from None


def _with_fitted_weights(agent: Agent, settings: AgentSettings) -> Agent:
    if settings.coefficients is None:
        return agent
    coefficients = load_coefficients(settings.coefficients)
    refuse_unknown_agents(coefficients, AGENTS)
    if not isinstance(agent, TunableAgent):
        return agent
    weights = weights_for_agent(coefficients, agent)
    return agent if weights is None else agent.with_weights(weights)
