"""The record, which its pages read again after decisions were settled."""

from collections.abc import Sequence

from domain.events import EventKind
from web.live.parts import LivePart


class AgentsLive:
    def parts(self) -> Sequence[LivePart]:
        settled = frozenset({EventKind.DECISION_SETTLED, EventKind.MODEL_PROMOTED})
        return (LivePart(topic="record", stale_on=settled, slow=True, announces=True),)
