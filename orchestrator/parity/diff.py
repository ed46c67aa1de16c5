"""What differs between a record and the same stretch today: votes, decisions, orders, fills.

Everything is compared in words that hold every bit of it, and each difference is told with its
cause (`causes.py`). Leaves out where the two come from (`parity.py`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np

from domain.decision import Decision, Vote
from domain.panel import Floats
from orchestrator.committee.pooling import ACTIONS, Codes, CommitteeSettings
from orchestrator.parity.explain_diff import Causes
from orchestrator.parity.recomputed_decisions import Again, Part

Kind = Literal["vote", "decision", "order", "fill"]


@dataclass(frozen=True, slots=True)
class Difference:
    """`at` is the close of the bar; `recorded` and `again` say what was and what would be."""

    at: datetime
    kind: Kind
    symbol: str
    recorded: str
    again: str
    cause: str


def votes_apart(again: Again, row: int, causes: Causes) -> Iterator[tuple[str, Difference]]:
    """Every vote of the row's recorded cycle that is another today, by its agent."""
    part, own, held = again.at(row)
    for decision in held.decisions.values() if held else ():
        column = part.panel.symbols.index(decision.symbol)
        for said in decision.votes:
            now, version = _vote(part, own, column, said.agent)
            if held and (then := _said(said)) != now:
                cause = causes.of_vote(held, part, own, said, version)
                yield (
                    said.agent,
                    Difference(again.closes(row), "vote", decision.symbol, f"{said.agent} {then}",
                               f"{said.agent} {now}", cause),
                )  # fmt: skip


def decisions_apart(
    again: Again,
    rows: slice,
    actions: Codes,
    targets: Floats,
    settings: CommitteeSettings,
    causes: Causes,
    blames: Mapping[tuple[int, str], Mapping[str, str]],
) -> Iterator[Difference]:
    """Every decision on those rows that is another today, `actions` and `targets` (K, N) being
    today's. `blames` has the causes, by agent, of the votes on a row's symbol that differ."""
    for k, row in enumerate(range(rows.start, rows.stop)):
        part, own, held = again.at(row)
        if held is None:
            if not np.isnan(part.panel.close[part.since + own]).all():
                yield _no_cycle(again, row)
            continue
        for decision in held.decisions.values():
            n = again.symbols.index(decision.symbol)
            action = ACTIONS[actions[k, n] + 2]
            now = _decided(again, row, n, action.value, float(targets[k, n]), settings)
            if (then := _recorded(decision)) != now:
                cause = causes.of_decision(
                    held, part, own, decision, bool(again.docket.blocked[row, n]), settings,
                    blames.get((row, decision.symbol), {}),
                )  # fmt: skip
                yield Difference(again.closes(row), "decision", decision.symbol, then, now, cause)


def trades_apart(
    kind: Kind,
    recorded: Mapping[Any, str],
    again: Mapping[Any, str],
    why: Callable[[str], str],
) -> Iterator[Difference]:
    """Orders or fills by instant and symbol that are others today, or there only once."""
    for key in sorted(recorded.keys() | again.keys()):
        then, now = recorded.get(key, "none"), again.get(key, "none")
        if then != now:
            at, symbol = key[:2]
            yield Difference(at, kind, symbol, then, now, why(symbol))


def _vote(part: Part, row: int, column: int, agent: str) -> tuple[str, str | None]:
    """Today's vote in words, and the version of the agent (None: it cannot vote)."""
    voted = part.voted[agent]
    votes = voted.ballot.votes
    if votes is None:
        return f"cannot vote: {voted.ballot.failure}", None
    quantile = None if votes.quantile_5 is None else _number(votes.quantile_5[row, column])
    told = _words(
        _number(votes.log_odds[row, column]), float(votes.cap[row, column]), quantile,
        votes.abstained_because(row, column),
    )  # fmt: skip
    return told, voted.versions[row]


def _said(vote: Vote) -> str:
    if vote.version == "":
        return f"cannot vote: {vote.abstained_because}"
    return _words(vote.log_odds, vote.cap, vote.quantile_5, vote.abstained_because)


def _words(log_odds: float | None, cap: float, quantile_5: float | None, silent: str | None) -> str:
    vote = f"abstains ({silent})" if log_odds is None else f"log-odds {log_odds!r}"
    forecast = "" if quantile_5 is None else f", 5% quantile {quantile_5!r}"
    return f"{vote}, cap {cap!r}{forecast}"


def _recorded(decision: Decision) -> str:
    return _decision(decision.action.value, decision.p_up, decision.edge, decision.target_weight)


def _decided(
    again: Again, row: int, n: int, action: str, target: float, settings: CommitteeSettings
) -> str:
    told = again.docket
    counted = told.voters[row, n] >= settings.quorum and not told.blocked[row, n]
    p_up = _number(told.p_up[row, n]) if counted else None
    edge = _number(told.edge[row, n]) if counted else None
    return _decision(action, p_up, edge, target)


def _decision(action: str, p_up: float | None, edge: float | None, target: float) -> str:
    return f"{action}, p_up {p_up!r}, edge {edge!r}, target {target!r}"


def _no_cycle(again: Again, row: int) -> Difference:
    part, _, _ = again.at(row)
    return Difference(
        again.closes(row), "decision", part.panel.calendar, "no cycle",
        f"a cycle of {', '.join(part.panel.symbols[:5])}",
        "no cycle was held on this bar: the engine was not running, or it came too late",
    )  # fmt: skip


def _number(value: float) -> float | None:
    return None if value != value else float(value)
