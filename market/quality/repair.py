"""Proposes how to correct the bars of a symbol that the filter withholds.

Pure: a proposal is stored only when somebody asks for it (`market/corrections.py`). A bar that was
wrong by itself and is over needs none: it stays left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from domain.errors import InputError
from domain.instants import to_datetime64_array
from market import bar_filter, calendars
from market.corrections import Correction, CorrectionKind
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


def propose_repairs(bars: pd.DataFrame, series: BarSeries) -> tuple[Proposal, ...]:
    """Return what would correct `series`, built from `bars` (`BAR_COLUMNS`, in order of time)."""
    closed_at = calendars.bar_closes_array(
        series.calendar, to_datetime64_array(bars["at"]), series.timeframe
    )
    withheld = series.withheld
    proposals: list[Proposal] = []
    for since in np.unique(withheld.since):
        run = withheld.since == since
        rows = np.flatnonzero(np.isin(closed_at, withheld.at[run]))
        is_over = bool((series.known_at > withheld.at[run][-1]).any())
        proposals += _propose(bars, rows, set(withheld.code[run].tolist()), is_over)
    return tuple(proposals)


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


def _propose(
    bars: pd.DataFrame, rows: np.ndarray, codes: set[int], is_over: bool
) -> Iterator[Proposal]:
    """Yield the proposal for one unbroken run of withheld bars."""
    first, last = int(rows[0]), int(rows[-1])
    if first == 0:
        return
    close, adjusted = (bars[name].to_numpy(np.float64) for name in ("close", "adj_close"))
    ratios = close[rows] / close[first - 1]
    ratio = float(np.median(ratios[:5]))
    for unit in UNITS:
        if abs(np.log(ratio / unit)) < UNIT_MATCH:
            yield _correct_unit(bars, first, last, unit)
            return
    split = _split_ratio(1.0 / float(ratios[0]))
    if split is not None and not is_over and codes & {bar_filter.MOVE, bar_filter.DIVIDEND}:
        change = (adjusted[first] / close[first]) / (adjusted[first - 1] / close[first - 1])
        is_adjusted = _split_ratio(change) == split
        words = f"{split:g} for 1" if split > 1 else f"1 for {1 / split:g}"
        day = f"{bars['at'].iloc[first]:%Y-%m-%d}"
        yield _correct(
            bars, CorrectionKind.SPLIT, 0, first - 1,
            f"bars before {day} are not adjusted for a split of {words}",
            1 / split, split, 1.0 if is_adjusted else 1 / split,
        )  # fmt: skip
    elif codes & {bar_filter.DIVIDEND, bar_filter.REVERSAL} and is_over:
        factor = adjusted[first - 1] / close[first - 1]
        slip = float(np.median(adjusted[rows] / close[rows])) / factor
        yield _correct(
            bars, CorrectionKind.ADJUSTMENT, first, last,
            f"the adjusted close is {slip:g} times what it should be",
            1.0, 1.0, 1 / slip,
        )  # fmt: skip
    elif not is_over and len(rows) > 1:
        yield _correct(
            bars, CorrectionKind.ACCEPT, first, first,
            "the price stays where it went: accept it if the move is real",
        )  # fmt: skip


def _correct_unit(bars: pd.DataFrame, first: int, last: int, unit: float) -> Proposal:
    """Return the correction of rows `first` to `last`, whose prices are `unit` times those before;
    of the rows before them where those are fewer."""
    if first >= last - first + 1:
        reason = f"prices are {unit:g} times those before: another unit"
        return _correct(bars, CorrectionKind.UNIT, first, last, reason, 1 / unit, 1.0, 1 / unit)
    reason = f"prices are {1 / unit:g} times those after: another unit"
    return _correct(bars, CorrectionKind.UNIT, 0, first - 1, reason, unit, 1.0, unit)


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
