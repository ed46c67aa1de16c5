"""The contract of a provider, for its test and for `quorum check`.

`check_provider(MyProvider(), "AAPL")` in a test. Promises to look at what it says and not at
whether that is true. It asks for each source twice, so it is slow where requests are.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from domain.errors import ProviderError, QuorumError, UnknownSymbolError
from domain.plugins import IDENTIFIER, SPELLING
from domain.timeframe import Timeframe
from market.provider import (
    ACTION_COLUMNS,
    BAR_COLUMNS,
    EARNINGS_COLUMNS,
    FILING_COLUMNS,
    NEWS_COLUMNS,
    Provider,
)

UNKNOWN = "NO-SUCH-SYMBOL"
PRICES = ["open", "high", "low", "close", "adj_close"]
DAYS = 60
"""What is asked for where no dates are named."""


def check_provider(
    provider: Provider,
    symbol: str,
    start: datetime | None = None,
    end: datetime | None = None,
    timeframe: Timeframe = Timeframe.D1,
) -> None:
    """Raises AssertionError naming every promise that `provider` breaks on `symbol`, which it must
    know, from `start` to `end` (the last days, where they are not named)."""
    if broken := faults(provider, symbol, start, end, timeframe):
        raise AssertionError("\n".join(broken))


def faults(
    provider: Provider,
    symbol: str,
    start: datetime | None = None,
    end: datetime | None = None,
    timeframe: Timeframe = Timeframe.D1,
) -> tuple[str, ...]:
    """A sentence about each promise that is broken; none where all are kept."""
    until = end or datetime.now(UTC)
    since = start or until - timedelta(days=DAYS)
    checks: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _names(provider),
        lambda: _bars(provider, symbol, timeframe, since, until),
        lambda: _dated("actions", ACTION_COLUMNS, "at", symbol, since, until,
                       lambda: provider.actions(symbol, since, until)),
        lambda: _dated("news", NEWS_COLUMNS, "known_at", symbol, since, until,
                       lambda: provider.news(symbol, since, until)),
        lambda: _dated("filings", FILING_COLUMNS, "known_at", symbol, None, None,
                       lambda: provider.filings(symbol)),
        lambda: _dated("earnings", EARNINGS_COLUMNS, "known_at", symbol, None, None,
                       lambda: provider.earnings(symbol)),
        lambda: _quote(provider, symbol),
        lambda: _unknown(provider, timeframe, since, until),
    )  # fmt: skip
    return tuple(fault for check in checks for fault in _tried(check))


def _tried(check: Callable[[], Iterator[str]]) -> list[str]:
    """An answer that cannot even be looked at is a fault as well."""
    found: list[str] = []
    try:
        found.extend(check())
    except QuorumError as error:
        found.append(f"it refused what it must answer: {error}")
    except Exception as error:
        found.append(f"it crashed: {type(error).__name__}: {error}")
    return found


def _names(provider: Provider) -> Iterator[str]:
    if not IDENTIFIER.fullmatch(provider.name):
        yield f"name: {provider.name!r} must be {SPELLING}"
    simulated: object = provider.simulated
    if not isinstance(simulated, bool):
        yield f"simulated: {simulated!r} must be True or False"


def _bars(
    provider: Provider, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
) -> Iterator[str]:
    told = provider.bars(symbol, timeframe, start, end)
    yield from _columns("bars", told, BAR_COLUMNS)
    if told.empty:
        yield f"bars: none of {symbol} from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
        return
    yield from _times("bars", told["at"], start, end)
    if not (told["at"].is_monotonic_increasing and told["at"].is_unique):
        yield "bars: `at` must rise from bar to bar, each once"
    if timeframe is Timeframe.D1 and (told["at"] != told["at"].dt.normalize()).any():
        yield "bars: a daily bar is stamped with midnight UTC of its session's date"
    prices = told[PRICES].to_numpy(np.float64)
    if not (np.isfinite(prices) & (prices > 0.0)).all():
        yield "bars: every price must be finite and above zero"
    body = told[["open", "close"]]
    if (told["high"] < body.max(axis=1)).any() or (told["low"] > body.min(axis=1)).any():
        yield "bars: open and close must lie between low and high"
    if (told["volume"] < 0.0).any():
        yield "bars: volume must not be below zero"
    if not told.equals(provider.bars(symbol, timeframe, start, end)):
        yield "bars: asked again, it answered something else"
    later = told["at"].iloc[len(told) // 2]
    part = provider.bars(symbol, timeframe, later.to_pydatetime(), end)
    if (
        not part["at"]
        .reset_index(drop=True)
        .equals(told["at"][told["at"] >= later].reset_index(drop=True))
    ):
        yield f"bars: asked from {later:%Y-%m-%d} on, it answered with other bars than before"
    nothing = provider.bars(symbol, timeframe, start, start)
    yield from _columns("bars of no time", nothing, BAR_COLUMNS)
    if len(nothing):
        yield "bars: there are some that closed before they opened"


def _dated(
    source: str,
    columns: list[str],
    when: str,
    symbol: str,
    start: datetime | None,
    end: datetime | None,
    ask: Callable[[], pd.DataFrame],
) -> Iterator[str]:
    """Empty is an answer: there is nothing. What is there has its columns and its times."""
    try:
        told = ask()
    except ProviderError as error:
        yield f"{source}: could not be fetched now ({error}); check again later"
        return
    yield from _columns(source, told, columns)
    if told.empty or when not in told:
        return
    yield from _times(source, told[when], start, end)
    if "symbol" in columns and (told["symbol"].astype(str) != symbol).any():
        yield f"{source}: there are rows of other symbols than {symbol}"
    if source == "actions" and not told["kind"].isin(["split", "dividend"]).all():
        yield "actions: `kind` must be 'split' or 'dividend'"
    if source == "actions" and not (told["value"] > 0.0).all():
        yield "actions: `value` must be above zero"
    if source == "news" and not told["headline"].astype(str).str.strip().all():
        yield "news: a headline is empty"
    if source == "news" and not told["relevance"].between(0.0, 1.0).all():
        yield "news: `relevance` must lie between 0 and 1"
    if source == "filings" and not told["fiscal_quarter"].between(0, 4).all():
        yield "filings: `fiscal_quarter` must be 1 to 4, or 0 for a full year"


def _quote(provider: Provider, symbol: str) -> Iterator[str]:
    try:
        told = provider.quote(symbol)
    except (ProviderError, UnknownSymbolError):
        return
    if not (np.isfinite(told.price) and told.price > 0.0):
        yield f"quote: a price of {told.price!r} must be finite and above zero"
    if told.at.tzinfo is None:
        yield "quote: `at` must know its time zone"


def _unknown(
    provider: Provider, timeframe: Timeframe, start: datetime, end: datetime
) -> Iterator[str]:
    try:
        told = provider.bars(UNKNOWN, timeframe, start, end)
    except (UnknownSymbolError, ProviderError):
        return
    yield f"bars: for {UNKNOWN} it gave {len(told)} bars and must raise UnknownSymbolError"


def _columns(source: str, told: pd.DataFrame, columns: list[str]) -> Iterator[str]:
    if list(told.columns) != columns:
        yield f"{source}: the columns are {list(told.columns)} and must be {columns}"


def _times(
    source: str, at: "pd.Series[pd.Timestamp]", start: datetime | None, end: datetime | None
) -> Iterator[str]:
    if str(getattr(at.dtype, "tz", None)) != "UTC":
        yield f"{source}: `{at.name}` must be instants in UTC, and is {at.dtype}"
        return
    if start is not None and (at < start).any():
        yield f"{source}: there are rows before the {start:%Y-%m-%d} that was asked for"
    if end is not None and (at > end).any():
        yield f"{source}: there are rows after the {end:%Y-%m-%d} that was asked for"
