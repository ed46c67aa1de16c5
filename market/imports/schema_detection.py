"""The tables that Quorum imports, recognised by their column names alone.

Names are compared in lower case with everything but letters and digits folded into `_`, so that
`Adj Close` is `adj_close`. Leaves out the rows (`market/imports/normalise.py`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from domain.errors import InputError


class TableKind(StrEnum):
    """What a table contains."""

    BARS = "bars"
    NEWS = "news"
    FILINGS = "filings"
    EARNINGS = "earnings"


@dataclass(frozen=True, slots=True)
class TableSchema:
    """Column names of ours, each with the accepted spellings; the first one present is used."""

    required: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]]


_SYMBOL = ("symbol", "ticker")
NAME = "name"
"""The column of symbols in some tables, and of companies' names in others."""
_UNNAMED = ("", "unnamed_0", "index", "index_level_0")
"""Columns of an index without a name, as pandas writes them."""
_DECORATED = re.compile(
    r"(?:\d+_)?(?P<name>open|high|low|close|adj_close|adjusted_close|volume(?!_))"
    r"(?:_(?:price|usd|usdt|usdc|eur|gbp))?"
)
_QUOTE_VOLUMES = frozenset({
    "quote", "usd", "usdt", "usdc", "busd", "eur", "gbp", "try", "dollars", "currency",
})  # fmt: skip
"""Volumes in these are money, not units."""

SCHEMAS: Mapping[TableKind, TableSchema] = MappingProxyType({
    TableKind.BARS: TableSchema(
        required={
            "at": (
                "at", "ts", "unix", "timestamp", "datetime", "date", "time", "open_time",
                "dtyyyymmdd", "gmt_time", "local_time", "date_time", "unix_timestamp", "t",
                "timeopen", "time_open", "trade_date", "trading_day", "day", "begins_at",
                "start_time", *_UNNAMED,
            ),
            "open": ("open", "o"),
            "high": ("high", "h"),
            "low": ("low", "l"),
            "close": ("close", "close_last", "last", "last_price", "price", "c"),
        },
        optional={
            "symbol": (
                *_SYMBOL, "tic", "pair", "instrument", "stock", "code", "act_symbol",
                "stock_symbol", "ticker_symbol", NAME,
            ),
            "adj_close": ("adj_close", "adjusted_close", "adjclose"),
            "volume": ("volume", "vol", "vol_", "tickvol", "tick_volume", "v", "total_volume"),
        },
    ),
    TableKind.FILINGS: TableSchema(
        required={
            "symbol": _SYMBOL,
            "at": ("filing_date", "filed_at", "filed"),
            "fiscal_year": ("fiscal_year",),
            "fiscal_period": ("fiscal_period",),
            "revenue": ("revenue", "revenues"),
            "net_income": ("net_income",),
        },
        optional={
            "operating_income": ("operating_income",),
            "shares": ("shares", "shares_outstanding"),
            "revenue_ok": ("revenue_ok",),
        },
    ),
    TableKind.EARNINGS: TableSchema(
        required={
            "symbol": _SYMBOL,
            "at": ("announcement_date", "announced_at", "earnings_date"),
            "eps_estimate": ("eps_estimate",),
            "eps_actual": ("eps_actual", "reported_eps"),
        },
        optional={},
    ),
    TableKind.NEWS: TableSchema(
        required={
            "symbol": _SYMBOL,
            "at": ("published_at", "published", "timestamp", "datetime", "date"),
            "headline": ("headline", "title"),
        },
        optional={
            "precision": ("precision",),
            "summary": ("summary", "description"),
            "source": ("source", "publisher"),
            "url": ("url", "link"),
            "relevance": ("relevance",),
            "mentions_company": ("mentions_company",),
        },
    ),
})  # fmt: skip

TEXT_COLUMNS = frozenset({
    "symbol", "at", "clock", "fiscal_period", "headline", "precision", "summary", "source", "url",
})  # fmt: skip
"""Our columns that a CSV reader must not parse as numbers, booleans or times."""

ACCEPTED_COLUMNS = "; ".join(
    f"{kind}: {', '.join(spellings[0] for spellings in layout.required.values())}"
    for kind, layout in SCHEMAS.items()
)
"""The required columns of each kind, for messages."""


def detect_schema(columns: Sequence[str]) -> tuple[TableKind, dict[str, str]] | None:
    """Return the kind of a table with these columns, and for each of our column names its column.

    None where no kind has all its required columns. Raises InputError where a column appears twice,
    since which one is meant is ambiguous.
    """
    for kind, layout in SCHEMAS.items():
        found = _match({**layout.required, **layout.optional}, columns)
        if layout.required.keys() <= found.keys():
            return kind, _with_clock_and_units(found, columns) if kind is TableKind.BARS else found
    return None


def text_columns(columns: Sequence[str]) -> frozenset[str]:
    """Return those of `columns` that hold text in some kind of table."""
    spellings = {"time", "date"}
    for layout in SCHEMAS.values():
        for name, accepted in (*layout.required.items(), *layout.optional.items()):
            if name in TEXT_COLUMNS:
                spellings |= set(accepted)
    return frozenset(column for column in columns if fold(column) in spellings)


def _with_clock_and_units(found: dict[str, str], columns: Sequence[str]) -> dict[str, str]:
    """Add to a table of bars the column of the time of day beside one of dates, and of the volumes
    in two units the one in the base's own."""
    by_name = {fold(column): column for column in columns}
    if fold(found["at"]) in {"date", "dtyyyymmdd"} and "time" in by_name:
        found["clock"] = by_name["time"]
    if "volume" not in found:
        units = [name for name in by_name if name.startswith("volume_")]
        own = [name for name in units if name.removeprefix("volume_") not in _QUOTE_VOLUMES]
        if own:
            found["volume"] = by_name[own[0]]
    elif "tickvol" in by_name and fold(found["volume"]) == "vol":
        found["tick_volume"] = by_name["tickvol"]
    return found


def fold(column: str) -> str:
    """Return a column's name in lower case, words joined by `_`, without the zone of `Date (UTC)`
    and `time_utc`, the number of `1. open` and the currency of `Open (USD)`."""
    folded = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
    if match := _DECORATED.fullmatch(folded):
        return match["name"]
    return folded.removesuffix("_utc") or folded


def _match(
    spellings_by_name: Mapping[str, tuple[str, ...]], columns: Sequence[str]
) -> dict[str, str]:
    by_name: dict[str, list[str]] = {}
    for column in columns:
        by_name.setdefault(fold(column), []).append(column)
    found: dict[str, str] = {}
    for ours, spellings in spellings_by_name.items():
        theirs = next((by_name[spelling] for spelling in spellings if spelling in by_name), [])
        if len(theirs) > 1:
            raise InputError(
                f"there are {len(theirs)} columns for {ours}: {theirs[:4]!r}. Keep one of them."
            )
        if theirs:
            found[ours] = theirs[0]
    return found
