"""Instants in their four forms: aware datetimes in UTC, NumPy's datetime64[us], microseconds since
1970 as they are stored and compiled, and pandas' stamps.

The only module that converts between them; arithmetic with steps and days of a calendar stays where
it belongs.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # heavy, and whoever has stamps has imported it
    import pandas as pd

Times = NDArray[np.datetime64]
"""UTC instants, datetime64[us]."""
INSTANT = timedelta(microseconds=1)
"""The smallest step between two instants."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_datetime64(at: datetime) -> np.datetime64:
    """Return an aware datetime as datetime64[us] in UTC."""
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")


def to_datetime(at: np.datetime64) -> datetime:
    """Return a datetime64 as an aware datetime in UTC."""
    naive: datetime = at.astype("datetime64[us]").item()
    return naive.replace(tzinfo=UTC)


def to_datetime64_array(stamps: "pd.DatetimeIndex | pd.Series[pd.Timestamp]") -> Times:
    """Return pandas' stamps (aware, or naive and meant as UTC) as datetime64[us]; NaT stays NaT."""
    import pandas as pd

    index = pd.DatetimeIndex(stamps)
    utc = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
    return np.asarray(utc.as_unit("us").to_numpy())


def to_microseconds(at: datetime) -> int:
    """Return microseconds since 1970 of an aware datetime; a naive one raises TypeError."""
    return (at - _EPOCH) // INSTANT


def from_microseconds(microseconds: float) -> datetime:
    """Return the aware datetime, in UTC, of microseconds since 1970."""
    return _EPOCH + int(microseconds) * INSTANT


def times_to_microseconds(times: Times) -> NDArray[np.int64]:
    """Return microseconds since 1970 of each time."""
    return times.astype("datetime64[us]").astype(np.int64)
