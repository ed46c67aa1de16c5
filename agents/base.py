"""Base classes of agents: what an agent declares, and how weighted evidence becomes votes.

An agent need not inherit from here (a team asks only for `domain.votes.Agent`); what a class does
not declare has the default of `BaseAgent`. Leaves out which agents there are (`registry.py`).
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import ClassVar, Generic, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from agents.coefficients import version_with_weights
from agents.evidence import (
    DEFAULT_WEIGHTS,
    Observed,
    Signal,
    Weights,
    base_rate_evidence,
    evidence_of_signals,
    weights_by_name,
)
from domain.errors import ConfigurationError
from domain.panel import Floats, Panel
from domain.votes import Agent, AgentScope, Evidence, ItemEvidence, Votes, build_votes

Abstentions = Sequence[tuple[NDArray[np.bool_], str]]
"""Where an agent abstains (R, N), and why; see `domain.votes.build_votes`."""


class BaseAgent:
    """What an agent declares, with defaults.

    `label` is its name on pages and in sentences, `icon` one of Lucide's. The first paragraph of
    the class's docstring describes the agent on its page. `forecasts_quantile`: its votes carry a
    5% quantile. `required_to_open`: without its forecast exposure may only shrink.
    `votes_with_policy`: it votes with the models of the RL lab. `scope` is 'universe' for one that
    ranks a panel's symbols against each other. `create` makes it from `Settings`.
    """

    name: str
    label: ClassVar[str] = ""
    icon: ClassVar[str] = "bot"
    warmup: ClassVar[int] = 0
    forecasts_quantile: ClassVar[bool] = False
    required_to_open: ClassVar[bool] = False
    votes_with_policy: ClassVar[bool] = False
    scope: ClassVar[AgentScope] = "symbol"
    Settings: ClassVar[type[BaseModel] | None] = None

    @property
    def version(self) -> str:
        raise NotImplementedError

    def build_votes(
        self,
        panel: Panel,
        since: int,
        evidence: Sequence[Evidence] = (),
        *,
        abstain_where: Abstentions = (),
        cap: Floats | None = None,
        item_evidence: ItemEvidence | None = None,
        quantile_5: Floats | None = None,
    ) -> Votes:
        """Build votes from the base rate and `evidence`; see `domain.votes.build_votes`."""
        return build_votes(
            panel,
            since,
            agent=self.name,
            version=self.version,
            evidence=[base_rate_evidence(panel, since), *evidence],
            abstain_where=abstain_where,
            cap=cap,
            item_evidence=item_evidence,
            quantile_5=quantile_5,
        )


class WeightedAgent(BaseAgent, ABC, Generic[Observed]):
    """An agent whose vote is its observations times weights that can be fitted (`TunableAgent`)."""

    default_weights: ClassVar[Mapping[str, float]]

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        """`weights` replace some or all of the shipped ones."""
        self._weights: Weights = DEFAULT_WEIGHTS if weights is None else weights

    @property
    def base_version(self) -> str:
        """The version with the shipped weights."""
        return "1"

    @property
    def version(self) -> str:
        return version_with_weights(self.base_version, self._weights)

    def with_weights(self, weights: Mapping[str, float]) -> Self:
        changed = copy(self)
        changed._weights = weights
        return changed

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        return self.vote_with_weights(panel, since, self.observe(panel, since), self._weights)

    @abstractmethod
    def observe(self, panel: Panel, since: int) -> Observed:
        """Compute everything that the weights are applied to."""

    @abstractmethod
    def vote_with_weights(
        self, panel: Panel, since: int, observed: Observed, weights: Weights
    ) -> Votes:
        """Return the votes on rows `since` to T - 1."""


class SignalAgent(WeightedAgent[Mapping[str, Floats]]):
    """An agent of `signals`, each with one weight; `observe` returns their values (T, N) by
    name."""

    signals: ClassVar[tuple[Signal, ...]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.default_weights = weights_by_name(cls.signals)

    def vote_with_weights(
        self, panel: Panel, since: int, observed: Mapping[str, Floats], weights: Weights
    ) -> Votes:
        evidence = evidence_of_signals(self.signals, observed, since, weights)
        abstentions = self.abstentions(panel, since, observed)
        return self.build_votes(panel, since, evidence, abstain_where=abstentions)

    def abstentions(
        self,
        panel: Panel,  # noqa: ARG002 for those that override it
        since: int,
        observed: Mapping[str, Floats],
    ) -> Abstentions:
        """Return where the agent abstains, and why: where no signal is known. Cells without a bar
        are added elsewhere."""
        unknown = [np.isnan(values[since:]) for values in observed.values()]
        return [(np.logical_and.reduce(unknown), "none of its signals is known")]


@dataclass(frozen=True, slots=True)
class AgentDescription:
    """What an agent's class declares; see `BaseAgent`. `fault` says why it cannot be loaded."""

    name: str
    label: str
    icon: str = BaseAgent.icon
    description: str = ""
    forecasts_quantile: bool = BaseAgent.forecasts_quantile
    required_to_open: bool = BaseAgent.required_to_open
    votes_with_policy: bool = BaseAgent.votes_with_policy
    fault: str = ""


def agent_scope(agent: Agent) -> AgentScope:
    """Return the scope that the agent declares. Raises ConfigurationError for an unknown one."""
    scope: AgentScope = getattr(agent, "scope", BaseAgent.scope)
    if scope not in get_args(AgentScope):
        raise ConfigurationError(
            f"The agent {agent.name!r} declares the scope {scope!r}. Declare 'symbol', or "
            "'universe' if it ranks the panel's symbols against each other."
        )
    return scope


def description_of(name: str, agent: type | None = None, fault: str = "") -> AgentDescription:
    """Return what the class `agent` declares, or defaults from its name where there is no class."""
    label = getattr(agent, "label", "") or name.replace("_", " ").capitalize()
    if agent is None:
        return AgentDescription(name, label, fault=fault)
    return AgentDescription(
        name=name,
        label=label,
        icon=getattr(agent, "icon", BaseAgent.icon),
        description=_first_paragraph(agent),
        forecasts_quantile=getattr(agent, "forecasts_quantile", False),
        required_to_open=getattr(agent, "required_to_open", False),
        votes_with_policy=getattr(agent, "votes_with_policy", False),
    )


def _first_paragraph(agent: type) -> str:
    text = inspect.cleandoc(agent.__doc__ or "")
    return " ".join(text.split("\n\n")[0].split())
