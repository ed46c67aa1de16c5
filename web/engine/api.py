"""Status, agents, watchlist and engine."""

from litestar import delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from domain.errors import InputError
from domain.symbols import calendar_note, parse_symbol
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.sql_journal import SqlJournal
from web.engine.pages import apply_engine_action
from web.engine.schemas import ProgressOut, StatusOut, SymbolIn, SymbolsIn, WatchlistOut
from web.injection import Injected
from web.live.latest_state import LatestState
from web.live.notifier import Notifier
from web.schemas import market_fields
from web.services import EngineControl, ServedRun, WatchlistEditor
from web.shell import stream_cursor

MAX_WATCHLIST_SYMBOLS = 500


@get("/status", sync_to_thread=True)
def status(
    served_run: Injected[ServedRun],
    journal: Injected[SqlJournal],
    records: Injected[SqlDecisionRecords],
    engine: Injected[EngineControl],
) -> StatusOut:
    """Return the engine's state, how far it is and what holds it up."""
    return _status_out(served_run, journal, records, engine)


@get("/engine", sync_to_thread=True)
def engine(
    served_run: Injected[ServedRun],
    journal: Injected[SqlJournal],
    records: Injected[SqlDecisionRecords],
    engine: Injected[EngineControl],
) -> StatusOut:
    """Return the same as `/status`."""
    return _status_out(served_run, journal, records, engine)


@post("/engine/{move:str}", sync_to_thread=True, status_code=200)
def post_engine_action(
    served_run: Injected[ServedRun],
    journal: Injected[SqlJournal],
    records: Injected[SqlDecisionRecords],
    engine: Injected[EngineControl],
    notifier: Injected[Notifier],
    move: FromPath[str],
    reason: FromQuery[str] = "",
) -> StatusOut:
    """Apply an action to the engine: `pause`, `resume`, `halt` (with an optional `reason`) or `run`
    (a cycle now)."""
    apply_engine_action(engine, move, reason, "through the API")
    notifier.notify()
    return _status_out(served_run, journal, records, engine)


@get("/watchlist", sync_to_thread=True)
def watchlist(
    served_run: Injected[ServedRun], watchlist: Injected[WatchlistEditor]
) -> WatchlistOut:
    return _watchlist_out(served_run, watchlist)


@put("/watchlist", sync_to_thread=True)
def replace_watchlist(
    served_run: Injected[ServedRun],
    watchlist: Injected[WatchlistEditor],
    notifier: Injected[Notifier],
    data: JSONBody[SymbolsIn],
) -> WatchlistOut:
    """Replace the watchlist with exactly these symbols."""
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
    served_run: Injected[ServedRun],
    watchlist: Injected[WatchlistEditor],
    notifier: Injected[Notifier],
    data: JSONBody[SymbolIn],
) -> WatchlistOut:
    watchlist.add(parse_symbol(data.symbol))
    notifier.notify()
    return _watchlist_out(served_run, watchlist)


@delete("/watchlist/{symbol:str}", sync_to_thread=True, status_code=200)
def remove_from_watchlist(
    served_run: Injected[ServedRun],
    watchlist: Injected[WatchlistEditor],
    notifier: Injected[Notifier],
    symbol: FromPath[str],
) -> WatchlistOut:
    watchlist.remove(symbol)
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
    symbols = tuple(watchlist.symbols())
    notes = {symbol: note for symbol in symbols if (note := calendar_note(symbol))}
    return WatchlistOut(symbols=symbols, notes=notes, **market_fields(served_run))
