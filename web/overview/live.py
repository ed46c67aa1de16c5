"""The ranking and the key figures, after every decision."""

from collections.abc import Iterator, Sequence

from domain.events import EventKind
from web.components.symbol_rows import SymbolRows, rank_by_edge
from web.live.latest_state import LatestState
from web.live.parts import Fragment, LivePart
from web.overview.views import overview_kpis
from web.render import Renderer
from web.services import WatchedSymbols


class OverviewLive:
    def __init__(
        self,
        latest_state: LatestState,
        symbol_rows: SymbolRows,
        watched_symbols: WatchedSymbols,
        renderer: Renderer,
    ) -> None:
        self._latest_state, self._symbol_rows = latest_state, symbol_rows
        self._watched_symbols, self._renderer = watched_symbols, renderer

    def parts(self) -> Sequence[LivePart]:
        decided = frozenset({EventKind.DECISION_MADE})
        return (
            LivePart(topic="ranking", stale_on=decided, draw=self._ranking, slow=True),
            LivePart(topic="kpis", stale_on=decided, draw=self._kpis, slow=True),
        )

    def _ranking(self) -> Iterator[Fragment]:
        rows = rank_by_edge(self._symbol_rows.watched(self._latest_state))
        yield Fragment("ranking", self._renderer.partial("overview/ranking", rows=rows))

    def _kpis(self) -> Iterator[Fragment]:
        kpis = overview_kpis(self._watched_symbols(), self._latest_state)
        yield Fragment("kpis", self._renderer.partial("overview/kpis", kpis=kpis))
