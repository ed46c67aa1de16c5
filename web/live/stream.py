"""The live stream of the dashboard: one connection per tab, fragments and named JSON events.

Promises that no change is lost between a page and its stream: the page carries the cursor it was
read at and every message the id to resume from. Values of one key are coalesced within a frame, so
that a slow reader gets only the newest. The engine's state has no id: only its current value
counts.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from domain.canonical import to_json
from domain.events import Event, EventKind
from web.live.event_follower import EventFollower
from web.live.fragments import FragmentRenderer
from web.live.parts import FragmentKey, LivePart
from web.services import Clock

FRAME_SECONDS = 0.1
BUSY_FRAME_SECONDS = 0.25
BUSY_KEYS = 32
SLOW_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
ANNOUNCE_SECONDS = 10.0
MAX_CATCH_UP_EVENTS = 2_000
"""Missed events above which a page is reloaded instead of updated piece by piece."""


def sse_message(data: str, *, event: str = "", id: str = "") -> bytes:
    """One server-sent event; `data` has no line breaks."""
    head = (f"event: {event}\n" if event else "") + (f"id: {id}\n" if id else "")
    return f"{head}data: {data}\n\n".encode()


def json_event(event: str, value: Any, id: str = "") -> bytes:
    return sse_message(json.dumps(to_json(value)), event=event, id=id)


def parse_cursor(text: str) -> tuple[str, int] | None:
    """Return epoch and seq of `{epoch}-{seq}`; None for other text."""
    epoch, _, seq = text.rpartition("-")
    return (epoch, int(seq)) if epoch and is_seq(seq) else None


def is_seq(text: str) -> bool:
    """Return whether `text` is an event's number that a database could hold."""
    return text.isascii() and text.isdecimal() and len(text) < 19


@dataclass(frozen=True, slots=True)
class StreamSubscription:
    """What one stream shows: the topics of its page and the page's symbol."""

    topics: frozenset[str]
    symbol: str

    def includes(self, part: LivePart, key: FragmentKey) -> bool:
        if part.topic not in self.topics and not part.always:
            return False
        return not part.page_symbol or key[1] == self.symbol


class DashboardStream:
    """One tab's stream, from its cursor on. `run` yields messages until the client disconnects."""

    def __init__(
        self,
        version: str,
        clock: Clock,
        event_follower: EventFollower,
        fragments: FragmentRenderer,
        subscription: StreamSubscription,
    ) -> None:
        self._version, self._clock = version, clock
        self._event_follower, self._fragments = event_follower, fragments
        self._subscription = subscription
        self._named_events = [
            part.events
            for part in fragments.parts.values()
            if part.events and part.topic in subscription.topics
        ]
        self._stale_keys: set[FragmentKey] = set()
        self._pending_events: list[bytes] = []
        self._flushed_at = self._slow_at = self._announced_at = 0.0
        self._last_sent: dict[str, str] = {}

    async def run(self, since: str) -> AsyncIterator[bytes]:
        event_follower, started = self._event_follower, parse_cursor(since)
        seq = event_follower.seq
        opened = {"epoch": event_follower.epoch, "seq": seq, "version": self._version}
        if started and await self._can_catch_up(*started):
            seq = started[1]
            yield json_event("sys.hello", opened)
        else:
            yield json_event("sys.hello", opened, id=f"{event_follower.epoch}-{seq}")
            if since:
                yield json_event("sys.reset", {"because": "this page is of another time"})
        last_heartbeat = time.monotonic()
        while True:
            while events := await event_follower.events_after(seq):
                for event in events:
                    self._handle_event(event)
                seq = events[-1].seq
            now = time.monotonic()
            if now - last_heartbeat >= HEARTBEAT_SECONDS:
                last_heartbeat = now
                yield json_event("sys.hb", {"at": self._clock()})
            wait = self._next_frame_at() - now
            if wait <= 0:
                yield await self._render_frame(f"{event_follower.epoch}-{seq}")
            elif seq < event_follower.seq:
                await asyncio.sleep(wait)
            else:
                await event_follower.wait_for_update(
                    min(wait, last_heartbeat + HEARTBEAT_SECONDS - now)
                )

    async def _can_catch_up(self, epoch: str, seq: int) -> bool:
        """Return whether a page with that cursor can be updated piece by piece."""
        event_follower = self._event_follower
        if epoch != event_follower.epoch or event_follower.seq - seq > MAX_CATCH_UP_EVENTS:
            return False
        return await asyncio.to_thread(event_follower.has_recorded, seq)

    def _next_frame_at(self) -> float:
        """Return when the next frame is due, on the monotonic clock."""
        quick = any(not self._part(key).slow for key in self._stale_keys)
        if quick or self._pending_events or self._changed_moment():
            busy = len(self._stale_keys) > BUSY_KEYS
            return self._flushed_at + (BUSY_FRAME_SECONDS if busy else FRAME_SECONDS)
        return self._slow_at + SLOW_SECONDS if self._stale_keys else float("inf")

    def _part(self, key: FragmentKey) -> LivePart:
        return self._fragments.parts[key[0]]

    def _changed_moment(self) -> dict[str, str]:
        """The parts of the moment that are on this page and have changed since they were sent."""
        return {
            topic: drawn
            for topic, drawn in self._fragments.moment.items()
            if drawn and topic in self._subscription.topics and self._last_sent.get(topic) != drawn
        }

    def _handle_event(self, event: Event) -> None:
        if event.kind is EventKind.WATCHLIST_CHANGED:
            self._pending_events.append(
                json_event("sys.reset", {"because": "the watchlist changed"})
            )
        if not self._fragments.is_relevant(event):
            return
        for key in self._fragments.stale_keys(event):
            if self._subscription.includes(self._part(key), key):
                self._stale_keys.add(key)
        for events in self._named_events:
            self._pending_events += [
                json_event(name, value) for name, value in events(event, self._subscription.symbol)
            ]
        if event.kind is EventKind.CYCLE_COMPLETED:
            self._announce(event)

    def _announce(self, event: Event) -> None:
        """Say to a screen reader what a cycle decided, not more often than one can listen to."""
        now = time.monotonic()
        if now - self._announced_at >= ANNOUNCE_SECONDS:
            self._announced_at = now
            symbols, as_of = event.payload["symbols"], event.payload["as_of"]
            text = f"{len(symbols)} decisions on the bar of {as_of[:10]}"
            self._pending_events.append(json_event("a11y.announce", {"text": text}))

    async def _render_frame(self, cursor: str) -> bytes:
        """Render the due keys under one id, some as messages of their own, then named events."""
        now = self._flushed_at = time.monotonic()
        if now - self._slow_at >= SLOW_SECONDS:
            due, self._slow_at = self._stale_keys, now
        else:
            due = {key for key in self._stale_keys if not self._part(key).slow}
        self._stale_keys = self._stale_keys - due
        separate = {key for key in due if self._part(key).separate}
        fragments = [
            await self._fragments.render_all(keys)
            for keys in (due - separate, *({key} for key in sorted(separate)))
            if keys
        ]
        sent = [sse_message(html, id=cursor) for html in fragments if html]
        stale_parts = [part for topic, part in self._fragments.parts.items() if (topic,) in due]
        sent += [
            json_event("sys.reset", {"because": part.reset}) for part in stale_parts if part.reset
        ]
        sent += [
            json_event(f"{part.topic}.moved", {"at": self._clock()})
            for part in stale_parts
            if part.announces
        ]
        sent.extend(self._pending_events)
        self._pending_events = []
        moment = self._changed_moment()
        self._last_sent |= moment
        sent.extend(map(sse_message, moment.values()))
        return b"".join(sent)
