"""The query for the newest decision of every symbol."""

from datetime import datetime

from sqlalchemy import Select, and_, func, select
from sqlmodel import col

from storage import tables


def latest_decisions(market: str, run: str, before: datetime | None = None) -> Select[tuple[int]]:
    """Select `decision.seq` of each symbol's newest decision, of those made strictly before an
    instant.

    The query jumps from symbol to symbol along the index: its time grows with the symbols, not with
    the years recorded.
    """
    decision = tables.DecisionRow
    symbol, as_of, seq = col(decision.symbol), col(decision.as_of), col(decision.seq)
    here = and_(col(decision.market) == market, col(decision.run) == run)
    first = select(func.min(symbol).label("symbol")).where(here)
    symbol_steps = first.cte("symbols", recursive=True)
    next_symbol = select(func.min(symbol)).where(here, symbol > symbol_steps.c.symbol)
    following = next_symbol.scalar_subquery()
    symbols = symbol_steps.union_all(select(following).where(symbol_steps.c.symbol.is_not(None)))
    latest = select(seq).where(here, symbol == symbols.c.symbol)
    if before is not None:
        latest = latest.where(as_of < before)
    latest = latest.order_by(as_of.desc(), seq.desc()).limit(1)
    return select(latest.scalar_subquery()).where(symbols.c.symbol.is_not(None))
