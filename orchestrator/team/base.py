"""What a team of agents is: asked once, it answers for every agent, whatever happens to some.

A result has an agent's votes or, in words, why there are none. Teams differ only in where the
agents run (`local_team.py`: in this process; `ray_team.py`: each in a process of its own).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from domain.errors import QuorumError
from domain.panel import Panel
from domain.votes import Agent, Votes

AgentState = Literal["starting", "ready", "restarting", "failing"]


@dataclass(frozen=True, slots=True, eq=False)
class AgentVoteResult:
    """One agent's answer to one question: exactly one of `votes` and `failure` is set.

    `seconds` is how long the team waited for it.
    """

    agent: str
    votes: Votes | None
    failure: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class AgentHealth:
    """How an agent is doing. `seconds` is its last answer's time; None before the first.

    `restarts` counts the times it came back as another process; `pid` and `version` are of the
    present one, None while there is none.
    """

    agent: str
    state: AgentState
    version: str | None
    pid: int | None
    restarts: int
    seconds: float | None
    failure: str | None


class Team(Protocol):
    """Agents that vote together. Methods may be called from several threads."""

    @property
    def agents(self) -> tuple[str, ...]: ...

    @property
    def dashboard_url(self) -> str | None:
        """Address of the Ray dashboard; None where there is none."""
        ...

    @property
    def token(self) -> str | None:
        """What the dashboard requires; None where it requires nothing."""
        ...

    def vote(self, panel: Panel, since: int) -> tuple[AgentVoteResult, ...]:
        """Results for rows `since` to T - 1, in the order of `agents`. Never raises for an agent's
        fault, and returns within the team's timeout."""
        ...

    def health(self) -> tuple[AgentHealth, ...]: ...

    def replace_agent(self, agent: str, build: Callable[[str], Agent]) -> str | None:
        """Replace that agent by what `build` makes, from now on; between two votes.

        Where it cannot be built the old one stays, and what is wrong is returned in words.
        """
        ...

    def close(self) -> None:
        """Lets go of everything; safe to call twice."""
        ...


def validate_votes(
    agent: str, votes: Votes, panel: Panel, since: int, seconds: float
) -> AgentVoteResult:
    """The agent's votes, or a failure naming what is wrong with them."""
    fault = _find_fault(votes, panel, since)
    return AgentVoteResult(agent, None if fault else votes, fault, seconds)


def describe_error(error: BaseException) -> str:
    """An exception in one line for people; one of ours explains itself."""
    text = " ".join(str(error).split())
    if isinstance(error, QuorumError):
        return text
    return f"crashed: {type(error).__name__}: {text[:300]}".removesuffix(": ")


def _find_fault(votes: Votes, panel: Panel, since: int) -> str | None:
    rows, columns = len(panel.known_at) - since, len(panel.symbols)
    if votes.symbols != panel.symbols or not np.array_equal(votes.known_at, panel.known_at[since:]):
        return "answered for other bars or symbols than it was asked for"
    if not _have_shape((votes.log_odds, votes.cap, votes.abstention_codes), (rows, columns)):
        return f"answered in another shape than the {rows} x {columns} it was asked for"
    if np.isinf(votes.log_odds).any():
        return "claimed certainty: infinite log-odds"
    if not ((votes.cap >= 0.0) & (votes.cap <= 1.0)).all():
        return "gave a cap outside 0 to 1"
    return None


def _have_shape(arrays: Sequence[np.ndarray], shape: tuple[int, int]) -> bool:
    return all(array.shape == shape for array in arrays)
