"""A symbol's row of the matrix and of the ranking: its price, its votes, its decision."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.symbols import asset_class
from research.report.charts import sparkline
from storage.journal.decision_records import RecordedDecision
from web import formatting
from web.components.amounts import arrow_icon
from web.components.decision_cells import DecisionCell, decision_cell
from web.components.vote_cells import VoteCell, vote_cell, waiting_cell
from web.live.latest_state import LatestState
from web.live.recent_prices import RecentCloses, RecentPrices
from web.services import ServedRun, WatchedSymbols


@dataclass(frozen=True, slots=True)
class PriceCell:
    id: str
    price: str
    change: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class SymbolRow:
    """A symbol of the matrix. `decision` is None until its first one; `sparkline` is SVG."""

    symbol: str
    slug: str
    kind: str
    price: PriceCell
    votes: tuple[VoteCell, ...]
    decision: DecisionCell | None
    sparkline: str
    sparkline_tone: str


def price_cell(symbol: str, price: float | None, change: float | None) -> PriceCell:
    tone = formatting.tone(change or 0.0)
    return PriceCell(
        id=f"px-{formatting.slug(symbol)}",
        price="" if price is None else formatting.price(price),
        change="" if change is None else f"{formatting.signed(change * 100)} %",
        tone=tone,
        icon=arrow_icon(tone),
    )


def build_symbol_row(
    symbol: str,
    agents: Sequence[str],
    recorded: RecordedDecision | None,
    recent: RecentCloses | None,
) -> SymbolRow:
    """Return the matrix row of a symbol; agents that have not voted on it are shown as waiting."""
    votes = {vote.agent: vote for vote in recorded.decision.votes} if recorded else {}
    names = [*agents, *(name for name in votes if name not in agents)]
    closes = recent.closes if recent else ()
    price = recorded.decision.price if recorded else None
    return SymbolRow(
        symbol=symbol,
        slug=formatting.slug(symbol),
        kind=asset_class(symbol).value,
        price=price_cell(symbol, price, recent.change if recent else None),
        votes=tuple(
            vote_cell(votes[name]) if name in votes else waiting_cell(symbol, name)
            for name in names
        ),
        decision=decision_cell(recorded) if recorded else None,
        sparkline=sparkline(closes),
        sparkline_tone=formatting.tone(closes[-1] - closes[0]) if closes else "flat",
    )


class SymbolRows:
    """Builds the rows of symbols from the latest state."""

    def __init__(
        self, served_run: ServedRun, prices: RecentPrices, watched_symbols: WatchedSymbols
    ) -> None:
        self._agents, self._prices = served_run.agents, prices
        self._watched_symbols = watched_symbols

    def row(self, latest_state: LatestState, symbol: str) -> SymbolRow:
        recorded = latest_state.decisions.get(symbol)
        recent = self._prices.recent(symbol, recorded.as_of) if recorded else None
        return build_symbol_row(symbol, self._agents, recorded, recent)

    def watched(self, latest_state: LatestState) -> tuple[SymbolRow, ...]:
        """One a symbol of the watchlist, in its order."""
        return tuple(self.row(latest_state, symbol) for symbol in self._watched_symbols())


def rank_by_edge(rows: Sequence[SymbolRow]) -> tuple[SymbolRow, ...]:
    """Sort rows by edge, the highest first, and by the edge before cost where costs leave none;
    symbols without an edge come last. A cycle ranks the symbols of one calendar; this is the order
    over all."""
    return tuple(sorted(rows, key=_edge_sort_key))


def _edge_sort_key(row: SymbolRow) -> tuple[bool, float, float]:
    decision = row.decision
    if decision is None or decision.edge_value is None:
        return True, 0.0, 0.0
    return False, -decision.edge_value, -decision.gross_edge
