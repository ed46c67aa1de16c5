"""What is due: outcomes of recorded decisions that are complete.

Pure. A decision is settled when its exit bar is in the panel, never before, and stays pending as
long as it is not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from domain.panel import Panel
from domain.settlement import Lesson, Outcome, Pending
from market.calendars import instant, moment
from orchestrator.committee import CommitteeSettings
from orchestrator.influence import Influence, equal
from orchestrator.outcomes import PENDING, market_regime, outcomes


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


def in_force(
    lesson: Lesson | None, agents: Sequence[str], settings: CommitteeSettings
) -> Influence:
    """The influence that the settings grant to what was learnt; one row, in order of `agents`."""
    everybody = equal(len(agents))
    if lesson is None or lesson.agents != tuple(agents):
        return everybody
    return Influence(
        np.array([lesson.weights]) if settings.weighting == "earned" else everybody.weights,
        np.array([lesson.trust]) if settings.calibrated else everybody.trust,
    )


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
