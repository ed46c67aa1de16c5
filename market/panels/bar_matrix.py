"""Builds the bar matrix: unadjusted bars of all calendars on one time axis.

It is built from panels, whose prices are adjusted for splits and dividends, and the adjustment
factors. Adjusting and undoing it leaves rounding noise in the last bits, which changes with every
dividend: prices, volatility and dividends are rounded to ten digits, so that a bar is the same
whenever it is read. Prices stay adjusted for splits: the store has all history in today's units.
Leaves out orders.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from domain.instants import Times, to_datetime64
from domain.panel import BarMatrix, Floats, Panel
from domain.timeframe import Timeframe
from market import calendars
from market.panels.panel_builder import PanelQuery, build_bar_panels
from market.store import MarketDataStore
from quant.risk.symbol_risk import VOLATILITY_BARS, realised_volatility

SIGNIFICANT_DIGITS = 10
WARMUP_HISTORY = {True: timedelta(days=30), False: timedelta(days=150)}
"""By whether bars are intraday: how much history the volatility needs."""
MIN_DIVIDEND_FRACTION = 1e-6
"""Share of the price below which a change of the factor counts as rounding."""


def build_bar_matrix(
    panels: Sequence[Panel], factors: Sequence[Floats], since: Sequence[int]
) -> BarMatrix:
    """Build the matrix from the rows of each panel from its `since` on; `factors` are (T, N)."""
    parts = [_single_calendar_matrix(*each) for each in zip(panels, factors, since, strict=True)]
    if len(parts) == 1:
        return parts[0]
    times = np.concatenate([part.known_at for part in parts])
    order = np.argsort(times, kind="stable")
    known_at = times[order]

    def stack(name: str) -> Times:
        return np.asarray(np.concatenate([getattr(part, name) for part in parts])[order])

    def widen(name: str, fill: float = np.nan) -> Floats:
        grid = np.full((len(times), sum(len(part.symbols) for part in parts)), fill)
        row = column = 0
        for part in parts:
            bars = getattr(part, name)
            grid[row : row + len(bars), column : column + len(part.symbols)] = bars
            row, column = row + len(bars), column + len(part.symbols)
        return grid[order]

    return BarMatrix(
        symbols=tuple(symbol for part in parts for symbol in part.symbols),
        known_at=known_at,
        opened_at=stack("opened_at"),
        session_end=stack("session_end"),
        open=widen("open"),
        high=widen("high"),
        low=widen("low"),
        close=widen("close"),
        volume=widen("volume"),
        volatility=widen("volatility"),
        dividend=widen("dividend", 0.0),
    )


def read_bar_matrix(
    store: MarketDataStore,
    market: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    since: datetime,
    as_of: datetime,
) -> BarMatrix:
    """Read the bars of `symbols`, in that order, that closed after `since` and by `as_of`.

    Keeps only the history that the first row's volatility needs; more would give the same bits.
    Raises as `build_panels` does.
    """
    begins = since - WARMUP_HISTORY[timeframe.intraday]
    built = build_bar_panels(
        store,
        PanelQuery(market=market, symbols=symbols, timeframe=timeframe, as_of=as_of, since=begins),
    )
    after = to_datetime64(since)
    first = [int(np.searchsorted(bars.known_at, after, side="right")) for bars, _ in built]
    matrix = build_bar_matrix([bars for bars, _ in built], [factor for _, factor in built], first)
    column = [matrix.symbols.index(symbol) for symbol in symbols]
    names = ("open", "high", "low", "close", "volume", "volatility", "dividend")
    figures = {name: np.ascontiguousarray(getattr(matrix, name)[:, column]) for name in names}
    return replace(matrix, symbols=tuple(symbols), **figures)


def unadjust(prices: Floats, factor: Floats) -> Floats:
    """Traded prices: adjusted `prices` over `factor`, to `SIGNIFICANT_DIGITS` digits."""
    return _round_significant(prices / factor)


def implied_dividends(close: Floats, factor: Floats) -> Floats:
    """(T, N) dividend per unit, in currency, paid at each bar to holders of the bar before: derived
    from unadjusted closes and the change of the factor."""
    paid = np.zeros(close.shape)
    for n in range(close.shape[1]):
        rows = np.flatnonzero(~np.isnan(close[:, n]))
        fraction = 1.0 - factor[rows[:-1], n] / factor[rows[1:], n]
        paid[rows[1:], n] = np.where(
            fraction > MIN_DIVIDEND_FRACTION, close[rows[:-1], n] * fraction, 0.0
        )
    return np.where(paid > 0.0, _round_significant(paid), 0.0)


def _round_significant(figures: Floats) -> Floats:
    """Round to `SIGNIFICANT_DIGITS` digits; NaN stays NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(figures)))
        return np.asarray(np.round(figures * scale) / scale)


def _single_calendar_matrix(panel: Panel, factor: Floats, since: int) -> BarMatrix:
    opened_at, session_end = calendars.session_bounds(
        panel.calendar, panel.known_at[since:], panel.timeframe
    )
    close = unadjust(panel.close, factor)
    return BarMatrix(
        symbols=panel.symbols,
        known_at=panel.known_at[since:],
        opened_at=opened_at,
        session_end=session_end,
        open=unadjust(panel.open[since:], factor[since:]),
        high=unadjust(panel.high[since:], factor[since:]),
        low=unadjust(panel.low[since:], factor[since:]),
        close=close[since:],
        volume=panel.volume[since:],
        volatility=_round_significant(realised_volatility(panel.close, VOLATILITY_BARS)[since:]),
        dividend=implied_dividends(close, factor)[since:],
    )
