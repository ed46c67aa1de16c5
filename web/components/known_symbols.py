"""The symbols that a page or a program may ask for."""

from domain.errors import UnknownSymbolError
from domain.symbols import asset_class, parse_symbol
from market.store import MarketDataStore
from storage.journal.decision_records import SqlDecisionRecords
from web.services import ServedRun, WatchedSymbols


class KnownSymbols:
    """The symbols that are watched, have bars or were decided on in the served run."""

    def __init__(
        self,
        served_run: ServedRun,
        store: MarketDataStore,
        records: SqlDecisionRecords,
        watched_symbols: WatchedSymbols,
    ) -> None:
        self._served_run, self._store, self._records = served_run, store, records
        self._watched_symbols = watched_symbols

    def require(self, text: str) -> str:
        """Return the symbol that `text` spells, in its canonical spelling or in the one that an
        earlier version stored. Raises UnknownSymbolError for any other."""
        symbol, served = parse_symbol(text), self._served_run
        for spelling in dict.fromkeys((symbol, text.strip().upper())):
            if self._is_known(spelling):
                return spelling
        raise UnknownSymbolError(
            f"Nothing is stored for {symbol} ({asset_class(symbol).value}) in the {served.market} "
            "market. Add it to the watchlist, or import its bars with `quorum import`."
        )

    def _is_known(self, symbol: str) -> bool:
        served = self._served_run
        return (
            symbol in self._watched_symbols()
            or self.has_bars(symbol)
            or bool(self._records.history(served.market, served.run, symbol, 1))
        )

    def has_bars(self, symbol: str) -> bool:
        served = self._served_run
        return self._store.span(served.market, symbol, served.timeframe) is not None
