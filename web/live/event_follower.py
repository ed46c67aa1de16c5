"""Follows the end of the journal, once for all streams.

Promises every event in order and exactly once, whichever process wrote it: the notifier wakes it
for this process's events and a poll once a second finds those of others. A reader has a cursor, not
a queue: a slow one costs nothing and catches up from memory, or from the database if it fell far
behind.
"""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress

from domain.errors import StorageError
from domain.events import Event
from storage.journal.sql_journal import SqlJournal
from web.live.notifier import Notifier

log = logging.getLogger("quorum.web")

POLL_SECONDS = 1.0
_MAX_IN_MEMORY = 5_000
_READ_SIZE = 500


class EventFollower:
    """`start` and `stop` belong to the server's lifespan. `seq` is the newest event known."""

    def __init__(
        self,
        journal: SqlJournal,
        notifier: Notifier,
        on_events: Callable[[Sequence[Event]], None],
    ) -> None:
        """`on_events` is called at every wake-up, in a thread, even when there is no new event."""
        self._journal, self._notifier = journal, notifier
        self._on_events = on_events
        self._events: list[Event] = []
        self._changed = asyncio.Event()
        self.epoch = journal.epoch
        self.seq = journal.last_seq()
        self._oldest_seq = self.seq

    def start(self) -> None:
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def wait_for_update(self, seconds: float) -> bool:
        """Wait for the next look at the journal, at most `seconds`; return whether it came."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def has_recorded(self, seq: int) -> bool:
        """Return whether event `seq` was recorded; the journal may be a moment ahead of this
        follower."""
        return seq <= self.seq or seq <= self._journal.last_seq()

    async def events_after(self, seq: int) -> Sequence[Event]:
        """Return the events with a larger number, oldest first: all known ones or the next 500."""
        if seq >= self.seq:
            return ()
        if seq >= self._oldest_seq:
            return self._events[bisect_right(self._events, seq, key=_seq) :]
        events = await asyncio.to_thread(self._journal.events_after, seq, _READ_SIZE)
        return [event for event in events if event.seq <= self.seq]

    async def _follow(self) -> None:
        notifier = self._notifier
        wakeup = notifier.subscribe()
        try:
            while True:
                # Not wait_for: until Python 3.12 it can lose a cancellation that meets the wake-up.
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await wakeup.wait()
                wakeup.clear()
                await self._read_new_events()
                await asyncio.to_thread(self._on_events, ())
                changed, self._changed = self._changed, asyncio.Event()
                changed.set()
        finally:
            notifier.unsubscribe(wakeup)

    async def _read_new_events(self) -> None:
        while True:
            try:
                events = await asyncio.to_thread(self._journal.events_after, self.seq, _READ_SIZE)
            except StorageError as refusal:
                log.warning("the journal cannot be read just now: %s", refusal)
                break
            if not events:
                break
            await asyncio.to_thread(self._on_events, events)
            self._events.extend(events)
            self.seq = events[-1].seq
            if len(self._events) > 2 * _MAX_IN_MEMORY:
                self._oldest_seq = self._events[-_MAX_IN_MEMORY - 1].seq
                del self._events[:-_MAX_IN_MEMORY]
            if len(events) < _READ_SIZE:
                break


def _seq(event: Event) -> int:
    return event.seq
