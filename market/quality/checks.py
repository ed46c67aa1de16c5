"""Checks for flaws in the bars of a series; each check covers all bars at once.

Whether a bar is flawed depends only on it and on earlier bars, so a check of a whole history finds
what checks at each bar would have found. Leaves out the consequences of a flaw
(`market/quality/gate.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.instants import Times, to_datetime, to_datetime64_array
from domain.panel import Bools, Floats
from domain.symbols import AssetClass, asset_class
from domain.timeframe import Timeframe
from market import calendars
from market.series import BarSeries

MAX_MISSING_BARS = 5
"""More missing bars in a row than this, and than a session has, are a finding."""
MAX_CONTRADICTION = 0.005
"""Share of the price by which a high or low may contradict the open or close."""
JUMP_LOG_RETURN = 0.35
"""Log return beyond which a bar needs an explanation: -30% and +42%, a three-for-two split."""
JUMP_SIGMAS = 6.0
"""The same in standard deviations of the sixty returns before; both must be exceeded."""
MAX_LOG_RETURN = 1.5
"""Log return too large for any volume to explain: -78% and +350%."""
HEAVY_TURNOVER = 2.0
"""Turnover, in medians of the twenty bars before, that marks a jump as real: a split leaves
turnover unchanged. Indices, which do not trade, are exempt."""
SPLIT_MATCH = 0.25
"""Log distance within which a jump is attributed to the recorded split."""
FROZEN_BARS = 5
"""Bars in a row at one unchanged price that are a finding."""
IDLE_BARS = 10
"""This many of the last twenty bars without volume are a finding where there was volume before."""
MEDIAN_WINDOW = 60
"""Bars before a bar over which its usual (median) volume is measured."""

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Flaw:
    """K occurrences of one flaw, in order: when (`at`, (K,)) and how large (`size`, (K,)).

    `message` is a format string for one occurrence, with the fields `at` and `size`. A `transient`
    flaw matters only at its own bar, any other for as long as the gate looks back.
    """

    message: str
    blocks: bool
    at: Times
    size: Floats
    transient: bool = False

    def describe(self, mask: Bools, timeframe: Timeframe) -> str:
        """Describe the last occurrence in `mask` (K,), and say how many more there are."""
        last = np.flatnonzero(mask)[-1]
        sentence = self.message.format(at=_stamp(self.at[last], timeframe), size=self.size[last])
        more = int(mask.sum()) - 1
        return f"{sentence} (and {more} more)" if more else sentence


def find_flaws(series: BarSeries, actions: pd.DataFrame) -> Iterator[Flaw]:
    """Yield every flaw of `series`, given `actions` (`ACTION_COLUMNS`, also of other symbols)."""
    yield from _excluded_bars(series)
    if len(series.known_at):
        yield from _gaps(series)
        yield from _contradictions(series)
        yield from _jumps(series, actions)
        yield from _idle_trading(series)
        yield from _frozen_prices(series)


def median_volume(series: BarSeries, rows: Rows) -> Floats:
    """(K,) median volume of the `MEDIAN_WINDOW` bars before each of `rows` (K,); no row may be
    earlier than `MEDIAN_WINDOW`."""
    if not len(rows):
        return np.empty(0)
    past = np.lib.stride_tricks.sliding_window_view(series.volume, MEDIAN_WINDOW)
    usual: Floats = np.median(past[rows - MEDIAN_WINDOW], axis=1)
    return usual


def _excluded_bars(series: BarSeries) -> Iterator[Flaw]:
    """Flaws that `build_series` recorded when it sorted the bars."""
    for at, message, blocks in (
        (series.repeated, "two bars for {at}", True),
        (series.unordered, "the bar of {at} is stored after a later one", True),
        (series.non_positive, "a price or volume that is not positive at {at}", True),
        (series.incomplete, "a price is missing at {at}", False),
        (series.off_hours, "a bar at {at}, when the market was closed, is left out", False),
    ):
        yield Flaw(message, blocks, at, np.ones(len(at)))


def _gaps(series: BarSeries) -> Iterator[Flaw]:
    numbers = calendars.bar_numbers(series.calendar, series.known_at, series.timeframe)
    missing = np.diff(numbers, prepend=numbers[0] - 1) - 1
    long = missing > max(
        MAX_MISSING_BARS, calendars.bars_per_session(series.calendar, series.timeframe)
    )
    for chosen, blocks in ((long, True), ((missing > 0) & ~long, False)):
        yield _flaw("bars missing before {at}: {size:.0f}", blocks, series, chosen, missing)


def _contradictions(series: BarSeries) -> Iterator[Flaw]:
    above = np.maximum(series.open, series.close) / series.high - 1.0
    below = 1.0 - np.minimum(series.open, series.close) / series.low
    worst = np.maximum(np.maximum(above, below), series.low / series.high - 1.0)
    message = "high or low contradicts the other prices by {size:.1%} at {at}"
    yield _flaw(message, True, series, worst > MAX_CONTRADICTION, worst)


def _jumps(series: BarSeries, actions: pd.DataFrame) -> Iterator[Flaw]:
    logs = np.diff(np.log(series.close), prepend=np.log(series.close[0]))
    moves = np.expm1(logs)
    by_split = np.zeros(len(logs), bool)
    unexplained, explained = by_split.copy(), by_split.copy()
    splits = actions[(actions["symbol"] == series.symbol) & (actions["kind"] == "split")]
    split_at, ratios = (
        to_datetime64_array(splits["at"]),
        np.log(splits["value"].to_numpy(np.float64)),
    )
    for t in np.flatnonzero(np.abs(logs) > JUMP_LOG_RETURN).tolist():
        since, until = series.known_at[t - 1] - np.timedelta64(1, "D"), series.known_at[t]
        between = ratios[(split_at > since) & (split_at <= until)]
        by_split[t] = (np.abs(logs[t] + between) < SPLIT_MATCH).any()
        if by_split[t] or abs(logs[t]) < JUMP_SIGMAS * _usual_sigma(logs, t):
            continue
        real = abs(logs[t]) < MAX_LOG_RETURN and _traded_heavily(series, t)
        (explained if real else unexplained)[t] = True
    yield _flaw(
        "the price moves {size:+.0%} at {at}, which neither a split nor the trading explains",
        True, series, unexplained, moves,
    )  # fmt: skip
    yield _flaw(
        "the price moves {size:+.0%} at {at} by the recorded split: older bars are not adjusted"
        " for it, fetch them again",
        True, series, by_split, moves,
    )  # fmt: skip
    yield _flaw("a large move, {size:+.0%} at {at}", False, series, explained, moves)


def _usual_sigma(logs: Floats, t: int) -> float:
    before = logs[max(t - 60, 1) : t]
    return float(before.std()) if len(before) >= 20 else 0.0


def _traded_heavily(series: BarSeries, t: int) -> bool:
    if asset_class(series.symbol) is AssetClass.INDEX:
        return True
    turnover = (series.close * series.volume)[max(t - 20, 0) : t + 1]
    usual = np.median(turnover[:-1])
    return bool(usual > 0 and turnover[-1] > HEAVY_TURNOVER * usual)


def _idle_trading(series: BarSeries) -> Iterator[Flaw]:
    without = np.flatnonzero(series.volume == 0)
    without = without[without >= MEDIAN_WINDOW]
    idle = np.zeros(len(series.volume) + 20)
    idle[20 + without] = median_volume(series, without) > 0
    count = np.cumsum(idle)[20:] - np.cumsum(idle)[:-20]
    message = "no trading in {size:.0f} of the last 20 bars, up to {at}"
    yield _flaw(message, True, series, count >= IDLE_BARS, count, transient=True)


def _frozen_prices(series: BarSeries) -> Iterator[Flaw]:
    prices = np.stack([series.open, series.high, series.low, series.close])
    if prices.shape[1] < FROZEN_BARS:
        return
    spans = np.lib.stride_tricks.sliding_window_view(prices, FROZEN_BARS, axis=1)
    still = np.zeros(prices.shape[1], bool)
    still[FROZEN_BARS - 1 :] = (spans == spans[:1, :, :1]).all(axis=(0, 2))
    message = "the price has stood still for {size:.0f} bars, up to {at}"
    yield _flaw(message, True, series, still, np.full(len(still), FROZEN_BARS), transient=True)


def _flaw(
    message: str,
    blocks: bool,
    series: BarSeries,
    chosen: Bools,
    size: NDArray[np.number],
    transient: bool = False,
) -> Flaw:
    return Flaw(
        message, blocks, series.known_at[chosen], size[chosen].astype(np.float64), transient
    )


def _stamp(at: np.datetime64, timeframe: Timeframe) -> str:
    if timeframe.intraday:
        return f"{to_datetime(at):%Y-%m-%d %H:%M} UTC"
    return f"{to_datetime(at - np.timedelta64(1, 'us')):%Y-%m-%d}"
