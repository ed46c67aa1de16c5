"""Votes on a recorded period again, on every row by the version of the agent that voted then.

An agent that was replaced during the period votes once in each of its versions. Leaves out pooling
the votes (`recomputed_decisions.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.panel import Panel
from domain.votes import Agent, AgentFactory, Votes
from orchestrator.team.base import AgentVoteResult
from orchestrator.team.local_team import LocalTeam

RecordedAgents = Sequence[Mapping[str, Any]]
"""The agents in a cycle's inputs: `name` and `version` ("" if the agent could not vote)."""


@dataclass(frozen=True, slots=True, eq=False)
class HistoricalVotes:
    """One agent's votes on R rows, and the version that cast them on each row (R,). Reasons are
    left out if there are several versions."""

    result: AgentVoteResult
    versions: tuple[str, ...]


def vote_with_recorded_versions(
    panel: Panel, since: int, agent: str, cycles: Sequence[RecordedAgents], build: AgentFactory
) -> HistoricalVotes:
    """Let `agent` vote on rows `since` to T - 1 in its recorded versions.

    `cycles` (R,) has the agents of the cycle that ran on each row, () where none did; there, and
    where the agent could not vote, the version of the nearest row votes.
    """
    recorded = _versions(agent, cycles)
    results = [
        _vote_as_version(panel, since, agent, version, build) for version in dict.fromkeys(recorded)
    ]
    if failed := next((result for result in results if result.votes is None), None):
        return HistoricalVotes(failed, ("",) * len(recorded))
    rows = [np.array([each == version for each in recorded]) for version in dict.fromkeys(recorded)]
    votes_by_version = [result.votes for result in results if result.votes is not None]
    actual = (votes.version for votes in votes_by_version)
    version_of = dict(zip(dict.fromkeys(recorded), actual, strict=True))
    versions = tuple(version_of[version] for version in recorded)
    if len(votes_by_version) == 1:
        return HistoricalVotes(results[0], versions)
    merged = _merge_votes(votes_by_version, rows)
    return HistoricalVotes(replace(results[0], votes=merged), versions)


def _versions(agent: str, cycles: Sequence[RecordedAgents]) -> tuple[str | None, ...]:
    """Return the version (R,) of the agent on every row; None throughout if none is known."""
    versions: list[str | None] = [
        next((each["version"] for each in agents if each["name"] == agent), None) or None
        for agents in cycles
    ]
    current = next((version for version in versions if version), None)
    for row, version in enumerate(versions):
        current = versions[row] = version or current
    return tuple(versions)


def _vote_as_version(
    panel: Panel, since: int, agent: str, version: str | None, build: AgentFactory
) -> AgentVoteResult:
    def build_version(name: str) -> Agent:
        return build(name, version=version)

    [result] = LocalTeam((agent,), build_version).vote(panel, since)
    return result


def _merge_votes(votes_by_version: Sequence[Votes], rows: Sequence[NDArray[np.bool_]]) -> Votes:
    """Take from each version's votes (R, N) its own rows."""
    first, *others = votes_by_version
    merged = replace(
        first, log_odds=first.log_odds.copy(), cap=first.cap.copy(),
        abstention_codes=first.abstention_codes.copy(), evidence=(), item_evidence=None,
        quantile_5=None if first.quantile_5 is None else first.quantile_5.copy(),
    )  # fmt: skip
    for votes, own in zip(others, rows[1:], strict=True):
        merged.log_odds[own] = votes.log_odds[own]
        merged.cap[own] = votes.cap[own]
        merged.abstention_codes[own] = votes.abstention_codes[own] + len(merged.abstention_reasons)
        merged = replace(
            merged, abstention_reasons=(*merged.abstention_reasons, *votes.abstention_reasons)
        )
        if merged.quantile_5 is not None and votes.quantile_5 is not None:
            merged.quantile_5[own] = votes.quantile_5[own]
    return merged
