"""Stored news, filings and earnings as columns of a panel, in time order."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from domain.instants import INSTANT, to_datetime64_array
from domain.panel import Earnings, EventSource, Filings, Floats, Ints, News
from market.store import MarketDataStore


def load_news(store: MarketDataStore, market: str, symbols: Sequence[str], last: datetime) -> News:
    symbol, facts = _load_known(store, market, symbols, "news", last)
    return News(
        symbol,
        to_datetime64_array(facts["known_at"]),
        _texts(facts["headline"]),
        _texts(facts["source"]),
        _floats(facts["relevance"]),
    )


def load_filings(
    store: MarketDataStore, market: str, symbols: Sequence[str], last: datetime
) -> Filings:
    symbol, facts = _load_known(store, market, symbols, "filings", last)
    return Filings(
        symbol,
        to_datetime64_array(facts["known_at"]),
        facts["fiscal_year"].to_numpy(np.int32),
        facts["fiscal_quarter"].to_numpy(np.int32),
        _floats(facts["revenue"]),
        _floats(facts["operating_income"]),
        _floats(facts["net_income"]),
        _floats(facts["shares"]),
    )


def load_earnings(
    store: MarketDataStore, market: str, symbols: Sequence[str], last: datetime
) -> Earnings:
    symbol, facts = _load_known(store, market, symbols, "earnings", last)
    return Earnings(
        symbol,
        to_datetime64_array(facts["known_at"]),
        _floats(facts["eps_estimate"]),
        _floats(facts["eps_actual"]),
    )


def _load_known(
    store: MarketDataStore, market: str, symbols: Sequence[str], source: EventSource, last: datetime
) -> tuple[Ints, pd.DataFrame]:
    """The index of each fact's symbol, and the facts of all symbols known by `last`, in order of
    `known_at`.

    Facts known at the same instant are in the order of the symbols, then of the store.
    """
    facts = store.read_many(market, symbols, source, None, last + INSTANT)
    index = facts["symbol"].cat.codes.to_numpy().astype(np.int32)
    order = np.argsort(to_datetime64_array(facts["known_at"]), kind="stable")
    return index[order], facts.iloc[order]


def _texts(column: "pd.Series[str]") -> tuple[str, ...]:
    return tuple(column.to_numpy(object))


def _floats(column: "pd.Series[float]") -> Floats:
    return np.ascontiguousarray(column.to_numpy(np.float64), np.float64)
