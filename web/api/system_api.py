"""Status, agents, watchlist and engine."""

import math
from dataclasses import dataclass
from typing import Any

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from agents.registry import profile
from domain.errors import InputError
from domain.symbols import parse_symbol
from web import formatting
from web.api.schemas import AgentOut, AgentsOut, ProgressOut, StatusOut, WatchlistOut, market_fields
from web.pages.engine import apply_engine_action
from web.services import AppServices
from web.shell import WebRequest, stream_cursor
from web.state.latest_state import LatestState

MAX_WATCHLIST_SYMBOLS = 500


@dataclass(frozen=True, slots=True)
class SymbolIn:
    symbol: str


@dataclass(frozen=True, slots=True)
class SymbolsIn:
    symbols: list[str]


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def schema(request: WebRequest) -> dict[str, Any]:
    """This API's description of itself."""
    description: dict[str, Any] = _without_nan(request.app.openapi_schema.to_schema())
    return description


@get("/status", sync_to_thread=True)
def status(services: NamedDependency[AppServices]) -> StatusOut:
    """The engine's state, how far it is and what stands in its way."""
    return _status_out(services)


@get("/engine", sync_to_thread=True)
def engine(services: NamedDependency[AppServices]) -> StatusOut:
    """The same as the status."""
    return _status_out(services)


@post("/engine/{move:str}", sync_to_thread=True, status_code=200)
def post_engine_action(
    services: NamedDependency[AppServices], move: FromPath[str], reason: FromQuery[str] = ""
) -> StatusOut:
    """`pause`, `resume`, `halt` (and, if you like, its `reason`) or `run` (a cycle now)."""
    apply_engine_action(services.engine, move, reason, "through the API")
    services.notifier.notify()
    return _status_out(services)


@get("/agents", sync_to_thread=True)
def agents(services: NamedDependency[AppServices]) -> AgentsOut:
    """The agents and how they are doing."""
    found = tuple(
        AgentOut(
            agent=agent.agent,
            label=formatting.agent_label(agent.agent),
            description=profile(agent.agent).description,
            version=agent.version,
            state=agent.state,
            restarts=agent.restarts,
            seconds=agent.seconds,
            failure=agent.failure,
        )
        for agent in services.engine.health()
    )
    return AgentsOut(agents=found, **market_fields(services))


@get("/watchlist", sync_to_thread=True)
def watchlist(services: NamedDependency[AppServices]) -> WatchlistOut:
    return _watchlist_out(services)


@put("/watchlist", sync_to_thread=True)
def replace_watchlist(
    services: NamedDependency[AppServices], data: JSONBody[SymbolsIn]
) -> WatchlistOut:
    """Makes the list hold exactly these symbols."""
    symbols = list(dict.fromkeys(parse_symbol(symbol) for symbol in data.symbols))
    if not 0 < len(symbols) <= MAX_WATCHLIST_SYMBOLS:
        raise InputError(
            f"A watchlist holds 1 to {MAX_WATCHLIST_SYMBOLS} symbols and this one {len(symbols)}. "
            "Name others, or take single symbols off with DELETE."
        )
    for symbol in services.watchlist.symbols():
        if symbol not in symbols:
            services.watchlist.remove(symbol)
    for symbol in symbols:
        services.watchlist.add(symbol)
    services.notifier.notify()
    return _watchlist_out(services)


@post("/watchlist", sync_to_thread=True, status_code=200)
def add_to_watchlist(
    services: NamedDependency[AppServices], data: JSONBody[SymbolIn]
) -> WatchlistOut:
    services.watchlist.add(parse_symbol(data.symbol))
    services.notifier.notify()
    return _watchlist_out(services)


@delete("/watchlist/{symbol:str}", sync_to_thread=True, status_code=200)
def remove_from_watchlist(
    services: NamedDependency[AppServices], symbol: FromPath[str]
) -> WatchlistOut:
    services.watchlist.remove(parse_symbol(symbol))
    services.notifier.notify()
    return _watchlist_out(services)


def _without_nan(part: Any) -> Any:
    """Without the defaults that JSON cannot spell: NaN, which stands for "as the others say"."""
    if isinstance(part, dict):
        return {key: _without_nan(each) for key, each in part.items() if not _is_not_finite(each)}
    return [_without_nan(each) for each in part] if isinstance(part, list) else part


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _status_out(services: AppServices) -> StatusOut:
    at, progress_now = stream_cursor(services), services.engine.progress()
    progress = (
        ProgressOut(what=progress_now.what, done=progress_now.done, total=progress_now.total)
        if progress_now
        else None
    )
    engine = services.engine.status()
    return StatusOut(
        version=services.version,
        state=engine.state.value,
        reason=engine.reason,
        error=engine.error,
        progress=progress,
        last=engine.last,
        next=engine.next,
        finished=engine.finished,
        missing=engine.missing,
        seconds=dict(engine.seconds),
        as_of=LatestState(services).as_of,
        cursor=at,
        **market_fields(services),
    )


def _watchlist_out(services: AppServices) -> WatchlistOut:
    return WatchlistOut(symbols=tuple(services.watchlist.symbols()), **market_fields(services))
