"""The parts of pages that a stream keeps up to date, each declared by the feature that draws it.

A key names an element that is drawn, by its topic and what it is of: `("votes", "AAPL",
"technical")`, `("feed",)`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from domain.events import Event, EventKind

FragmentKey = tuple[str, ...]


class Fragment(NamedTuple):
    """HTML that takes the place of the element `target` (an id)."""

    target: str
    html: str


NamedEvent = tuple[str, Any]
"""The name of a server-sent event and its JSON value."""


def _of_nothing(_: Event) -> tuple[str, ...]:
    return ()


def of_symbol(event: Event) -> tuple[str, ...]:
    """The key of an event's symbol, for `LivePart.of`."""
    return (event.symbol or "",)


def _draw_nothing(*_: str) -> Iterator[Fragment]:
    return iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePart:
    """A topic that pages watch, what makes it stale and how it is drawn.

    An event of a kind in `stale_on` makes the key `(topic, *of(event))` stale, and `draw(*of)`
    draws it. `page_symbol` limits a page to the key of its own symbol. A `slow` part is drawn at
    most once a second; a `separate` one is a message by itself, so that a page can hold it back;
    an `always` one is on every page. Parts that only their page's own address can draw are not
    drawn: `reset` is the reason for which the page is fetched anew, `announces` sends the event
    `{topic}.moved`, on which the page reads the part again. `events` are sent to pages of a symbol
    as they come.
    """

    topic: str
    stale_on: frozenset[EventKind] = frozenset()
    of: Callable[[Event], tuple[str, ...]] = _of_nothing
    draw: Callable[..., Iterable[Fragment]] = _draw_nothing
    page_symbol: bool = False
    slow: bool = False
    separate: bool = False
    always: bool = False
    reset: str = ""
    announces: bool = False
    events: Callable[[Event, str], Iterable[NamedEvent]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentPart:
    """A topic of the moment, such as the progress of a cycle: no event tells that it has changed,
    so that it is drawn at every look at the journal."""

    topic: str
    draw: Callable[[], Iterable[Fragment]]


class LiveParts(Protocol):
    """A feature's live parts. Its constructor names the services that it draws from by type."""

    def parts(self) -> Sequence[LivePart | MomentPart]: ...
