"""Recompute a stored decision from its stored inputs: it must come out the same to the byte.

Agents vote in this process. An agent that failed then does not vote again: its failure is an input
like any other. Leaves out deciding again with today's settings or agents.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.canonical import canonical_bytes, to_json
from domain.decision import Decision, QualityVerdict
from domain.errors import VerificationError
from domain.panel import Panel
from domain.votes import Agent, AgentFactory
from orchestrator.committee.decisions import decide
from orchestrator.committee.learned_weights import Influence
from orchestrator.committee.pooling import settings_from_record
from orchestrator.cycle import digest_of_inputs
from orchestrator.ports import DecisionRecords, PanelArchive
from orchestrator.team.base import AgentVoteResult
from orchestrator.team.local_team import LocalTeam


@dataclass(frozen=True, slots=True)
class ReceiptVerification:
    """The result of a verification: every difference in words, none if the decision is the same."""

    receipt: str
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences


def verify_receipt(
    receipt: str,
    records: DecisionRecords,
    archive: PanelArchive,
    build: AgentFactory,
    digest_of: Callable[[Panel], str],
) -> ReceiptVerification:
    """Recompute the decision and compare; every agent votes in its version of that time.

    Raises NotFoundError for a receipt that does not exist.
    """
    stored, inputs = records.decision(receipt), records.inputs(receipt)
    values = inputs.values
    differences = []
    if digest_of_inputs(values) != stored.digest:
        differences.append("the stored inputs are not those the cycle's digest was made from")
    try:
        panel = archive.load(inputs.panel)
    except VerificationError as error:
        return ReceiptVerification(receipt, (*differences, str(error)))
    if digest_of(panel) != values["panel"]:
        differences.append("the stored panel is not the one the agents were shown")
    vote_results = _recompute_votes(panel, values["agents"], build)
    differences += _diff_agents(values["agents"], vote_results)
    recomputed = _recompute_decision(
        panel, vote_results, values, stored.digest, stored.decision.symbol
    )
    differences += _diff_decisions(stored.decision, recomputed)
    return ReceiptVerification(receipt, tuple(differences))


def _recompute_votes(
    panel: Panel, agents: Sequence[Mapping[str, Any]], build: AgentFactory
) -> tuple[AgentVoteResult, ...]:
    versions = {agent["name"]: agent["version"] for agent in agents if agent["failure"] is None}

    def build_version(name: str) -> Agent:
        return build(name, version=versions[name])

    team = LocalTeam(tuple(versions), build_version)
    results = {result.agent: result for result in team.vote(panel, len(panel.known_at) - 1)}
    return tuple(
        results.get(agent["name"]) or AgentVoteResult(agent["name"], None, agent["failure"], 0.0)
        for agent in agents
    )


def _recompute_decision(
    panel: Panel,
    vote_results: Sequence[AgentVoteResult],
    values: Mapping[str, Any],
    digest: str,
    symbol: str,
) -> Decision:
    decisions = decide(
        panel,
        [
            QualityVerdict(verdict["symbol"], tuple(verdict["findings"]), tuple(verdict["remarks"]))
            for verdict in values["verdicts"]
        ],
        vote_results,
        previous=values["previous"],
        influence=_recorded_influence(values["agents"]),
        settings=settings_from_record(values["committee"]),
        digest=digest,
    )
    return decisions[panel.symbols.index(symbol)]


def _recorded_influence(agents: Sequence[Mapping[str, Any]]) -> Influence:
    """Return the recorded influence. Older records have no trust: their evidence counted as
    given."""
    return Influence(
        np.array([[agent["weight"] for agent in agents]]),
        np.array([[agent.get("trust", 1.0) for agent in agents]]),
    )


def _diff_agents(
    agents: Sequence[Mapping[str, Any]], vote_results: Sequence[AgentVoteResult]
) -> list[str]:
    changed = []
    for agent, result in zip(agents, vote_results, strict=True):
        if result.votes is None:
            if result.failure != agent["failure"]:
                changed.append(f"agent {agent['name']} voted then, but now: {result.failure}")
        elif result.votes.version != agent["version"]:
            changed.append(
                f"agent {agent['name']} was version {agent['version']} then and is "
                f"{result.votes.version} now"
            )
    return changed


def _diff_decisions(stored: Decision, recomputed: Decision) -> list[str]:
    if canonical_bytes(stored) == canonical_bytes(recomputed):
        return []
    before, after = to_json(stored), to_json(recomputed)
    return [
        f"{key} was {_shorten(before[key])} and is {_shorten(after[key])}"
        for key in before
        if key != "votes" and before[key] != after[key]
    ] + [
        f"the vote of {old['agent']} was {_shorten(old['p_up'])} and is {_shorten(new['p_up'])}, "
        "or its reasons differ"
        for old, new in zip(before["votes"], after["votes"], strict=True)
        if old != new
    ]


def _shorten(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
