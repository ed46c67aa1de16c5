"""Corrections of stored bars, applied when bars are read; the bars stay as they were stored.

A correction covers the bars of a symbol that opened from `first` to `last`. Its factors multiply
prices, volume and adjusted close; `kind` says why, and two kinds do more: `accept` lets bars pass
that the filter doubts, `leave out` withholds them. One with NaN for factors was undone. Leaves out
what to propose (`market/quality/repair.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from domain.panel import Bools

CORRECTION_COLUMNS = [
    "last", "kind", "first", "price_factor", "volume_factor", "adjusted_factor",
]  # fmt: skip
_FACTORS = {
    "price_factor": ["open", "high", "low", "close"],
    "volume_factor": ["volume"],
    "adjusted_factor": ["adj_close"],
}


class CorrectionKind(StrEnum):
    UNIT = "unit"
    """Quoted in another unit, such as pence for pounds."""
    SPLIT = "split"
    """From before a split, and not adjusted for it."""
    ADJUSTMENT = "adjustment"
    """The adjusted close slipped."""
    ACCEPT = "accept"
    """The bars are right though the filter doubts them."""
    LEAVE_OUT = "leave out"
    """The bars are wrong and nobody knows better."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of the bars that opened from `first` to `last`, with its factors."""

    kind: CorrectionKind
    first: datetime
    last: datetime
    price_factor: float = 1.0
    volume_factor: float = 1.0
    adjusted_factor: float = 1.0


def to_frame(corrections: Sequence[Correction], *, undone: bool = False) -> pd.DataFrame:
    """Return the frame of `CORRECTION_COLUMNS` that stores `corrections`, or undoes them."""
    rows = [[getattr(each, name) for name in CORRECTION_COLUMNS] for each in corrections]
    frame = pd.DataFrame(rows, columns=CORRECTION_COLUMNS)
    return frame.assign(**dict.fromkeys(_FACTORS, np.nan)) if undone else frame


def from_frame(frame: pd.DataFrame) -> list[Correction]:
    """Return the corrections in force of a stored frame, oldest bars first."""
    records: list[Any] = frame[CORRECTION_COLUMNS].to_dict("records")
    return [
        Correction(
            kind=CorrectionKind(record["kind"]),
            first=record["first"].to_pydatetime(),
            last=record["last"].to_pydatetime(),
            **{name: record[name] for name in _FACTORS},
        )
        for record in records
        if not np.isnan(record["price_factor"])
    ]


def apply_corrections(
    bars: pd.DataFrame, corrections: Sequence[Correction]
) -> tuple[pd.DataFrame, Bools]:
    """Return `bars` of one symbol corrected, and (B,) which of them are accepted whatever the
    filter says. Bars that are left out have no prices."""
    accepted = np.zeros(len(bars), bool)
    if not corrections:
        return bars, accepted
    bars = bars.copy()
    for each in corrections:
        chosen = bars["at"].between(each.first, each.last).to_numpy()
        for name, columns in _FACTORS.items():
            bars.loc[chosen, columns] *= getattr(each, name)
        if each.kind is CorrectionKind.LEAVE_OUT:
            bars.loc[chosen, _FACTORS["price_factor"]] = np.nan
        accepted |= chosen & (each.kind is CorrectionKind.ACCEPT)
    return bars, accepted
