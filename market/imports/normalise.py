"""Conversion of a recognised table into the market's tidy frames, rejecting bad rows by reason.

Times are ISO 8601, in UTC where no zone is given. A fact with only a date (or, in a table without a
precision, with a time of exactly midnight) is known at 24:00 UTC of that day, never earlier.
Nothing is repaired: a row is kept unchanged, or rejected and counted. Figures that the table itself
marks as wrong (`revenue_ok` false) and share counts that are not positive count as missing, since
the rest of such a row is valid.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.timeframe import Timeframe
from market.imports.schema_detection import TableKind
from market.provider import (
    BAR_COLUMNS,
    EARNINGS_COLUMNS,
    FILING_COLUMNS,
    LISTED_ONLY_RELEVANCE,
    NEWS_COLUMNS,
)
from market.text import HEADLINE_LENGTH, SUMMARY_LENGTH, clean_text, clean_url

MAX_REJECTED_SHARE = 0.2
"""A table with a larger share of bad rows than this is refused as a whole."""

Mask = NDArray[np.bool_]
_DAY = pd.Timedelta(days=1)
_YEARS = (pd.Timestamp(1800, 1, 1, tz="UTC"), pd.Timestamp(2200, 1, 1, tz="UTC"))
_DAILY = (pd.Timedelta(hours=20), pd.Timedelta(days=4))
_PERIODS = {"Q1": 1, "Q2": 2, "Q3": 3, "FY": 4}


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """`rows` rows rejected for one `reason`; `examples` describes the first few."""

    reason: str
    rows: int
    examples: tuple[str, ...]


class _RowFilter:
    """The rows still kept, and why the others are rejected; the first reason counts."""

    def __init__(self, raw: pd.DataFrame, malformed: tuple[RejectedRows, ...]) -> None:
        self.raw = raw
        self.kept: Mask = np.ones(len(raw), bool)
        self.rejected = list(malformed)

    def reject(self, bad: Any, reason: str, *columns: str) -> None:
        rows = np.flatnonzero(np.asarray(bad, bool) & self.kept)
        if rows.size:
            self.rejected.append(
                RejectedRows(reason, len(rows), tuple(self._show(row, columns) for row in rows[:3]))
            )
            self.kept[rows] = False

    def require_mostly_valid(self) -> None:
        """Raise InputError, with the reasons, where more than a fifth of the rows are bad."""
        bad = sum(refusal.rows for refusal in self.rejected)
        rows = np.count_nonzero(self.kept) + bad
        if bad > MAX_REJECTED_SHARE * rows:
            reasons = "; ".join(
                f"{refusal.rows} × {refusal.reason} ({refusal.examples[0]})"
                for refusal in self.rejected[:4]
            )
            raise InputError(f"{bad} of its {rows} rows are bad: {reasons}. Repair the file.")

    def _show(self, row: int, columns: tuple[str, ...]) -> str:
        present = [column for column in columns if column in self.raw]
        values = (f"{column} {str(self.raw[column].iloc[row])[:40]!r}" for column in present)
        return f"row {row + 1}: {', '.join(values)}"


def normalise(
    kind: TableKind,
    raw: pd.DataFrame,
    malformed: tuple[RejectedRows, ...] = (),
    timeframe: Timeframe | None = None,
) -> tuple[pd.DataFrame, tuple[RejectedRows, ...], Timeframe | None]:
    """Return the valid rows of `raw` (our column names) as a frame of `kind` with `symbol`, all
    rejected rows, and for bars their timeframe.

    Rows are sorted by symbol and time. The timeframe is inferred from the spacing of the bars
    unless given. `malformed` are lines that could not be parsed as rows. Raises InputError where
    more than a fifth of all rows are bad, or the timeframe cannot be inferred.
    """
    row_filter = _RowFilter(raw, malformed)
    symbols = raw["symbol"].map(_parsed_symbols(raw["symbol"]))
    row_filter.reject(symbols.isna(), "not a symbol", "symbol")
    stamps = _Timestamps(raw["at"])
    row_filter.reject(
        stamps.instant.isna(), "not an ISO date or time of our age, such as 2020-03-02", "at"
    )
    row_filter.require_mostly_valid()
    if kind is TableKind.BARS:
        timeframe = timeframe or _infer_timeframe(
            symbols[row_filter.kept], stamps.instant[row_filter.kept]
        )
        frame = _bars(row_filter, stamps, timeframe)
        identity = ["symbol", "at"]
    else:
        frame, identity = _EVENTS[kind](row_filter, stamps)
    frame["symbol"] = symbols
    valid = frame[row_filter.kept]
    duplicate = np.zeros(len(raw), bool)
    duplicate[row_filter.kept] = valid.duplicated(identity)
    row_filter.reject(duplicate, "second row for the same fact", "symbol", "at", "headline")
    row_filter.require_mostly_valid()
    valid = frame[row_filter.kept].sort_values(identity, kind="stable", ignore_index=True)
    return valid, tuple(row_filter.rejected), timeframe


class _Timestamps:
    """A column of times in two forms: the `instant` in UTC, and as `written` in the table's own
    time zone (a daily bar belongs to the date as written)."""

    def __init__(self, column: pd.Series) -> None:
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            self.written = column.dt.tz_localize(None).dt.as_unit("us")
            self.instant = column.dt.tz_convert("UTC").dt.as_unit("us")
        elif pd.api.types.is_datetime64_dtype(column.dtype):
            self.written = column.dt.as_unit("us")
            self.instant = self.written.dt.tz_localize("UTC")
        else:
            text = column.where(column.map(lambda value: isinstance(value, str))).astype("str")
            text = text.where(text.str.match(r"\s*\d{4}-?\d{2}-?\d{2}(?:\D|$)").fillna(False))
            clock = text.str.replace(r"(?<=\d\d:\d\d)(.*?)(?:Z|[+-]\d\d:?\d\d)$", r"\1", regex=True)
            self.instant = _parse(text).dt.as_unit("us")
            self.written = _parse(clock).dt.tz_localize(None).dt.as_unit("us")
        self.instant = self.instant.where(self.instant.between(*_YEARS))

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
        known: pd.Series = self.instant.where(~day_only, self.day + _DAY)
        return known


def _parse(text: pd.Series) -> pd.Series:
    return pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")


def _parsed_symbols(column: pd.Series) -> dict[Any, str]:
    symbols: dict[Any, str] = {}
    for value in column.unique():
        try:
            symbols[value] = parse_symbol(str(value))
        except InputError:
            continue
    return symbols


def _numbers(column: pd.Series) -> pd.Series:
    """`column` as float64, NaN for anything but a finite number."""
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def _booleans(column: pd.Series) -> pd.Series:
    return column.astype("str").str.lower().isin(["true", "1", "yes", "1.0"])


def _infer_timeframe(symbols: pd.Series, instants: pd.Series) -> Timeframe:
    """The timeframe whose duration is the median spacing of each symbol's bars."""
    known = "1m, 5m, 15m, 30m, 1h or 1d"
    table = pd.DataFrame({"symbol": symbols, "at": instants}).drop_duplicates()
    table = table.sort_values(["symbol", "at"])
    gaps = table.groupby("symbol")["at"].diff().groupby(table["symbol"]).median().dropna()
    if gaps.empty:
        raise InputError(
            f"the spacing of the bars cannot be seen from single bars. Name it: {known}."
        )
    found = {gap: _timeframe_of(gap) for gap in gaps.unique()}
    strange = [str(gap) for gap, timeframe in found.items() if timeframe is None]
    if strange:
        raise InputError(f"its bars are {strange[0]} apart. Quorum takes bars of {known}.")
    if len(set(found.values())) > 1:
        examples = ", ".join(f"{s} every {g}" for s, g in gaps[~gaps.duplicated()].head(3).items())
        raise InputError(f"bars of several timeframes in one table ({examples}). Split the file.")
    return next(timeframe for timeframe in found.values() if timeframe)


def _timeframe_of(gap: pd.Timedelta) -> Timeframe | None:
    if _DAILY[0] <= gap <= _DAILY[1]:
        return Timeframe.D1
    return next((t for t in Timeframe if t.intraday and t.duration == gap), None)


def _bars(row_filter: _RowFilter, stamps: _Timestamps, timeframe: Timeframe) -> pd.DataFrame:
    raw = row_filter.raw
    prices = ["open", "high", "low", "close", *(["adj_close"] if "adj_close" in raw else [])]
    frame = raw[prices].apply(_numbers)
    frame["volume"] = _numbers(raw["volume"])
    frame["at"] = stamps.instant if timeframe.intraday else stamps.day
    shown = ("symbol", "at", *prices)
    row_filter.reject(
        frame[prices].isna().any(axis=1), "a price is missing or not a number", *shown
    )
    row_filter.reject((frame[prices] <= 0).any(axis=1), "a price is not positive", *shown)
    row_filter.reject(
        frame["high"] < frame["low"], "high is below low", "symbol", "at", "high", "low"
    )
    row_filter.reject(
        ~(frame["volume"] >= 0), "volume is missing or negative", "symbol", "at", "volume"
    )
    if "adj_close" not in raw:
        frame["adj_close"] = frame["close"]
    return frame[BAR_COLUMNS].copy()


def _news(row_filter: _RowFilter, stamps: _Timestamps) -> tuple[pd.DataFrame, list[str]]:
    raw = row_filter.raw
    day_only = raw["precision"] == "day" if "precision" in raw else None
    frame = pd.DataFrame({"known_at": stamps.known_at(day_only)})
    frame["headline"] = raw["headline"].map(lambda text: clean_text(text, HEADLINE_LENGTH))
    for name, length in {"summary": SUMMARY_LENGTH, "source": 80}.items():
        frame[name] = [clean_text(text, length) for text in raw[name]] if name in raw else ""
    frame["url"] = raw["url"].map(clean_url) if "url" in raw else ""
    frame["relevance"] = _relevance(raw)
    frame["symbol"] = ""
    row_filter.reject(frame["headline"] == "", "headline is empty", "symbol", "at", "headline")
    row_filter.reject(
        ~frame["relevance"].between(0, 1), "relevance is not between 0 and 1", "symbol", "relevance"
    )
    return frame[NEWS_COLUMNS].copy(), ["symbol", "known_at", "headline", "source"]


def _relevance(raw: pd.DataFrame) -> pd.Series:
    if "relevance" in raw:
        return _numbers(raw["relevance"])
    if "mentions_company" in raw:
        return _booleans(raw["mentions_company"]).map({True: 1.0, False: LISTED_ONLY_RELEVANCE})
    return pd.Series(1.0, index=raw.index)


def _filings(row_filter: _RowFilter, stamps: _Timestamps) -> tuple[pd.DataFrame, list[str]]:
    raw = row_filter.raw
    missing = pd.Series(np.nan, index=raw.index)
    frame = pd.DataFrame({"known_at": stamps.known_at()})
    year = _numbers(raw["fiscal_year"])
    frame["fiscal_year"] = year.fillna(0).astype("int64")
    quarter = raw["fiscal_period"].str.strip().str.upper().map(_PERIODS)
    frame["fiscal_quarter"] = quarter.fillna(0).astype("int64")
    for name in ("revenue", "operating_income", "net_income", "shares"):
        frame[name] = _numbers(raw[name]) if name in raw else missing
    if "revenue_ok" in raw:
        frame["revenue"] = frame["revenue"].where(_booleans(raw["revenue_ok"]))
    frame["shares"] = frame["shares"].where(frame["shares"] > 0)
    frame["symbol"] = ""
    shown = ("symbol", "at", "fiscal_year", "fiscal_period")
    row_filter.reject(~year.between(1900, 2200) | (year % 1 != 0), "not a fiscal year", *shown)
    row_filter.reject(quarter.isna(), "fiscal period is none of Q1, Q2, Q3 and FY", *shown)
    none = frame["revenue"].isna() & frame["net_income"].isna()
    row_filter.reject(none, "neither revenue nor net income", *shown)
    return frame[FILING_COLUMNS].copy(), ["symbol", "known_at", "fiscal_year", "fiscal_quarter"]


def _earnings(row_filter: _RowFilter, stamps: _Timestamps) -> tuple[pd.DataFrame, list[str]]:
    raw = row_filter.raw
    frame = pd.DataFrame({"known_at": stamps.known_at()})
    for name in ("eps_estimate", "eps_actual"):
        frame[name] = _numbers(raw[name])
    frame["symbol"] = ""
    row_filter.reject(frame["eps_actual"].isna(), "no earnings announced yet", "symbol", "at")
    return frame[EARNINGS_COLUMNS].copy(), ["symbol", "known_at"]


_EVENTS: dict[TableKind, Callable[[_RowFilter, _Timestamps], tuple[pd.DataFrame, list[str]]]] = {
    TableKind.NEWS: _news,
    TableKind.FILINGS: _filings,
    TableKind.EARNINGS: _earnings,
}
