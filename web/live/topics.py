"""What a page watches, and what of it an event makes stale.

A key names an element that is drawn: `votes AAPL technical`, `feed`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.events import Event, EventKind

FragmentKey = tuple[str, ...]
"""A topic, and what it is of: `('votes', 'AAPL', 'technical')`."""

TOPICS = frozenset(
    {
        "votes", "why", "standing", "prices", "chart", "ranking", "feed", "kpis", "agents",
        "engine", "progress", "shell", "log", "facts", "backtests", "results", "record",
        "orders", "order-log", "order-pages", "account", "positions", "guard", "trips",
        "lab-runs", "lab-models", "lab-run",
    }
)  # fmt: skip

SLOW_TOPICS = frozenset(
    {
        "ranking", "feed", "kpis", "why", "standing", "facts", "log", "record", "orders",
        "order-log", "order-pages", "account", "positions", "guard", "trips",
    }
)  # fmt: skip
"""Large parts, redrawn at most once a second."""

SEPARATE_KEYS = frozenset({("feed",), ("orders",), ("positions",)})
"""Keys whose drawing is a message by itself, so that a page can hold it back."""

ALWAYS_TOPICS = frozenset({"shell"})


@dataclass(frozen=True, slots=True)
class StreamSubscription:
    """What one stream is of: the topics of its page and the page's symbol."""

    topics: frozenset[str]
    symbol: str

    def includes(self, key: FragmentKey) -> bool:
        topic = key[0]
        if topic not in self.topics and topic not in ALWAYS_TOPICS:
            return False
        return topic not in ("why", "standing", "prices", "facts") or key[1] == self.symbol

    def shows_chart(self, symbol: str | None) -> bool:
        return "chart" in self.topics and symbol == self.symbol


def stale_keys(event: Event) -> Iterator[FragmentKey]:
    """The keys that an event makes stale."""
    symbol = event.symbol or ""
    match event.kind:
        case EventKind.VOTE_CAST:
            yield ("votes", symbol, event.payload["agent"])
        case EventKind.DECISION_MADE:
            yield ("votes", symbol)
            yield from ((topic, symbol) for topic in ("why", "standing", "prices", "facts"))
            yield from ((topic,) for topic in ("ranking", "feed", "kpis", "log"))
        case EventKind.DECISION_SETTLED | EventKind.MODEL_PROMOTED:
            yield ("record",)
        case EventKind.CYCLE_COMPLETED:
            yield from (("shell",), ("account",))
        case EventKind.ENGINE_CHANGED:
            yield ("shell",)
        case EventKind.ACCOUNT_CHANGED:
            yield from (("account",), ("positions",), ("guard",), ("trips",))
        case EventKind.ORDER_CHANGED | EventKind.ORDER_FILLED:
            yield from ((topic,) for topic in ("orders", "order-log", "order-pages"))
        case _:
            pass
