"""What is due: outcomes of recorded decisions that are complete, and the lessons in them.

Pure. A decision is settled when its exit bar is in the panel, never before, and stays pending as
long as it is not. The round of bar t (the votes of all symbols on it) is learnt from when the
panel holds bar t + 1 + horizon, from the outcomes complete at exactly that bar, once and in order:
so it makes no difference whether a cycle was held at every bar since, or none for days.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import numpy as np

from domain.panel import Floats, Panel
from domain.settlement import Lesson, Outcome, Pending
from market.calendars import instant, moment
from orchestrator.committee.learned_weights import (
    Influence,
    Ledger,
    equal,
    influence_of,
    learn,
    open_ledger,
)
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.evaluation.forward_returns import PENDING, market_regime, outcomes


def newest_due(panel: Panel) -> datetime | None:
    """Close of the newest bar whose round is due; None while the panel is too short."""
    row = len(panel.known_at) - 2 - panel.horizon
    return None if row < 0 else moment(panel.known_at[row])


def complete(panels: Sequence[Panel], pending: Sequence[Pending]) -> tuple[Outcome, ...]:
    """What came of those decisions whose outcome the panels hold, in the order of `pending`.

    No symbol is in two of the panels. Each decision is settled over its own horizon.
    """
    found = {
        outcome.decision.seq: outcome for panel in panels for outcome in _complete(panel, pending)
    }
    return tuple(found[each.seq] for each in pending if each.seq in found)


def lessons(
    panel: Panel,
    agents: Sequence[str],
    pending: Sequence[Pending],
    settled: Sequence[Outcome],
    last: Lesson | None,
) -> tuple[Lesson, ...]:
    """What the rounds that are due since `last` teach of the agents, oldest first.

    `pending` are decisions in order of their bars, as they were before any was settled, `settled`
    their outcomes. Only decisions over the panel's horizon teach; one on a bar not after that of
    `last` comes too late to teach.
    """
    ledger = _ledger(last, agents)
    exits = {outcome.decision.seq: outcome for outcome in settled}
    of_horizon = (each for each in pending if each.horizon == panel.horizon)
    learnt = []
    for as_of, spoken in groupby(of_horizon, attrgetter("as_of")):
        due_at = _due_at(panel, as_of)
        if due_at is None or (last is not None and as_of <= last.as_of):
            continue
        votes = {each.symbol: each for each in spoken}  # of several on one symbol the newest
        ledger, stands = learn(ledger, *_round(panel, agents, votes, exits, due_at))
        weights, trust = tuple(stands.weights[-1].tolist()), tuple(stands.trust[-1].tolist())
        learnt.append(Lesson(as_of, due_at, ledger.agents, weights, trust, ledger.to_json()))
    return tuple(learnt)


def in_force(
    lesson: Lesson | None, agents: Sequence[str], settings: CommitteeSettings
) -> Influence:
    """The influence that the settings grant to what was learnt; one row, in order of `agents`."""
    if settings.weighting == "equal" and not settings.calibrated:
        return equal(len(agents))
    return influence_of(_ledger(lesson, agents), settings.weighting, settings.calibrated)


def _complete(panel: Panel, pending: Sequence[Pending]) -> Iterator[Outcome]:
    """Of the decisions on the panel's own bars and symbols."""
    placed = [(each, *cell) for each in pending if (cell := _cell(panel, each)) is not None]
    if not placed:
        return
    regimes, since = market_regime(panel), min(row for _, row, _ in placed)
    horizons = {each.horizon for each, *_ in placed}
    came = {bars: outcomes(replace(panel, horizon=bars), since) for bars in horizons}
    for each, row, column in placed:
        exit_row = came[each.horizon].exit_row[row - since, column]
        change = came[each.horizon].change[row - since, column]
        if exit_row == PENDING or np.isnan(change):
            continue
        entry_row = row + 1 + int(np.argmax(~np.isnan(panel.open[row + 1 :, column])))
        entry_at, exit_at = moment(panel.known_at[entry_row]), moment(panel.known_at[exit_row])
        yield Outcome(each, entry_at, exit_at, float(change), int(regimes[row]))


def _cell(panel: Panel, decision: Pending) -> tuple[int, int] | None:
    """Row and column of the decision; None where the panel has no such bar or symbol."""
    row = _row(panel, decision.as_of)
    if row is None or decision.symbol not in panel.symbols:
        return None
    return row, panel.symbols.index(decision.symbol)


def _row(panel: Panel, at: datetime) -> int | None:
    """The bar that closed at that instant."""
    row = int(np.searchsorted(panel.known_at, instant(at)))
    return row if row < len(panel.known_at) and panel.known_at[row] == instant(at) else None


def _due_at(panel: Panel, as_of: datetime) -> datetime | None:
    """Close of the bar at which the round of a bar is due; None where the panel lacks either."""
    row = _row(panel, as_of)
    due = len(panel.known_at) if row is None else row + 1 + panel.horizon
    return moment(panel.known_at[due]) if due < len(panel.known_at) else None


def _round(
    panel: Panel,
    agents: Sequence[str],
    votes: Mapping[str, Pending],
    exits: Mapping[int, Outcome],
    due_at: datetime,
) -> tuple[Floats, Floats, Floats]:
    """Log-odds (A, 1, N), base rate (1, N) and change (1, N) of one bar; NaN for an outcome that
    was not complete at `due_at`. Symbols in the panel's order, then those no longer followed."""
    symbols = [*panel.symbols, *sorted(votes.keys() - set(panel.symbols))]
    seats = {agent: seat for seat, agent in enumerate(agents)}
    log_odds = np.full((len(agents), 1, len(symbols)), np.nan)
    rate, change = np.full((2, 1, len(symbols)), np.nan)
    for column, symbol in enumerate(symbols):
        if symbol not in votes:
            continue
        vote = votes[symbol]
        rate[0, column] = np.nan if vote.base_rate is None else vote.base_rate
        for said in vote.said:
            if said.agent in seats and said.log_odds is not None:
                log_odds[seats[said.agent], 0, column] = said.log_odds
        outcome = exits.get(vote.seq)
        if outcome is not None and outcome.exit_at == due_at:
            change[0, column] = outcome.change
    return log_odds, rate, change


def _ledger(lesson: Lesson | None, agents: Sequence[str]) -> Ledger:
    """The learner's memory, seated as the agents of the team."""
    return open_ledger(agents) if lesson is None else Ledger.from_json(lesson.ledger, agents)
