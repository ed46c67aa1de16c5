"""Wakes the streams from the engine's thread: one call wakes every event loop that waits.

Promises that a wake-up is never lost and never blocks the caller. Carries no content: readers take
events from the journal and a cycle's progress from the engine.
"""

import asyncio
import threading
from contextlib import suppress


class Notifier:
    """`notify` may be called from any thread; `subscribe` belongs to an event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def notify(self) -> None:
        """Wake every subscriber; skip loops that have closed meanwhile."""
        with self._lock:
            subscribers = list(self._subscribers.items())
        for wakeup, loop in subscribers:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(wakeup.set)

    def subscribe(self) -> asyncio.Event:
        """Return an event of the running loop that every `notify` sets; pass it to `unsubscribe` at
        the end."""
        wakeup = asyncio.Event()
        with self._lock:
            self._subscribers[wakeup] = asyncio.get_running_loop()
        return wakeup

    def unsubscribe(self, wakeup: asyncio.Event) -> None:
        with self._lock:
            self._subscribers.pop(wakeup, None)
