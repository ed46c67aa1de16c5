"""Yahoo Finance through yfinance: the only file that makes requests to it.

Every request is throttled, has a timeout and is retried with backoff. Every failure becomes one of
our errors: RateLimitedError where Yahoo limits the rate, UnknownSymbolError for a symbol that it
does not know, ProviderError for all else (no network, no JSON, an unexpected shape). An empty frame
means that Yahoo answered and has nothing. Leaves out caching (the feed's) and streaming prices.
"""

import json
import logging
import threading
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pandas as pd
import stamina
import yfinance
from curl_cffi import requests
from yfinance.data import YfData
from yfinance.exceptions import (
    YFException,
    YFPricesMissingError,
    YFRateLimitError,
    YFTzMissingError,
)

from domain.errors import InputError, ProviderError, RateLimitedError, UnknownSymbolError
from domain.timeframe import Timeframe
from market.provider import BAR_COLUMNS, Quote
from market.providers import yahoo_tables as tables
from market.settings import YahooSettings

log = logging.getLogger(__name__)

Result = TypeVar("Result")

ATTEMPTS = 3
TIMEOUT = 10.0
PROBE_TIMEOUT = 3.0
HEADLINES = 50
ANNOUNCEMENTS = 25
SECONDS_BETWEEN_REQUESTS = 0.2

_PROBE = "https://query2.finance.yahoo.com/v8/finance/chart/SPY?range=1d&interval=1d"
_SYMBOL_PATHS = ("/finance/chart/", "/finance/quoteSummary/", "/finance/quote")
"""Paths that answer 404 to a symbol that Yahoo does not know."""

_AUXILIARY_PATHS = ("/v1/test/getcrumb", "/consent", "/v2/collectConsent", "/copyConsent", "/", "")
"""Paths of yfinance's requests for cookies and crumbs, which may fail without harm."""

_INTRADAY_HISTORY = {
    Timeframe.M1: timedelta(days=29),
    Timeframe.M5: timedelta(days=59),
    Timeframe.M15: timedelta(days=59),
    Timeframe.M30: timedelta(days=59),
    Timeframe.H1: timedelta(days=729),
}
"""How far back Yahoo keeps intraday bars, less a day."""

_MAX_REQUEST = {Timeframe.M1: timedelta(days=7)}


class _Session(requests.Session[requests.Response]):
    """An HTTP session to Yahoo, or to a proxy at `url`; keeps the last response with data."""

    def __init__(self, url: str | None, seconds_between: float) -> None:
        super().__init__(impersonate="chrome")
        self._url = url.rstrip("/") if url else None
        self._seconds_between = seconds_between
        self._free_at = 0.0
        self.last_response: Any = None

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> Any:
        parts = urlsplit(url)
        if self._url:
            url = self._url + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        options["timeout"] = min(options.get("timeout") or TIMEOUT, TIMEOUT)
        self._wait()
        response = super().request(method, url, *args, **options)
        if parts.path not in _AUXILIARY_PATHS:
            self.last_response = response
        return response

    def _wait(self) -> None:
        pause = self._free_at - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._free_at = time.monotonic() + self._seconds_between


class YahooProvider:
    """A `Provider` of Yahoo's bars, corporate actions, news, statements, earnings and quotes.

    `cache` is the directory for what yfinance keeps (cookies, time zones). `url` is a proxy that
    answers as Yahoo does; None for Yahoo itself. Safe to call from several threads; requests are
    made one after the other.
    """

    name = "yahoo"
    simulated = False
    Settings = YahooSettings

    @classmethod
    def create(
        cls,
        settings: YahooSettings,
        *,
        cache: Path,
        now: Callable[[], datetime],  # noqa: ARG003 Yahoo's clock is real time
    ) -> "YahooProvider":
        return cls(cache, settings.url)

    def __init__(
        self,
        cache: Path,
        url: str | None = None,
        *,
        seconds_between_requests: float = SECONDS_BETWEEN_REQUESTS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        yfinance.set_tz_cache_location(str(cache))
        yfinance.config.debug.hide_exceptions = False
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="yfinance")
        # Retries are ordinary: a failure after the last one is reported once, by the error.
        stamina.instrumentation.set_on_retry_hooks(())
        self._session = _Session(url, seconds_between_requests)
        self._clock = clock
        self._lock = threading.RLock()
        self._companies: dict[str, str] = {}
        self._repeat = stamina.RetryingCaller(
            attempts=ATTEMPTS, timeout=60.0, wait_initial=1.0, wait_max=8.0
        ).on(ProviderError)

    def is_reachable(self) -> bool:
        """Whether Yahoo serves prices to this machine now; returns within a few seconds."""
        with self._lock:
            try:
                response = self._session.get(_PROBE, timeout=PROBE_TIMEOUT)
                chart = json.loads(response.text)["chart"]
                return bool(response.status_code == 200 and chart["result"])
            except (requests.exceptions.RequestException, ValueError, LookupError, TypeError):
                return False

    def bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        """Bars with `start <= at < end`, as far back as Yahoo keeps bars of that length.

        Raises InputError where the whole range lies further back.
        """
        start = self._clip(timeframe, start, end)
        parts = []
        while start < end:
            stop = min(end, start + _MAX_REQUEST.get(timeframe, end - start))
            parts.append(self._bars(symbol, timeframe, start, stop))
            start = stop
        full = [part for part in parts if not part.empty]
        return pd.concat(full, ignore_index=True) if full else tables.empty_frame(BAR_COLUMNS)

    def actions(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame:
        """Splits and dividends, `start <= at < end`."""
        history = self._history(symbol, Timeframe.D1, start, end)
        return _between(tables.actions(symbol, history), "at", start, end)

    def news(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame:
        """The latest headlines (Yahoo lists no others), `start <= known_at < end`.

        `relevance` is 1 where the headline or the summary names the company.
        """
        company = self._company(symbol)

        def query(ticker: yfinance.Ticker) -> pd.DataFrame:
            articles = ticker.get_news(count=HEADLINES)
            listed = self._session.last_response.json()["data"]["tickerStream"]["stream"]
            frame = tables.news(symbol, articles, company)
            if listed and frame.empty:
                raise ProviderError(f"Yahoo's news of {symbol} have another shape than expected.")
            return frame

        return _between(self._request(symbol, query), "known_at", start, end)

    def filings(self, symbol: str) -> pd.DataFrame:
        """Quarterly and yearly figures, known from now on because Yahoo gives no filing date."""

        def query(ticker: yfinance.Ticker) -> pd.DataFrame:
            yearly = self._statement(ticker, "yearly")
            quarterly = self._statement(ticker, "quarterly")
            return tables.filings(symbol, quarterly, yearly, self._clock())

        return self._request(symbol, query)

    def earnings(self, symbol: str) -> pd.DataFrame:
        """Earnings announced so far, each known at the end of the hour or day of its timestamp."""

        def query(ticker: yfinance.Ticker) -> pd.DataFrame:
            dates = ticker.get_earnings_dates(limit=ANNOUNCEMENTS)
            if dates is None and "earnings" not in self._session.last_response.text.lower():
                raise ProviderError(f"Yahoo answered for {symbol} with no page of earnings.")
            return tables.earnings(symbol, dates, self._clock())

        return self._request(symbol, query)

    def quote(self, symbol: str) -> Quote:
        """The last price and the close before it."""

        def query(ticker: yfinance.Ticker) -> Quote:
            history = ticker.history(period="5d", auto_adjust=False)
            metadata = ticker.get_history_metadata()
            closes = history["Close"].dropna()
            return Quote(
                symbol=symbol,
                at=pd.Timestamp(metadata["regularMarketTime"]).tz_convert("UTC").to_pydatetime(),
                price=float(metadata["regularMarketPrice"]),
                previous_close=float(closes.iloc[-2]) if len(closes) > 1 else None,
                currency=str(metadata["currency"]),
                name=str(metadata.get("longName") or metadata.get("shortName") or symbol),
            )

        return self._request(symbol, query)

    def _clip(self, timeframe: Timeframe, start: datetime, end: datetime) -> datetime:
        reach = _INTRADAY_HISTORY.get(timeframe)
        if reach is None:
            return start
        earliest = self._clock() - reach
        if end <= earliest:
            raise InputError(
                f"Yahoo keeps {timeframe} bars only since {earliest:%Y-%m-%d}; {end:%Y-%m-%d} is"
                " earlier. Ask for 1d bars, or import a file."
            )
        if start < earliest:
            log.info("Yahoo keeps %s bars only since %s.", timeframe, f"{earliest:%Y-%m-%d}")
        return max(start, earliest)

    def _bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        history = self._history(symbol, timeframe, start, end)
        return _between(tables.bars(history, timeframe.intraday), "at", start, end)

    def _history(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        """yfinance's own frame; for daily bars with an extra day on each side, to cover every
        exchange's time zone."""
        margin = timedelta(0) if timeframe.intraday else timedelta(days=1)

        def query(ticker: yfinance.Ticker) -> pd.DataFrame:
            try:
                history: pd.DataFrame = ticker.history(
                    start=start - margin,
                    end=end + margin,
                    interval=str(timeframe),
                    auto_adjust=False,
                    actions=True,
                )
            except YFPricesMissingError:
                if self._has_no_prices():
                    return pd.DataFrame()
                raise
            metadata = ticker.get_history_metadata()
            name = metadata.get("longName") or metadata.get("shortName") or ""
            self._companies[symbol] = str(name)
            return history

        return self._request(symbol, query)

    def _statement(self, ticker: yfinance.Ticker, frequency: str) -> pd.DataFrame:
        try:
            statement: pd.DataFrame = ticker.get_income_stmt(freq=frequency)
        except YFException:
            if self._session.last_response.json()["timeseries"]["result"] == []:
                return pd.DataFrame()
            raise
        return statement

    def _has_no_prices(self) -> bool:
        """Whether Yahoo knows the symbol of the last chart but has no prices for its range."""
        try:
            chart = self._session.last_response.json()["chart"]
            return bool(chart["result"]) or "Data doesn't exist" in chart["error"]["description"]
        except (ValueError, LookupError, TypeError):
            return False

    def _company(self, symbol: str) -> str:
        """The company's name at Yahoo, '' where it has none."""
        if symbol not in self._companies:
            now = self._clock()
            self._history(symbol, Timeframe.D1, now - timedelta(days=5), now)
        return self._companies.get(symbol, "")

    def _request(self, symbol: str, query: Callable[[yfinance.Ticker], Result]) -> Result:
        """Return yfinance's answer; raise one of our errors after `ATTEMPTS` attempts."""
        with self._lock:
            return self._repeat(self._request_once, symbol, query)

    def _request_once(self, symbol: str, query: Callable[[yfinance.Ticker], Result]) -> Result:
        YfData.cache_get.cache_clear()  # it would cache failures and outdated pages for ever
        self._session.last_response = None
        try:
            result = query(yfinance.Ticker(symbol, session=self._session))
        except (ProviderError, InputError):
            raise
        except Exception as error:  # yfinance raises any error of its parsing
            raise self._translate(symbol, error) from error
        self._require_success(symbol)
        return result

    def _translate(self, symbol: str, error: Exception) -> Exception:
        try:
            self._require_success(symbol)
        except (ProviderError, InputError) as refusal:
            return refusal
        if isinstance(error, YFRateLimitError):
            return _rate_limited_error()
        if isinstance(error, YFTzMissingError):
            return _unknown_symbol_error(symbol)
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        return ProviderError(f"Yahoo could not be asked for {symbol} ({reason}). Try again later.")

    def _require_success(self, symbol: str) -> None:
        """Raise where the last response had a failing status that yfinance may have hidden."""
        status = (
            self._session.last_response.status_code
            if self._session.last_response is not None
            else 200
        )
        if status == 429:
            raise _rate_limited_error()
        if status == 404 and any(path in self._session.last_response.url for path in _SYMBOL_PATHS):
            raise _unknown_symbol_error(symbol)
        if status >= 400 and not (status in (400, 422) and self._has_no_prices()):
            raise ProviderError(f"Yahoo answered {status} for {symbol}. Try again later.")


def _between(frame: pd.DataFrame, column: str, start: datetime, end: datetime) -> pd.DataFrame:
    inside = (frame[column] >= pd.Timestamp(start)) & (frame[column] < pd.Timestamp(end))
    return frame.loc[inside].reset_index(drop=True)


def _rate_limited_error() -> RateLimitedError:
    return RateLimitedError("Yahoo says that it is asked too often (429). Try again later.")


def _unknown_symbol_error(symbol: str) -> UnknownSymbolError:
    return UnknownSymbolError(
        f"Yahoo does not know {symbol}, or it is no longer traded. Look the symbol up at"
        " finance.yahoo.com."
    )
