"""A stretch of a record voted on again: on every row by the version of the agent that voted then.

An agent that was replaced in between is asked once in each of its versions. Leaves out what the
votes add up to (`replayed.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.panel import Panel
from domain.votes import Agent, Builder, Votes
from orchestrator.team.base import Ballot
from orchestrator.team.local_team import LocalTeam

Seats = Sequence[Mapping[str, Any]]
"""What a cycle's inputs say of its agents: `name` and `version` ("" where it could not vote)."""


@dataclass(frozen=True, slots=True, eq=False)
class Voted:
    """One agent's answer for R rows, and the version that it is of on each (R,); the reasons are
    left out where there are several."""

    ballot: Ballot
    versions: tuple[str, ...]


def vote_as_then(
    panel: Panel, since: int, agent: str, cycles: Sequence[Seats], build: Builder
) -> Voted:
    """`cycles` (R,) has the seats of the cycle that was held on each row, () where none was: there,
    and where the agent could not vote, it does in the version next to it."""
    then = _versions(agent, cycles)
    ballots = [_ask(panel, since, agent, version, build) for version in dict.fromkeys(then)]
    if failed := next((ballot for ballot in ballots if ballot.votes is None), None):
        return Voted(failed, ("",) * len(then))
    rows = [np.array([each == version for each in then]) for version in dict.fromkeys(then)]
    told = [ballot.votes for ballot in ballots if ballot.votes is not None]
    of = dict(zip(dict.fromkeys(then), (votes.version for votes in told), strict=True))
    versions = tuple(of[version] for version in then)
    if len(told) == 1:
        return Voted(ballots[0], versions)
    return Voted(replace(ballots[0], votes=_joined(told, rows)), versions)


def _versions(agent: str, cycles: Sequence[Seats]) -> tuple[str | None, ...]:
    """(R,) of the agent on every row; None throughout where none is known."""
    known: list[str | None] = [
        next((seat["version"] for seat in seats if seat["name"] == agent), None) or None
        for seats in cycles
    ]
    standing = next((version for version in known if version), None)
    for row, version in enumerate(known):
        standing = known[row] = version or standing
    return tuple(known)


def _ask(panel: Panel, since: int, agent: str, version: str | None, build: Builder) -> Ballot:
    def as_then(name: str) -> Agent:
        return build(name, version=version)

    [ballot] = LocalTeam((agent,), as_then).vote(panel, since)
    return ballot


def _joined(told: Sequence[Votes], rows: Sequence[NDArray[np.bool_]]) -> Votes:
    """Of each votes (R, N) its own rows."""
    first, *others = told
    joined = replace(
        first, log_odds=first.log_odds.copy(), cap=first.cap.copy(),
        silence=first.silence.copy(), terms=(), items=None,
        quantile_5=None if first.quantile_5 is None else first.quantile_5.copy(),
    )  # fmt: skip
    for votes, own in zip(others, rows[1:], strict=True):
        joined.log_odds[own] = votes.log_odds[own]
        joined.cap[own] = votes.cap[own]
        joined.silence[own] = votes.silence[own] + len(joined.abstentions)
        joined = replace(joined, abstentions=(*joined.abstentions, *votes.abstentions))
        if joined.quantile_5 is not None and votes.quantile_5 is not None:
            joined.quantile_5[own] = votes.quantile_5[own]
    return joined
