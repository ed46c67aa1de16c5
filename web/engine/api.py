"""Status, agents, watchlist and engine."""

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from domain.errors import InputError
from domain.symbols import parse_symbol
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.sql_journal import SqlJournal
from web.engine.pages import apply_engine_action
from web.engine.schemas import ProgressOut, StatusOut, SymbolIn, SymbolsIn, WatchlistOut
from web.live.latest_state import LatestState
from web.live.notifier import Notifier
from web.schemas import market_fields
from web.services import EngineControl, ServedRun, WatchlistEditor
from web.shell import stream_cursor

MAX_WATCHLIST_SYMBOLS = 500


@get("/status", sync_to_thread=True)
def status(
    served_run: NamedDependency[ServedRun],
    journal: NamedDependency[SqlJournal],
    records: NamedDependency[SqlDecisionRecords],
    engine: NamedDependency[EngineControl],
) -> StatusOut:
    """The engine's state, how far it is and what stands in its way."""
    return _status_out(served_run, journal, records, engine)


@get("/engine", sync_to_thread=True)
def engine(
    served_run: NamedDependency[ServedRun],
    journal: NamedDependency[SqlJournal],
    records: NamedDependency[SqlDecisionRecords],
    engine: NamedDependency[EngineControl],
) -> StatusOut:
    """The same as the status."""
    return _status_out(served_run, journal, records, engine)


@post("/engine/{move:str}", sync_to_thread=True, status_code=200)
def post_engine_action(
    served_run: NamedDependency[ServedRun],
    journal: NamedDependency[SqlJournal],
    records: NamedDependency[SqlDecisionRecords],
    engine: NamedDependency[EngineControl],
    notifier: NamedDependency[Notifier],
    move: FromPath[str],
    reason: FromQuery[str] = "",
) -> StatusOut:
    """`pause`, `resume`, `halt` (and, if you like, its `reason`) or `run` (a cycle now)."""
    apply_engine_action(engine, move, reason, "through the API")
    notifier.notify()
    return _status_out(served_run, journal, records, engine)


@get("/watchlist", sync_to_thread=True)
def watchlist(
    served_run: NamedDependency[ServedRun], watchlist: NamedDependency[WatchlistEditor]
) -> WatchlistOut:
    return _watchlist_out(served_run, watchlist)


@put("/watchlist", sync_to_thread=True)
def replace_watchlist(
    served_run: NamedDependency[ServedRun],
    watchlist: NamedDependency[WatchlistEditor],
    notifier: NamedDependency[Notifier],
    data: JSONBody[SymbolsIn],
) -> WatchlistOut:
    """Makes the list hold exactly these symbols."""
    symbols = list(dict.fromkeys(parse_symbol(symbol) for symbol in data.symbols))
    if not 0 < len(symbols) <= MAX_WATCHLIST_SYMBOLS:
        raise InputError(
            f"A watchlist holds 1 to {MAX_WATCHLIST_SYMBOLS} symbols and this one {len(symbols)}. "
            "Name others, or take single symbols off with DELETE."
        )
    for symbol in watchlist.symbols():
        if symbol not in symbols:
            watchlist.remove(symbol)
    for symbol in symbols:
        watchlist.add(symbol)
    notifier.notify()
    return _watchlist_out(served_run, watchlist)


@post("/watchlist", sync_to_thread=True, status_code=200)
def add_to_watchlist(
    served_run: NamedDependency[ServedRun],
    watchlist: NamedDependency[WatchlistEditor],
    notifier: NamedDependency[Notifier],
    data: JSONBody[SymbolIn],
) -> WatchlistOut:
    watchlist.add(parse_symbol(data.symbol))
    notifier.notify()
    return _watchlist_out(served_run, watchlist)


@delete("/watchlist/{symbol:str}", sync_to_thread=True, status_code=200)
def remove_from_watchlist(
    served_run: NamedDependency[ServedRun],
    watchlist: NamedDependency[WatchlistEditor],
    notifier: NamedDependency[Notifier],
    symbol: FromPath[str],
) -> WatchlistOut:
    watchlist.remove(parse_symbol(symbol))
    notifier.notify()
    return _watchlist_out(served_run, watchlist)


def _status_out(
    served_run: ServedRun, journal: SqlJournal, records: SqlDecisionRecords, engine: EngineControl
) -> StatusOut:
    at, progress_now = stream_cursor(journal), engine.progress()
    progress = (
        ProgressOut(what=progress_now.what, done=progress_now.done, total=progress_now.total)
        if progress_now
        else None
    )
    status = engine.status()
    return StatusOut(
        version=served_run.version,
        state=status.state.value,
        reason=status.reason,
        error=status.error,
        progress=progress,
        last=status.last,
        next=status.next,
        finished=status.finished,
        missing=status.missing,
        seconds=dict(status.seconds),
        as_of=LatestState(served_run, records).as_of,
        cursor=at,
        **market_fields(served_run),
    )


def _watchlist_out(served_run: ServedRun, watchlist: WatchlistEditor) -> WatchlistOut:
    return WatchlistOut(symbols=tuple(watchlist.symbols()), **market_fields(served_run))
