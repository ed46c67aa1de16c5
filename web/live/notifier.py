"""How the engine's thread wakes the streams: somebody rings, every waiting loop hears it.

Promises that a ring is never lost and never blocks the one who rings. Carries no content: what
happened is read from the journal, how far a cycle is from the engine.
"""

import asyncio
import threading
from contextlib import suppress


class Notifier:
    """`ring` may be called from any thread; `listen` belongs to an event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def notify(self) -> None:
        """Wakes every listener. A loop that has closed meanwhile is passed over."""
        with self._lock:
            listeners = list(self._listeners.items())
        for wakeup, loop in listeners:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(wakeup.set)

    def subscribe(self) -> asyncio.Event:
        """An event of the running loop that every ring sets; give it back to `leave`."""
        wakeup = asyncio.Event()
        with self._lock:
            self._listeners[wakeup] = asyncio.get_running_loop()
        return wakeup

    def unsubscribe(self, wakeup: asyncio.Event) -> None:
        with self._lock:
            self._listeners.pop(wakeup, None)
