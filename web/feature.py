"""A feature: the pages, API and live parts of one subject. `server.py` combines them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from domain.events import Event
from web.live.parts import LiveParts
from web.shell import NavigationEntry


@runtime_checkable
class EventListener(Protocol):
    """A feature's service that is told what happened, in any thread."""

    def on_events(self, events: Sequence[Event]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One subject of the application, all of it in one folder.

    `pages` and `api` are its handlers, `probes` those for programs that watch the server, `live`
    the parts of its pages that the stream keeps up to date. `services` are classes of its own that
    are built once, by the types of their constructors' parameters, and given to its handlers.
    """

    navigation: NavigationEntry | None = None
    pages: Sequence[Any] = ()
    api: Sequence[Any] = ()
    probes: Sequence[Any] = ()
    services: Sequence[type] = ()
    live: type[LiveParts] | None = None
