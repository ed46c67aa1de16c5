"""The list is the defaults until it is edited, and every edit is an event."""

import pytest

from domain.errors import InputError, UnknownSymbolError
from domain.events import EventKind
from storage.database import Database
from storage.journal.sql_journal import SqlJournal
from storage.market_data.watchlist import SqlWatchlist

DEFAULTS = ("AAPL", "SPY", "BTC-USD")


@pytest.fixture
def watchlist(database: Database) -> SqlWatchlist:
    return SqlWatchlist(database, DEFAULTS)


def test_the_defaults_stand_until_the_first_edit(
    watchlist: SqlWatchlist, database: Database
) -> None:
    assert watchlist.symbols() == DEFAULTS
    assert SqlWatchlist(database, ("XOM",)).symbols() == ("XOM",)
    watchlist.add("msft")
    assert SqlWatchlist(database, ("XOM",)).symbols() == (*DEFAULTS, "MSFT")


def test_an_edit_is_an_event_once(watchlist: SqlWatchlist, database: Database) -> None:
    added = watchlist.add("BTC/USDT")
    assert added is not None
    assert added.kind is EventKind.WATCHLIST_CHANGED
    assert added.payload == {"symbols": [*DEFAULTS, "BTC-USDT"]}
    assert watchlist.add("BTCUSDT") is None
    removed = watchlist.remove("SPY")
    assert SqlJournal(database).events_after(0) == (added, removed)


def test_a_list_can_be_emptied_and_stays_so(watchlist: SqlWatchlist, database: Database) -> None:
    for symbol in DEFAULTS:
        watchlist.remove(symbol)
    assert SqlWatchlist(database, DEFAULTS).symbols() == ()


def test_what_is_no_symbol_or_not_on_the_list_is_refused(watchlist: SqlWatchlist) -> None:
    with pytest.raises(InputError, match="'<b>' is not a symbol"):
        watchlist.add("<b>")
    with pytest.raises(UnknownSymbolError, match=r"XOM is not on the watchlist.*AAPL, SPY"):
        watchlist.remove("XOM")
    assert watchlist.symbols() == DEFAULTS


@pytest.mark.parametrize("spelling", ["BRK.B", "BRK-B", "brk/b"])
def test_a_spelling_that_an_earlier_version_stored_is_removed_in_any_spelling(
    database: Database, spelling: str
) -> None:
    watchlist = SqlWatchlist(database, ("AAPL", "BRK.B"))
    watchlist.remove(spelling)
    assert watchlist.symbols() == ("AAPL",)
