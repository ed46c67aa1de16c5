"""The one query behind "as things stand": the newest decision of every symbol."""

from datetime import datetime

from sqlalchemy import Select, and_, func, select
from sqlmodel import col

from storage import tables


def latest_decisions(market: str, run: str, before: datetime | None = None) -> Select[tuple[int]]:
    """`decision.seq` of each symbol's newest decision, of those made strictly before an instant.

    Hops from symbol to symbol along the index: its cost grows with the symbols, not with the
    years recorded.
    """
    symbol, as_of, seq = (
        col(tables.DecisionRow.symbol),
        col(tables.DecisionRow.as_of),
        col(tables.DecisionRow.seq),
    )
    here = and_(col(tables.DecisionRow.market) == market, col(tables.DecisionRow.run) == run)
    first = select(func.min(symbol).label("symbol")).where(here)
    symbol_steps = first.cte("symbols", recursive=True)
    following = (
        select(func.min(symbol)).where(here, symbol > symbol_steps.c.symbol).scalar_subquery()
    )
    symbols = symbol_steps.union_all(select(following).where(symbol_steps.c.symbol.is_not(None)))
    latest = select(seq).where(here, symbol == symbols.c.symbol)
    if before is not None:
        latest = latest.where(as_of < before)
    latest = latest.order_by(as_of.desc(), seq.desc()).limit(1)
    return select(latest.scalar_subquery()).where(symbols.c.symbol.is_not(None))
