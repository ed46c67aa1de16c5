"""The newest decisions, and the log that is fetched anew after them."""

from collections.abc import Iterator, Sequence

from domain.events import EventKind
from web.components.decision_cells import decision_feed
from web.live.latest_state import LatestState
from web.live.parts import Fragment, LivePart
from web.render import Renderer


class DecisionsLive:
    def __init__(self, latest_state: LatestState, renderer: Renderer) -> None:
        self._latest_state, self._renderer = latest_state, renderer

    def parts(self) -> Sequence[LivePart]:
        decided = frozenset({EventKind.DECISION_MADE})
        return (
            LivePart(topic="feed", stale_on=decided, draw=self._feed, slow=True, separate=True),
            LivePart(topic="log", stale_on=decided, slow=True, reset="new decisions"),
        )

    def _feed(self) -> Iterator[Fragment]:
        feed = decision_feed(self._latest_state)
        yield Fragment("feed", self._renderer.partial("components/feed", feed=feed))
