"""How the engine's thread wakes the streams: one call wakes every loop that waits.

Promises that a wake-up is never lost and never blocks the caller. Carries no content: what
happened is read from the journal, how far a cycle is from the engine.
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
        """Wakes every subscriber. A loop that has closed meanwhile is passed over."""
        with self._lock:
            subscribers = list(self._subscribers.items())
        for wakeup, loop in subscribers:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(wakeup.set)

    def subscribe(self) -> asyncio.Event:
        """An event of the running loop that every `notify` sets; give it back to `unsubscribe`."""
        wakeup = asyncio.Event()
        with self._lock:
            self._subscribers[wakeup] = asyncio.get_running_loop()
        return wakeup

    def unsubscribe(self, wakeup: asyncio.Event) -> None:
        with self._lock:
            self._subscribers.pop(wakeup, None)
