"""The two live addresses: HTML for the dashboard, JSON events for programs."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream as Streamed

from domain.errors import InputError
from domain.events import Event
from domain.symbols import parse_symbol
from web.live.event_follower import Tail
from web.live.fragments import Frames
from web.live.stream import HEARTBEAT_SECONDS, Stream, is_seq, named, parse_cursor
from web.live.topics import TOPICS, View
from web.services import House
from web.shell import WebRequest

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
Since = Annotated[
    str,
    QueryParameter(description="Resume after this event: `{epoch}-{seq}`, or a bare seq."),
]


@get("/stream", include_in_schema=False)
async def dashboard_stream(
    request: WebRequest,
    house: NamedDependency[House],
    tail: NamedDependency[Tail],
    frames: NamedDependency[Frames],
    topics: FromQuery[str] = "",
    symbol: FromQuery[str] = "",
    since: FromQuery[str] = "",
) -> Streamed:
    """What a page shows, as it changes. `Last-Event-ID` goes over `since`."""
    asked = frozenset(filter(None, topics.split(",")))
    if unknown := asked - TOPICS:
        raise InputError(
            f"There is no topic {', '.join(sorted(unknown))[:80]!r}. "
            f"Topics are {', '.join(sorted(TOPICS))}."
        )
    view = View(asked, parse_symbol(symbol) if symbol else "")
    start = request.headers.get("last-event-id") or since
    return _streamed(Stream(house, tail, frames, view).run(start))


@get("/events", media_type="text/event-stream")
async def events(
    request: WebRequest,
    house: NamedDependency[House],
    tail: NamedDependency[Tail],
    since: Since = "",
) -> Streamed:
    """Every event of the journal as server-sent JSON, in order. Without `since` and without
    `Last-Event-ID` it starts with what happens next."""
    start = request.headers.get("last-event-id") or since
    return _streamed(_events(house, tail, start, await asyncio.to_thread(_seq, tail, start)))


def _seq(tail: Tail, start: str) -> int | None:
    """The number to resume after; None where this database never gave the id."""
    if not start:
        return tail.seq
    cursor = (tail.epoch, int(start)) if is_seq(start) else parse_cursor(start)
    if cursor is None:
        raise InputError(f"{start[:60]!r} is no event's id. Ids look like {tail.epoch}-{tail.seq}.")
    return cursor[1] if cursor[0] == tail.epoch and tail.holds(cursor[1]) else None


async def _events(house: House, tail: Tail, start: str, seq: int | None) -> AsyncIterator[bytes]:
    about = {"epoch": tail.epoch, "seq": tail.seq, "simulated": house.simulated}
    yield named("sys.hello", about)
    if seq is None:
        seq = tail.seq
        told = {
            "because": f"{start[:60]} is no event of this database",
            "simulated": house.simulated,
        }
        yield named("sys.reset", told, id=f"{tail.epoch}-{seq}")
    beat = time.monotonic()
    while True:
        for event in await tail.after(seq):
            seq = event.seq
            yield named(event.kind.value, _told(house, event), id=f"{tail.epoch}-{event.seq}")
        if seq >= tail.seq:
            await tail.changed(HEARTBEAT_SECONDS)
        if time.monotonic() - beat >= HEARTBEAT_SECONDS:
            beat = time.monotonic()
            yield b": still here\n\n"


def _told(house: House, event: Event) -> dict[str, Any]:
    """The event as the journal has it, and whether its market is simulated."""
    return {
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind,
        "run": event.run,
        "symbol": event.symbol,
        "simulated": event.payload.get("simulated", house.simulated),
        "payload": event.payload,
    }


def _streamed(messages: AsyncIterator[bytes]) -> Streamed:
    return Streamed(messages, media_type="text/event-stream", headers=_HEADERS)
