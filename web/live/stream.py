"""The live stream of the dashboard: one connection a tab, fragments and named JSON events.

Promises that what a page shows and what its stream brings leave no gap: the page carries the
cursor it was read at and every message the id to resume from. Values of one key are coalesced
within a frame, so that a slow reader gets the newest and not all. How the engine stands has no id:
it is of the moment only.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from domain.canonical import to_json
from domain.events import Event, EventKind
from web.live.event_follower import Tail
from web.live.fragments import Frames
from web.live.topics import ALONE, SLOW, Key, View, stale
from web.services import House

FRAME_SECONDS = 0.1
BUSY_FRAME_SECONDS = 0.25
BUSY_KEYS = 32
SLOW_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
ANNOUNCE_SECONDS = 10.0
FAR_BEHIND = 2_000
"""Events after which a page is fetched anew rather than caught up piece by piece."""
REREAD = ("record", "trips")
"""Topics of parts that only their page's own address can draw: the browser reads it again."""


def message(data: str, *, event: str = "", id: str = "") -> bytes:
    """One server-sent event; `data` has no line breaks."""
    head = (f"event: {event}\n" if event else "") + (f"id: {id}\n" if id else "")
    return f"{head}data: {data}\n\n".encode()


def named(event: str, value: Any, id: str = "") -> bytes:
    return message(json.dumps(to_json(value)), event=event, id=id)


def parse_cursor(text: str) -> tuple[str, int] | None:
    """Epoch and seq of `{epoch}-{seq}`; None if it is none."""
    epoch, _, seq = text.rpartition("-")
    return (epoch, int(seq)) if epoch and is_seq(seq) else None


def is_seq(text: str) -> bool:
    """Whether `text` is an event's number that a database could hold."""
    return text.isascii() and text.isdecimal() and len(text) < 19


class Stream:
    """One tab's stream, from its cursor on. `run` yields messages until the reader leaves."""

    def __init__(self, house: House, tail: Tail, frames: Frames, view: View) -> None:
        self._house, self._tail, self._frames, self._view = house, tail, frames, view
        self._dirty: set[Key] = set()
        self._named: list[bytes] = []
        self._flushed_at = self._slow_at = self._announced_at = 0.0
        self._told: dict[str, str] = {}

    async def run(self, since: str) -> AsyncIterator[bytes]:
        tail, started = self._tail, parse_cursor(since)
        seq = tail.seq
        hello = {"epoch": tail.epoch, "seq": seq, "version": self._house.version}
        if started and await self._near(*started):
            seq = started[1]
            yield named("sys.hello", hello)
        else:
            yield named("sys.hello", hello, id=f"{tail.epoch}-{seq}")
            if since:
                yield named("sys.reset", {"because": "this page is of another time"})
        beat = time.monotonic()
        while True:
            while events := await tail.after(seq):
                for event in events:
                    self._mark(event)
                seq = events[-1].seq
            now = time.monotonic()
            if now - beat >= HEARTBEAT_SECONDS:
                beat = now
                yield named("sys.hb", {"at": self._house.clock()})
            wait = self._due() - now
            if wait <= 0:
                yield await self._frame(f"{tail.epoch}-{seq}")
            elif seq < tail.seq:
                await asyncio.sleep(wait)
            else:
                await tail.changed(min(wait, beat + HEARTBEAT_SECONDS - now))

    async def _near(self, epoch: str, seq: int) -> bool:
        """Whether a page of that cursor can be caught up piece by piece."""
        tail = self._tail
        if epoch != tail.epoch or tail.seq - seq > FAR_BEHIND:
            return False
        return await asyncio.to_thread(tail.holds, seq)

    def _due(self) -> float:
        """When the next frame is to be sent, on the monotonic clock."""
        quick = any(key[0] not in SLOW for key in self._dirty)
        if quick or self._named or self._moved():
            busy = len(self._dirty) > BUSY_KEYS
            return self._flushed_at + (BUSY_FRAME_SECONDS if busy else FRAME_SECONDS)
        return self._slow_at + SLOW_SECONDS if self._dirty else float("inf")

    def _moved(self) -> dict[str, str]:
        """What is of the moment, on this page, and another than was told."""
        return {
            topic: drawn
            for topic, drawn in self._frames.moments.items()
            if drawn and topic in self._view.topics and self._told.get(topic) != drawn
        }

    def _mark(self, event: Event) -> None:
        if event.kind is EventKind.WATCHLIST_CHANGED:
            self._named.append(named("sys.reset", {"because": "the watchlist changed"}))
        if not self._frames.concerns(event):
            return
        self._dirty.update(key for key in stale(event) if self._view.watches(key))
        if event.kind is EventKind.CYCLE_COMPLETED:
            self._complete(event)
        if event.kind is EventKind.DECISION_MADE and self._view.charts(event.symbol):
            self._named.append(named("chart.marker", marker(event)))

    def _complete(self, event: Event) -> None:
        symbols, as_of = event.payload["symbols"], event.payload["as_of"]
        if self._view.symbol in symbols and self._view.charts(self._view.symbol):
            self._named.append(named("chart.bar", {"symbol": self._view.symbol, "as_of": as_of}))
        now = time.monotonic()
        if now - self._announced_at >= ANNOUNCE_SECONDS:
            self._announced_at = now
            told = f"{len(symbols)} decisions on the bar of {as_of[:10]}"
            self._named.append(named("a11y.announce", {"text": told}))

    async def _frame(self, cursor: str) -> bytes:
        """What is due: the drawn keys under one id, some by themselves, then named events."""
        now = self._flushed_at = time.monotonic()
        if now - self._slow_at >= SLOW_SECONDS:
            due, self._slow_at = self._dirty, now
        else:
            due = {key for key in self._dirty if key[0] not in SLOW}
        self._dirty = self._dirty - due
        alone = [{key} for key in sorted(due & ALONE)]
        drawn = [await self._frames.draw_all(keys) for keys in (due - ALONE, *alone) if keys]
        sent = [message(html, id=cursor) for html in drawn if html]
        if ("log",) in due:
            sent.append(named("sys.reset", {"because": "new decisions"}))
        if ("order-pages",) in due:
            sent.append(named("sys.reset", {"because": "orders changed"}))
        moved_on = [topic for topic in REREAD if (topic,) in due]
        sent.extend(named(f"{topic}.moved", {"at": self._house.clock()}) for topic in moved_on)
        sent.extend(self._named)
        self._named = []
        moved = self._moved()
        self._told |= moved
        sent.extend(map(message, moved.values()))
        return b"".join(sent)


def marker(event: Event) -> dict[str, Any]:
    """What a chart needs of a decision."""
    told = event.payload
    return {
        "symbol": event.symbol,
        "as_of": told["as_of"],
        "action": told["action"],
        "p_up": told["p_up"],
        "base_rate": told["base_rate"],
        "receipt": told["receipt"],
    }
