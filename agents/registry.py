"""Which agents there are: one line each. Adding an agent is one file and one line here.

Each agent's module is imported when the agent is built: an actor carries its own agent's libraries
and no others.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from agents.coefficients import load, of_agent, refuse_unknown_agents
from agents.evidence import Tunable
from domain.errors import ConfigurationError, NotFoundError
from domain.votes import Agent


class AgentSettings(BaseModel):
    """What the agents need to know beyond the panel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models_dir: Path = Field(
        default=Path("var/models"),
        description="Folder of downloaded and imported models; `models` in the home when unset.",
    )
    news_model: str = Field(
        default="auto",
        description="Headline scorer: a transformers model id or folder, 'lexicon', or 'auto'.",
    )
    rl_policy: Path | None = Field(
        default=None,
        description="Folder of a policy that votes whatever is promoted; unset: the promoted "
        "model, else the policy that ships.",
    )
    coefficients: Path | None = Field(
        default=None,
        description="File of fitted weights (`quorum fit`); those that ship when unset.",
    )


def _technical(_: AgentSettings) -> Agent:
    from agents.technical import TechnicalAgent

    return TechnicalAgent()


def _news(settings: AgentSettings) -> Agent:
    from agents.news import NewsAgent
    from agents.sentiment import make_scorer

    return NewsAgent(make_scorer(settings.news_model, settings.models_dir))


def _fundamental(_: AgentSettings) -> Agent:
    from agents.fundamental import FundamentalAgent

    return FundamentalAgent()


def _risk(_: AgentSettings) -> Agent:
    from agents.risk import RiskAgent

    return RiskAgent()


def _rl(settings: AgentSettings) -> Agent:
    from agents.rl import RlAgent

    return RlAgent.load(settings.rl_policy)


AGENTS: Mapping[str, Callable[[AgentSettings], Agent]] = {
    "technical": _technical,
    "news": _news,
    "fundamental": _fundamental,
    "risk": _risk,
    "rl": _rl,
}


def build(
    name: str,
    settings: AgentSettings,
    *,
    version: str | None = None,
    models: Path | None = None,
) -> Agent:
    """The agent called `name`, with the fitted weights of the settings where it has any: as it was
    when it had `version`, where that is named and its policy is in force, ships or is one of the
    folders in `models`; and otherwise as it is.

    Raises NotFoundError where there is none, and ConfigurationError for a file of coefficients
    that does not fit the agents.
    """
    if name == "rl" and version is not None:
        for policy in _policies(version, settings, models):
            tried = settings.model_copy(update={"rl_policy": policy})
            with suppress(ConfigurationError):  # the one in force may be damaged
                own = _rl(tried)
                if own.version == version:
                    return own
                if own.version in version:
                    return _fitted(own, tried)
    return _fitted(AGENTS[known(name)](settings), settings)


def _policies(version: str, settings: AgentSettings, models: Path | None) -> Iterator[Path | None]:
    """Folders of policies that `version` may have voted with, None for the one that ships."""
    yield settings.rl_policy
    yield None
    if models is not None:
        yield from (folder for folder in models.glob("[!.]*") if folder.name in version)


def _fitted(agent: Agent, settings: AgentSettings) -> Agent:
    if settings.coefficients is None:
        return agent
    coefficients = load(settings.coefficients)
    refuse_unknown_agents(coefficients, AGENTS)
    if not isinstance(agent, Tunable):
        return agent
    weights = of_agent(coefficients, agent)
    return agent if weights is None else agent.tuned(weights)


def known(name: str) -> str:
    """`name`, if an agent is called so. Raises NotFoundError, naming the nearest, otherwise."""
    if name not in AGENTS:
        near = get_close_matches(name, AGENTS, n=1, cutoff=0.0)
        raise NotFoundError(
            f"{name!r} is not an agent. Did you mean {near[0]!r}? There are: {', '.join(AGENTS)}."
        )
    return name
