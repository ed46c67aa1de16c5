"""An agent scored on the quantile it forecasts: the 5% quantile of the return over the horizon.

Pure. Its rivals' forecasts need prices, so they are made from a panel (`tail_rivals`) and handed
in; without them it stands alone.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from domain.panel import Floats, Panel
from orchestrator.evaluation.scores import SymbolTail, Tail, TailRival, figure, known
from quant.bootstrap_ratios import Draws
from quant.scoring import quantile_scoring

REJECTED = 0.05
"""p-value below which a test rejects."""


def tail_rivals(panel: Panel, since: int) -> dict[str, Floats]:
    """Forecasts of the same quantile, (R, N) for rows `since` to T - 1."""
    return {
        "historical simulation": quantile_scoring.historical_simulation(panel.open, panel.horizon)[
            since:
        ],
        "GARCH, normal": quantile_scoring.garch_normal(panel.close, panel.horizon)[since:],
    }


def tail(
    forecast: Floats,
    change: Floats,
    rivals: Mapping[str, Floats],
    symbols: Sequence[str],
    horizon: int,
    drawn: Draws,
) -> Tail:
    """Scores of `forecast` (R, N) where the `change` is known, rivals on the cells they share."""
    loss = quantile_scoring.pinball(forecast, change)
    breached = quantile_scoring.breaches(forecast, change)
    (pinball, share), n = _means([loss, breached], ~np.isnan(loss), drawn)
    by_symbol = tuple(
        _symbol(symbol, quantile_scoring.apart(breached[:, column], horizon))
        for column, symbol in enumerate(symbols)
    )
    return Tail(
        pinball=figure(pinball, n),
        breaches=figure(share, n),
        rivals=tuple(_rival(name, theirs, loss, change, drawn) for name, theirs in rivals.items()),
        by_symbol=by_symbol,
        coverage_rejected=_rejected([each.coverage_p for each in by_symbol]),
        independence_rejected=_rejected([each.independence_p for each in by_symbol]),
    )


def _rival(name: str, forecast: Floats, loss: Floats, change: Floats, drawn: Draws) -> TailRival:
    theirs = quantile_scoring.pinball(forecast, change)
    shared = ~np.isnan(theirs) & ~np.isnan(loss)
    scores = [theirs, quantile_scoring.breaches(forecast, change), theirs - loss]
    (pinball, breached, saved), n = _means(scores, shared, drawn)
    lost = np.where(shared, theirs, 0.0).sum(axis=1)
    kept = np.where(shared, theirs - loss, 0.0).sum(axis=1)
    [skill] = drawn.ratios(kept[np.newaxis], lost[np.newaxis])
    return TailRival(
        name, figure(pinball, n), figure(breached, n), figure(saved, n), figure(skill, n)
    )


def _means(scores: Sequence[Floats], cells: np.ndarray, drawn: Draws) -> tuple[Floats, int]:
    """Mean of each score (R, N) over `cells` with its interval, and how many cells there are."""
    numerators = np.stack([np.where(cells, score, 0.0).sum(axis=1) for score in scores])
    denominators = np.broadcast_to(cells.sum(axis=1).astype(np.float64), numerators.shape)
    return drawn.ratios(numerators, denominators), int(cells.sum())


def _symbol(symbol: str, breached: Floats) -> SymbolTail:
    return SymbolTail(
        symbol=symbol,
        n=len(breached),
        breaches=int(breached.sum()),
        coverage_p=known(quantile_scoring.kupiec(breached).p_value),
        independence_p=known(quantile_scoring.christoffersen(breached).p_value),
    )


def _rejected(p_values: Sequence[float | None]) -> float | None:
    tested = [p for p in p_values if p is not None]
    return sum(p < REJECTED for p in tested) / len(tested) if tested else None
