"""Times as tables write them: ISO, epochs, dates in other orders, a date and a time of day apart.

A time without a zone is UTC unless a zone is given. Dates whose order is ambiguous are refused.
"""

import re
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.errors import InputError

_YEARS = (pd.Timestamp(1800, 1, 1, tz="UTC"), pd.Timestamp(2200, 1, 1, tz="UTC"))
_EPOCH = r"\s*(?:\d{9,20}|-\d{1,20})(?:\.\d+)?\s*|\s*\d(?:\.\d+)?[eE]\+?\d{1,2}\s*"
_UNITS = ((7.26e9, 1e6), (7.26e12, 1e3), (7.26e15, 1.0), (np.inf, 1e-3))
"""Epochs below each number, which is of the year 2200, are in seconds, milli-, micro- or
nanoseconds: microseconds in each."""
_CUT_OFF = 10_000.0
"""Seconds: epochs in scientific notation whose last digit counts as many say no time of day."""
_CLOCK = r"(?:[T\s]+(?P<clock>\d.*))?"
_YEAR_FIRST = re.compile(
    rf"\s*(?=\d{{4}}[-./]|\d{{8}}(?!\d))(?P<y>\d{{4}})(?P<s>[-./]?)(?P<m>\d{{1,2}})(?P=s)"
    rf"(?P<d>\d{{1,2}}){_CLOCK}\s*"
)
_DIGITS_ALONE = re.compile(
    r"\s*((?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
    r"((?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)\s*"
)
"""A date and a time of day in 12 or 14 digits, such as 20240304153000."""
_YEAR_LAST = re.compile(
    rf"\s*(?P<a>\d{{1,2}})([-./])(?P<b>\d{{1,2}})\2(?P<y>\d{{4}}|\d{{2}}),?{_CLOCK}\s*"
)
_NAMED_MONTH = re.compile(
    rf"\s*(?:(?P<d1>\d{{1,2}})[\s-]+)?(?P<mon>[A-Za-z]{{3}})[a-z]*\.?[\s-]+"
    rf"(?:(?P<d2>\d{{1,2}}),?[\s-]+)?(?P<y>\d{{4}}|\d{{2}}),?{_CLOCK}\s*"
)
_TIME = re.compile(
    r"(?P<h>\d{1,2}):?(?P<m>\d{2})(?::?(?P<s>\d{2}(?:\.\d+)?))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>Z|(?:UTC|GMT)?[+-]\d{2}:?\d{2}|UTC|GMT)?(?:\[[\w/]+\])?"
)
_HOUR_ALONE = re.compile(r"(\d{1,2})[-\s]?([AaPp]\.?[Mm]\.?)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Timestamps:
    """A column of times in two forms: the `instant` in UTC, and as `written` in the table's own
    time zone (a daily bar belongs to the date as written). `zone` names that zone for people;
    `is_naive` times have none, and `are_epochs` says whether they count seconds or parts of them.
    """

    def __init__(
        self,
        column: pd.Series,
        symbols: pd.Series,
        clock: pd.Series | None = None,
        zone: ZoneInfo | None = None,
    ) -> None:
        """`symbols` are whose times they are; `clock` are times of day beside dates in `column`;
        `zone` is that of times without one.

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
            self._localise(zone, symbols)

    def _parse(self, column: pd.Series, clock: pd.Series | None) -> None:
        if pd.api.types.is_integer_dtype(column.dtype):
            column = column.astype("str")
        elif pd.api.types.is_float_dtype(column.dtype):
            column = column.map(lambda each: f"{each:.0f}", na_action="ignore")
        is_text = column.map(lambda value: isinstance(value, str))
        text = column.where(is_text).astype("str").where(is_text)
        present = text.dropna()
        if len(present) and present.str.fullmatch(_DIGITS_ALONE).mean() > 0.5:
            text = text.str.replace(_DIGITS_ALONE, r"\1 \2", regex=True)
        elif len(present) and present.str.fullmatch(_EPOCH).mean() > 0.5:
            self.instant = _epochs(text)
            self.written = self.instant.dt.tz_localize(None)
            self.zone, self.are_epochs = "UTC, as epochs are", True
            return
        if clock is not None:
            text = text + " " + _times_of_day(clock)
        iso, has_zone = _iso(text)
        self.instant = _to_utc(iso)
        self.written = _to_utc(iso.str.replace(r"(?:Z|[+-]\d\d:\d\d)$", "", regex=True))
        self.written = self.written.dt.tz_localize(None)
        if has_zone:
            self.zone = "as written"

    def _localise(self, zone: ZoneInfo, symbols: pd.Series) -> None:
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
        self.instant = (
            first.where(~_come_again(self.written, symbols), second)
            .dt.tz_convert("UTC")
            .dt.as_unit("us")
        )

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


def _come_again(written: pd.Series, symbols: pd.Series) -> pd.Series:
    """Return whether each time is the later of two that its symbol has, whether the symbol's rows
    are written in the order of time or against it."""
    rows = pd.DataFrame({"symbol": symbols, "written": written})
    times = written.groupby(symbols)
    newest_first = times.transform("first") > times.transform("last")
    again: pd.Series = rows.duplicated().where(~newest_first, rows.duplicated(keep="last"))
    return again


def _epochs(text: pd.Series) -> pd.Series:
    """Return instants of epochs, each in the longest unit in which it is before 2200: programs
    changed theirs, so that one file may hold two."""
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    below, factors = (np.array(each) for each in zip(*_UNITS, strict=True))
    factor = factors[np.searchsorted(below, np.nan_to_num(np.abs(numbers)), side="right")]
    _refuse_cut_off(text, factor)
    microseconds = np.full(len(numbers), np.datetime64("NaT"), "datetime64[us]")
    known = np.isfinite(numbers) & (np.abs(numbers * factor) < 2.0**62)
    microseconds[known] = (
        np.rint(numbers[known] * factor[known]).astype(np.int64).view("datetime64[us]")
    )
    return pd.Series(microseconds, text.index).dt.tz_localize("UTC")


def _refuse_cut_off(text: pd.Series, microseconds: NDArray[np.float64]) -> None:
    """Raise InputError where scientific notation, as spreadsheets write it, lost the seconds."""
    is_scientific = text.str.contains("[eE]", na=False).to_numpy()
    if not is_scientific.any():
        return
    text, microseconds = text[is_scientific], microseconds[is_scientific]
    parts = text.str.extract(r"^\s*-?\d(?:\.(?P<digits>\d+))?[eE]\+?(?P<exponent>\d+)\s*$")
    digits = parts["digits"].fillna("").str.len()
    steps = 10.0 ** (pd.to_numeric(parts["exponent"]) - digits) * microseconds / 1e6
    if steps.min() >= _CUT_OFF:
        example = text.iloc[int(steps.argmin())]
        raise InputError(
            f"its times, such as {example}, are rounded to {steps.min():,.0f} seconds, as"
            " spreadsheets do. Export them as whole numbers."
        )


def _times_of_day(clock: pd.Series) -> pd.Series:
    """Return times of day as text, with the zeros that numbers such as 93000 lost."""
    text = clock.astype("str").str.strip()
    is_number = text.str.fullmatch(r"\d{1,6}")
    width = 6 if (text[is_number].str.len() > 4).any() else 4
    return text.where(~is_number, text.str.zfill(width))


def _iso(text: pd.Series) -> tuple[pd.Series, bool]:
    """Return the times in ISO 8601, missing where they are none, and whether any has a zone."""
    parts = text.str.extract(_YEAR_FIRST)
    if parts["y"].isna().mean() > 0.5:
        for pattern, convert in ((_YEAR_LAST, _day_and_month), (_NAMED_MONTH, _named_month)):
            other = text.str.extract(pattern)
            if other["y"].notna().mean() > 0.5:
                parts = convert(other)
                break
    written = parts["clock"].fillna("").str.strip()
    hour_alone = written.str.fullmatch(_HOUR_ALONE)
    written = written.where(~hour_alone, written.str.replace(_HOUR_ALONE, r"\1:00 \2", regex=True))
    clock = written.str.extract(rf"^{_TIME.pattern}$")
    no_clock = written == ""
    hour = pd.to_numeric(clock["h"], errors="coerce")
    half = clock["half"].str[0].str.lower()
    hour = hour.where(half.isna(), hour % 12 + 12.0 * (half == "p"))
    hours = hour.fillna(0).astype("int64").astype("str").str.zfill(2)
    zone = clock["zone"].fillna("").replace({"UTC": "Z", "GMT": "Z"})
    zone = zone.str.replace(r"(?:UTC|GMT)?([+-]\d\d):?(\d\d)", r"\1:\2", regex=True)
    day = parts["y"] + "-" + parts["m"].str.zfill(2) + "-" + parts["d"].str.zfill(2)
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
    return parts.assign(y=_whole_year(parts["y"]), m=parts[month], d=parts[day])


def _whole_year(year: pd.Series) -> pd.Series:
    """Return years of four digits; of two, those from 70 on are of the last century."""
    century = year.str.zfill(2).ge("70").map({True: "19", False: "20"})
    return year.where(year.str.len() != 2, century + year)


def _named_month(parts: pd.DataFrame) -> pd.DataFrame:
    number = {name: f"{index:02d}" for index, name in enumerate(_MONTHS, start=1)}
    year = _whole_year(parts["y"])
    day = parts["d1"].fillna(parts["d2"])
    return parts.assign(y=year, m=parts["mon"].str.lower().map(number), d=day)


def _to_utc(iso: pd.Series) -> pd.Series:
    parsed = pd.to_datetime(iso, format="ISO8601", utc=True, errors="coerce")
    instants: pd.Series = parsed.dt.as_unit("us")
    return instants
