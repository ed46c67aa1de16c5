"""Bars in doubt never reach a panel, and what real markets do is not doubted."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.timeframe import Timeframe
from market import calendars
from market.panels.bar_matrix import implied_dividends
from market.quality.gate import check_series
from market.series import BarSeries, build_series, build_symbol_series
from tests.market.memory_store import MemoryMarketDataStore, daily_bars

SESSIONS = pd.DatetimeIndex(calendars.sessions("XNYS").date)
DAYS = SESSIONS[(SESSIONS >= "2022-01-03") & (SESSIONS <= "2023-12-29")]
END = datetime(2024, 1, 1, tzinfo=UTC)
PRICES = ["open", "high", "low", "close", "adj_close"]
NO_ACTIONS = MemoryMarketDataStore().read_many("files", [], "actions")
ROW = 300

Plant = Callable[[pd.DataFrame], int]


def quiet(seed: int = 1, sigma: float = 0.012) -> pd.DataFrame:
    """Daily bars of one symbol that trades more when it moves more."""
    random = np.random.default_rng(seed)
    moves = np.clip(random.normal(0, sigma, len(DAYS)), -3 * sigma, 3 * sigma)
    close = 80 * np.exp(np.cumsum(moves))
    open_ = close * np.exp(random.normal(0, sigma / 4, len(DAYS)))
    spread = np.abs(random.normal(0, sigma / 3, (2, len(DAYS))))
    return daily_bars(
        DAYS, close, open=open_,
        high=np.maximum(open_, close) * (1 + spread[0]),
        low=np.minimum(open_, close) / (1 + spread[1]),
        volume=random.uniform(1e6, 2e6, len(DAYS)),
    )  # fmt: skip


def series_of(bars: pd.DataFrame, symbol: str = "AAPL", as_of: datetime = END) -> BarSeries:
    return build_symbol_series(bars, symbol, Timeframe.D1, as_of)


def times(bars: pd.DataFrame, row: int, count: int) -> np.ndarray:
    return series_of(bars).closed_at[row : row + count]


def multiply(bars: pd.DataFrame, fields: list[str], factor: float, count: int = 1) -> int:
    bars.loc[ROW : ROW + count - 1, fields] *= factor
    return count


def split_as_dividend(ratio: float) -> Plant:
    def plant(bars: pd.DataFrame) -> int:
        bars.loc[: ROW - 1, PRICES[:4]] *= ratio
        bars.loc[: ROW - 1, "volume"] /= ratio
        return 30

    return plant


def repeat(back: int) -> Plant:
    def plant(bars: pd.DataFrame) -> int:
        figures = [*PRICES, "volume"]
        bars.loc[ROW, figures] = bars.loc[ROW - back, figures]
        return 1

    return plant


FAULTS: dict[str, Plant] = {
    "an open ten times too large": lambda bars: multiply(bars, ["open"], 10),
    "a high a third too high": lambda bars: multiply(bars, ["high"], 1.33),
    "a low at half": lambda bars: multiply(bars, ["low"], 0.5),
    "a close with a digit lost": lambda bars: multiply(bars, ["close", "adj_close"], 0.1),
    "a tick in all fields": lambda bars: multiply(bars, PRICES, 1.4),
    "three days in pence": lambda bars: multiply(bars, PRICES, 100, 3),
    "eight days in pounds": lambda bars: multiply(bars, PRICES, 0.01, 8),
    "an adjustment that slips up": lambda bars: multiply(bars, ["adj_close"], 1.1, 2),
    "an adjustment that slips down": lambda bars: multiply(bars, ["adj_close"], 0.9, 3),
    "a split of 4 for 1 as a dividend": split_as_dividend(4.0),
    "a split of 3 for 2 as a dividend": split_as_dividend(1.5),
    "a reverse split": split_as_dividend(0.1),
    "the bar of the day before": repeat(1),
    "a bar of last month": repeat(20),
    "four days at twice the price": lambda bars: multiply(bars, PRICES, 2, 4),
    "nine days a third too low": lambda bars: multiply(bars, PRICES, 0.66, 9),
    "a missing adjusted close": lambda bars: multiply(bars, ["adj_close"], np.nan),
}


@pytest.mark.parametrize("fault", FAULTS)
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_a_planted_fault_is_withheld_and_the_price_before_stands(fault: str, seed: int) -> None:
    bars = quiet(seed)
    spoiled = FAULTS[fault](bars)
    series = series_of(bars)
    faulty = times(bars, ROW, spoiled)
    assert not np.isin(faulty, series.known_at).any()
    assert np.isin(faulty, series.withheld.at).all()
    as_of = pd.Timestamp(faulty[0]).to_pydatetime().replace(tzinfo=UTC)
    then = series_of(bars, as_of=as_of)
    assert then.known_at[-1] == times(bars, ROW - 1, 1)[0]
    assert not check_series(then, NO_ACTIONS, as_of).blocked  # one bar freezes, it does not block
    assert check_series(then, NO_ACTIONS, as_of).remarks


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000), fault=st.sampled_from(sorted(FAULTS)), row=st.integers(250, 340)
)
def test_a_verdict_is_a_function_of_the_bars_up_to_it(seed: int, fault: str, row: int) -> None:
    bars = quiet(seed)
    FAULTS[fault](bars)
    whole = series_of(bars)
    head = series_of(bars.iloc[:row])
    kept = len(head.known_at)
    for name in ("known_at", "open", "high", "low", "close", "volume", "factor"):
        assert np.array_equal(getattr(whole, name)[:kept], getattr(head, name)), name
    assert np.array_equal(whole.withheld.at[: len(head.withheld.at)], head.withheld.at)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), since=st.integers(1, 340))
def test_bars_are_judged_alike_however_few_are_kept(seed: int, since: int) -> None:
    bars = quiet(seed)
    multiply(bars, PRICES, 100, 12)
    named = bars.assign(symbol=pd.Categorical(["AAPL"] * len(bars), ["AAPL"]))
    first = bars["at"].iloc[since].to_pydatetime()
    [part] = build_series(named, "XNYS", Timeframe.D1, END, first)
    whole = series_of(bars)
    assert np.array_equal(part.close, whole.close[len(whole.close) - len(part.close) :])
    assert part.known_at[0] >= times(bars, since, 1)[0]


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    move=st.floats(0.12, 0.5),
    down=st.booleans(),
    volume=st.floats(15.0, 40.0),
)
def test_news_that_trading_confirms_is_believed_the_next_day_at_the_latest(
    seed: int, move: float, down: bool, volume: float
) -> None:
    bars = quiet(seed)
    multiply(bars, PRICES, float(np.exp(-move if down else move)), len(bars) - ROW)
    multiply(bars, ["volume"], volume)
    series = series_of(bars)
    assert len(series.withheld.at) <= 1
    assert not check_series(series, NO_ACTIONS, END).blocked


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), volume=st.floats(1.0, 3.0))
def test_a_busy_day_does_not_explain_twice_the_price(seed: int, volume: float) -> None:
    bars = quiet(seed)
    multiply(bars, PRICES, 2.0, 4)
    multiply(bars, ["volume"], volume)
    withheld = series_of(bars).withheld.at
    assert np.array_equal(withheld, times(bars, ROW, 4))


def test_a_price_that_comes_back_counts_at_once_also_after_it_was_believed() -> None:
    bars = quiet()
    multiply(bars, PRICES, 1.5, 8)
    multiply(bars, ["volume"], 12)
    series = series_of(bars)
    assert len(series.withheld.at) <= 1
    assert np.isin(times(bars, ROW + 8, 1), series.known_at).all()


@pytest.mark.parametrize("row", [1, 4, 8])
def test_a_tick_among_the_first_bars_is_withheld(row: int) -> None:
    bars = quiet()
    bars.loc[row, PRICES] *= 1.3
    assert np.array_equal(series_of(bars).withheld.at, times(bars, row, 1))


def test_a_split_that_nothing_explains_is_never_believed() -> None:
    bars = quiet(sigma=0.004)
    bars.loc[ROW:, PRICES] /= 2.0
    series = series_of(bars)
    assert len(series.withheld.at) == len(bars) - ROW
    assert check_series(series, NO_ACTIONS, END).blocked


def test_another_move_that_nothing_explains_is_believed_after_ten_bars() -> None:
    bars = quiet()
    bars.loc[ROW:, PRICES] *= 0.6
    assert len(series_of(bars).withheld.at) == 10


@pytest.mark.parametrize("back", [1, 20])
def test_a_repeated_bar_is_withheld_also_where_volume_is_unknown(back: int) -> None:
    bars = quiet().assign(volume=0.0)
    repeat(back)(bars)
    assert np.array_equal(series_of(bars).withheld.at, times(bars, ROW, 1))


def test_a_move_without_volume_waits_for_one_bar_that_stays() -> None:
    bars = quiet().assign(volume=0.0)
    bars.loc[ROW:, PRICES] *= 0.8
    assert np.array_equal(series_of(bars).withheld.at, times(bars, ROW, 1))


def test_a_fall_that_comes_back_with_trading_is_believed_at_once() -> None:
    bars = quiet()
    bars.loc[ROW, ["low"]] *= 0.8
    bars.loc[ROW, "volume"] *= 6
    multiply(bars, ["close", "adj_close"], 0.9)
    assert not len(series_of(bars).withheld.at)


def test_a_move_that_nothing_explains_blocks_from_the_second_bar_and_says_since_when() -> None:
    bars = quiet()
    multiply(bars, PRICES, 0.01, len(bars) - ROW)
    verdict = check_series(series_of(bars), NO_ACTIONS, END)
    [finding] = verdict.findings
    assert finding.startswith(f"the price moves -99% at {DAYS[ROW]:%Y-%m-%d}, which neither")
    assert "quorum repair" in finding


def test_what_is_over_does_not_block() -> None:
    bars = quiet()
    multiply(bars, PRICES, 100, 3)
    verdict = check_series(series_of(bars), NO_ACTIONS, END)
    assert not verdict.blocked
    assert any("is left out (and 2 more)" in remark for remark in verdict.remarks)


@pytest.mark.parametrize("decimals", [2, 3, 4])
def test_rounding_of_the_adjusted_close_is_no_dividend(decimals: int) -> None:
    bars = quiet()
    close = bars["close"].round(2)
    bars = bars.assign(close=close, adj_close=(close * 0.8731).round(decimals))
    series = series_of(bars.assign(high=bars["high"] + 0.01, low=bars["low"] - 0.01))
    assert not len(series.withheld.at)
    traded = series.close / series.factor
    assert not implied_dividends(traded[:, np.newaxis], series.factor[:, np.newaxis]).any()


@pytest.mark.parametrize("dividend", [0.002, 0.008])
def test_a_usual_dividend_is_paid(dividend: float) -> None:
    bars = quiet()
    bars.loc[: ROW - 1, "adj_close"] *= 1 - dividend
    series = series_of(bars)
    assert not len(series.withheld.at)
    assert series.factor[ROW - 1] / series.factor[ROW] == pytest.approx(1 - dividend)


def test_a_large_dividend_is_paid_where_the_price_falls_by_it() -> None:
    bars = quiet()
    bars.loc[: ROW - 1, PRICES[:4]] /= 1 - 0.08
    series = series_of(bars)
    assert not len(series.withheld.at)
    assert series.factor[ROW - 1] / series.factor[ROW] == pytest.approx(1 - 0.08)


def test_the_scale_of_prices_and_volume_changes_no_verdict() -> None:
    bars = quiet()
    multiply(bars, PRICES, 1.5)
    expected = series_of(bars).withheld.at
    scaled = bars.copy()
    scaled[PRICES] *= 1024.0
    scaled["volume"] *= 0.5
    assert len(expected) == 1
    assert np.array_equal(series_of(scaled).withheld.at, expected)
