"""The journal of trades, which its page reads again after the account has changed."""

from collections.abc import Sequence

from domain.events import EventKind
from web.live.parts import LivePart


class TradesLive:
    def parts(self) -> Sequence[LivePart]:
        changed = frozenset({EventKind.ACCOUNT_CHANGED})
        return (LivePart(topic="trips", stale_on=changed, slow=True, announces=True),)
