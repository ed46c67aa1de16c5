"""Panels out of a store: one axis of time, adjusted prices, and nothing known too early."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.decision import QualityVerdict
from domain.errors import InputError, UnknownSymbolError
from domain.instants import to_datetime, to_datetime64
from domain.panel import Panel
from domain.timeframe import Timeframe
from market import calendars
from market.panels.panel_builder import PanelQuery, build_panel_histories, build_panels
from tests.market.memory_store import MemoryMarketDataStore, daily_bars

DAYS = pd.DatetimeIndex(calendars.sessions("XNYS").date).to_series()["2023-01-01":"2024-06-28"]
ARRAYS = ("known_at", "open", "high", "low", "close", "volume", "benchmark")
EVENTS = {
    "news": ("symbol", "known_at", "headline", "source", "relevance"),
    "filings": (
        "symbol", "known_at", "fiscal_year", "fiscal_quarter",
        "revenue", "operating_income", "net_income", "shares",
    ),
    "earnings": ("symbol", "known_at", "eps_estimate", "eps_actual"),
}  # fmt: skip


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def walk(days: pd.DatetimeIndex, seed: int, adjustment: float = 1.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(days))))
    spread = np.abs(random.normal(0, 0.004, len(days)))
    return daily_bars(
        days, close, open=close * 0.999, high=close * (1 + spread), low=close * (0.999 - spread),
        volume=random.uniform(1e6, 2e6, len(days)), adj_close=close * adjustment,
    )  # fmt: skip


def stamps(*texts: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(texts, tz="UTC").as_unit("us")


@pytest.fixture(scope="module")
def store() -> MemoryMarketDataStore:
    """A share from 2023, one from 2024 with a hole, the benchmark, and a coin."""
    store = MemoryMarketDataStore()
    days = pd.DatetimeIndex(DAYS)
    store.put_bars("files", "AAPL", Timeframe.D1, walk(days, 1, adjustment=0.9))
    young = walk(days[days >= "2024-01-01"], 2)
    store.put_bars("files", "NEW", Timeframe.D1, young.drop(index=[40, 41]))
    store.put_bars("files", "SPY", Timeframe.D1, walk(days, 3))
    coin_days = pd.date_range("2023-06-01", "2024-06-28")
    store.put_bars("files", "BTC-USDT", Timeframe.D1, walk(coin_days, 4))
    for symbol, hour in (("AAPL", 9), ("NEW", 9), ("SPY", 23)):
        at = pd.date_range("2023-01-03", "2024-07-10", freq="9D", tz="UTC") + pd.Timedelta(
            hours=hour
        )
        store.put_news("files", symbol, pd.DataFrame({
            "symbol": symbol, "known_at": at, "headline": [f"{symbol} {n}" for n in range(len(at))],
            "summary": "", "source": "wire", "url": "", "relevance": 1.0,
        }))  # fmt: skip
    store.put_filings("files", "AAPL", pd.DataFrame({
        "symbol": "AAPL", "known_at": stamps("2023-05-06", "2023-08-05", "2024-05-04"),
        "fiscal_year": [2023, 2023, 2024], "fiscal_quarter": [1, 2, 1], "revenue": [1e9, 2e9, 3e9],
        "operating_income": np.nan, "net_income": [1e8, 2e8, 3e8], "shares": 1e9,
    }))  # fmt: skip
    store.put_earnings("files", "AAPL", pd.DataFrame({
        "symbol": "AAPL", "known_at": stamps("2023-05-05", "2024-05-03"),
        "eps_estimate": [1.0, np.nan], "eps_actual": [1.1, 1.2],
    }))  # fmt: skip
    store.record_fetch("files", "NEW", "filings", utc("2024-06-28"), "the server said 429")
    return store


def build(
    store: MemoryMarketDataStore,
    *symbols: str,
    as_of: str = "2024-06-29",
    since: datetime | None = None,
) -> list[tuple[Panel, tuple[QualityVerdict, ...]]]:
    return build_panels(
        store,
        PanelQuery(
            market="files",
            symbols=symbols,
            timeframe=Timeframe.D1,
            as_of=utc(as_of),
            horizon=5,
            since=since,
        ),
    )


def assert_same(one: Panel, other: Panel) -> None:
    for name in ARRAYS:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
        assert getattr(one, name).flags.c_contiguous
    for source, columns in EVENTS.items():
        for column in columns:
            value, other_value = (getattr(getattr(panel, source), column) for panel in (one, other))
            assert list(map(repr, value)) == list(map(repr, other_value)), (source, column)


def test_a_mixed_watchlist_becomes_one_panel_per_calendar(store: MemoryMarketDataStore) -> None:
    (shares, verdicts), (coins, _) = build(store, "AAPL", "BTC-USDT", "NEW", "AAPL")
    assert (shares.symbols, shares.calendar) == (("AAPL", "NEW"), "XNYS")
    assert (coins.symbols, coins.calendar) == (("BTC-USDT",), "24/7")
    assert [verdict.symbol for verdict in verdicts] == ["AAPL", "NEW"]
    assert shares.shape == (len(DAYS), 2)
    assert coins.known_at[0] == np.datetime64("2023-06-02T00:00")


def test_prices_are_adjusted_and_holes_are_nan_in_all_five(store: MemoryMarketDataStore) -> None:
    ((panel, _),) = build(store, "AAPL", "NEW")
    bars = store.bars("files", "AAPL", Timeframe.D1)
    assert np.allclose(panel.high[:, 0], bars["high"] * 0.9)
    assert np.array_equal(panel.volume[:, 0], bars["volume"])
    hole = np.isnan(np.stack([panel.open, panel.high, panel.low, panel.close, panel.volume]))
    assert (hole == hole[0]).all()
    assert hole[0, :, 1].sum() == (DAYS < "2024-01-01").sum() + 2


def test_the_benchmark_is_there_whichever_symbols_are_requested(
    store: MemoryMarketDataStore,
) -> None:
    ((alone, _),) = build(store, "AAPL")
    ((beside, _),) = build(store, "SPY")
    assert np.array_equal(alone.benchmark, beside.close[:, 0])
    ((_, _), (coins, _)) = build(store, "AAPL", "BTC-USDT")
    assert np.array_equal(coins.benchmark, coins.close[:, 0])


def test_a_young_symbol_sees_the_benchmark_as_an_old_one_beside_it_does(
    store: MemoryMarketDataStore,
) -> None:
    ((alone, _),) = build(store, "NEW")
    ((beside, _),) = build(store, "NEW", "AAPL")
    assert np.array_equal(alone.known_at, beside.known_at)
    assert np.array_equal(alone.benchmark, beside.benchmark)
    assert np.isnan(alone.close[: (DAYS < "2024-01-01").sum(), 0]).all()


@settings(max_examples=25)
@given(hours=st.integers(24, 24 * 540))
def test_a_panel_built_as_of_then_is_the_head_of_one_built_later(
    store: MemoryMarketDataStore, hours: int
) -> None:
    as_of = utc("2023-01-04") + timedelta(hours=hours)
    symbols = ["AAPL", "NEW", "SPY"]
    ((full, _),) = build(store, *symbols)
    ((then, verdicts),) = build_panels(
        store,
        PanelQuery(market="files", symbols=symbols, timeframe=Timeframe.D1, as_of=as_of, horizon=5),
    )
    rows = int(np.searchsorted(full.known_at, to_datetime64(as_of), side="right"))
    assert_same(then, full.head(rows))
    last = to_datetime(then.known_at[-1])
    (_, at_close) = build_panels(
        store,
        PanelQuery(market="files", symbols=symbols, timeframe=Timeframe.D1, as_of=last, horizon=5),
    )[0]
    assert [v.findings for v in at_close if v.symbol != "NEW"] == [(), ()]
    assert [v.symbol for v in verdicts] == symbols


def test_the_future_changes_neither_an_earlier_panel_nor_its_verdicts(
    store: MemoryMarketDataStore,
) -> None:
    past = MemoryMarketDataStore()
    cut = utc("2024-03-15T20:00")
    bars = store.bars("files", "AAPL", Timeframe.D1, end=cut)
    past.put_bars("files", "AAPL", Timeframe.D1, bars)
    future = bars.tail(30).assign(at=bars["at"].tail(30) + pd.Timedelta(days=60), close=-1.0)
    spoilt = MemoryMarketDataStore()
    spoilt.put_bars("files", "AAPL", Timeframe.D1, pd.concat([bars, future]))
    (one, one_verdicts), (other, other_verdicts) = (
        build_panels(
            each,
            PanelQuery(
                market="files", symbols=["AAPL"], timeframe=Timeframe.D1, as_of=cut, horizon=5
            ),
        )[0]
        for each in (past, spoilt)
    )
    assert_same(one, other)
    assert one_verdicts == other_verdicts


def test_events_are_in_order_and_known_by_the_last_bar_only(store: MemoryMarketDataStore) -> None:
    ((panel, _),) = build(store, "AAPL", "NEW", "SPY", as_of="2024-05-03T21:00")
    assert (np.diff(panel.news.known_at) >= np.timedelta64(0)).all()
    assert panel.news.known_at[-1] <= panel.known_at[-1]
    assert set(panel.news.symbol.tolist()) == {0, 1, 2}
    assert panel.earnings.known_at.tolist() == [
        datetime(2023, 5, 5, tzinfo=None), datetime(2024, 5, 3, tzinfo=None)
    ]  # fmt: skip
    assert panel.filings.fiscal_quarter.tolist() == [1, 2]


def test_what_could_not_be_fetched_differs_from_what_is_not_there(
    store: MemoryMarketDataStore,
) -> None:
    ((panel, _),) = build(store, "AAPL", "NEW")
    assert panel.unavailable == {"filings": {"NEW": "the server said 429"}}


def test_a_symbol_without_a_bar_yet_stays_and_is_blocked(store: MemoryMarketDataStore) -> None:
    ((shares, verdicts), (coins, (coin,))) = build(
        store, "AAPL", "NEW", "BTC-USDT", as_of="2023-03-01T12:00"
    )
    assert np.isnan(shares.close[:, 1]).all()
    assert [verdict.blocked for verdict in verdicts] == [False, True]
    assert coins.shape == (1, 1)
    assert np.isnan(coins.close).all()
    assert coin.blocked


def test_history_begins_where_requested(store: MemoryMarketDataStore) -> None:
    ((panel, _),) = build(store, "AAPL", since=utc("2024-02-01"))
    assert panel.known_at[0] == np.datetime64("2024-02-01T21:00")


def test_an_unknown_symbol_is_named_with_the_remedy(store: MemoryMarketDataStore) -> None:
    with pytest.raises(UnknownSymbolError, match=r"XYZ.*'files'.*quorum import PATH"):
        build(store, "AAPL", "XYZ")
    with pytest.raises(UnknownSymbolError, match="quorum download AAPL"):
        build_panels(
            store,
            PanelQuery(
                market="yahoo",
                symbols=["AAPL"],
                timeframe=Timeframe.D1,
                as_of=utc("2024-06-29"),
                horizon=5,
            ),
        )


def test_a_date_before_history_is_refused_and_says_where_it_begins(
    store: MemoryMarketDataStore,
) -> None:
    with pytest.raises(InputError, match="begins on 2023-01-03"):
        build(store, "AAPL", "NEW", as_of="2010-01-04")


def test_no_symbols_make_no_panel(store: MemoryMarketDataStore) -> None:
    assert build(store) == []


def test_history_is_the_panels_with_the_gate_on_every_row(
    store: MemoryMarketDataStore,
) -> None:
    symbols, as_of = ["AAPL", "BTC-USDT", "NEW"], utc("2024-06-29")
    flawed = MemoryMarketDataStore()
    for symbol in [*symbols, "SPY"]:
        bars = store.bars("files", symbol, Timeframe.D1)
        if symbol == "AAPL":
            bars.loc[200:, ["open", "high", "low", "close", "adj_close"]] /= 3
        flawed.put_bars("files", symbol, Timeframe.D1, bars)
    flawed.put_actions("files", "AAPL", pd.DataFrame({
        "symbol": "AAPL", "at": bars["at"].iloc[[200]], "kind": "split", "value": 3.0,
    }))  # fmt: skip
    history = build_panel_histories(
        flawed,
        PanelQuery(market="files", symbols=symbols, timeframe=Timeframe.D1, as_of=as_of, horizon=5),
    )
    panels = build_panels(
        flawed,
        PanelQuery(market="files", symbols=symbols, timeframe=Timeframe.D1, as_of=as_of, horizon=5),
    )
    assert history[0].blocked[:, 0].sum() == len(DAYS) - 200
    for each, (same, _) in zip(history, panels, strict=True):
        panel, blocked = each.panel, each.blocked
        assert_same(panel, same)
        assert blocked.shape == panel.shape
        for row in np.random.default_rng(5).integers(0, len(panel.known_at), 15):
            then = to_datetime(panel.known_at[row])
            ((_, verdicts),) = build_panels(
                flawed,
                PanelQuery(
                    market="files",
                    symbols=panel.symbols,
                    timeframe=Timeframe.D1,
                    as_of=then,
                    horizon=5,
                ),
            )
            assert blocked[row].tolist() == [verdict.blocked for verdict in verdicts], then
