"""The gate blocks what no market does, lets crashes through, and says why either way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.decision import QualityVerdict
from domain.instants import Times, to_datetime, to_datetime64_array
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from market import calendars
from market.quality import gate
from market.series import build_symbol_series
from tests.market.memory_store import MemoryMarketDataStore, daily_bars

Flawed = Callable[[pd.DataFrame, int], pd.DataFrame]

SESSIONS = pd.DatetimeIndex(calendars.sessions("XNYS").date)
DAYS = SESSIONS[(SESSIONS >= "2021-01-04") & (SESSIONS <= "2024-06-28")]
END = to_datetime(
    calendars.bar_closes_array("XNYS", to_datetime64_array(DAYS[-1:]), Timeframe.D1)[0]
)
NO_ACTIONS = MemoryMarketDataStore().read_many("files", [], "actions")
PRICES = ["open", "high", "low", "close", "adj_close"]


def healthy(seed: int = 1, days: pd.DatetimeIndex = DAYS, sigma: float = 0.02) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    moves = np.clip(random.standard_t(4, len(days)), -9, 9) * sigma / 1.4
    close = 100 * np.exp(np.cumsum(moves))
    spread = np.abs(random.normal(0, sigma / 2, len(days)))
    busy = 1 + 0.3 * np.abs(moves) / sigma  # large moves trade more, as everywhere
    return daily_bars(
        days, close, open=close * 0.999, high=close * (1 + spread), low=close * (0.999 - spread),
        volume=random.uniform(1e6, 3e6, len(days)) * busy,
    )  # fmt: skip


def gate_verdict(
    bars: pd.DataFrame,
    actions: pd.DataFrame = NO_ACTIONS,
    as_of: datetime = END,
    symbol: str = "AAPL",
    timeframe: Timeframe = Timeframe.D1,
) -> QualityVerdict:
    series = build_symbol_series(bars, symbol, timeframe, as_of)
    return gate.check_series(series, actions, as_of)


def divide_prices(
    bars: pd.DataFrame, row: int, by: float, volume_too: bool = False
) -> pd.DataFrame:
    """The bars from `row` on as after a split that nobody adjusted for."""
    bars = bars.copy()
    bars.loc[bars.index[row:], PRICES] /= by
    if volume_too:
        bars.loc[bars.index[row:], "volume"] *= by
    return bars


def alter_bar(bars: pd.DataFrame, row: int, **figures: float) -> pd.DataFrame:
    bars = bars.copy()
    for name, figure in figures.items():
        bars.loc[bars.index[row], name] = figure
    return bars


def range_mask(bars: pd.DataFrame, row: int, count: int) -> NDArray[np.bool_]:
    place = np.arange(len(bars))
    return (place >= row) & (place < row + count)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), sigma=st.floats(0.002, 0.035))
def test_a_healthy_series_passes(seed: int, sigma: float) -> None:
    assert not gate_verdict(healthy(seed, sigma=sigma)).blocked


def test_a_crash_and_an_earnings_shock_pass() -> None:
    bars = healthy(sigma=0.012)
    crashed = divide_prices(divide_prices(bars, -40, 1.16), -38, 1 / 1.12)
    assert not gate_verdict(crashed).blocked
    shocked = divide_prices(bars, -20, 1.6)
    shocked.loc[shocked.index[-20], "volume"] *= 12
    verdict = gate_verdict(shocked)
    assert not verdict.blocked
    assert any("a large move, -3" in remark for remark in verdict.remarks)


@pytest.mark.parametrize("by", [10.0, 4.0, 2.0, 1.5, 0.1])
@pytest.mark.parametrize("volume_too", [False, True])
@pytest.mark.parametrize("row", [-3, -59, -200])
def test_an_unadjusted_split_blocks(by: float, volume_too: bool, row: int) -> None:
    (finding,) = gate_verdict(divide_prices(healthy(sigma=0.01), row, by, volume_too)).findings
    assert "neither a split nor the trading explains" in finding
    assert str(DAYS[row].date()) in finding


def test_a_recorded_split_that_was_not_adjusted_for_is_named() -> None:
    actions = pd.DataFrame(
        {"symbol": "AAPL", "at": DAYS[[-30]].tz_localize("UTC"), "kind": "split", "value": 10.0}
    )
    (finding,) = gate_verdict(divide_prices(healthy(sigma=0.01), -30, 10), actions).findings
    assert "by the recorded split" in finding


def test_a_split_that_the_adjusted_close_accounts_for_is_no_dividend() -> None:
    bars = healthy(sigma=0.01)
    raw = divide_prices(bars, -30, 10).assign(adj_close=bars["adj_close"])
    (finding,) = gate_verdict(raw).findings
    assert finding.startswith("the adjusted close implies a dividend of 90% of the price at")
    assert str(DAYS[-30].date()) in finding


def test_thirty_missing_sessions_block_and_a_few_are_remarked() -> None:
    (finding,) = gate_verdict(healthy().drop(index=range(780, 810))).findings
    assert finding.startswith("bars missing before")
    assert finding.endswith(": 30")
    few = gate_verdict(healthy().drop(index=range(800, 803)))
    assert not few.blocked
    assert few.remarks[0].endswith(": 3")


def test_weekends_and_holidays_are_no_gap_but_a_coin_missing_them_has_many() -> None:
    assert gate_verdict(healthy()).remarks == ()
    assert not gate_verdict(healthy(), symbol="BTC-USD", as_of=END + timedelta(days=1)).blocked
    verdict = gate_verdict(healthy(), symbol="BTC-USD", as_of=END + timedelta(days=1))
    assert "bars missing" in verdict.remarks[0]


def test_a_series_that_ended_is_stale_but_a_long_weekend_is_not() -> None:
    assert gate_verdict(healthy(), as_of=END + timedelta(days=2, hours=23)).remarks == ()
    late = gate_verdict(healthy(), as_of=END + timedelta(days=5))
    assert late == QualityVerdict("AAPL", (), ("the last bar is of 2024-06-28; bars due since: 3",))
    assert gate_verdict(healthy(), as_of=END + timedelta(days=30)).findings == (
        "the last bar is of 2024-06-28; bars due since: 19",
    )


def test_a_price_that_stands_still_is_stale() -> None:
    bars = healthy()
    bars.loc[bars.index[-6:], PRICES] = 42.0
    bars.loc[bars.index[:-6], PRICES] *= 42.0 / bars["close"].iloc[-7]
    (finding,) = gate_verdict(bars).findings
    assert "stood still for 5 bars" in finding


@pytest.mark.parametrize("figures", [{"low": 0.0}, {"close": -5.0}, {"volume": -1.0}])
def test_what_is_not_positive_blocks(figures: dict[str, float]) -> None:
    (finding,) = gate_verdict(alter_bar(healthy(), -10, **figures)).findings
    assert "not positive" in finding


def test_a_missing_price_is_a_missing_bar() -> None:
    verdict = gate_verdict(alter_bar(healthy(), -10, open=float("nan")))
    assert not verdict.blocked
    assert any("a price is missing" in remark for remark in verdict.remarks)
    assert any("bars missing before" in remark for remark in verdict.remarks)


def test_a_high_below_the_low_is_left_out_and_rounding_is_not() -> None:
    bars = healthy()
    high, low = bars[["high", "low"]].iloc[-10]
    verdict = gate_verdict(alter_bar(bars, -10, high=low * 0.97, low=high))
    assert not verdict.blocked
    assert "contradicts" in verdict.remarks[0]
    top = bars[["open", "close"]].iloc[-10].max()
    assert gate_verdict(alter_bar(bars, -10, high=top * 0.9999)) == QualityVerdict("AAPL")


def test_repeated_and_unordered_bars_block() -> None:
    bars = healthy()
    repeated = pd.concat([bars, bars.iloc[[-10]].assign(close=1.0)]).sort_values(
        "at", kind="stable"
    )
    assert any("two bars for" in finding for finding in gate_verdict(repeated).findings)
    swapped = bars.iloc[[*range(len(bars) - 3), -2, -3, -1]]
    assert any("stored after a later one" in finding for finding in gate_verdict(swapped).findings)


def test_bars_outside_sessions_are_left_out_and_remarked() -> None:
    weekend = daily_bars(pd.DatetimeIndex(["2024-06-22", "2024-06-23"]), [1.0, 1.0])
    verdict = gate_verdict(pd.concat([healthy(), weekend]).sort_values("at"))
    assert not verdict.blocked
    [remark] = [remark for remark in verdict.remarks if "market was closed" in remark]
    assert "2024-06-23" in remark
    assert "1 more" in remark


def test_odd_volume_is_remarked_and_no_trading_at_all_blocks() -> None:
    bars = healthy()
    spike = gate_verdict(alter_bar(bars, -5, volume=9e7))
    assert not spike.blocked
    assert any("times the usual" in remark for remark in spike.remarks)
    idle = bars.assign(volume=bars["volume"].where(bars.index < bars.index[-12], 0.0))
    assert any(
        "no trading in 12 of the last 20" in finding for finding in gate_verdict(idle).findings
    )
    assert not gate_verdict(bars.assign(volume=0.0)).blocked


def test_what_lies_long_ago_is_only_remarked() -> None:
    old = divide_prices(healthy(sigma=0.01), 300, 2.3).drop(index=range(100, 130))
    verdict = gate_verdict(alter_bar(old, 50, low=-1.0))
    assert not verdict.blocked
    assert sum(remark.startswith("long ago: ") for remark in verdict.remarks) == 3


def test_an_empty_or_wholly_unusable_series_is_blocked() -> None:
    assert gate_verdict(healthy().iloc[:0]).findings == ("no usable bar had closed by 2024-06-28",)
    verdict = gate_verdict(healthy().assign(close=-1.0))
    assert len(verdict.findings) == 2


def test_hourly_bars_are_judged_by_their_own_grid() -> None:
    known = calendars.closes_between("XNYS", Timeframe.H1, END - timedelta(days=120), END)
    opened = pd.DatetimeIndex(known - np.timedelta64(1, "h"))
    bars = healthy(days=opened, sigma=0.004)
    keep = calendars.bar_closes_array("XNYS", to_datetime64_array(opened), Timeframe.H1) == known
    full = gate_verdict(bars[keep], timeframe=Timeframe.H1)
    assert not full.blocked
    holed = bars[keep].drop(index=bars[keep].index[-60:-30])
    assert any("bars missing" in f for f in gate_verdict(holed, timeframe=Timeframe.H1).findings)


@given(factor=st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_verdict_does_not_depend_on_the_scale_of_prices(factor: float) -> None:
    bars = divide_prices(healthy(), -30, 10)
    scaled = bars.assign(**{name: bars[name] * factor for name in PRICES})
    assert gate_verdict(scaled) == gate_verdict(bars)


@settings(max_examples=20)
@given(row=st.integers(300, len(DAYS) - 1))
def test_a_verdict_as_of_then_does_not_know_what_came_later(row: int) -> None:
    bars = divide_prices(healthy(), row, 10)
    as_of = to_datetime(
        calendars.bar_closes_array("XNYS", to_datetime64_array(DAYS[[row - 1]]), Timeframe.D1)[0]
    )
    assert gate_verdict(bars, as_of=as_of) == gate_verdict(bars.iloc[:row], as_of=as_of)
    assert not gate_verdict(bars, as_of=as_of).blocked


PLANTED: dict[str, Flawed] = {
    "a split": lambda bars, row: divide_prices(bars, row, 10),
    "missing sessions": lambda bars, row: bars.drop(index=bars.index[row : row + 12]),
    "a few missing sessions": lambda bars, row: bars.drop(index=bars.index[row : row + 3]),
    "a contradiction": lambda bars, row: alter_bar(bars, row, low=bars["high"].iloc[row] * 1.03),
    "a bar twice": lambda bars, row: pd.concat([bars[: row + 1], bars[row:]]),
    "two bars exchanged": lambda bars, row: pd.concat([
        bars[:row], bars[row + 1 : row + 2], bars[row : row + 1], bars[row + 2 :]
    ]),
    "no price": lambda bars, row: alter_bar(bars, row, open=float("nan")),
    "a negative price": lambda bars, row: alter_bar(bars, row, close=-1.0),
    "no trading": lambda bars, row: bars.assign(
        volume=bars["volume"].where(~range_mask(bars, row, 40), 0.0)
    ),
    "a price that stands still": lambda bars, row: bars.assign(**{
        name: bars[name].where(~range_mask(bars, row, 9), bars["close"].iloc[row])
        for name in PRICES
    }),
    "an end": lambda bars, row: bars.iloc[:row],
    "heavy trading": lambda bars, row: alter_bar(divide_prices(bars, row, 1.6), row, volume=5e7),
}  # fmt: skip


def assert_word_for_word(
    bars: pd.DataFrame,
    rows: NDArray[np.intp],
    known_at: Times,
    symbol: str = "AAPL",
    timeframe: Timeframe = Timeframe.D1,
    actions: pd.DataFrame = NO_ACTIONS,
) -> NDArray[np.bool_]:
    """`blocked_rows` is the verdict as of each of `rows` of `known_at`; returns it of all rows."""
    series = build_symbol_series(bars, symbol, timeframe, to_datetime(known_at[-1]))
    by_row = gate.blocked_rows(series, actions, known_at)
    for row in rows:
        then = to_datetime(known_at[row])
        recorded = actions[to_datetime64_array(actions["at"]) <= known_at[row]]
        assert by_row[row] == gate_verdict(bars, recorded, then, symbol, timeframe).blocked, then
    return by_row


@pytest.mark.parametrize("flaw", PLANTED)
def test_over_time_the_gate_says_what_it_would_have_said_then(flaw: str) -> None:
    bars = PLANTED[flaw](healthy(days=DAYS[:600], sigma=0.008), 200)
    known_at = calendars.bar_closes_array("XNYS", to_datetime64_array(DAYS[:620]), Timeframe.D1)
    edges = np.r_[0:2, 198:222, 235:245, 448:465, 598:608]
    by_row = assert_word_for_word(bars, edges, known_at)
    assert not by_row[:200].any()
    harmless = flaw in {"a few missing sessions", "a contradiction", "no price", "heavy trading"}
    assert by_row[200:600].any() == (not harmless)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    planted=st.lists(st.tuples(st.sampled_from(sorted(PLANTED)), st.integers(0, 380)), max_size=4),
    coin=st.booleans(),
    late=st.integers(0, 30),
)
def test_over_time_the_gate_is_the_gate(
    seed: int, planted: list[tuple[str, int]], coin: bool, late: int
) -> None:
    symbol = "BTC-USD" if coin else "AAPL"
    calendar = calendar_of(symbol)
    random = np.random.default_rng(seed)
    bars = healthy(seed, days=DAYS[:400], sigma=random.choice([0.005, 0.02, 0.08]))
    for flaw, row in planted:
        if row < len(bars) - 1:
            bars = PLANTED[flaw](bars, row).reset_index(drop=True)
    splits = pd.DataFrame({
        "symbol": symbol, "at": bars["at"].iloc[[row for _, row in planted if row < len(bars)]],
        "kind": "split", "value": 10.0,
    }).astype({"value": "float64"})  # fmt: skip
    first, last = (
        to_datetime(to_datetime64_array(DAYS[[0]])[0]),
        DAYS[399 + late],
    )
    known_at = calendars.closes_between(
        calendar, Timeframe.D1, first - timedelta(days=9), last.to_pydatetime().replace(tzinfo=UTC)
    )
    rows = np.unique(np.r_[random.integers(0, len(known_at), 25), len(known_at) - 1])
    assert_word_for_word(bars, rows, known_at, symbol, Timeframe.D1, splits)


def test_over_time_hours_are_judged_by_their_own_grid() -> None:
    known = calendars.closes_between("XNYS", Timeframe.H1, END - timedelta(days=120), END)
    opened = pd.DatetimeIndex(known - np.timedelta64(1, "h"))
    bars = healthy(days=opened, sigma=0.004).drop(index=range(300, 330)).iloc[:400]
    off_the_grid = np.sort(np.append(known, known[::50] + np.timedelta64(20, "m")))
    rows = np.r_[0:9, 290:350, len(off_the_grid) - 150 : len(off_the_grid)]
    by_row = assert_word_for_word(bars, rows, off_the_grid, timeframe=Timeframe.H1)
    assert by_row[200:].any()
    assert not by_row[20:290].any()
