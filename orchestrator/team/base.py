"""What a team of agents is: one call returns a result for every agent, whatever happens to some.

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
    """One agent's result of one vote: exactly one of `votes` and `failure` is set.

    `seconds` is how long the team waited for it.
    """

    agent: str
    votes: Votes | None
    failure: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class AgentHealth:
    """The health of an agent. `seconds` is how long its last vote took; None before the first.

    `restarts` counts how often it was started again in another process; `pid` and `version` are of
    the present process, None while there is none.
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
        """The token that the dashboard requires; None if it requires none."""
        ...

    def vote(self, panel: Panel, since: int) -> tuple[AgentVoteResult, ...]:
        """Return the results for rows `since` to T - 1, in the order of `agents`. Never raises for
        an agent's fault, and returns within the team's timeout."""
        ...

    def health(self) -> tuple[AgentHealth, ...]: ...

    def replace_agent(self, agent: str, build: Callable[[str], Agent]) -> str | None:
        """Replace that agent by the one that `build` makes, between two votes.

        If it cannot be built, the old one stays and the problem is returned in words.
        """
        ...

    def close(self) -> None:
        """Release everything; safe to call twice."""
        ...


def validate_votes(
    agent: str, votes: Votes, panel: Panel, since: int, seconds: float
) -> AgentVoteResult:
    """Return the agent's votes, or a failure that names what is wrong with them."""
    fault = _find_fault(votes, panel, since)
    return AgentVoteResult(agent, None if fault else votes, fault, seconds)


def describe_error(error: BaseException) -> str:
    """Describe an exception in one line for people; a QuorumError explains itself."""
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
