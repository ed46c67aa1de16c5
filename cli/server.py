"""`serve`: an engine in its thread, and the pages that show it.

The pages are served at once; Ray, models and history load behind a progress card.
"""

from datetime import timedelta

from settings import Settings
from wiring.engine import live_run
from wiring.home import Home, open_home
from wiring.server import RunServer, take_address
from wiring.stores import Log, utc_now

STALE_HISTORY = timedelta(days=30)
"""History that ended longer ago can only be replayed."""


def serve(settings: Settings, *, in_process: bool, log: Log) -> None:
    """Follow the watchlist and serve the pages until interrupted."""
    with take_address(settings) as listener, open_home(settings, log) as home:
        server = RunServer(home, live_run(home), listener, in_process=in_process)
        log_address(home, server.url, log)
        _warn_stale_history(home, log)
        server.serve()


def log_address(home: Home, url: str, log: Log) -> None:
    market = home.market
    label = "the SIMULATED demo market" if market.simulated else f"the market '{market.name}'"
    log(f"Quorum watches {label} at {url} (Ctrl-C ends it). Not investment advice.")


def _warn_stale_history(home: Home, log: Log) -> None:
    """Warn about imported files that have ended: nothing adds bars to them, so in live use they are
    soon too old to decide on."""
    if home.market.feed is not None:
        return
    stores, timeframe = home.stores, home.settings.market.timeframe
    spans = [
        stores.market_data.span(home.market.name, symbol, timeframe)
        for symbol in stores.watchlist.symbols()
    ]
    newest = max((span[1] for span in spans if span), default=None)
    if newest is not None and utc_now() - newest > STALE_HISTORY:
        log(
            f"The imported history ends {newest:%Y-%m-%d}, so its symbols are blocked as stale. "
            f"To watch it as if live: quorum replay --from {newest - STALE_HISTORY:%Y-%m-%d} "
            f"--to {newest:%Y-%m-%d}"
        )
