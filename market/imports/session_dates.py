"""The dates of daily bars: those that are written, or of instants those of the sessions."""

import numpy as np
import pandas as pd

from domain.errors import InputError
from domain.instants import to_datetime64_array
from domain.symbols import CURRENCIES_OPEN, calendar_of, parse_symbol
from market import calendars
from market.imports.timestamps import Timestamps

_NEW_YORK = "America/New_York"
_CURRENCY_DAY = pd.Timedelta(hours=7)
"""A day of currencies begins at 17:00 in New York, of the evening before."""


def session_dates(symbols: pd.Series, stamps: Timestamps) -> pd.Series:
    """Return midnight UTC of each daily bar's date.

    That is the date as written. Where an instant is written, an epoch or a time of day with a zone,
    it is the date of the session that the instant is in, else that on the exchange's clocks.
    """
    dates = stamps.day
    if stamps.is_naive and not stamps.are_epochs:
        return dates
    is_instant = stamps.written.dt.normalize() != stamps.written
    exchanges = symbols.map({symbol: _calendar(symbol) for symbol in symbols.dropna().unique()})
    for calendar in exchanges[is_instant].dropna().unique():
        own = is_instant & (exchanges == calendar) & stamps.instant.notna()
        dates[own] = _dates(stamps.instant[own], calendar).astype(dates.dtype)
    return dates


def _calendar(symbol: object) -> str | None:
    try:
        return calendar_of(parse_symbol(str(symbol)))
    except InputError:
        return None  # its rows are refused


def _dates(instants: pd.Series, calendar: str) -> pd.Series:
    at = pd.DatetimeIndex(instants)
    if calendar == CURRENCIES_OPEN:
        local = at.tz_convert(_NEW_YORK).tz_localize(None) + _CURRENCY_DAY
        return pd.Series(local.normalize().tz_localize("UTC"), instants.index)
    local = at.tz_convert(calendars.time_zone(calendar)).tz_localize(None)
    hours, times = calendars.sessions(calendar), to_datetime64_array(at)
    index = np.maximum(np.searchsorted(hours.open, times, side="right") - 1, 0)
    is_inside = (hours.open[index] <= times) & (times < hours.close[index])
    dates = np.where(is_inside, hours.date[index], to_datetime64_array(local.normalize()))
    return pd.Series(pd.DatetimeIndex(dates, tz="UTC"), instants.index)
