"""Rows of bars as they were traded: raw prices to the bit, dividends, and instants."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timeframe import Timeframe
from market import calendars
from market.panels.bar_matrix import implied_dividends, read_bar_matrix, unadjust
from quant.risk.symbol_risk import VOLATILITY_BARS, realised_volatility
from tests.market.memory_store import MemoryMarketDataStore, daily_bars

DAYS = pd.DatetimeIndex(
    pd.DatetimeIndex(calendars.sessions("XNYS").date).to_series()["2023-01-01":"2023-12-29"]
)
COIN_DAYS = pd.date_range("2023-01-01", "2023-12-29")
EX = 100
"""The bar at which the share goes ex its dividend of 2.50."""


def prices(days: pd.DatetimeIndex, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.round(100 * np.exp(np.cumsum(random.normal(0, 0.01, len(days)))), 2)


@pytest.fixture(scope="module")
def store() -> MemoryMarketDataStore:
    return store_with(0.87)


def store_with(later: float) -> MemoryMarketDataStore:
    """`later` is the factor of what was paid after the last bar."""
    store, close = MemoryMarketDataStore(), prices(DAYS, 1)
    factor = np.where(np.arange(len(DAYS)) < EX, 1 - 2.5 / close[EX - 1], 1.0) * later
    for symbol, days, adjusted in (
        ("PAYS", DAYS, close * factor),
        ("BTC-USD", COIN_DAYS, prices(COIN_DAYS, 2)),
    ):
        raw = close if symbol == "PAYS" else prices(COIN_DAYS, 2)
        bars = daily_bars(days, raw, open=raw * 0.99, high=raw * 1.02, low=raw * 0.98,
                     volume=np.full(len(days), 1e6), adj_close=adjusted)  # fmt: skip
        store.put_bars("files", symbol, Timeframe.D1, bars)
    return store


def read_matrix(store: MemoryMarketDataStore, since: str = "2023-01-01"):
    begins = datetime.fromisoformat(since).replace(tzinfo=UTC)
    ends = datetime(2024, 1, 1, tzinfo=UTC)
    return read_bar_matrix(store, "files", ("BTC-USD", "PAYS"), Timeframe.D1, begins, ends)


def test_prices_are_those_that_were_traded_to_the_bit(store):
    read = read_matrix(store)
    own = ~np.isnan(read.close[:, 1])
    assert read.symbols == ("BTC-USD", "PAYS")
    assert np.array_equal(read.close[own, 1], prices(DAYS, 1))
    assert (read.low[own] <= read.open[own])[:, 1].all()
    assert (read.close[own] <= read.high[own])[:, 1].all()


def test_a_dividend_is_paid_once_on_the_bar_that_is_ex(store):
    read = read_matrix(store)
    own = np.flatnonzero(~np.isnan(read.close[:, 1]))
    assert np.flatnonzero(read.dividend[:, 1]).tolist() == [own[EX]]
    assert read.dividend[own[EX], 1] == pytest.approx(2.5, abs=1e-9)
    assert not read.dividend[:, 0].any()


def test_rows_of_all_calendars_stand_in_order_of_time(store):
    read = read_matrix(store)
    assert (np.diff(read.known_at) >= np.timedelta64(0)).all()
    assert (read.opened_at < read.known_at).all()
    assert (read.session_end == read.known_at).all()
    shares = ~np.isnan(read.close[:, 1])
    assert not (shares & ~np.isnan(read.close[:, 0])).any()
    assert shares.sum() == len(DAYS)
    assert (read.opened_at[~shares][1:] == read.known_at[~shares][:-1]).all()


def test_a_row_is_the_same_however_much_is_read(store):
    all_bars, end = read_matrix(store), read_matrix(store, "2023-11-01")
    rows = len(end.known_at)
    assert 0 < rows < len(all_bars.known_at)
    for name in ("known_at", "opened_at", "open", "close", "volatility", "dividend"):
        assert np.array_equal(getattr(end, name), getattr(all_bars, name)[-rows:],
                              equal_nan=name not in ("known_at", "opened_at"))  # fmt: skip
    assert np.isfinite(end.volatility[:, 1][~np.isnan(end.close[:, 1])]).all()


def test_a_row_is_the_same_whatever_was_paid_after_it(store):
    then, now = read_matrix(store_with(1.0)), read_matrix(store)
    for name in ("open", "high", "low", "close", "volume", "volatility", "dividend"):
        assert np.array_equal(getattr(then, name), getattr(now, name), equal_nan=True), name


@given(st.floats(0.0001, 1e6), st.floats(0.01, 1.0))
def test_adjusting_and_taking_it_back_leaves_a_price_alone(price, factor):
    price = float(f"{price:.9g}")
    assert unadjust(np.array([[price * factor]]), np.array([[factor]]))[0, 0] == price


def test_noise_of_the_factors_is_no_dividend():
    close = np.full((4, 1), 100.0)
    factor = np.array([[0.5], [0.5 * (1 + 1e-8)], [0.5 * (1 - 1e-8)], [0.5]])
    assert not implied_dividends(close, factor).any()


def test_volatility_counts_a_symbols_own_bars():
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, 200)))
    holed = np.full((400, 1), np.nan)
    holed[::2, 0] = close
    measured = realised_volatility(holed, VOLATILITY_BARS)[::2, 0]
    returns = close[1:] / close[:-1] - 1
    assert np.isnan(measured[:VOLATILITY_BARS]).all()
    assert measured[-1] == pytest.approx(returns[-VOLATILITY_BARS:].std())
