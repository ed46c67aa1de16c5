"""The watchlist: the symbols that are followed, in the order in which the user added them."""

import json
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select, update
from sqlmodel import col

from domain.errors import UnknownSymbolError
from domain.events import Event, EventKind
from domain.symbols import parse_symbol
from storage import tables
from storage.database import Database, insert_missing
from storage.journal.cycle_rows import canonical_text
from storage.journal.sql_journal import SqlJournal


class SqlWatchlist:
    """One database's list: `defaults` until the first edit, then the edited list.

    Every edit is an event of the journal, in the same uow.
    """

    def __init__(self, database: Database, defaults: Sequence[str]) -> None:
        self._database = database
        self._journal = SqlJournal(database)
        self._defaults = tuple(defaults)

    def symbols(self) -> tuple[str, ...]:
        with self._database.reading() as connection:
            return self._stored(connection)

    def add(self, symbol: str) -> Event | None:
        """Append the symbol; return None if it is on the list already. Raises InputError for an
        invalid symbol."""
        added = parse_symbol(symbol)
        return self._edit(lambda symbols: symbols if added in symbols else (*symbols, added))

    def remove(self, symbol: str) -> Event | None:
        """Remove the symbol, in whichever spelling it is stored. Raises UnknownSymbolError if it is
        not on the list."""

        def without(symbols: tuple[str, ...]) -> tuple[str, ...]:
            removed = parse_symbol(symbol)
            if symbol in symbols:  # perhaps a spelling that an earlier version stored
                removed = symbol
            elif removed not in symbols:
                removed = next((each for each in symbols if parse_symbol(each) == removed), removed)
            if removed not in symbols:
                raise UnknownSymbolError(
                    f"{removed} is not on the watchlist. On it are: {', '.join(symbols) or 'none'}."
                )
            return tuple(each for each in symbols if each != removed)

        return self._edit(without)

    def _edit(self, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Event | None:
        with self._journal.unit_of_work() as uow:
            before = self._stored(uow.connection)
            after = change(before)
            if after == before:
                return None
            stored = {"id": 1, "symbols": canonical_text(after)}
            insert_missing(uow.connection, tables.WatchlistRow, [stored])
            uow.connection.execute(update(tables.WatchlistRow).values(stored))
            payload = {"symbols": after}
            return uow.append(EventKind.WATCHLIST_CHANGED, "live", None, payload)

    def _stored(self, connection: Connection) -> tuple[str, ...]:
        stored = connection.scalar(select(col(tables.WatchlistRow.symbols)))
        return self._defaults if stored is None else tuple(json.loads(stored))
