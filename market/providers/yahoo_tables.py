"""Conversion of yfinance's results into the market's tidy frames.

Makes no requests and invents nothing that Yahoo does not state: a statement has no filing date and
is therefore known from when it is fetched; an announcement is stamped with an hour and is therefore
known at that hour's end. Values that are not numbers are missing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from market.provider import (
    ACTION_COLUMNS,
    BAR_COLUMNS,
    EARNINGS_COLUMNS,
    FILING_COLUMNS,
    LISTED_ONLY_RELEVANCE,
    NEWS_COLUMNS,
)
from market.text import HEADLINE_LENGTH, SUMMARY_LENGTH, clean_text, clean_url, mentions_company

_BARS = {
    "Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume",
    "Adj Close": "adj_close",
}  # fmt: skip
_FIGURES = {
    "revenue": ("TotalRevenue", "OperatingRevenue"),
    "operating_income": ("OperatingIncome", "TotalOperatingIncomeAsReported"),
    "net_income": ("NetIncome", "NetIncomeCommonStockholders"),
    "shares": ("DilutedAverageShares", "BasicAverageShares"),
}


def empty_frame(columns: Sequence[str]) -> pd.DataFrame:
    """Return an empty frame of `columns`, with the dtypes of a filled one."""
    times, integers = {"at", "known_at"}, {"fiscal_year", "fiscal_quarter"}
    text = {"symbol", "kind", "headline", "summary", "source", "url"}
    return pd.DataFrame({
        column: pd.Series(
            dtype="datetime64[us, UTC]" if column in times
            else "int64" if column in integers
            else "str" if column in text
            else "float64"
        )
        for column in columns
    })  # fmt: skip


def bars(history: pd.DataFrame, intraday: bool) -> pd.DataFrame:
    """Convert an unadjusted `Ticker.history` to `BAR_COLUMNS`, without bars that lack a price."""
    if history.empty:
        return empty_frame(BAR_COLUMNS)
    frame = history.rename(columns=_BARS)[list(_BARS.values())].astype("float64")
    frame["at"] = _opening_instants(history.index, intraday)
    frame = frame.dropna(subset=["open", "high", "low", "close"])
    frame["volume"] = frame["volume"].fillna(0.0)
    frame["adj_close"] = frame["adj_close"].fillna(frame["close"])
    frame = frame.drop_duplicates("at", keep="last").sort_values("at")
    return frame[BAR_COLUMNS].reset_index(drop=True)


def actions(symbol: str, history: pd.DataFrame) -> pd.DataFrame:
    """The splits and dividends in `Ticker.history` of daily bars."""
    kinds = {"Stock Splits": "split", "Dividends": "dividend"}
    found = [empty_frame(ACTION_COLUMNS)]
    for column, kind in kinds.items():
        values = history[column] if column in history else pd.Series(dtype="float64")
        values = values[values > 0].astype("float64")
        if len(values):
            at = _opening_instants(values.index, intraday=False)
            found.append(
                pd.DataFrame({"symbol": symbol, "at": at, "kind": kind, "value": values.to_numpy()})
            )
    return pd.concat(found[1:] or found).sort_values("at", ignore_index=True)


def _opening_instants(index: pd.Index, intraday: bool) -> pd.DatetimeIndex:
    """Opening instants in UTC; for a daily bar midnight UTC of its date at the exchange."""
    at = pd.DatetimeIndex(index)
    at = at.tz_convert("UTC") if intraday else at.tz_localize(None).normalize().tz_localize("UTC")
    return at.as_unit("us")


def news(symbol: str, articles: Sequence[Mapping[str, Any]], company: str) -> pd.DataFrame:
    """The articles that have a title and a time, without duplicates."""
    rows = [row for article in articles if (row := _article(symbol, article, company))]
    if not rows:
        return empty_frame(NEWS_COLUMNS)
    frame = pd.DataFrame(rows, columns=NEWS_COLUMNS)
    frame["known_at"] = pd.to_datetime(frame["known_at"], utc=True).dt.as_unit("us")
    frame = frame.drop_duplicates(["known_at", "headline", "source"])
    return frame.sort_values("known_at", ignore_index=True)


def _article(symbol: str, article: Mapping[str, Any], company: str) -> tuple[Any, ...] | None:
    content = article.get("content")
    if not isinstance(content, Mapping):
        return None
    headline = clean_text(content.get("title"), HEADLINE_LENGTH)
    summary = clean_text(content.get("summary"), SUMMARY_LENGTH)
    published = pd.to_datetime(str(content.get("pubDate")), utc=True, errors="coerce")
    if not headline or pd.isna(published):
        return None
    named = mentions_company(f"{headline} {summary}", symbol, company)
    return (
        symbol, published, headline, summary,
        clean_text(_nested(content, "provider", "displayName"), 80),
        clean_url(_nested(content, "canonicalUrl", "url")),
        1.0 if named else LISTED_ONLY_RELEVANCE,
    )  # fmt: skip


def _nested(content: Mapping[str, Any], outer: str, inner: str) -> Any:
    value = content.get(outer)
    return value.get(inner) if isinstance(value, Mapping) else None


def filings(
    symbol: str, quarterly: pd.DataFrame, yearly: pd.DataFrame, now: datetime
) -> pd.DataFrame:
    """Convert income statements (periods are columns) to filings, all known since `now`.

    Fiscal years are numbered by the calendar year in which they end. The quarter that ends with
    the year is left out, since the year's own row implies it. Without a yearly statement no period
    can be numbered, and the frame is empty.
    """
    if yearly.empty:
        return empty_frame(FILING_COLUMNS)
    year_ends, quarter_ends = pd.DatetimeIndex(yearly.columns), pd.DatetimeIndex(quarterly.columns)
    last_month = year_ends.max().month
    rows = [(end.year, 4, *_figures(yearly, end)) for end in year_ends]
    for end in quarter_ends:
        quarter = round((end.month - last_month) % 12 / 3) % 4
        if quarter:
            year = end.year + (end.month > last_month)
            rows.append((year, quarter, *_figures(quarterly, end)))
    frame = pd.DataFrame(rows, columns=FILING_COLUMNS[2:])
    frame.insert(0, "symbol", symbol)
    frame.insert(1, "known_at", pd.Timestamp(now).tz_convert("UTC").as_unit("us"))
    frame = frame.dropna(subset=["revenue", "net_income"], how="all")
    period = ["fiscal_year", "fiscal_quarter"]
    return frame.drop_duplicates(period).sort_values(period, ignore_index=True)


def _figures(statement: pd.DataFrame, end: pd.Timestamp) -> list[float]:
    column = pd.to_numeric(statement.loc[:, statement.columns == end].iloc[:, 0], errors="coerce")

    def first(names: tuple[str, ...]) -> float:
        values = column.reindex(list(names)).dropna()
        return float(values.iloc[0]) if len(values) else np.nan

    return [first(names) for names in _FIGURES.values()]


def earnings(symbol: str, dates: pd.DataFrame | None, now: datetime) -> pd.DataFrame:
    """Past announcements; one stamped at midnight is known at the end of its day."""
    if dates is None or dates.empty:
        return empty_frame(EARNINGS_COLUMNS)
    at = pd.DatetimeIndex(dates.index)
    day_only = pd.Series(at.hour == 0)
    hour_end = pd.Series(at.tz_convert("UTC").as_unit("us") + timedelta(hours=1))
    day_end = pd.Series(_opening_instants(at, intraday=False) + timedelta(days=1))
    frame = pd.DataFrame({
        "symbol": symbol,
        "known_at": hour_end.where(~day_only, day_end),
        "eps_estimate": pd.to_numeric(dates["EPS Estimate"], errors="coerce").to_numpy("float64"),
        "eps_actual": pd.to_numeric(dates["Reported EPS"], errors="coerce").to_numpy("float64"),
    })  # fmt: skip
    frame = frame[frame["eps_actual"].notna() & (frame["known_at"] <= pd.Timestamp(now))]
    return frame.drop_duplicates("known_at").sort_values("known_at", ignore_index=True)
