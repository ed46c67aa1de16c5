"""The two live endpoints: HTML for the dashboard, JSON events for programs."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from domain.errors import InputError
from domain.events import Event
from domain.symbols import parse_symbol
from web.injection import Injected
from web.live.event_follower import EventFollower
from web.live.fragments import FragmentRenderer
from web.live.stream import (
    HEARTBEAT_SECONDS,
    DashboardStream,
    StreamSubscription,
    is_seq,
    json_event,
    parse_cursor,
)
from web.services import Clock, ServedRun
from web.shell import WebRequest

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
SinceParameter = Annotated[
    str,
    QueryParameter(description="Resume after this event: `{epoch}-{seq}`, or a bare seq."),
]


@get("/stream", include_in_schema=False)
async def dashboard_stream(
    request: WebRequest,
    served_run: Injected[ServedRun],
    clock: Injected[Clock],
    event_follower: Injected[EventFollower],
    fragment_renderer: Injected[FragmentRenderer],
    topics: FromQuery[str] = "",
    symbol: FromQuery[str] = "",
    since: FromQuery[str] = "",
) -> Stream:
    """Stream what a page shows as it changes. `Last-Event-ID` takes precedence over `since`."""
    requested = frozenset(filter(None, topics.split(",")))
    topics_known = fragment_renderer.topics
    if unknown := requested - topics_known:
        raise InputError(
            f"There is no topic {', '.join(sorted(unknown))[:80]!r}. "
            f"Topics are {', '.join(sorted(topics_known))}."
        )
    subscription = StreamSubscription(requested, parse_symbol(symbol) if symbol else "")
    start = request.headers.get("last-event-id") or since
    stream = DashboardStream(
        served_run.version, clock, event_follower, fragment_renderer, subscription
    )
    return _stream_response(stream.run(start))


@get("/events", media_type="text/event-stream")
async def events(
    request: WebRequest,
    served_run: Injected[ServedRun],
    event_follower: Injected[EventFollower],
    since: SinceParameter = "",
) -> Stream:
    """Stream every event of the journal as server-sent JSON, in order. Without `since` and
    `Last-Event-ID` it starts with the next event."""
    start = request.headers.get("last-event-id") or since
    return _stream_response(
        _event_messages(
            served_run.simulated,
            event_follower,
            start,
            await asyncio.to_thread(_resume_seq, event_follower, start),
        )
    )


def _resume_seq(event_follower: EventFollower, start: str) -> int | None:
    """Return the number to resume after; None where this database never issued the id."""
    if not start:
        return event_follower.seq
    cursor = (event_follower.epoch, int(start)) if is_seq(start) else parse_cursor(start)
    if cursor is None:
        raise InputError(
            f"{start[:60]!r} is no event's id. Ids look like "
            f"{event_follower.epoch}-{event_follower.seq}."
        )
    return (
        cursor[1]
        if cursor[0] == event_follower.epoch and event_follower.has_recorded(cursor[1])
        else None
    )


async def _event_messages(
    simulated: bool, event_follower: EventFollower, start: str, seq: int | None
) -> AsyncIterator[bytes]:
    opened = {
        "epoch": event_follower.epoch,
        "seq": event_follower.seq,
        "simulated": simulated,
    }
    yield json_event("sys.hello", opened)
    if seq is None:
        seq = event_follower.seq
        reset = {
            "because": f"{start[:60]} is no event of this database",
            "simulated": simulated,
        }
        yield json_event("sys.reset", reset, id=f"{event_follower.epoch}-{seq}")
    last_heartbeat = time.monotonic()
    while True:
        for event in await event_follower.events_after(seq):
            seq = event.seq
            yield json_event(
                event.kind.value,
                _event_body(event, simulated),
                id=f"{event_follower.epoch}-{event.seq}",
            )
        if seq >= event_follower.seq:
            await event_follower.wait_for_update(HEARTBEAT_SECONDS)
        if time.monotonic() - last_heartbeat >= HEARTBEAT_SECONDS:
            last_heartbeat = time.monotonic()
            yield b": still here\n\n"


def _event_body(event: Event, simulated: bool) -> dict[str, Any]:
    """Return the event as the journal has it, and whether its market is simulated."""
    return {
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind,
        "run": event.run,
        "symbol": event.symbol,
        "simulated": event.payload.get("simulated", simulated),
        "payload": event.payload,
    }


def _stream_response(messages: AsyncIterator[bytes]) -> Stream:
    return Stream(messages, media_type="text/event-stream", headers=_HEADERS)
