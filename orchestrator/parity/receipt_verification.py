"""A stored decision made again from its stored inputs: it must come out the same to the byte.

Agents vote in this process. An agent that failed then is not asked again: its failure is an
input like any other. Leaves out deciding anew with today's settings or agents.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.canonical import canonical_bytes, to_json
from domain.decision import Decision, Verdict
from domain.errors import VerificationError
from domain.panel import Panel
from domain.votes import Agent, Builder
from orchestrator.committee.decisions import decide
from orchestrator.committee.learned_weights import Influence
from orchestrator.committee.pooling import as_recorded
from orchestrator.cycle import digest_of_inputs
from orchestrator.ports import Archive, Records
from orchestrator.team.base import Ballot
from orchestrator.team.local_team import LocalTeam


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of it: every difference in words, none where the decision stands."""

    receipt: str
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences


def verify(
    receipt: str,
    records: Records,
    archive: Archive,
    build: Builder,
    digest_of: Callable[[Panel], str],
) -> Verification:
    """Compute the decision again and compare, every agent as it was in its version of then.

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
        return Verification(receipt, (*differences, str(error)))
    if digest_of(panel) != values["panel"]:
        differences.append("the stored panel is not the one the agents were shown")
    ballots = _vote_again(panel, values["agents"], build)
    differences += _changed_agents(values["agents"], ballots)
    again = _decide_again(panel, ballots, values, stored.digest, stored.decision.symbol)
    differences += _changed(stored.decision, again)
    return Verification(receipt, tuple(differences))


def _vote_again(
    panel: Panel, agents: Sequence[Mapping[str, Any]], build: Builder
) -> tuple[Ballot, ...]:
    asked = {agent["name"]: agent["version"] for agent in agents if agent["failure"] is None}

    def as_then(name: str) -> Agent:
        return build(name, version=asked[name])

    team = LocalTeam(tuple(asked), as_then)
    answers = {b.agent: b for b in team.vote(panel, len(panel.known_at) - 1)}
    return tuple(
        answers.get(agent["name"]) or Ballot(agent["name"], None, agent["failure"], 0.0)
        for agent in agents
    )


def _decide_again(
    panel: Panel,
    ballots: Sequence[Ballot],
    values: Mapping[str, Any],
    digest: str,
    symbol: str,
) -> Decision:
    decisions = decide(
        panel,
        [
            Verdict(said["symbol"], tuple(said["findings"]), tuple(said["remarks"]))
            for said in values["verdicts"]
        ],
        ballots,
        previous=values["previous"],
        influence=_influence(values["agents"]),
        settings=as_recorded(values["committee"]),
        digest=digest,
    )
    return decisions[panel.symbols.index(symbol)]


def _influence(agents: Sequence[Mapping[str, Any]]) -> Influence:
    """As it was recorded; before trust was, everybody was taken at their word."""
    return Influence(
        np.array([[agent["weight"] for agent in agents]]),
        np.array([[agent.get("trust", 1.0) for agent in agents]]),
    )


def _changed_agents(agents: Sequence[Mapping[str, Any]], ballots: Sequence[Ballot]) -> list[str]:
    changed = []
    for agent, ballot in zip(agents, ballots, strict=True):
        if ballot.votes is None:
            if ballot.failure != agent["failure"]:
                changed.append(f"agent {agent['name']} voted then, but now: {ballot.failure}")
        elif ballot.votes.version != agent["version"]:
            changed.append(
                f"agent {agent['name']} was version {agent['version']} then and is "
                f"{ballot.votes.version} now"
            )
    return changed


def _changed(stored: Decision, again: Decision) -> list[str]:
    if canonical_bytes(stored) == canonical_bytes(again):
        return []
    before, after = to_json(stored), to_json(again)
    return [
        f"{key} was {_shown(before[key])} and is {_shown(after[key])}"
        for key in before
        if key != "votes" and before[key] != after[key]
    ] + [
        f"the vote of {old['agent']} was {_shown(old['p_up'])} and is {_shown(new['p_up'])}, "
        "or its reasons differ"
        for old, new in zip(before["votes"], after["votes"], strict=True)
        if old != new
    ]


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
