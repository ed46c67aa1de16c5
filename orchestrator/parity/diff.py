"""Differences between a record and the same period recomputed today: votes, decisions, orders,
fills.

Everything is compared as text that holds every bit of it, and each difference is reported with its
cause (`explain_diff.py`). Leaves out where the two sides come from (`checker.py`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np

from domain.decision import Decision, Vote
from domain.panel import Floats
from orchestrator.committee.pooling import ACTIONS, Codes, CommitteeSettings
from orchestrator.parity.explain_diff import DifferenceExplainer
from orchestrator.parity.recomputed_decisions import CalendarRun, RecomputedRun

DifferenceKind = Literal["vote", "decision", "order", "fill"]


@dataclass(frozen=True, slots=True)
class ParityDifference:
    """One difference. `at` is the close of the bar; `recorded` and `recomputed` are the two sides
    in words."""

    at: datetime
    kind: DifferenceKind
    symbol: str
    recorded: str
    recomputed: str
    cause: str


def diff_votes(
    recomputed: RecomputedRun, row: int, explainer: DifferenceExplainer
) -> Iterator[tuple[str, ParityDifference]]:
    """Yield every vote of the row's recorded cycle that differs today, with its agent."""
    part, own, cycle = recomputed.locate(row)
    for decision in cycle.decisions.values() if cycle else ():
        column = part.panel.symbols.index(decision.symbol)
        for vote in decision.votes:
            now, version = _recomputed_vote(part, own, column, vote.agent)
            if cycle and (then := _recorded_vote(vote)) != now:
                cause = explainer.explain_vote(cycle, part, own, vote, version)
                difference = ParityDifference(
                    recomputed.close_time(row),
                    "vote",
                    decision.symbol,
                    f"{vote.agent} {then}",
                    f"{vote.agent} {now}",
                    cause,
                )
                yield vote.agent, difference


def diff_decisions(
    recomputed: RecomputedRun,
    rows: slice,
    actions: Codes,
    targets: Floats,
    settings: CommitteeSettings,
    explainer: DifferenceExplainer,
    vote_causes: Mapping[tuple[int, str], Mapping[str, str]],
) -> Iterator[ParityDifference]:
    """Yield every decision on those rows that differs today, from today's `actions` and `targets`
    (K, N). `vote_causes` has the causes, by agent, of the differing votes on a row's symbol."""
    for k, row in enumerate(range(rows.start, rows.stop)):
        part, own, cycle = recomputed.locate(row)
        if cycle is None:
            if not np.isnan(part.panel.close[part.since + own]).all():
                yield _missing_cycle(recomputed, row)
            continue
        for decision in cycle.decisions.values():
            n = recomputed.symbols.index(decision.symbol)
            action = ACTIONS[actions[k, n] + 2]
            now = _recomputed_decision(
                recomputed, row, n, action.value, float(targets[k, n]), settings
            )
            if (then := _recorded_decision(decision)) != now:
                cause = explainer.explain_decision(
                    cycle, part, own, decision, bool(recomputed.inputs.blocked[row, n]), settings,
                    vote_causes.get((row, decision.symbol), {}),
                )  # fmt: skip
                yield ParityDifference(
                    recomputed.close_time(row), "decision", decision.symbol, then, now, cause
                )


def diff_trades(
    kind: DifferenceKind,
    recorded: Mapping[Any, str],
    recomputed: Mapping[Any, str],
    explain: Callable[[str], str],
) -> Iterator[ParityDifference]:
    """Yield the orders or fills, by instant and symbol, that differ or exist on one side only."""
    for key in sorted(recorded.keys() | recomputed.keys()):
        then, now = recorded.get(key, "none"), recomputed.get(key, "none")
        if then != now:
            at, symbol = key[:2]
            yield ParityDifference(at, kind, symbol, then, now, explain(symbol))


def _recomputed_vote(
    part: CalendarRun, row: int, column: int, agent: str
) -> tuple[str, str | None]:
    """Return today's vote in words, and the version of the agent (None: it cannot vote)."""
    historical = part.votes[agent]
    votes = historical.result.votes
    if votes is None:
        return f"cannot vote: {historical.result.failure}", None
    quantile = None if votes.quantile_5 is None else _none_if_nan(votes.quantile_5[row, column])
    text = _describe_vote(
        _none_if_nan(votes.log_odds[row, column]), float(votes.cap[row, column]), quantile,
        votes.abstention_reason(row, column),
    )  # fmt: skip
    return text, historical.versions[row]


def _recorded_vote(vote: Vote) -> str:
    if vote.version == "":
        return f"cannot vote: {vote.abstained_because}"
    return _describe_vote(vote.log_odds, vote.cap, vote.quantile_5, vote.abstained_because)


def _describe_vote(
    log_odds: float | None, cap: float, quantile_5: float | None, abstention: str | None
) -> str:
    vote = f"abstains ({abstention})" if log_odds is None else f"log-odds {log_odds!r}"
    forecast = "" if quantile_5 is None else f", 5% quantile {quantile_5!r}"
    return f"{vote}, cap {cap!r}{forecast}"


def _recorded_decision(decision: Decision) -> str:
    return _describe_decision(
        decision.action.value, decision.p_up, decision.edge, decision.target_weight
    )


def _recomputed_decision(
    recomputed: RecomputedRun,
    row: int,
    n: int,
    action: str,
    target: float,
    settings: CommitteeSettings,
) -> str:
    inputs = recomputed.inputs
    counted = inputs.voters[row, n] >= settings.quorum and not inputs.blocked[row, n]
    p_up = _none_if_nan(inputs.p_up[row, n]) if counted else None
    edge = _none_if_nan(inputs.edge[row, n]) if counted else None
    return _describe_decision(action, p_up, edge, target)


def _describe_decision(action: str, p_up: float | None, edge: float | None, target: float) -> str:
    return f"{action}, p_up {p_up!r}, edge {edge!r}, target {target!r}"


def _missing_cycle(recomputed: RecomputedRun, row: int) -> ParityDifference:
    part, _, _ = recomputed.locate(row)
    return ParityDifference(
        recomputed.close_time(row), "decision", part.panel.calendar, "no cycle",
        f"a cycle of {', '.join(part.panel.symbols[:5])}",
        "no cycle was held on this bar: the engine was not running, or it came too late",
    )  # fmt: skip


def _none_if_nan(value: float) -> float | None:
    return None if value != value else float(value)
