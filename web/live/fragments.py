"""From events to what a browser must redraw, and from there to bytes.

Promises that the same partials are drawn as in the page, once for each (key, version), whoever
watches. Leaves out which parts there are: each feature declares its own (`parts.py`).
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Lock

from domain.events import Event, EventKind
from web.live.latest_state import LatestState
from web.live.parts import Fragment, FragmentKey, LivePart, MomentPart


class FragmentRenderer:
    """The versions of the live parts' keys and the HTML made of them. Safe in threads.

    `latest_state` is brought up to date before anything is drawn from it. `moment` has the HTML of
    each moment part by topic.
    """

    def __init__(self, latest_state: LatestState, parts: Sequence[LivePart | MomentPart]) -> None:
        self._latest_state = latest_state
        self._moment_parts = [part for part in parts if isinstance(part, MomentPart)]
        live_parts = [part for part in parts if isinstance(part, LivePart)]
        self.parts: Mapping[str, LivePart] = {part.topic: part for part in live_parts}
        self.topics = frozenset(part.topic for part in parts)
        self._stale_by_kind = {
            kind: tuple(part for part in live_parts if kind in part.stale_on) for kind in EventKind
        }
        self._lock = Lock()
        self._versions: dict[FragmentKey, int] = {}
        self._cache: dict[FragmentKey, tuple[int, str]] = {}
        self.moment = self._render_moment()

    def on_events(self, events: Sequence[Event]) -> None:
        """Note what the events make stale; without events draw the parts of the moment."""
        with self._lock:
            for event in filter(self.is_relevant, events):
                self._latest_state.apply(event)
                for key in self.stale_keys(event):
                    self._versions[key] = event.seq
        if not events:
            self.moment = self._render_moment()

    def is_relevant(self, event: Event) -> bool:
        """Whether the event is of the served market and run."""
        return self._latest_state.is_relevant(event)

    def stale_keys(self, event: Event) -> Iterator[FragmentKey]:
        """Yield the keys that an event makes stale."""
        return ((part.topic, *part.of(event)) for part in self._stale_by_kind[event.kind])

    async def render_all(self, keys: Iterable[FragmentKey]) -> str:
        """Render the keys' partials; what was already drawn for another stream is not drawn
        again."""
        sorted_keys = sorted(keys)
        if any(self._cached(key) is None for key in sorted_keys):
            return await asyncio.to_thread(lambda: "".join(map(self.render, sorted_keys)))
        return "".join(map(self.render, sorted_keys))

    def render(self, key: FragmentKey) -> str:
        """Render the key's partials in `<hx-partial>`; empty where there is nothing to draw."""
        html = self._cached(key)
        if html is None:
            with self._lock:
                html = self._cached(key)
                if html is None:
                    version = self._versions.get(key, 0)
                    topic, *of = key
                    html = _hx_partials(self.parts[topic].draw(*of))
                    self._cache[key] = (version, html)
        return html

    def _cached(self, key: FragmentKey) -> str | None:
        version, html = self._cache.get(key, (-1, ""))
        return html if version == self._versions.get(key, 0) else None

    def _render_moment(self) -> dict[str, str]:
        return {part.topic: _hx_partials(part.draw()) for part in self._moment_parts}


def _hx_partials(fragments: Iterable[Fragment]) -> str:
    """Elements for the stream; blank lines would end the message, so lines are joined."""
    return "".join(
        f'<hx-partial hx-target="#{target}" hx-swap="outerMorph">'
        f"{' '.join(line.strip() for line in html.splitlines() if line.strip())}</hx-partial>"
        for target, html in fragments
    )
