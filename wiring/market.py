"""Which market is in force, and the simulated time of the demo."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import ConfigurationError
from domain.plugins import refuse_unknown_options
from domain.symbols import ALWAYS_OPEN, asset_class
from market.feed import Feed
from market.provider import Provider
from market.registry import AUTO, FILES, SHIPPED, make
from settings import Settings
from storage.journal.sql_journal import SqlJournal
from storage.market_data.sql_store import SqlMarketDataStore
from wiring.stores import Log, TimeSource

LIVE_RUN = "live"
"""The run of the engine's own cycles."""


@dataclass(frozen=True, slots=True)
class ActiveMarket:
    """The market in force. `feed` is None if nothing is fetched (imported files)."""

    name: str
    simulated: bool
    feed: Feed | None


def choose_market(
    settings: Settings, store: SqlMarketDataStore, now: TimeSource, log: Log
) -> ActiveMarket:
    """Return the configured market; `auto` takes imported files, else Yahoo if it answers, else the
    demo.

    `now` is the demo's clock. Logs what `auto` chose. Raises ConfigurationError if only the demo is
    left although some classes of symbols have a real market of their own.
    """
    configured = settings.market.provider
    name = _detect_market(settings, store, log) if configured == AUTO else configured
    by_class = settings.market.by_class
    fetched = sorted({name, *by_class.values()} - {FILES})
    if not fetched:
        return ActiveMarket(FILES, simulated=False, feed=None)
    if len(fetched) > 1:
        raise ConfigurationError(
            f"market.provider {name!r} and market.by_class fetch from {' and '.join(fetched)}, and "
            f"one provider is fetched from at a time. Use {FILES!r} for all but one of them."
        )
    provider = make_provider(settings, fetched[0], now)

    def serves(symbol: str) -> bool:
        return by_class.get(asset_class(symbol), name) == provider.name

    feed = Feed(provider, store, settings.feed, serves)
    return ActiveMarket(name, provider.simulated, feed)


def _detect_market(settings: Settings, store: SqlMarketDataStore, log: Log) -> str:
    by_class = settings.market.by_class
    if any(asset_class(symbol) not in by_class for symbol in store.symbols("files")):
        log("Market: files, for this home holds imported history (--market yahoo for live data).")
        return "files"
    if _yahoo_answers(settings):
        return "yahoo"
    if by_class:
        raise ConfigurationError(
            "Yahoo cannot be reached, and the simulated market cannot take its place beside "
            "market.by_class: simulated and real prices are never mixed. Remove by_class, or set "
            "market.provider to 'files' or 'yahoo'."
        )
    log(
        "Yahoo cannot be reached, so this is the SIMULATED demo market: invented prices, headlines "
        "and filings. Try `--market yahoo` when there is a network."
    )
    return "demo"


def _yahoo_answers(settings: Settings) -> bool:
    from market.providers.yahoo import YahooProvider

    return YahooProvider(settings.home / "cache" / "yahoo", settings.yahoo.url).is_reachable()


def make_provider(settings: Settings, name: str, now: TimeSource) -> Provider:
    """Return the provider called `name` with its settings: a section for those that ship, a table
    of options for others. `now` is the demo's clock."""
    options = settings.market.options.get(name, {})
    if name in SHIPPED:
        refuse_unknown_options(f"market.options.{name}", options, None)
    own = getattr(settings, name, options) if name in SHIPPED else options
    provider = make(name, own, cache=settings.home / "cache" / name, now=now)
    if provider.simulated and settings.market.timeframe.intraday:
        raise ConfigurationError(
            f"The demo market has daily bars only, not {settings.market.timeframe}. Set "
            "market.timeframe to 1d, or choose another market."
        )
    return provider


def demo_now(journal: SqlJournal) -> datetime:
    """Return the simulated time: the newest bar that the engine decided on, else where it
    starts."""
    from market.simulated.provider import LIVE_START

    cursors = [journal.cursor("demo", LIVE_RUN, calendar) for calendar in ("XNYS", ALWAYS_OPEN)]
    return max([LIVE_START, *(at for at in cursors if at)])
