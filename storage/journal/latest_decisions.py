"""The one query behind "as things stand": the newest decision of every symbol."""

from datetime import datetime

from sqlalchemy import Select, and_, func, select
from sqlmodel import col

from storage import tables


def newest_decisions(market: str, run: str, before: datetime | None = None) -> Select[tuple[int]]:
    """`decision.seq` of each symbol's newest decision, of those made strictly before an instant.

    Hops from symbol to symbol along the index: its cost grows with the symbols, not with the
    years recorded.
    """
    symbol, as_of, seq = (
        col(tables.Decision.symbol),
        col(tables.Decision.as_of),
        col(tables.Decision.seq),
    )
    here = and_(col(tables.Decision.market) == market, col(tables.Decision.run) == run)
    first = select(func.min(symbol).label("symbol")).where(here)
    hops = first.cte("symbols", recursive=True)
    following = select(func.min(symbol)).where(here, symbol > hops.c.symbol).scalar_subquery()
    symbols = hops.union_all(select(following).where(hops.c.symbol.is_not(None)))
    newest = select(seq).where(here, symbol == symbols.c.symbol)
    if before is not None:
        newest = newest.where(as_of < before)
    newest = newest.order_by(as_of.desc(), seq.desc()).limit(1)
    return select(newest.scalar_subquery()).where(symbols.c.symbol.is_not(None))
