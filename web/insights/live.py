"""The votes and decisions of the matrix, as they come."""

from collections.abc import Iterator, Sequence

from domain.events import Event, EventKind
from web.components.symbol_rows import SymbolRows
from web.components.vote_cells import vote_cell
from web.live.latest_state import LatestState
from web.live.parts import Fragment, LivePart
from web.render import Renderer


class InsightsLive:
    def __init__(
        self, latest_state: LatestState, symbol_rows: SymbolRows, renderer: Renderer
    ) -> None:
        self._latest_state, self._symbol_rows = latest_state, symbol_rows
        self._renderer = renderer

    def parts(self) -> Sequence[LivePart]:
        changes = frozenset({EventKind.VOTE_CAST, EventKind.DECISION_MADE})
        return (LivePart(topic="votes", stale_on=changes, of=_cell, draw=self._draw),)

    def _draw(self, symbol: str, agent: str = "") -> Iterator[Fragment]:
        return self._vote(symbol, agent) if agent else self._decision(symbol)

    def _vote(self, symbol: str, agent: str) -> Iterator[Fragment]:
        if vote := self._latest_state.vote(symbol, agent):
            cell = vote_cell(vote)
            yield Fragment(cell.id, self._renderer.partial("insights/vote", cell=cell))

    def _decision(self, symbol: str) -> Iterator[Fragment]:
        row = self._symbol_rows.row(self._latest_state, symbol)
        if row.decision:
            html = self._renderer.partial("components/decision", decision=row.decision)
            yield Fragment(row.decision.id, html)
            yield Fragment(
                row.price.id, self._renderer.partial("components/price", price=row.price)
            )


def _cell(event: Event) -> tuple[str, ...]:
    """A vote is of a symbol and an agent, a decision of a symbol."""
    symbol = event.symbol or ""
    return (symbol, event.payload["agent"]) if event.kind is EventKind.VOTE_CAST else (symbol,)
