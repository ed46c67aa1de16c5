"""Conversion of a recognised table into the market's tidy frames, rejecting bad rows by reason.

Times are read by `timestamps.py`, in UTC where no zone is given. A fact with only a date (or, in a
table without a precision, with a time of exactly midnight) is known at 24:00 UTC of that day, never
earlier. Nothing is repaired: a row is kept unchanged, or rejected and counted. Figures that the
table itself marks as wrong (`revenue_ok` false) and share counts that are not positive count as
missing, since the rest of such a row is valid.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.timeframe import Timeframe
from market.imports.number_text import NOTHING, is_empty, read_numbers
from market.imports.schema_detection import TableKind
from market.imports.session_check import refuse_doubled_hours, refuse_outside_sessions
from market.imports.session_dates import session_dates
from market.imports.timestamps import Timestamps
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


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What a table does not say itself: the length of its bars, whose they are, and the zone of
    times that are written without one. None is for what the table says or what can be seen."""

    timeframe: Timeframe | None = None
    symbol: str | None = None
    zone: ZoneInfo | None = None


NO_OPTIONS = ReadingOptions()


@dataclass(frozen=True, slots=True, eq=False)
class NormalisedTable:
    """Valid rows sorted by symbol and time, with `symbol`; all rejected rows; for bars their
    timeframe; and `zone`, that of the times for people."""

    frame: pd.DataFrame
    rejected: tuple[RejectedRows, ...]
    timeframe: Timeframe | None
    zone: str


def normalise(
    kind: TableKind,
    raw: pd.DataFrame,
    malformed: tuple[RejectedRows, ...] = (),
    options: ReadingOptions = NO_OPTIONS,
) -> NormalisedTable:
    """Return the valid rows of `raw` (our column names).

    The timeframe is inferred from the spacing of the bars. `malformed` are lines that could not be
    parsed as rows. Raises InputError where more than a fifth of all rows are bad, where the
    timeframe cannot be inferred or is not the one that `options` name, and for intraday bars whose
    times are of another zone than they seem.
    """
    row_filter = _RowFilter(raw, malformed)
    symbols = raw["symbol"].map(_parsed_symbols(raw["symbol"]))
    row_filter.reject(symbols.isna(), "not a symbol", "symbol")
    stamps = Timestamps(raw["at"], raw["symbol"], raw.get("clock"), options.zone)
    row_filter.reject(
        stamps.instant.isna(), "not a date or time of our age, such as 2020-03-02", "at", "clock"
    )
    row_filter.require_mostly_valid()
    timeframe = None
    if kind is TableKind.BARS:
        kept = row_filter.kept
        timeframe = _timeframe(symbols[kept], stamps.instant[kept], options.timeframe)
        frame, identity = _bars(row_filter, stamps, timeframe), ["symbol", "at"]
    else:
        frame, identity = _EVENTS[kind](row_filter, stamps)
    frame["symbol"] = symbols
    valid = frame[row_filter.kept]
    if timeframe is not None and timeframe.intraday and stamps.is_naive:
        refuse_doubled_hours(valid)
    duplicate = np.zeros(len(raw), bool)
    duplicate[row_filter.kept] = valid.duplicated(identity)
    row_filter.reject(duplicate, "second row for the same fact", "symbol", "at", "headline")
    row_filter.require_mostly_valid()
    valid = frame[row_filter.kept].sort_values(identity, kind="stable", ignore_index=True)
    if timeframe is not None:
        is_assumed = stamps.is_naive and options.zone is None
        refuse_outside_sessions(valid, timeframe, is_assumed=is_assumed)
    return NormalisedTable(valid, tuple(row_filter.rejected), timeframe, stamps.zone)


def _parsed_symbols(column: pd.Series) -> dict[Any, str]:
    symbols: dict[Any, str] = {}
    for value in column.unique():
        if not isinstance(value, str) or value.strip() in NOTHING:
            continue
        try:
            symbols[value] = parse_symbol(value)
        except InputError:
            continue
    return symbols


def _booleans(column: pd.Series) -> pd.Series:
    return column.astype("str").str.lower().isin(["true", "1", "yes", "1.0"])


def _timeframe(symbols: pd.Series, instants: pd.Series, named: Timeframe | None) -> Timeframe:
    """The timeframe whose duration is the median spacing of each symbol's bars, or the one that is
    `named` where the spacing cannot be seen."""
    known = ", ".join(timeframe.value for timeframe in Timeframe)
    table = pd.DataFrame({"symbol": symbols, "at": instants}).drop_duplicates()
    table = table.sort_values(["symbol", "at"])
    gaps = table.groupby("symbol")["at"].diff().groupby(table["symbol"]).median().dropna()
    if gaps.empty:
        if named is None:
            raise InputError(
                "the spacing of the bars cannot be seen from single bars. Name it with --timeframe:"
                f" {known}."
            )
        return named
    found = {gap: _timeframe_of(gap) for gap in gaps.unique()}
    strange = [str(gap) for gap, timeframe in found.items() if timeframe is None]
    if strange:
        raise InputError(f"its bars are {strange[0]} apart. Quorum takes bars of {known}.")
    if len(set(found.values())) > 1:
        examples = ", ".join(f"{s} every {g}" for s, g in gaps[~gaps.duplicated()].head(3).items())
        raise InputError(f"bars of several timeframes in one table ({examples}). Split the file.")
    seen = next(timeframe for timeframe in found.values() if timeframe)
    if named not in (None, seen):
        raise InputError(
            f"its bars are {gaps.iloc[0]} apart, which is {seen} and not {named}. Leave --timeframe"
            " out, or name another file."
        )
    return seen


def _timeframe_of(gap: pd.Timedelta) -> Timeframe | None:
    if _DAILY[0] <= gap <= _DAILY[1]:
        return Timeframe.D1
    return next((t for t in Timeframe if t.intraday and t.duration == gap), None)


def _bars(row_filter: _RowFilter, stamps: Timestamps, timeframe: Timeframe) -> pd.DataFrame:
    raw = row_filter.raw
    prices = ["open", "high", "low", "close", *(["adj_close"] if "adj_close" in raw else [])]
    frame = raw[prices].apply(read_numbers)
    frame["volume"] = _volumes(raw)
    frame["at"] = (
        stamps.instant if timeframe.intraday else session_dates(row_filter.raw["symbol"], stamps)
    )
    shown = ("symbol", "at", *prices)
    row_filter.reject(
        frame[prices].isna().any(axis=1), "a price is missing or not a number", *shown
    )
    row_filter.reject((frame[prices] <= 0).any(axis=1), "a price is not positive", *shown)
    row_filter.reject(
        frame["high"] < frame["low"], "high is below low", "symbol", "at", "high", "low"
    )
    has_volume = "volume" in raw and not is_empty(raw["volume"])
    bad_volume = (frame["volume"].isna() & has_volume) | (frame["volume"] < 0)
    row_filter.reject(bad_volume, "volume is missing or negative", "symbol", "at", "volume")
    if "adj_close" not in raw:
        frame["adj_close"] = frame["close"]
    return frame[BAR_COLUMNS].copy()


def _volumes(raw: pd.DataFrame) -> pd.Series:
    """Volumes, unknown (NaN) where the table has none; ticks where it counts nothing else."""
    if "volume" not in raw or is_empty(raw["volume"]):
        return pd.Series(np.nan, raw.index)
    volumes = read_numbers(raw["volume"])
    if "tick_volume" in raw and not (volumes > 0).any():
        return read_numbers(raw["tick_volume"])
    return volumes


def _news(row_filter: _RowFilter, stamps: Timestamps) -> tuple[pd.DataFrame, list[str]]:
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
        return read_numbers(raw["relevance"])
    if "mentions_company" in raw:
        return _booleans(raw["mentions_company"]).map({True: 1.0, False: LISTED_ONLY_RELEVANCE})
    return pd.Series(1.0, index=raw.index)


def _filings(row_filter: _RowFilter, stamps: Timestamps) -> tuple[pd.DataFrame, list[str]]:
    raw = row_filter.raw
    missing = pd.Series(np.nan, index=raw.index)
    frame = pd.DataFrame({"known_at": stamps.known_at()})
    year = read_numbers(raw["fiscal_year"])
    frame["fiscal_year"] = year.fillna(0).astype("int64")
    quarter = raw["fiscal_period"].str.strip().str.upper().map(_PERIODS)
    frame["fiscal_quarter"] = quarter.fillna(0).astype("int64")
    for name in ("revenue", "operating_income", "net_income", "shares"):
        frame[name] = read_numbers(raw[name]) if name in raw else missing
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


def _earnings(row_filter: _RowFilter, stamps: Timestamps) -> tuple[pd.DataFrame, list[str]]:
    raw = row_filter.raw
    frame = pd.DataFrame({"known_at": stamps.known_at()})
    for name in ("eps_estimate", "eps_actual"):
        frame[name] = read_numbers(raw[name])
    frame["symbol"] = ""
    row_filter.reject(frame["eps_actual"].isna(), "no earnings announced yet", "symbol", "at")
    return frame[EARNINGS_COLUMNS].copy(), ["symbol", "known_at"]


_EVENTS: dict[TableKind, Callable[[_RowFilter, Timestamps], tuple[pd.DataFrame, list[str]]]] = {
    TableKind.NEWS: _news,
    TableKind.FILINGS: _filings,
    TableKind.EARNINGS: _earnings,
}
