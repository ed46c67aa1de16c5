"""Times as tables write them: ISO, epochs, dates in other orders, a date and a time of day apart.

A time without a zone is UTC unless a zone is given. Dates whose order is ambiguous are refused.
"""

import re
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from domain.errors import InputError

_YEARS = (pd.Timestamp(1800, 1, 1, tz="UTC"), pd.Timestamp(2200, 1, 1, tz="UTC"))
_EPOCH = r"\s*\d{9,20}(?:\.\d+)?\s*|\s*\d(?:\.\d+)?[eE]\+?\d{1,2}\s*"
_UNITS = ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0), (np.inf, 0.001))
"""Epochs below each number are in seconds, milli-, micro- or nanoseconds: microseconds in each."""
_CLOCK = r"(?:[T\s]+(?P<clock>\d.*))?"
_YEAR_FIRST = re.compile(
    rf"\s*(?P<y>\d{{4}})(?P<s>[-./]?)(?P<m>\d{{2}})(?P=s)(?P<d>\d{{2}}){_CLOCK}\s*"
)
_YEAR_LAST = re.compile(
    rf"\s*(?P<a>\d{{1,2}})([-./])(?P<b>\d{{1,2}})\2(?P<y>\d{{4}}|\d{{2}}),?{_CLOCK}\s*"
)
_NAMED_MONTH = re.compile(
    rf"\s*(?:(?P<d1>\d{{1,2}})[\s-]+)?(?P<mon>[A-Za-z]{{3}})[a-z]*\.?[\s-]+"
    rf"(?:(?P<d2>\d{{1,2}}),?[\s-]+)?(?P<y>\d{{4}}|\d{{2}}),?{_CLOCK}\s*"
)
_TIME = re.compile(
    r"(?P<h>\d{1,2}):?(?P<m>\d{2})(?::?(?P<s>\d{2}(?:\.\d+)?))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Timestamps:
    """A column of times in two forms: the `instant` in UTC, and as `written` in the table's own
    time zone (a daily bar belongs to the date as written). `zone` names that zone for people;
    `is_naive` times have none, and `are_epochs` says whether they count seconds or parts of them.
    """

    def __init__(
        self, column: pd.Series, clock: pd.Series | None = None, zone: ZoneInfo | None = None
    ) -> None:
        """`clock` are times of day beside dates in `column`; `zone` is that of times without one.

        Raises InputError for dates that may be day or month first, and for a `zone` given to times
        that have their own.
        """
        self.zone = "UTC, as none is written"
        self.are_epochs = False
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            self.written = column.dt.tz_localize(None).dt.as_unit("us")
            self.instant = column.dt.tz_convert("UTC").dt.as_unit("us")
            self.zone = str(column.dtype.tz)
        elif pd.api.types.is_datetime64_dtype(column.dtype):
            self.written = column.dt.as_unit("us")
            self.instant = self.written.dt.tz_localize("UTC")
        else:
            self._parse(column, clock)
        self.instant = self.instant.where(self.instant.between(*_YEARS))
        self.is_naive = self.zone.startswith("UTC, as")
        if zone is not None:
            self._localise(zone)

    def _parse(self, column: pd.Series, clock: pd.Series | None) -> None:
        if pd.api.types.is_integer_dtype(column.dtype):
            column = column.astype("str")
        elif pd.api.types.is_float_dtype(column.dtype):
            column = column.map(lambda each: f"{each:.0f}", na_action="ignore")
        is_text = column.map(lambda value: isinstance(value, str))
        text = column.where(is_text).astype("str").where(is_text)
        present = text.dropna()
        if len(present) and present.str.fullmatch(_EPOCH).mean() > 0.5:
            self.instant = _epochs(text)
            self.written = self.instant.dt.tz_localize(None)
            self.zone, self.are_epochs = "UTC, as epochs are", True
            return
        if clock is not None:
            text = text + " " + clock.astype("str").str.strip()
        iso, has_zone = _iso(text)
        self.instant = _to_utc(iso)
        self.written = _to_utc(iso.str.replace(r"(?:Z|[+-]\d\d:\d\d)$", "", regex=True))
        self.written = self.written.dt.tz_localize(None)
        if has_zone:
            self.zone = "as written"

    def _localise(self, zone: ZoneInfo) -> None:
        if not self.is_naive:
            raise InputError(
                f"its times have a zone ({self.zone}), so --timezone {zone} cannot be meant. Leave"
                " it out."
            )
        self.zone = str(zone)
        local = self.written.dt
        always = np.ones(len(self.written), bool)
        first = local.tz_localize(zone, ambiguous=always, nonexistent="NaT")
        second = local.tz_localize(zone, ambiguous=~always, nonexistent="NaT")
        is_later = self.written.duplicated()
        if self.written.is_monotonic_decreasing and not self.written.is_monotonic_increasing:
            is_later = self.written.duplicated(keep="last")
        self.instant = first.where(~is_later, second).dt.tz_convert("UTC").dt.as_unit("us")

    @property
    def day(self) -> pd.Series:
        """Midnight UTC of the date as written."""
        day: pd.Series = self.written.dt.floor("D").dt.tz_localize("UTC")
        return day

    def known_at(self, day_only: pd.Series | None = None) -> pd.Series:
        """The instant, or 24:00 UTC of the day where only the day is known (`day_only`; if None,
        where the time is exactly midnight)."""
        if day_only is None:
            day_only = self.written == self.written.dt.floor("D")
        known: pd.Series = self.instant.where(~day_only, self.day + pd.Timedelta(days=1))
        return known


def _epochs(text: pd.Series) -> pd.Series:
    """Return instants of epochs, in the unit that most of them can be in."""
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    factor = next(factor for below, factor in _UNITS if np.nanmedian(numbers) < below)
    microseconds = np.full(len(numbers), np.datetime64("NaT"), "datetime64[us]")
    known = np.isfinite(numbers) & (numbers * factor < 2.0**62)
    microseconds[known] = np.rint(numbers[known] * factor).astype(np.int64).view("datetime64[us]")
    return pd.Series(microseconds, text.index).dt.tz_localize("UTC")


def _iso(text: pd.Series) -> tuple[pd.Series, bool]:
    """Return the times in ISO 8601, missing where they are none, and whether any has a zone."""
    parts = text.str.extract(_YEAR_FIRST)
    if parts["y"].isna().mean() > 0.5:
        for pattern, convert in ((_YEAR_LAST, _day_and_month), (_NAMED_MONTH, _named_month)):
            other = text.str.extract(pattern)
            if other["y"].notna().mean() > 0.5:
                parts = convert(other)
                break
    clock = parts["clock"].fillna("").str.extract(rf"^{_TIME.pattern}$")
    no_clock = parts["clock"].isna() | (parts["clock"].str.strip() == "")
    hour = pd.to_numeric(clock["h"], errors="coerce")
    half = clock["half"].str[0].str.lower()
    hour = hour.where(half.isna(), hour % 12 + 12.0 * (half == "p"))
    hours = hour.fillna(0).astype("int64").astype("str").str.zfill(2)
    zone = clock["zone"].fillna("").replace({"UTC": "Z", "GMT": "Z"})
    zone = zone.str.replace(r"([+-]\d\d):?(\d\d)", r"\1:\2", regex=True)
    day = parts["y"] + "-" + parts["m"] + "-" + parts["d"]
    time = hours + ":" + clock["m"] + ":" + clock["s"].fillna("00").str.zfill(2) + zone
    iso = day.where(no_clock, day + "T" + time)
    return iso, bool((zone != "").any())


def _day_and_month(parts: pd.DataFrame) -> pd.DataFrame:
    """Return year, month and day of dates that end with the year."""
    first, second = (pd.to_numeric(parts[name]) for name in ("a", "b"))
    day_first, month_first = bool((first > 12).any()), bool((second > 12).any())
    if (parts[1] == ".").all():
        day_first = day_first or not month_first
    if day_first == month_first:
        first_row = parts.dropna(subset=["y"]).iloc[0]
        example = first_row[1].join(first_row[["a", "b", "y"]])
        raise InputError(
            f"its dates, such as {example}, may be day or month first. Write them as 2024-03-04."
        )
    day, month = ("a", "b") if day_first else ("b", "a")
    return parts.assign(
        y=_whole_year(parts["y"]), m=parts[month].str.zfill(2), d=parts[day].str.zfill(2)
    )


def _whole_year(year: pd.Series) -> pd.Series:
    """Return years of four digits; of two, those from 70 on are of the last century."""
    century = year.str.zfill(2).ge("70").map({True: "19", False: "20"})
    return year.where(year.str.len() != 2, century + year)


def _named_month(parts: pd.DataFrame) -> pd.DataFrame:
    number = {name: f"{index:02d}" for index, name in enumerate(_MONTHS, start=1)}
    year = _whole_year(parts["y"])
    day = parts["d1"].fillna(parts["d2"]).str.zfill(2)
    return parts.assign(y=year, m=parts["mon"].str.lower().map(number), d=day)


def _to_utc(iso: pd.Series) -> pd.Series:
    parsed = pd.to_datetime(iso, format="ISO8601", utc=True, errors="coerce")
    instants: pd.Series = parsed.dt.as_unit("us")
    return instants
