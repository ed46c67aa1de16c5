"""Bars, votes, news and filings of one symbol."""

from typing import Annotated, Any

import pandas as pd
from litestar import get
from litestar.params import FromPath, QueryParameter

from market.series import read_judged_bars
from market.store import MarketDataStore
from storage.journal.decision_records import SqlDecisionRecords
from web.components.known_symbols import KnownSymbols
from web.injection import Injected
from web.schemas import market_fields
from web.services import ServedRun
from web.symbols.schemas import (
    BarOut,
    BarsOut,
    FilingOut,
    FilingsOut,
    NewsItemOut,
    NewsOut,
    VotesOut,
    VotesPoint,
)
from web.symbols.symbol_details import SymbolDetails

Limit = Annotated[int, QueryParameter(ge=1, le=5000, description="The newest so many.")]


@get("/symbols/{symbol:str}/bars", sync_to_thread=True)
def bars(
    served_run: Injected[ServedRun],
    store: Injected[MarketDataStore],
    known_symbols: Injected[KnownSymbols],
    symbol_details: Injected[SymbolDetails],
    symbol: FromPath[str],
    limit: Limit = 500,
) -> BarsOut:
    """Return bars, oldest first, corrected as `quorum repair` was told; `left_out` are in doubt."""
    name = known_symbols.require(symbol)
    end = symbol_details.known_now()
    frame = read_judged_bars(store, served_run.market, name, served_run.timeframe, end).tail(limit)
    found = tuple(BarOut(*_plain(row)) for row in frame.itertuples(index=False))
    return BarsOut(
        symbol=name, timeframe=served_run.timeframe.value, bars=found, **market_fields(served_run)
    )


@get("/symbols/{symbol:str}/votes", sync_to_thread=True)
def votes(
    served_run: Injected[ServedRun],
    records: Injected[SqlDecisionRecords],
    known_symbols: Injected[KnownSymbols],
    symbol: FromPath[str],
    limit: Limit = 250,
) -> VotesOut:
    """Return the probability of the committee and of every agent over time, oldest first."""
    name = known_symbols.require(symbol)
    history = records.history(served_run.market, served_run.run, name, limit)
    points = tuple(
        VotesPoint(
            as_of=past.as_of,
            action=past.decision.action.value,
            p_up=past.decision.p_up,
            base_rate=past.decision.base_rate,
            edge=past.decision.edge,
            target_weight=past.decision.target_weight,
            price=past.decision.price,
            receipt=past.decision.receipt,
            agents={vote.agent: vote.p_up for vote in past.decision.votes},
        )
        for past in reversed(history)
    )
    return VotesOut(symbol=name, votes=points, **market_fields(served_run))


@get("/symbols/{symbol:str}/news", sync_to_thread=True)
def news(
    served_run: Injected[ServedRun],
    store: Injected[MarketDataStore],
    known_symbols: Injected[KnownSymbols],
    symbol_details: Injected[SymbolDetails],
    symbol: FromPath[str],
    limit: Limit = 100,
) -> NewsOut:
    """Return headlines as the source gave them, oldest first. The text is untrusted: escape it."""
    name = known_symbols.require(symbol)
    frame = store.news(served_run.market, name, None, symbol_details.known_now())
    columns = ["known_at", "headline", "summary", "source", "url", "relevance"]
    found = tuple(
        NewsItemOut(*_plain(row)) for row in frame[columns].tail(limit).itertuples(index=False)
    )
    return NewsOut(symbol=name, news=found, **market_fields(served_run))


@get("/symbols/{symbol:str}/filings", sync_to_thread=True)
def filings(
    served_run: Injected[ServedRun],
    store: Injected[MarketDataStore],
    known_symbols: Injected[KnownSymbols],
    symbol_details: Injected[SymbolDetails],
    symbol: FromPath[str],
    limit: Limit = 100,
) -> FilingsOut:
    """Return reports as first filed, oldest first."""
    name = known_symbols.require(symbol)
    frame = store.filings(served_run.market, name, None, symbol_details.known_now())
    found = tuple(
        FilingOut(*_plain(row))
        for row in frame.drop(columns="symbol").tail(limit).itertuples(index=False)
    )
    return FilingsOut(symbol=name, filings=found, **market_fields(served_run))


def _plain(row: Any) -> list[Any]:
    """Return a table's row as plain Python values, None where missing."""
    return [_value(value) for value in row]


def _value(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return None if value is None or pd.isna(value) else value
