"""Contract checks of a provider, for its tests and for `quorum check`.

Call `check_provider(MyProvider(), "AAPL")` in a test. Checks the form of the data, not whether they
are true. Makes several requests, so it is slow where requests are slow.
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

UNKNOWN_SYMBOL = "NO-SUCH-SYMBOL"
PRICES = ["open", "high", "low", "close", "adj_close"]
DEFAULT_DAYS = 60
"""Length of the range checked without a `start`."""


def check_provider(
    provider: Provider,
    symbol: str,
    start: datetime | None = None,
    end: datetime | None = None,
    timeframe: Timeframe = Timeframe.D1,
) -> None:
    """Raise AssertionError listing every fault of `provider` with `symbol`, which it must know.

    The range is `start` to `end`; by default the last `DEFAULT_DAYS` days.
    """
    if broken := find_faults(provider, symbol, start, end, timeframe):
        raise AssertionError("\n".join(broken))


def find_faults(
    provider: Provider,
    symbol: str,
    start: datetime | None = None,
    end: datetime | None = None,
    timeframe: Timeframe = Timeframe.D1,
) -> tuple[str, ...]:
    """Return a sentence about each fault, empty where the provider keeps the contract."""
    until = end or datetime.now(UTC)
    since = start or until - timedelta(days=DEFAULT_DAYS)
    checks: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _check_names(provider),
        lambda: _check_bars(provider, symbol, timeframe, since, until),
        lambda: _check_events("actions", ACTION_COLUMNS, "at", symbol, since, until,
                       lambda: provider.actions(symbol, since, until)),
        lambda: _check_events("news", NEWS_COLUMNS, "known_at", symbol, since, until,
                       lambda: provider.news(symbol, since, until)),
        lambda: _check_events("filings", FILING_COLUMNS, "known_at", symbol, None, None,
                       lambda: provider.filings(symbol)),
        lambda: _check_events("earnings", EARNINGS_COLUMNS, "known_at", symbol, None, None,
                       lambda: provider.earnings(symbol)),
        lambda: _check_quote(provider, symbol),
        lambda: _check_unknown_symbol(provider, timeframe, since, until),
    )  # fmt: skip
    return tuple(fault for check in checks for fault in _run_check(check))


def _run_check(check: Callable[[], Iterator[str]]) -> list[str]:
    """Collect the faults of one check; an exception is a fault as well."""
    found: list[str] = []
    try:
        found.extend(check())
    except QuorumError as error:
        found.append(f"it refused what it must answer: {error}")
    except Exception as error:
        found.append(f"it crashed: {type(error).__name__}: {error}")
    return found


def _check_names(provider: Provider) -> Iterator[str]:
    if not IDENTIFIER.fullmatch(provider.name):
        yield f"name: {provider.name!r} must be {SPELLING}"
    simulated: object = provider.simulated
    if not isinstance(simulated, bool):
        yield f"simulated: {simulated!r} must be True or False"


def _check_bars(
    provider: Provider, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
) -> Iterator[str]:
    frame = provider.bars(symbol, timeframe, start, end)
    yield from _check_columns("bars", frame, BAR_COLUMNS)
    if frame.empty:
        yield f"bars: none of {symbol} from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
        return
    yield from _check_times("bars", frame["at"], start, end)
    if not (frame["at"].is_monotonic_increasing and frame["at"].is_unique):
        yield "bars: `at` must rise from bar to bar, each once"
    if timeframe is Timeframe.D1 and (frame["at"] != frame["at"].dt.normalize()).any():
        yield "bars: a daily bar is stamped with midnight UTC of its session's date"
    prices = frame[PRICES].to_numpy(np.float64)
    if not (np.isfinite(prices) & (prices > 0.0)).all():
        yield "bars: every price must be finite and above zero"
    body = frame[["open", "close"]]
    if (frame["high"] < body.max(axis=1)).any() or (frame["low"] > body.min(axis=1)).any():
        yield "bars: open and close must lie between low and high"
    if (frame["volume"] < 0.0).any():
        yield "bars: volume must not be below zero"
    if not frame.equals(provider.bars(symbol, timeframe, start, end)):
        yield "bars: asked again, it answered something else"
    later = frame["at"].iloc[len(frame) // 2]
    part = provider.bars(symbol, timeframe, later.to_pydatetime(), end)
    if (
        not part["at"]
        .reset_index(drop=True)
        .equals(frame["at"][frame["at"] >= later].reset_index(drop=True))
    ):
        yield f"bars: asked from {later:%Y-%m-%d} on, it answered with other bars than before"
    nothing = provider.bars(symbol, timeframe, start, start)
    yield from _check_columns("bars of no time", nothing, BAR_COLUMNS)
    if len(nothing):
        yield "bars: there are some that closed before they opened"


def _check_events(
    source: str,
    columns: list[str],
    time_column: str,
    symbol: str,
    start: datetime | None,
    end: datetime | None,
    read: Callable[[], pd.DataFrame],
) -> Iterator[str]:
    """Yield faults of an event source; an empty frame with the right columns is valid."""
    try:
        frame = read()
    except ProviderError as error:
        yield f"{source}: could not be fetched now ({error}); check again later"
        return
    yield from _check_columns(source, frame, columns)
    if frame.empty or time_column not in frame:
        return
    yield from _check_times(source, frame[time_column], start, end)
    if "symbol" in columns and (frame["symbol"].astype(str) != symbol).any():
        yield f"{source}: there are rows of other symbols than {symbol}"
    if source == "actions" and not frame["kind"].isin(["split", "dividend"]).all():
        yield "actions: `kind` must be 'split' or 'dividend'"
    if source == "actions" and not (frame["value"] > 0.0).all():
        yield "actions: `value` must be above zero"
    if source == "news" and not frame["headline"].astype(str).str.strip().all():
        yield "news: a headline is empty"
    if source == "news" and not frame["relevance"].between(0.0, 1.0).all():
        yield "news: `relevance` must lie between 0 and 1"
    if source == "filings" and not frame["fiscal_quarter"].between(0, 4).all():
        yield "filings: `fiscal_quarter` must be 1 to 4, or 0 for a full year"


def _check_quote(provider: Provider, symbol: str) -> Iterator[str]:
    try:
        quote = provider.quote(symbol)
    except (ProviderError, UnknownSymbolError):
        return
    if not (np.isfinite(quote.price) and quote.price > 0.0):
        yield f"quote: a price of {quote.price!r} must be finite and above zero"
    if quote.at.tzinfo is None:
        yield "quote: `at` must know its time zone"


def _check_unknown_symbol(
    provider: Provider, timeframe: Timeframe, start: datetime, end: datetime
) -> Iterator[str]:
    try:
        bars = provider.bars(UNKNOWN_SYMBOL, timeframe, start, end)
    except (UnknownSymbolError, ProviderError):
        return
    yield f"bars: for {UNKNOWN_SYMBOL} it gave {len(bars)} bars and must raise UnknownSymbolError"


def _check_columns(source: str, frame: pd.DataFrame, columns: list[str]) -> Iterator[str]:
    if list(frame.columns) != columns:
        yield f"{source}: the columns are {list(frame.columns)} and must be {columns}"


def _check_times(
    source: str, at: "pd.Series[pd.Timestamp]", start: datetime | None, end: datetime | None
) -> Iterator[str]:
    if str(getattr(at.dtype, "tz", None)) != "UTC":
        yield f"{source}: `{at.name}` must be instants in UTC, and is {at.dtype}"
        return
    if start is not None and (at < start).any():
        yield f"{source}: there are rows before the {start:%Y-%m-%d} that was asked for"
    if end is not None and (at > end).any():
        yield f"{source}: there are rows after the {end:%Y-%m-%d} that was asked for"
