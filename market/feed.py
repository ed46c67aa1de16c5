"""Keeps the store up to date with a provider, without fetching again what is stored.

Bars are fetched when a new one must have closed (`market/backfill.py`); news, filings, earnings and
corporate actions each at their own interval. Every attempt is recorded in the store, so that a
panel can tell "nothing there" from "could not be fetched". One failure never stops the rest, but
after a rate limit the provider gets no requests for a while. Leaves out when to run (the engine's
clock) and how to make requests (the provider).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import InputError, ProviderError, RateLimitedError
from domain.store_reports import FetchStatus, WriteReport
from domain.symbols import AssetClass, asset_class
from domain.timeframe import Timeframe
from market.backfill import Download, are_bars_due, download_bars
from market.provider import Progress, Provider
from market.store import MarketDataStore

MAX_PAUSE = timedelta(hours=1)


class FeedSettings(BaseModel):
    """How much history is fetched, and how often each source is asked again."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    history_days: int = Field(default=730, ge=30)
    """How far back the first fetch of a symbol reaches."""
    news_minutes: float = Field(default=15, gt=0)
    """Headlines are asked for again after this."""
    filings_hours: float = Field(default=12, gt=0)
    """Filings are asked for again after this."""
    earnings_hours: float = Field(default=12, gt=0)
    """Announced earnings are asked for again after this."""
    actions_hours: float = Field(default=24, gt=0)
    """Splits and dividends are asked for again after this."""
    retry_seconds: float = Field(default=60, ge=0)
    """A failed attempt is not repeated earlier than this."""
    pause_minutes: float = Field(default=5, gt=0)
    """Rest after the provider says it is asked too often; doubles each time, up to an hour."""


class FetchState(StrEnum):
    FETCHED = "fetched"
    CACHED = "cached"
    STALE = "stale"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FetchOutcome:
    """The result of fetching one source of one symbol; `source` is named as in
    `MarketDataStore.last_fetch`.

    `rows` is how many were added or changed. STALE: the fetch failed, but data fetched at `since`
    is stored. FAILED: the fetch failed and nothing is stored. Both give a `reason`.
    """

    symbol: str
    source: str
    state: FetchState
    rows: int = 0
    since: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _FetchTask:
    """One source of one symbol to fetch; `timeframe` is set for bars only."""

    symbol: str
    source: str
    timeframe: Timeframe | None = None


class Feed:
    """Fetches from `provider` what is missing in `store`; the provider's name is the market.

    Symbols for which `serves` is false come from elsewhere and are skipped.
    """

    def __init__(
        self,
        provider: Provider,
        store: MarketDataStore,
        settings: FeedSettings | None = None,
        serves: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._provider = provider
        self._store = store
        self._serves = serves
        self._settings = settings or FeedSettings()
        self._market = provider.name
        self._intervals = {
            "news": timedelta(minutes=self._settings.news_minutes),
            "actions": timedelta(hours=self._settings.actions_hours),
            "filings": timedelta(hours=self._settings.filings_hours),
            "earnings": timedelta(hours=self._settings.earnings_hours),
        }
        self._rewritten: set[str] = set()
        self._paused_until: datetime | None = None
        self._pause = timedelta(minutes=self._settings.pause_minutes)

    def refresh(
        self,
        symbols: Sequence[str],
        timeframe: Timeframe,
        now: datetime,
        progress: Progress = lambda *_: None,
        since: datetime | None = None,
    ) -> list[FetchOutcome]:
        """Fetch what is due at `now`, the bars of all symbols first.

        With `since`, fetch history from then on, also where a shorter one is stored. A provider's
        error becomes an outcome, never an exception; a StorageError is raised.
        """
        served = [symbol for symbol in symbols if self._serves(symbol)]
        tasks = [_FetchTask(symbol, f"bars {timeframe}", timeframe) for symbol in served]
        for source in self._intervals:
            tasks += [
                _FetchTask(symbol, source) for symbol in served if _has_source(symbol, source)
            ]
        outcomes = []
        for done, task in enumerate(tasks, start=1):
            outcome = self._fetch_if_due(task, now, since)
            outcomes.append(outcome)
            reason = f": {outcome.reason}" if outcome.reason else ""
            progress(f"{task.symbol} {task.source}{reason}", done, len(tasks))
        return outcomes

    def _fetch_if_due(
        self, task: _FetchTask, now: datetime, since: datetime | None
    ) -> FetchOutcome:
        last = self._store.last_fetch(self._market, task.symbol, task.source)
        if not self._is_due(task, last, now, since):
            return FetchOutcome(task.symbol, task.source, FetchState.CACHED)
        retry = timedelta(seconds=self._settings.retry_seconds)
        if last and last.error and last.at <= now < last.at + retry:
            return _failed_outcome(task, last, last.error)
        try:
            download = self._request(task, last, now, since)
        except (ProviderError, InputError) as error:
            self._store.record_fetch(self._market, task.symbol, task.source, now, str(error))
            return _failed_outcome(task, last, str(error))
        with self._store.transaction():
            report = self._write(task, download)
            self._store.record_fetch(self._market, task.symbol, task.source, now)
        if task.timeframe and download.replace:
            self._rewritten.add(task.symbol)
        elif task.source == "actions":
            self._rewritten.discard(task.symbol)
        rows = report.added + (report.conflicting if download.replace else 0)
        return FetchOutcome(task.symbol, task.source, FetchState.FETCHED, rows)

    def _is_due(
        self, task: _FetchTask, last: FetchStatus | None, now: datetime, since: datetime | None
    ) -> bool:
        """Whether to fetch `task` at `now`. After a history was rewritten, actions are due at once:
        an account that holds the symbol needs the split."""
        fetched_at = last.succeeded_at if last else None
        if task.source == "actions" and task.symbol in self._rewritten:
            return True
        if task.timeframe:
            return since is not None or are_bars_due(
                self._store, self._market, task.symbol, task.timeframe, now, fetched_at
            )
        return fetched_at is None or now >= fetched_at + self._intervals[task.source]

    def _request(
        self, task: _FetchTask, last: FetchStatus | None, now: datetime, since: datetime | None
    ) -> Download:
        """Fetch `task`. Raises ProviderError during the pause after a rate limit."""
        if self._paused_until and now < self._paused_until:
            raise ProviderError(
                f"{self._market} is asked too often; it is left alone until"
                f" {self._paused_until:%H:%M} UTC."
            )
        try:
            download = self._download(task, last, now, since)
        except RateLimitedError:
            self._paused_until = now + self._pause
            self._pause = min(2 * self._pause, MAX_PAUSE)
            raise
        self._pause = timedelta(minutes=self._settings.pause_minutes)
        return download

    def _download(
        self, task: _FetchTask, last: FetchStatus | None, now: datetime, since: datetime | None
    ) -> Download:
        provider, symbol = self._provider, task.symbol
        history = now - timedelta(days=self._settings.history_days)
        if task.timeframe:
            start = since or self._first_bar(symbol, task.timeframe) or history
            return download_bars(provider, self._store, symbol, task.timeframe, start, now)
        if task.source == "news":
            fetched_at = last.succeeded_at if last else None
            start = fetched_at - timedelta(days=1) if fetched_at else history
            return Download(provider.news(symbol, start, now))
        if task.source == "actions":
            return Download(provider.actions(symbol, since or history, now))
        if task.source == "filings":
            return Download(self._new_filings(symbol, provider.filings(symbol)))
        earnings = provider.earnings(symbol)
        return Download(earnings[earnings["known_at"] <= pd.Timestamp(now)])

    def _first_bar(self, symbol: str, timeframe: Timeframe) -> datetime | None:
        span = self._store.span(self._market, symbol, timeframe)
        return span[0] if span else None

    def _new_filings(self, symbol: str, filings: pd.DataFrame) -> pd.DataFrame:
        """`filings` without the periods already stored: a figure is known from its first fetch."""
        period = ["fiscal_year", "fiscal_quarter"]
        stored = self._store.filings(self._market, symbol)
        known = pd.MultiIndex.from_frame(stored[period])
        return filings[~pd.MultiIndex.from_frame(filings[period]).isin(known)]

    def _write(self, task: _FetchTask, download: Download) -> WriteReport:
        frame, replace = download.frame, download.replace
        if task.timeframe:
            return self._store.put_bars(self._market, task.symbol, task.timeframe, frame, replace)
        put = {
            "news": self._store.put_news,
            "actions": self._store.put_actions,
            "filings": self._store.put_filings,
            "earnings": self._store.put_earnings,
        }[task.source]
        return put(self._market, task.symbol, frame, replace)


def _has_source(symbol: str, source: str) -> bool:
    """Whether `symbol` has `source`: all have news, only equities the other sources."""
    return source == "news" or asset_class(symbol) is AssetClass.EQUITY


def _failed_outcome(task: _FetchTask, last: FetchStatus | None, reason: str) -> FetchOutcome:
    since = last.succeeded_at if last else None
    state = FetchState.STALE if since else FetchState.FAILED
    return FetchOutcome(task.symbol, task.source, state, since=since, reason=reason)
