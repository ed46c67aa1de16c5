"""Proposes how to correct the bars of a symbol that the filter withholds.

Pure: a proposal is stored only when somebody asks for it (`market/corrections.py`). A bar that was
wrong by itself and is over needs none: it stays left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from domain.instants import Times, to_datetime64_array
from market import bar_filter, calendars
from market.corrections import Correction, CorrectionKind
from market.series import BarSeries

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


def accept(bars: pd.DataFrame, rows: Times) -> Correction:
    """Return the correction that accepts the bars which opened from the first to the last of
    `rows`."""
    opened = bars["at"][np.isin(to_datetime64_array(bars["at"]), rows)]
    return Correction(
        CorrectionKind.ACCEPT, opened.iloc[0].to_pydatetime(), opened.iloc[-1].to_pydatetime()
    )


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
            yield _correct(
                bars, CorrectionKind.UNIT, first, last,
                f"prices are {unit:g} times those before: another unit",
                1 / unit, 1.0, 1 / unit,
            )  # fmt: skip
            return
    split = _split_ratio(1.0 / float(ratios[0]))
    if split is not None and not is_over and codes & {bar_filter.MOVE, bar_filter.DIVIDEND}:
        change = (adjusted[first] / close[first]) / (adjusted[first - 1] / close[first - 1])
        is_adjusted = _split_ratio(change) == split
        words = f"{split:g} for 1" if split > 1 else f"1 for {1 / split:g}"
        yield _correct(
            bars, CorrectionKind.SPLIT, 0, first - 1,
            f"bars before are not adjusted for a split of {words}",
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
    at, until = (bars["at"].iloc[row].to_pydatetime() for row in (first, last))
    correction = Correction(kind, at, until, price_factor, volume_factor, adjusted_factor)
    return Proposal(correction, reason, last - first + 1)
