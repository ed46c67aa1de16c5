"""Proposes how to correct the bars of a symbol that the filter withholds.

Pure: a proposal is stored only when somebody asks for it (`market/corrections.py`). Each leaves
fewer bars out than there were without it. A bar that was wrong by itself and is over needs none: it
stays left out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from domain.errors import InputError
from domain.instants import to_datetime64_array
from domain.panel import Floats
from market import bar_filter, calendars
from market.corrections import Correction, CorrectionKind, apply_corrections
from market.series import BarSeries

EARLIEST = datetime(1800, 1, 1, tzinfo=UTC)
"""A split's correction covers older bars too that are stored later."""
UNITS = (100.0, 0.01, 1000.0, 0.001)
"""Ratios of prices in another unit: pence and cents, thousands."""
UNIT_MATCH = 0.25
"""Log distance within which a move is a change of unit."""
SPLIT_RATIOS = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 50.0)
SPLIT_MATCH = 0.1
"""Log distance within which a move is a split's, or a reverse split's."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A correction, why, and how many stored bars it changes."""

    correction: Correction
    reason: str
    bars: int

    @property
    def is_agreed_split(self) -> bool:
        """Whether it is a split that the adjusted closes know."""
        return (
            self.correction.kind is CorrectionKind.SPLIT and self.correction.adjusted_factor == 1.0
        )


BuildSeries = Callable[[Sequence[Correction]], BarSeries]
"""Builds the series of a symbol's bars with corrections."""


def propose_repairs(
    bars: pd.DataFrame,
    build: BuildSeries,
    in_force: Sequence[Correction] = (),
    *,
    agreed_splits_only: bool = False,
) -> list[Proposal]:
    """Return what would correct `bars` (`BAR_COLUMNS`, as stored, in order of time), each proposal
    on top of the corrections `in_force` and of those before it. A run of bars in doubt for which
    nothing helps is passed over."""
    proposals: list[Proposal] = []
    hopeless: set[np.datetime64] = set()
    while True:
        corrections = [*in_force, *(proposal.correction for proposal in proposals)]
        series = build(corrections)
        corrected, _ = apply_corrections(bars, corrections)
        for since in np.unique(series.withheld.since):
            if since in hopeless:
                continue
            candidates = [
                candidate
                for candidate in _candidates(corrected, series, since)
                if candidate.is_agreed_split or not agreed_splits_only
                if not any(_replaces(candidate.correction, each) for each in corrections)
            ]
            left_out = [
                len(build([*corrections, candidate.correction]).withheld.at)
                for candidate in candidates
            ]
            if candidates and min(left_out) < len(series.withheld.at):
                proposals.append(candidates[int(np.argmin(left_out))])
                break
            hopeless.add(since)
        else:
            return proposals


def correct_days(
    bars: pd.DataFrame, kind: CorrectionKind, days: Sequence[str]
) -> Iterator[Proposal]:
    """Yield what corrects the bars of `days` (dates such as 2024-03-04, UTC) as `kind`.

    Raises InputError for what is no date and for a day without a bar.
    """
    for day in days:
        try:
            date = datetime.strptime(day, "%Y-%m-%d").date()
        except ValueError:
            raise InputError(f"{day!r} is not a date. Write it as 2024-03-04.") from None
        rows = np.flatnonzero(bars["at"].dt.date == date)
        if not len(rows):
            span = f"{bars['at'].iloc[0]:%Y-%m-%d} to {bars['at'].iloc[-1]:%Y-%m-%d}"
            raise InputError(f"No bar is stored for {day}. Those that are stored: {span}.")
        yield _correct(bars, kind, int(rows[0]), int(rows[-1]), "as you say")


def _replaces(one: Correction, other: Correction) -> bool:
    """Return whether storing one overwrites the other."""
    return (one.kind, one.last) == (other.kind, other.last)


def _candidates(bars: pd.DataFrame, series: BarSeries, since: np.datetime64) -> Iterator[Proposal]:
    """Yield what may correct the unbroken run of bars in doubt that began at `since`, the likeliest
    first; `bars` are those of `series`, corrected."""
    withheld = series.withheld
    run = withheld.since == since
    codes = set(withheld.code[run].tolist())
    closed_at = calendars.bar_closes_array(
        series.calendar, to_datetime64_array(bars["at"]), series.timeframe
    )
    rows = np.flatnonzero(np.isin(closed_at, withheld.at[run]))
    first, last = int(rows[0]), int(rows[-1])
    if first == 0:
        return
    close, adjusted = (bars[name].to_numpy(np.float64) for name in ("close", "adj_close"))
    ratio = float(np.median(close[rows][:5])) / close[first - 1]
    for unit in UNITS:
        if abs(np.log(ratio / unit)) < UNIT_MATCH:
            run, before = (
                _correct_unit(bars, first, last, unit),
                _correct_unit(bars, 0, first - 1, 1 / unit),
            )
            yield from (run, before) if run.bars <= before.bars else (before, run)
    if codes & {bar_filter.MOVE, bar_filter.DIVIDEND}:
        yield from _correct_split(bars, first, close, adjusted)
    if codes & {bar_filter.DIVIDEND, bar_filter.REVERSAL}:
        yield _correct_slip(bars, rows, close, adjusted)
    if bar_filter.MOVE in codes and _has_stayed(close, first, last):
        reason = "the price stays where it went: accept it if the move is real"
        yield _correct(bars, CorrectionKind.ACCEPT, first, first, reason)


def _correct_unit(bars: pd.DataFrame, first: int, last: int, unit: float) -> Proposal:
    """Return the correction of rows `first` to `last`, whose prices are `unit` times the others."""
    others = "those before" if first else "those after"
    reason = f"prices are {unit:g} times {others}: another unit"
    return _correct(bars, CorrectionKind.UNIT, first, last, reason, 1 / unit, 1.0, 1 / unit)


def _correct_split(
    bars: pd.DataFrame, first: int, close: Floats, adjusted: Floats
) -> Iterator[Proposal]:
    """Yield the correction of the rows before `first`, if a split may lie between."""
    split = _split_ratio(close[first - 1] / close[first])
    if split is None:
        return
    change = (adjusted[first] / close[first]) / (adjusted[first - 1] / close[first - 1])
    is_adjusted = _split_ratio(change) == split
    words = f"{split:g} for 1" if split > 1 else f"1 for {1 / split:g}"
    reason = f"bars before {bars['at'].iloc[first]:%Y-%m-%d} are not adjusted for a split of"
    yield _correct(
        bars, CorrectionKind.SPLIT, 0, first - 1, f"{reason} {words}",
        1 / split, split, 1.0 if is_adjusted else 1 / split,
    )  # fmt: skip


def _correct_slip(
    bars: pd.DataFrame, rows: np.ndarray, close: Floats, adjusted: Floats
) -> Proposal:
    """Return the correction of the adjusted closes of `rows` by what they slipped."""
    first, last = int(rows[0]), int(rows[-1])
    factor = adjusted[first - 1] / close[first - 1]
    slip = float(np.median(adjusted[rows] / close[rows])) / factor
    reason = f"the adjusted close is {slip:g} times what it should be"
    return _correct(bars, CorrectionKind.ADJUSTMENT, first, last, reason, 1.0, 1.0, 1 / slip)


def _has_stayed(close: Floats, first: int, last: int) -> bool:
    """Return whether the price after rows `first` to `last`, or at their end if none is after them,
    is nearer to where it went than to where it was."""
    if first == last == len(close) - 1:
        return False  # the next bar will tell
    then = close[min(last + 1, len(close) - 1)]
    return bool(abs(np.log(then / close[first])) < abs(np.log(then / close[first - 1])))


def _split_ratio(ratio: float) -> float | None:
    """Return the split that a ratio of old to new prices is, if any."""
    for each in SPLIT_RATIOS:
        for split in (each, 1.0 / each):
            if abs(np.log(ratio / split)) < SPLIT_MATCH:
                return split
    return None


def _correct(
    bars: pd.DataFrame,
    kind: CorrectionKind,
    first: int,
    last: int,
    reason: str,
    price_factor: float = 1.0,
    volume_factor: float = 1.0,
    adjusted_factor: float = 1.0,
) -> Proposal:
    begins, ends = (bars["at"].iloc[row].to_pydatetime() for row in (first, last))
    if kind is CorrectionKind.SPLIT:
        begins = EARLIEST
    correction = Correction(kind, begins, ends, price_factor, volume_factor, adjusted_factor)
    return Proposal(correction, reason, last - first + 1)
