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
from domain.timeframe import Timeframe
from market import bar_filter, calendars
from market.series import BarSeries

MAX_MISSING_BARS = 5
"""More missing bars in a row than this, and than a session has, are a finding."""
LARGE_LOG_RETURN = 0.35
"""Log return of a large move, -30% and +42%: where trading explains it, still a remark."""
SPLIT_MATCH = 0.25
"""Log distance within which a jump is attributed to the recorded split."""
FROZEN_BARS = 5
"""Bars in a row at one unchanged price that are a finding."""
IDLE_BARS = 10
"""This many of the last twenty bars without volume are a finding where there was volume before."""
MEDIAN_WINDOW = 60
"""Bars before a bar over which its usual (median) volume is measured."""

UNEXPLAINED = "the price moves {size:+.0%} at {at}, which neither a split nor the trading explains"
NOT_ADJUSTED = (
    "the price moves {size:+.0%} at {at} by the recorded split: older bars are not adjusted for it,"
    " fetch them again"
)

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Flaw:
    """K occurrences of one flaw, in order: when (`at`, (K,)) and how large (`size`, (K,)).

    `message` is a format string for one occurrence, with the fields `at` and `size`. A `transient`
    flaw matters only at its own bar, any other for as long as the gate looks back. `since` (K,) is
    when the flaw began, where that is to be told instead of `at`.
    """

    message: str
    blocks: bool
    at: Times
    size: Floats
    transient: bool = False
    since: Times | None = None

    def describe(self, mask: Bools, timeframe: Timeframe) -> str:
        """Describe the last occurrence in `mask` (K,), and say how many more there are."""
        last = np.flatnonzero(mask)[-1]
        told = self.at if self.since is None else self.since
        sentence = self.message.format(at=_stamp(told[last], timeframe), size=self.size[last])
        more = 0 if self.since is not None else int(mask.sum()) - 1
        return f"{sentence} (and {more} more)" if more else sentence


def find_flaws(series: BarSeries, actions: pd.DataFrame) -> Iterator[Flaw]:
    """Yield every flaw of `series`, given `actions` (`ACTION_COLUMNS`, also of other symbols)."""
    yield from _excluded_bars(series)
    yield from _withheld_bars(series, actions)
    if len(series.known_at):
        yield from _gaps(series)
        yield from _large_moves(series, actions)
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


_WITHHELD = {
    bar_filter.CONTRADICTION: "high or low contradicts the other prices by {size:.1%} at {at}",
    bar_filter.REPEATED: "the bar of {at} repeats an earlier one",
    bar_filter.MOVE: UNEXPLAINED,
    bar_filter.WICK: "high or low is {size:.0%} beyond the other prices at {at}",
    bar_filter.DIVIDEND: "the adjusted close implies a dividend of {size:.0%} of the price at {at}",
    bar_filter.REVERSAL: "the adjustment factor falls by {size:.1%} at {at}",
    bar_filter.NO_ADJUSTED_CLOSE: "the adjusted close is missing at {at}",
}


def describe_withheld(series: BarSeries) -> Iterator[str]:
    """Yield a sentence for each unbroken run of bars in doubt, oldest first."""
    withheld = series.withheld
    for since in np.unique(withheld.since):
        rows = np.flatnonzero(withheld.since == since)
        first, last = int(rows[0]), int(rows[-1])
        at = _stamp(since, series.timeframe)
        sentence = _WITHHELD[int(withheld.code[first])].format(at=at, size=withheld.size[first])
        if first != last:
            until = _stamp(withheld.at[last], series.timeframe)
            sentence += f", and {last - first} bars after it, until {until}"
        yield sentence


def _withheld_bars(series: BarSeries, actions: pd.DataFrame) -> Iterator[Flaw]:
    """Bars in doubt are remarks; from the second one in a row on they block the symbol."""
    withheld = series.withheld
    held = withheld.at > withheld.since
    by_split = np.zeros(len(held), bool)
    for row in np.flatnonzero(withheld.code == bar_filter.MOVE).tolist():
        by_split[row] = _is_by_split(
            series.symbol, actions, withheld.since[row], withheld.at[row],
            np.log1p(withheld.size[row]),
        )  # fmt: skip
    for code, message in _WITHHELD.items():
        chosen = (withheld.code == code) & ~by_split
        for blocks, rows, text in (
            (False, chosen, f"{message}: that bar is left out"),
            (True, chosen & held, f"{message}: no bar counts since, see `quorum repair`"),
        ):
            at, since = withheld.at[rows], withheld.since[rows]
            yield Flaw(text, blocks, at, withheld.size[rows], blocks, since if blocks else None)
    since = withheld.since[by_split]
    yield Flaw(NOT_ADJUSTED, True, withheld.at[by_split], withheld.size[by_split], True, since)


def _gaps(series: BarSeries) -> Iterator[Flaw]:
    closed_at = series.closed_at
    numbers = calendars.bar_numbers(series.calendar, closed_at, series.timeframe)
    missing = np.diff(numbers, prepend=numbers[0] - 1) - 1
    long = missing > max(
        MAX_MISSING_BARS, calendars.bars_per_session(series.calendar, series.timeframe)
    )
    for chosen, blocks in ((long, True), ((missing > 0) & ~long, False)):
        size = missing[chosen].astype(np.float64)
        yield Flaw("bars missing before {at}: {size:.0f}", blocks, closed_at[chosen], size)


def _large_moves(series: BarSeries, actions: pd.DataFrame) -> Iterator[Flaw]:
    logs = np.diff(np.log(series.close), prepend=np.log(series.close[0]))
    large = np.abs(logs) > LARGE_LOG_RETURN
    by_split = np.zeros(len(logs), bool)
    for t in np.flatnonzero(large).tolist():
        since, until = series.known_at[t - 1 : t + 1]
        by_split[t] = _is_by_split(series.symbol, actions, since, until, logs[t])
    withheld = np.diff(series.withheld.at.searchsorted(series.known_at), prepend=0)
    unexplained = large & ~by_split & (withheld >= bar_filter.CONFIRMING_BARS)
    moves, explained = np.expm1(logs), large & ~by_split & ~unexplained
    yield _flaw(NOT_ADJUSTED, True, series, by_split, moves)
    yield _flaw(UNEXPLAINED, True, series, unexplained, moves)
    yield _flaw("a large move, {size:+.0%} at {at}", False, series, explained, moves)


def _is_by_split(
    symbol: str, actions: pd.DataFrame, since: np.datetime64, until: np.datetime64, move: float
) -> bool:
    """Return whether a split of `symbol` recorded after `since` and by `until` (or on the day
    before) explains the log `move`."""
    splits = actions[(actions["symbol"] == symbol) & (actions["kind"] == "split")]
    at = to_datetime64_array(splits["at"])
    ratios = np.log(splits["value"].to_numpy(np.float64))
    between = ratios[(at > since - np.timedelta64(1, "D")) & (at <= until)]
    return bool((np.abs(move + between) < SPLIT_MATCH).any())


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
