"""What the page of a symbol shows, after every decision on it, and the events of its chart."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from domain.events import Event, EventKind
from web import formatting
from web.components.symbol_rows import SymbolRows
from web.components.why import explain_symbol
from web.live.latest_state import LatestState
from web.live.parts import Fragment, LivePart, NamedEvent, of_symbol
from web.render import Renderer
from web.symbols.symbol_details import SymbolDetails


class SymbolsLive:
    def __init__(
        self,
        latest_state: LatestState,
        symbol_rows: SymbolRows,
        symbol_details: SymbolDetails,
        renderer: Renderer,
    ) -> None:
        self._latest_state, self._symbol_rows = latest_state, symbol_rows
        self._symbol_details, self._renderer = symbol_details, renderer

    def parts(self) -> Sequence[LivePart]:
        part = partial(
            LivePart,
            stale_on=frozenset({EventKind.DECISION_MADE}),
            of=of_symbol,
            page_symbol=True,
        )
        return (
            part(topic="why", draw=self._why, slow=True),
            part(topic="standing", draw=self._standing, slow=True),
            part(topic="prices", draw=self._price),
            part(topic="facts", draw=self._facts, slow=True),
            LivePart(topic="chart", events=_chart_events),
        )

    def _why(self, symbol: str) -> Iterator[Fragment]:
        why = explain_symbol(self._latest_state, symbol)
        yield Fragment(f"why-{why.slug}", self._renderer.partial("components/why", why=why))

    def _standing(self, symbol: str) -> Iterator[Fragment]:
        why = explain_symbol(self._latest_state, symbol)
        drawn = self._renderer.partial("symbols/standing", decision=why.decision, slug=why.slug)
        yield Fragment(f"standing-{why.slug}", drawn)

    def _price(self, symbol: str) -> Iterator[Fragment]:
        price = self._symbol_rows.row(self._latest_state, symbol).price
        yield Fragment(price.id, self._renderer.partial("components/price", price=price))

    def _facts(self, symbol: str) -> Iterator[Fragment]:
        details, latest_state = self._symbol_details, self._latest_state
        recorded, slug = latest_state.decisions.get(symbol), formatting.slug(symbol)
        contexts: dict[str, dict[str, object]] = {
            "gate": {"verdict": recorded.decision.verdict if recorded else None},
            "history": {"history": details.history(symbol)},
            "filings": {
                "filings": details.filings(latest_state, symbol),
                "filings_failure": details.fetch_error(symbol, "filings"),
            },
            "news": {
                "news": details.news(latest_state, symbol),
                "news_failure": details.fetch_error(symbol, "news"),
            },
        }
        for name, context in contexts.items():
            drawn = self._renderer.partial(f"symbols/{name}", slug=slug, **context)
            yield Fragment(f"{name}-{slug}", drawn)


def _chart_events(event: Event, symbol: str) -> Iterator[NamedEvent]:
    """A new bar of the page's symbol, and a marker for a decision on it."""
    if event.kind is EventKind.CYCLE_COMPLETED and symbol in event.payload["symbols"]:
        yield "chart.bar", {"symbol": symbol, "as_of": event.payload["as_of"]}
    if event.kind is EventKind.DECISION_MADE and event.symbol == symbol:
        yield "chart.marker", _chart_marker(event)


def _chart_marker(event: Event) -> dict[str, Any]:
    names = ("as_of", "action", "p_up", "base_rate", "receipt")
    return {"symbol": event.symbol, **{name: event.payload[name] for name in names}}
