"""Builds panels from the store: everything known of some symbols as of an instant, one a calendar.

A panel begins with the first stored bar of its symbols or of their benchmark (or `since`) and ends
with the symbols' last bar closed by `as_of`, so a panel built as of an earlier instant is the
beginning of one built as of a later one, to the last bit. A symbol that fails the quality gate
stays in its panel, and its verdict says why. Leaves out fetching (`market/feed.py`) and any repair
of stored data.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from domain.decision import QualityVerdict
from domain.errors import InputError, UnknownSymbolError
from domain.instants import INSTANT, Times, to_datetime64
from domain.panel import Bools, EventSource, Floats, Panel
from domain.symbols import ALWAYS_OPEN, calendar_of, did_you_mean
from domain.timeframe import Timeframe
from market import calendars
from market.panels import fundamental_events
from market.quality import gate
from market.series import BarSeries, read_series
from market.store import MarketDataStore

BENCHMARKS: Mapping[str, tuple[str, ...]] = {
    "XNYS": ("SPY",),
    ALWAYS_OPEN: ("BTC-USD", "BTC-USDT"),
}
"""By calendar, candidates for the benchmark of its market; the first one stored is used."""

_SOURCES: tuple[EventSource, ...] = ("news", "filings", "earnings")


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelQuery:
    """Which panels are built: of `symbols`, as known at `as_of`.

    `horizon` is in bars; 1 where nobody votes. `since` is the first opening instant that is kept
    (None: the first that is stored); bars are judged from the first stored one on.
    """

    market: str
    symbols: Sequence[str]
    timeframe: Timeframe
    as_of: datetime
    horizon: int = 1
    since: datetime | None = None
    simulated: bool = False


def build_panels(
    store: MarketDataStore, query: PanelQuery
) -> list[tuple[Panel, tuple[QualityVerdict, ...]]]:
    """Build one panel per calendar, in the order of first appearance in the query's symbols, with a
    verdict for each symbol.

    Raises UnknownSymbolError for a symbol without stored bars, and InputError if no symbol had a
    bar by `as_of`.
    """
    return [
        (
            _panel(store, query, stored),
            tuple(gate.check_series(one, stored.actions, query.as_of) for one in stored.all_series),
        )
        for stored in _read_stored(store, query)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class PanelHistory:
    """A panel of T bars and N symbols with three (T, N) arrays: `blocked`, whether the quality gate
    would have blocked the symbol at the close of that row; `withheld`, whether its bar is left out
    because it is in doubt; and `factor`, the panel's price over the traded price, NaN without a
    bar."""

    panel: Panel
    blocked: Bools
    withheld: Bools
    factor: Floats


def build_panel_histories(store: MarketDataStore, query: PanelQuery) -> list[PanelHistory]:
    """Build the panels of `build_panels` as `PanelHistory`. Raises as `build_panels` does."""
    built = []
    for stored in _read_stored(store, query):
        panel = _panel(store, query, stored)
        blocked = [gate.blocked_rows(s, stored.actions, panel.known_at) for s in stored.all_series]
        factor = _grid(panel.known_at, stored.all_series, "factor")
        withheld = [np.isin(panel.known_at, one.withheld.at) for one in stored.all_series]
        built.append(
            PanelHistory(panel, np.stack(blocked, axis=1), np.stack(withheld, axis=1), factor)
        )
    return built


def build_bar_panels(store: MarketDataStore, query: PanelQuery) -> list[tuple[Panel, Floats]]:
    """Build price-only panels for trade simulation, without news, filings or earnings, each with
    its `factor` (T, N) as in `PanelHistory`. Raises as `build_panels` does."""
    built = []
    for stored in _read_stored(store, query):
        bars = _bars(query, stored)
        built.append((bars, _grid(bars.known_at, stored.all_series, "factor")))
    return built


@dataclass(frozen=True, slots=True, eq=False)
class _StoredBars:
    """The bars of one calendar's symbols, of its benchmark, and the symbols' actions."""

    all_series: Sequence[BarSeries]
    benchmark: BarSeries | None
    actions: pd.DataFrame


def _read_stored(store: MarketDataStore, query: PanelQuery) -> list[_StoredBars]:
    market, timeframe, as_of = query.market, query.timeframe, query.as_of
    requested = tuple(dict.fromkeys(query.symbols))
    stored = set(store.symbols(market, timeframe))
    _require_known(requested, stored, market, timeframe)
    by_calendar: dict[str, list[str]] = {}
    for symbol in requested:
        by_calendar.setdefault(calendar_of(symbol), []).append(symbol)

    found = []
    for calendar, names in by_calendar.items():
        benchmark = _benchmark_of(calendar, stored)
        every = tuple(dict.fromkeys([*names, *([benchmark] if benchmark else [])]))
        series = read_series(store, market, every, timeframe, as_of, query.since)
        read = {one.symbol: one for one in series}
        actions = store.read_many(market, names, "actions", None, as_of + INSTANT)
        found.append(
            _StoredBars([read[each] for each in names], read.get(benchmark or ""), actions)
        )
    if requested and not any(len(one.known_at) for each in found for one in each.all_series):
        raise _before_history_error(store, query)
    return found


def _benchmark_of(calendar: str, stored: Collection[str]) -> str | None:
    return next((each for each in BENCHMARKS.get(calendar, ()) if each in stored), None)


def _panel(store: MarketDataStore, query: PanelQuery, stored: _StoredBars) -> Panel:
    bars = _bars(query, stored)
    symbols, last = bars.symbols, bars.as_of
    return replace(
        bars,
        news=fundamental_events.load_news(store, query.market, symbols, last),
        filings=fundamental_events.load_filings(store, query.market, symbols, last),
        earnings=fundamental_events.load_earnings(store, query.market, symbols, last),
        unavailable=_unavailable(store, query.market, symbols),
    )


def _bars(query: PanelQuery, stored: _StoredBars) -> Panel:
    """A panel in which nothing has happened yet."""
    all_series = stored.all_series
    calendar, timeframe = all_series[0].calendar, all_series[0].timeframe
    known_at = _axis(all_series, stored.benchmark)
    if not len(known_at):
        closed = calendars.last_close(calendar, timeframe, query.as_of)
        known_at = np.array([to_datetime64(closed)])
    return Panel(
        symbols=tuple(one.symbol for one in all_series),
        calendar=calendar,
        timeframe=timeframe,
        known_at=known_at,
        open=_grid(known_at, all_series, "open"),
        high=_grid(known_at, all_series, "high"),
        low=_grid(known_at, all_series, "low"),
        close=_grid(known_at, all_series, "close"),
        volume=_grid(known_at, all_series, "volume"),
        benchmark=_benchmark(known_at, stored.benchmark),
        horizon=query.horizon,
        simulated=query.simulated,
    )


def _axis(all_series: Iterable[BarSeries], benchmark: BarSeries | None) -> Times:
    """Every closing instant of any symbol, in order; most symbols share all of theirs. A bar in
    doubt has a row too, so that a lone symbol's panel ends with it.

    The benchmark's instants are included as far back as they go, since a measure of the benchmark
    must not depend on the symbols in the panel. They never extend a panel at its end.
    """
    axis: Times = np.empty(0, "datetime64[us]")
    for one in all_series:
        closed_at = one.closed_at
        if not np.array_equal(axis, closed_at):
            axis = np.union1d(axis, closed_at)
    if benchmark is None or not len(axis):
        return axis
    until = np.searchsorted(benchmark.known_at, axis[-1], side="right")
    return np.union1d(axis, benchmark.known_at[:until])


def _grid(known_at: Times, all_series: Sequence[BarSeries], figure: str) -> Floats:
    """(T, N) values of the field `figure` on the axis `known_at`, NaN where a symbol has no bar."""
    grid = np.full((len(known_at), len(all_series)), np.nan)
    for n, one in enumerate(all_series):
        grid[_rows(known_at, one), n] = getattr(one, figure)
    return grid


def _rows(known_at: Times, one: BarSeries) -> "slice | np.ndarray":
    """Rows of the bars of `one` on the axis `known_at`, which includes all of them."""
    if not len(one.known_at):
        return slice(0, 0)
    start = int(np.searchsorted(known_at, one.known_at[0]))
    stop = start + len(one.known_at)
    if np.array_equal(known_at[start:stop], one.known_at):
        return slice(start, stop)
    return np.searchsorted(known_at, one.known_at)


def _benchmark(known_at: Times, benchmark: BarSeries | None) -> Floats:
    closes = np.full(len(known_at), np.nan)
    if benchmark is not None:
        _, ours, theirs = np.intersect1d(
            known_at, benchmark.known_at, assume_unique=True, return_indices=True
        )
        closes[ours] = benchmark.close[theirs]
    return closes


def _unavailable(
    store: MarketDataStore, market: str, symbols: Sequence[str]
) -> dict[EventSource, dict[str, str]]:
    found: dict[EventSource, dict[str, str]] = {}
    for source in _SOURCES:
        fetches = store.last_fetches(market, symbols, source)
        failed = {each: fetches[each].error for each in symbols if each in fetches}
        errors = {symbol: error for symbol, error in failed.items() if error is not None}
        if errors:
            found[source] = errors
    return found


def _require_known(
    requested: Sequence[str], stored: set[str], market: str, timeframe: Timeframe
) -> None:
    missing = [symbol for symbol in requested if symbol not in stored]
    if not missing:
        return
    names = ", ".join(missing)
    remedy = f"Fetch them with `quorum download {' '.join(missing)}`"
    if market == "files":
        remedy = f"Import some with `quorum import PATH`, or leave {names} out"
    raise UnknownSymbolError(
        f"No {timeframe} bars of {names} are stored in the market {market!r}. {remedy}."
        f"{did_you_mean(missing[0], stored)}"
    )


def _before_history_error(store: MarketDataStore, query: PanelQuery) -> InputError:
    market, since, requested = query.market, query.since, tuple(dict.fromkeys(query.symbols))
    spans = [store.span(market, symbol, query.timeframe) for symbol in requested]
    first = min(span[0] for span in spans if span)
    after = f" since {since:%Y-%m-%d}" if since else ""
    return InputError(
        f"No bar of {', '.join(requested)} had closed{after} by {query.as_of:%Y-%m-%d %H:%M} UTC;"
        f" the history in the market {market!r} begins on {first:%Y-%m-%d}. Ask for a later date or"
        " add older bars."
    )
