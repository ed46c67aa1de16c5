"""Forecasters side by side: regret, the marginal value of an agent, best and worst calls.

Pure. The measure is the log score gained over the base rate, in nats: it adds up over votes, and
whoever abstains is scored as the base rate there and gains nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from domain.panel import Floats, Times
from domain.votes import sigmoid
from orchestrator.evaluation.scorecards import Cells
from orchestrator.evaluation.scores import (
    BASE_RATE,
    COMMITTEE,
    Call,
    Marginal,
    Regret,
    Rival,
    figure,
)
from quant.bootstrap_ratios import Draws
from quant.scoring import forecast_scores

POINTS = 500
"""Instants of a regret curve at the most; between them nothing is lost, for it is a sum."""
CALLS = 5


def gains(log_odds: Floats, cells: Cells) -> Floats:
    """Log score above the base rate's (R, N), in nats: 0 where the forecaster abstained, NaN
    where nothing is settled."""
    gained = cells.base_loss - forecast_scores.log_loss(log_odds, cells.up)
    return np.where(cells.settled & np.isnan(log_odds), 0.0, gained)


def regret(
    gained: Mapping[str, Floats],
    agents: Sequence[str],
    known_at: Times,
    drawn: Draws,
) -> Regret:
    """`gained` maps forecasters, the committee among them, to their `gains`."""
    rows = {name: np.nansum(each, axis=1) for name, each in gained.items()}
    rows[BASE_RATE] = np.zeros(len(known_at))
    settled = (~np.isnan(gained[COMMITTEE])).sum(axis=1).astype(np.float64)
    totals = np.stack(list(rows.values()))
    behind = rows[COMMITTEE] - totals
    twice = np.concatenate([totals, behind])
    values = drawn.ratios(twice, np.broadcast_to(settled, twice.shape))
    told = _told(settled)
    n = int(settled.sum())
    rivals = tuple(
        Rival(
            name=name,
            gained=tuple(np.cumsum(totals[k])[told].tolist()),
            gain=figure(values[k], n),
            committee_ahead=figure(values[len(rows) + k], n),
        )
        for k, name in enumerate(rows)
    )
    best = max(agents, key=lambda agent: float(rows[agent].sum())) if n and agents else None
    return Regret(tuple(aware(known_at[row]) for row in told), rivals, best)


def marginal(with_all: Floats, without: Mapping[str, Floats], drawn: Draws) -> tuple[Marginal, ...]:
    """What each agent adds: `with_all` (R, N) are the committee's gains where it stated a
    probability, `without` those of the committee that remains when the agent leaves."""
    there = ~np.isnan(with_all)
    lost = [np.where(there, with_all - left, 0.0).sum(axis=1) for left in without.values()]
    if not lost:
        return ()
    numerators = np.stack(lost)
    votes = np.broadcast_to(there.sum(axis=1).astype(np.float64), numerators.shape)
    values = drawn.ratios(numerators, votes)
    n = int(there.sum())
    return tuple(
        Marginal(agent, figure(value, n)) for agent, value in zip(without, values, strict=True)
    )


def calls(
    log_odds: Floats,
    gained: Floats,
    cells: Cells,
    symbols: Sequence[str],
    known_at: Times,
    receipts: Mapping[tuple[int, int], str],
) -> tuple[tuple[Call, ...], tuple[Call, ...]]:
    """The settled votes that `gained` most and those that lost most, most extreme first."""
    flat = np.where(np.isnan(log_odds), np.nan, gained).reshape(-1)
    best = [place for place in _largest(flat) if flat[place] > 0.0]
    worst = [place for place in _largest(-flat) if flat[place] < 0.0]

    def call(place: int) -> Call:
        row, column = divmod(place, len(symbols))
        return Call(
            symbol=symbols[column],
            known_at=aware(known_at[row]),
            p_up=float(sigmoid(log_odds[row, column])),
            base_rate=float(cells.base_rate[row, column]),
            change=float(cells.change[row, column]),
            gain=float(flat[place]),
            receipt=receipts.get((row, column)),
        )

    return tuple(map(call, best)), tuple(map(call, worst))


def _largest(flat: Floats) -> list[int]:
    """Places of the largest numbers in falling order, the earlier first among equals."""
    there = np.flatnonzero(~np.isnan(flat))
    if len(there) > CALLS:
        limit = np.partition(flat[there], -CALLS)[-CALLS]
        there = there[flat[there] >= limit]
    falling: list[int] = there[np.argsort(-flat[there], kind="stable")].tolist()
    return falling[:CALLS]


def aware(at: np.datetime64) -> datetime:
    instant: datetime = at.astype("datetime64[us]").item()
    return instant.replace(tzinfo=UTC)


def _told(settled: Floats) -> list[int]:
    """At most `POINTS` of the rows up to the last settled one, that one among them."""
    filled = np.flatnonzero(settled)
    if len(filled) == 0:
        return []
    last = int(filled[-1])
    return sorted({round(row) for row in np.linspace(0, last, min(last + 1, POINTS))})
