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
from web.api.schemas import AgentOut, Agents, ProgressOut, Status, WatchlistOut, about
from web.live.latest_state import Board
from web.pages.engine import turn
from web.services import House
from web.shell import WebRequest, cursor

LONGEST_WATCHLIST = 500


@dataclass(frozen=True, slots=True)
class SymbolIn:
    symbol: str


@dataclass(frozen=True, slots=True)
class SymbolsIn:
    symbols: list[str]


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def schema(request: WebRequest) -> dict[str, Any]:
    """This API's description of itself."""
    told: dict[str, Any] = _told(request.app.openapi_schema.to_schema())
    return told


@get("/status", sync_to_thread=True)
def status(house: NamedDependency[House]) -> Status:
    """The engine's state, how far it is and what stands in its way."""
    return _status(house)


@get("/engine", sync_to_thread=True)
def engine(house: NamedDependency[House]) -> Status:
    """The same as the status."""
    return _status(house)


@post("/engine/{move:str}", sync_to_thread=True, status_code=200)
def move_engine(
    house: NamedDependency[House], move: FromPath[str], reason: FromQuery[str] = ""
) -> Status:
    """`pause`, `resume`, `halt` (and, if you like, its `reason`) or `run` (a cycle now)."""
    turn(house.engine, move, reason, "through the API")
    house.bell.ring()
    return _status(house)


@get("/agents", sync_to_thread=True)
def agents(house: NamedDependency[House]) -> Agents:
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
        for agent in house.engine.health()
    )
    return Agents(agents=found, **about(house))


@get("/watchlist", sync_to_thread=True)
def watchlist(house: NamedDependency[House]) -> WatchlistOut:
    return _watchlist(house)


@put("/watchlist", sync_to_thread=True)
def replace_watchlist(house: NamedDependency[House], data: JSONBody[SymbolsIn]) -> WatchlistOut:
    """Makes the list hold exactly these symbols."""
    wanted = list(dict.fromkeys(parse_symbol(symbol) for symbol in data.symbols))
    if not 0 < len(wanted) <= LONGEST_WATCHLIST:
        raise InputError(
            f"A watchlist holds 1 to {LONGEST_WATCHLIST} symbols and this one {len(wanted)}. "
            "Name others, or take single symbols off with DELETE."
        )
    for symbol in house.watchlist.symbols():
        if symbol not in wanted:
            house.watchlist.remove(symbol)
    for symbol in wanted:
        house.watchlist.add(symbol)
    house.bell.ring()
    return _watchlist(house)


@post("/watchlist", sync_to_thread=True, status_code=200)
def add_to_watchlist(house: NamedDependency[House], data: JSONBody[SymbolIn]) -> WatchlistOut:
    house.watchlist.add(parse_symbol(data.symbol))
    house.bell.ring()
    return _watchlist(house)


@delete("/watchlist/{symbol:str}", sync_to_thread=True, status_code=200)
def remove_from_watchlist(house: NamedDependency[House], symbol: FromPath[str]) -> WatchlistOut:
    house.watchlist.remove(parse_symbol(symbol))
    house.bell.ring()
    return _watchlist(house)


def _told(part: Any) -> Any:
    """Without the defaults that JSON cannot spell: NaN, which stands for "as the others say"."""
    if isinstance(part, dict):
        return {key: _told(each) for key, each in part.items() if not _unspeakable(each)}
    return [_told(each) for each in part] if isinstance(part, list) else part


def _unspeakable(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _status(house: House) -> Status:
    at, now = cursor(house), house.engine.progress()
    progress = ProgressOut(what=now.what, done=now.done, total=now.total) if now else None
    engine = house.engine.status()
    return Status(
        version=house.version,
        state=engine.state.value,
        reason=engine.reason,
        error=engine.error,
        progress=progress,
        last=engine.last,
        next=engine.next,
        finished=engine.finished,
        missing=engine.missing,
        seconds=dict(engine.seconds),
        as_of=Board(house).as_of,
        cursor=at,
        **about(house),
    )


def _watchlist(house: House) -> WatchlistOut:
    return WatchlistOut(symbols=tuple(house.watchlist.symbols()), **about(house))
