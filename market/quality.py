"""The quality gate: may a decision be built on this series, as of then?

A flaw among the last `RECENT` bars, as far as the agents' longest indicators look back, is a
finding and blocks the symbol; an older one, or one that real markets show too, is a remark. The
gate uses nothing after `as_of` and repairs nothing. Limits were set so that fifty large companies,
funds and coins from 1990 to 2025, crashes and earnings shocks included, are never blocked, while a
planted split, hole or stale end is. Left out: whether prices are *right*, which takes a second
source.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.decision import Verdict
from domain.panel import Floats, Times
from domain.symbols import AssetClass, asset_class
from domain.timeframe import Timeframe
from market import calendars
from market.series import Series

RECENT = 250
"""Bars within which a flaw blocks."""
GAP = 5
"""More missing bars in a row than this, and than a session has, are a finding."""
STALE = 3
"""A series that ends more bars ago than this, and than a session has, is stale."""
CONTRADICTION = 0.005
"""Share of the price by which a high or low may contradict the open or close."""
JUMP = 0.35
"""Log return beyond which a bar needs an explanation: -30% and +42%, a three-for-two split."""
JUMP_SIGMAS = 6.0
"""The same in standard deviations of the sixty returns before; both must be exceeded."""
CERTAIN_JUMP = 1.5
"""Log return that no trading explains: -78% and +350%."""
HEAVY_TRADING = 2.0
"""Turnover, in medians of the twenty bars before, that marks a jump as real: a split leaves it
as it was. Indices, which do not trade, are spared."""
SPLIT_MATCH = 0.25
"""Log distance within which a jump is the recorded split."""
FROZEN = 5
"""Bars at one unmoving price that make a series stale."""
VOLUME_ODD = 20.0
"""Volume this many times above or below the median of the sixty bars before is remarked."""
IDLE = 10
"""So many of the last twenty bars without volume, where there was some before, are a finding."""

_EVER = np.datetime64("1900-01-01", "us")
_ONCE = np.ones(1)


@dataclass(frozen=True, slots=True, eq=False)
class Flaw:
    """K occurrences of one flaw, in order: when (`at`, (K,)) and how large (`size`, (K,)).

    `says` is a sentence about one of them with the fields `at` and `size`.
    """

    says: str
    blocks: bool
    at: Times
    size: Floats

    def told(self, chosen: NDArray[np.bool_], timeframe: Timeframe) -> str:
        """The last of the chosen occurrences in words, and how many more there are."""
        last = np.flatnonzero(chosen)[-1]
        sentence = self.says.format(at=_stamp(self.at[last], timeframe), size=self.size[last])
        more = int(chosen.sum()) - 1
        return f"{sentence} (and {more} more)" if more else sentence


def check(series: Series, actions: pd.DataFrame, as_of: datetime) -> Verdict:
    """The gate's word on `series` as it stood at `as_of`, beside the `actions` recorded by then
    (`ACTION_COLUMNS`, of this and of other symbols)."""
    bars = len(series.known_at)
    recent_from = series.known_at[-min(RECENT, bars)] if bars else _EVER
    findings: list[str] = []
    remarks: list[str] = []
    for flaw in (*_set_aside(series), *(_found(series, actions, as_of) if bars else _empty(as_of))):
        recent = flaw.at >= recent_from
        if recent.any():
            spoken = findings if flaw.blocks else remarks
            spoken.append(flaw.told(recent, series.timeframe))
        if flaw.blocks and not recent.all():
            remarks.append("long ago: " + flaw.told(~recent, series.timeframe))
    return Verdict(series.symbol, tuple(findings), tuple(remarks))


def _set_aside(series: Series) -> Iterator[Flaw]:
    """What was left out when the bars were put in order."""
    for at, says, blocks in (
        (series.repeated, "two bars for {at}", True),
        (series.unordered, "the bar of {at} is stored after a later one", True),
        (series.non_positive, "a price or volume that is not positive at {at}", True),
        (series.incomplete, "a price is missing at {at}", False),
        (series.off_hours, "a bar at {at}, when the market was closed, is left out", False),
    ):
        yield Flaw(says, blocks, at, np.ones(len(at)))


def _empty(as_of: datetime) -> Iterator[Flaw]:
    yield Flaw(
        "no usable bar had closed by {at}", True, np.array([calendars.instant(as_of)]), _ONCE
    )


def _found(series: Series, actions: pd.DataFrame, as_of: datetime) -> Iterator[Flaw]:
    yield from _gaps(series)
    yield from _contradictions(series)
    yield from _jumps(series, actions)
    yield from _odd_volumes(series)
    yield from _staleness(series, as_of)
    yield from _stillness(series)


def _gaps(series: Series) -> Iterator[Flaw]:
    numbers = calendars.bar_numbers(series.calendar, series.known_at, series.timeframe)
    missing = np.diff(numbers, prepend=numbers[0] - 1) - 1
    long = missing > max(GAP, calendars.bars_a_session(series.calendar, series.timeframe))
    for chosen, blocks in ((long, True), ((missing > 0) & ~long, False)):
        yield _flaw("bars missing before {at}: {size:.0f}", blocks, series, chosen, missing)


def _contradictions(series: Series) -> Iterator[Flaw]:
    above = np.maximum(series.open, series.close) / series.high - 1.0
    below = 1.0 - np.minimum(series.open, series.close) / series.low
    worst = np.maximum(np.maximum(above, below), series.low / series.high - 1.0)
    says = "high or low contradicts the other prices by {size:.1%} at {at}"
    yield _flaw(says, True, series, worst > CONTRADICTION, worst)


def _jumps(series: Series, actions: pd.DataFrame) -> Iterator[Flaw]:
    logs = np.diff(np.log(series.close), prepend=np.log(series.close[0]))
    moves = np.expm1(logs)
    by_split = np.zeros(len(logs), bool)
    unexplained, explained = by_split.copy(), by_split.copy()
    for t in np.flatnonzero(np.abs(logs) > JUMP).tolist():
        by_split[t] = _is_split(series, actions, t, logs[t])
        if by_split[t] or abs(logs[t]) < JUMP_SIGMAS * _usual_sigma(logs, t):
            continue
        real = abs(logs[t]) < CERTAIN_JUMP and _traded_heavily(series, t)
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


def _is_split(series: Series, actions: pd.DataFrame, t: int, log_return: float) -> bool:
    splits = actions[(actions["symbol"] == series.symbol) & (actions["kind"] == "split")]
    at = calendars.instants(splits["at"])
    between = (at > series.known_at[t - 1] - np.timedelta64(1, "D")) & (at <= series.known_at[t])
    ratios = np.log(splits["value"].to_numpy(np.float64)[between])
    return bool((np.abs(log_return + ratios) < SPLIT_MATCH).any())


def _usual_sigma(logs: Floats, t: int) -> float:
    before = logs[max(t - 60, 1) : t]
    return float(before.std()) if len(before) >= 20 else 0.0


def _traded_heavily(series: Series, t: int) -> bool:
    if asset_class(series.symbol) is AssetClass.INDEX:
        return True
    turnover = (series.close * series.volume)[max(t - 20, 0) : t + 1]
    usual = np.median(turnover[:-1])
    return bool(usual > 0 and turnover[-1] > HEAVY_TRADING * usual)


def _odd_volumes(series: Series) -> Iterator[Flaw]:
    """Of the last sixty bars, each beside the sixty before it."""
    window = 60
    volume = series.volume[-2 * window :]
    if len(volume) <= window:
        return
    past = np.lib.stride_tricks.sliding_window_view(volume, window)[:-1]
    usual = np.concatenate([np.zeros(window), np.median(past, axis=1)])
    ratio = np.divide(volume, usual, out=np.ones(len(volume)), where=usual > 0)
    at = series.known_at[-len(volume) :]
    odd = (ratio > VOLUME_ODD) | (ratio < 1.0 / VOLUME_ODD)
    yield Flaw("volume is {size:.2g} times the usual at {at}", False, at[odd], ratio[odd])
    idle = float(((ratio == 0) & (usual > 0))[-20:].sum())
    if idle >= IDLE:
        says = "no trading in {size:.0f} of the last 20 bars, up to {at}"
        yield Flaw(says, True, at[-1:], idle * _ONCE)


def _staleness(series: Series, as_of: datetime) -> Iterator[Flaw]:
    calendar, timeframe, last = series.calendar, series.timeframe, series.known_at[-1:]
    due = np.array([calendars.instant(calendars.last_close(calendar, timeframe, as_of))])
    number_due, number = (calendars.bar_numbers(calendar, at, timeframe) for at in (due, last))
    behind = (number_due - number).astype(np.float64)
    if behind[0] > 0:
        stale = behind[0] > max(STALE, calendars.bars_a_session(calendar, timeframe))
        yield Flaw("the last bar is of {at}; bars due since: {size:.0f}", bool(stale), last, behind)


def _stillness(series: Series) -> Iterator[Flaw]:
    prices = np.stack([series.open, series.high, series.low, series.close])[:, -FROZEN:]
    if prices.shape[1] == FROZEN and (prices == prices[0, 0]).all():
        says = "the price has stood still for {size:.0f} bars, up to {at}"
        yield Flaw(says, True, series.known_at[-1:], FROZEN * _ONCE)


def _flaw(
    says: str, blocks: bool, series: Series, chosen: NDArray[np.bool_], size: NDArray[np.number]
) -> Flaw:
    return Flaw(says, blocks, series.known_at[chosen], size[chosen].astype(np.float64))


def _stamp(at: np.datetime64, timeframe: Timeframe) -> str:
    if timeframe.intraday:
        return f"{calendars.moment(at):%Y-%m-%d %H:%M} UTC"
    return f"{calendars.moment(at - np.timedelta64(1, 'us')):%Y-%m-%d}"
