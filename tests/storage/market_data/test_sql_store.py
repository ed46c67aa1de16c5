"""Facts come back as they were put, once each, in order, and never from another market."""

import threading
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from domain.store_reports import FetchStatus, WriteReport
from domain.symbols import AssetClass
from domain.timeframe import Timeframe
from market.corrections import Correction, CorrectionKind, from_frame, to_frame
from market.provider import (
    ACTION_COLUMNS,
    BAR_COLUMNS,
    EARNINGS_COLUMNS,
    FILING_COLUMNS,
    NEWS_COLUMNS,
)
from market.store import MarketDataStore
from storage.database import Database
from storage.market_data.sql_store import SqlMarketDataStore

D1 = Timeframe.D1
INSTANT = "datetime64[us, UTC]"


@pytest.fixture
def store(database: Database) -> MarketDataStore:
    return SqlMarketDataStore(database)


def at(day: int) -> datetime:
    return datetime(2020, 1, day, tzinfo=UTC)


def days(*numbers: int) -> "pd.Series[pd.Timestamp]":
    return pd.Series([at(number) for number in numbers], dtype=INSTANT)


def bars(*numbers: int, close: float = 10.0) -> pd.DataFrame:
    frame = pd.DataFrame({"at": days(*numbers)})
    for column in ("open", "high", "low", "close", "volume", "adj_close"):
        frame[column] = close
    return frame


def news(*headlines: str, day: int = 2) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "symbol": "AAPL",
            "known_at": days(*[day] * len(headlines)),
            "headline": list(headlines),
            "summary": "",
            "source": "Reuters",
            "url": "https://example.org",
            "relevance": 1.0,
        }
    )


def test_what_is_not_stored_is_an_empty_frame_with_its_columns_and_types(
    store: MarketDataStore,
) -> None:
    for frame, columns in (
        (store.bars("demo", "AAPL", D1), BAR_COLUMNS),
        (store.news("demo", "AAPL"), NEWS_COLUMNS),
        (store.filings("demo", "AAPL"), FILING_COLUMNS),
        (store.read_many("demo", ["AAPL"], "earnings"), EARNINGS_COLUMNS),
        (store.read_many("demo", [], "actions"), ACTION_COLUMNS),
    ):
        assert list(frame.columns) == columns
        assert frame.empty
        instants = frame["at" if "at" in columns else "known_at"]
        assert instants.dtype == INSTANT
    assert store.symbols("demo") == []
    assert store.span("demo", "AAPL", D1) is None


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moments=st.lists(
        st.datetimes(datetime(1962, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
        min_size=1,
        max_size=20,
        unique=True,
    ),
    figures=st.lists(st.floats(allow_infinity=False), min_size=6, max_size=6),
)
def test_bars_come_back_to_the_last_bit_in_order(
    store: MarketDataStore, moments: list[datetime], figures: list[float]
) -> None:
    frame = pd.DataFrame({"at": pd.Series(moments, dtype=INSTANT)})
    for column, figure in zip(BAR_COLUMNS[1:], figures, strict=True):
        frame[column] = figure
    store.put_bars("demo", "AAPL", D1, frame, replace=True)
    stored = store.bars("demo", "AAPL", D1)
    ours = stored[stored["at"].isin(frame["at"])].reset_index(drop=True)
    assert_frame_equal(ours, frame.sort_values("at", ignore_index=True), check_exact=True)
    assert stored["at"].is_monotonic_increasing
    assert store.put_bars("demo", "AAPL", D1, frame) == WriteReport(0, len(frame), 0)


def test_a_write_adds_what_is_new_and_leaves_what_conflicts_unless_asked_to_replace(
    store: MarketDataStore,
) -> None:
    assert store.put_bars("demo", "AAPL", D1, bars(1, 2, 3)) == WriteReport(3, 0, 0)
    changed = pd.concat([bars(2), bars(3, 4, close=11.0)])
    assert store.put_bars("demo", "AAPL", D1, changed) == WriteReport(1, 1, 1)
    assert store.bars("demo", "AAPL", D1)["close"].tolist() == [10, 10, 10, 11]
    assert store.put_bars("demo", "AAPL", D1, changed, replace=True) == WriteReport(0, 2, 1)
    assert store.bars("demo", "AAPL", D1)["close"].tolist() == [10, 10, 11, 11]
    assert store.put_bars("demo", "AAPL", D1, bars()) == WriteReport(0, 0, 0)


def test_a_hole_is_unchanged_by_the_same_hole(store: MarketDataStore) -> None:
    frame = bars(1, close=np.nan)
    store.put_bars("demo", "AAPL", D1, frame)
    assert store.put_bars("demo", "AAPL", D1, frame) == WriteReport(0, 1, 0)
    assert store.put_bars("demo", "AAPL", D1, bars(1)) == WriteReport(0, 0, 1)


def test_a_range_is_half_open(store: MarketDataStore) -> None:
    store.put_bars("demo", "AAPL", D1, bars(1, 2, 3, 4))
    within = store.bars("demo", "AAPL", D1, at(2), at(4))
    assert within["at"].tolist() == [pd.Timestamp(at(2)), pd.Timestamp(at(3))]
    assert len(store.bars("demo", "AAPL", D1, start=at(3))) == 2
    assert len(store.bars("demo", "AAPL", D1, end=at(2))) == 1
    assert store.span("demo", "AAPL", D1) == (at(1), at(4))


def test_markets_symbols_and_timeframes_never_mix(store: MarketDataStore) -> None:
    store.put_bars("demo", "MSFT", D1, bars(1))
    store.put_bars("demo", "AAPL", Timeframe.H1, bars(2))
    store.put_bars("yahoo", "TSLA", D1, bars(3))
    store.put_news("demo", "XOM", news("oil"))
    assert store.symbols("demo") == ["AAPL", "MSFT"]
    assert store.symbols("demo", D1) == ["MSFT"]
    assert store.symbols("yahoo", D1) == ["TSLA"]
    assert store.bars("yahoo", "MSFT", D1).empty
    assert store.bars("demo", "AAPL", D1).empty


def test_a_class_is_read_from_the_market_that_is_named_for_it(database: Database) -> None:
    store = SqlMarketDataStore(database, {AssetClass.CRYPTO: "files"})
    store.put_bars("yahoo", "AAPL", D1, bars(1))
    store.put_bars("yahoo", "ETH-USD", D1, bars(1))
    store.put_bars("files", "BTC-USD", D1, bars(2, 3))
    store.put_bars("files", "MSFT", D1, bars(4))
    store.record_fetch("yahoo", "BTC-USD", "news", at(1), "never asked for")
    assert store.symbols("yahoo") == ["AAPL", "BTC-USD"]
    assert store.symbols("files") == ["BTC-USD", "MSFT"]
    read = store.read_many("yahoo", ["BTC-USD", "MSFT", "ETH-USD", "AAPL"], "bars 1d")
    assert read["symbol"].tolist() == ["BTC-USD", "BTC-USD", "AAPL"]
    assert store.span("yahoo", "BTC-USD", D1) == (at(2), at(3))
    assert store.last_fetch("yahoo", "BTC-USD", "news") is None


def test_hostile_headlines_of_any_length_are_stored(store: MarketDataStore) -> None:
    hostile = ["<script>alert(1)</script>", "x" * 100_000, "\u202eright to left", "'; DROP TABLE"]
    store.put_news("demo", "AAPL", news(*hostile))
    assert store.news("demo", "AAPL")["headline"].tolist() == sorted(hostile)
    assert store.put_news("demo", "AAPL", news(*hostile)) == WriteReport(0, 4, 0)


def test_text_that_no_database_can_hold_is_marked(store: MarketDataStore) -> None:
    frame = news("zero\x00byte")
    frame["summary"] = pd.Series(["half \ud800 pair"], dtype="object")
    frame["source"] = None
    store.put_news("demo", "AAPL", frame)
    stored = store.news("demo", "AAPL").iloc[0]
    assert stored["headline"] == "zero\ufffdbyte"
    assert stored["summary"] == "half \ufffd pair"
    assert stored["source"] == ""
    assert store.put_news("demo", "AAPL", frame) == WriteReport(0, 1, 0)


def test_filings_announcements_and_actions_come_back_as_put(store: MarketDataStore) -> None:
    filings = pd.DataFrame(
        {
            "symbol": "AAPL",
            "known_at": days(3, 3, 2),
            "fiscal_year": [2020, 2019, 2019],
            "fiscal_quarter": [1, 4, 3],
            "revenue": [1.0, np.nan, 3.0],
            "operating_income": np.nan,
            "net_income": 0.5,
            "shares": 1e9,
        }
    )
    store.put_filings("demo", "AAPL", filings)
    order = ["known_at", "fiscal_year", "fiscal_quarter"]
    stored = store.filings("demo", "AAPL")
    expected = filings.sort_values(order, ignore_index=True).astype({"symbol": "str"})
    assert_frame_equal(stored, expected)

    earnings = pd.DataFrame(
        {"symbol": "AAPL", "known_at": days(4), "eps_estimate": [np.nan], "eps_actual": [1.2]}
    )
    store.put_earnings("demo", "AAPL", earnings)
    assert_frame_equal(
        store.read_many("demo", ["AAPL"], "earnings"), earnings.astype({"symbol": "category"})
    )

    actions = pd.DataFrame(
        {"symbol": "AAPL", "at": days(5, 5), "kind": ["split", "dividend"], "value": [4.0, 0.2]}
    )
    store.put_actions("demo", "AAPL", actions)
    stored = store.read_many("demo", ["AAPL"], "actions")
    assert stored["kind"].tolist() == ["dividend", "split"]
    assert store.put_actions("demo", "AAPL", actions) == WriteReport(0, 2, 0)


def test_corrections_come_back_as_put_and_are_replaced_by_their_end_and_kind(
    store: MarketDataStore,
) -> None:
    first, last = (at.to_pydatetime() for at in days(1, 3))
    unit = Correction(CorrectionKind.UNIT, first, last, 0.01, 1.0, 0.01)
    accepted = Correction(CorrectionKind.ACCEPT, first, last)
    store.put_corrections("demo", "AAPL", D1, to_frame([unit, accepted]))
    stored = store.read_many("demo", ["AAPL", "MSFT"], "corrections 1d")
    assert set(from_frame(stored)) == {unit, accepted}
    store.put_corrections("demo", "AAPL", D1, to_frame([unit], undone=True))
    stored = store.read_many("demo", ["AAPL"], "corrections 1d")
    assert from_frame(stored) == [accepted]
    assert store.symbols("demo") == []


def test_facts_of_many_symbols_are_read_in_the_order_asked_for(store: MarketDataStore) -> None:
    for symbol in ("AAPL", "MSFT", "XOM"):
        store.put_bars("demo", symbol, D1, bars(3, 1, 2, close=float(len(symbol))))
    store.put_news("demo", "MSFT", news("z", "Z", "\u00e9", "\U0001f600", "\uffee", "a b", "a-b"))
    store.put_news("demo", "AAPL", news("b", day=3))
    store.put_news("demo", "AAPL", news("c", day=1))

    requested = ["XOM", "TSLA", "AAPL"]
    read = store.read_many("demo", requested, "bars 1d", at(2))
    assert list(read["symbol"].cat.categories) == requested
    assert read["symbol"].tolist() == ["XOM", "XOM", "AAPL", "AAPL"]
    assert read["close"].tolist() == [3.0, 3.0, 4.0, 4.0]
    for symbol, facts in read.groupby("symbol", observed=True):
        alone = store.bars("demo", symbol, D1, at(2))
        assert_frame_equal(facts[BAR_COLUMNS].reset_index(drop=True), alone, check_exact=True)

    headlines = store.read_many("demo", ["MSFT", "AAPL"], "news")["headline"].tolist()
    assert headlines == [*sorted(headlines[:-2]), "c", "b"]


def test_one_fact_twice_in_a_frame_is_refused(store: MarketDataStore) -> None:
    with pytest.raises(ValueError, match="one fact twice"):
        store.put_bars("demo", "AAPL", D1, bars(1, 1))


def test_a_transaction_is_all_or_nothing(store: MarketDataStore) -> None:
    store.put_bars("demo", "AAPL", D1, bars(1))

    def put_and_fail() -> None:
        with store.transaction():
            store.put_bars("demo", "AAPL", D1, bars(2))
            store.put_news("demo", "AAPL", news("never published"))
            assert len(store.bars("demo", "AAPL", D1)) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_and_fail()
    assert len(store.bars("demo", "AAPL", D1)) == 1
    assert store.news("demo", "AAPL").empty
    with store.transaction():
        store.put_bars("demo", "AAPL", D1, bars(2))
        store.put_bars("demo", "MSFT", D1, bars(2))
    assert store.symbols("demo") == ["AAPL", "MSFT"]


def test_a_failed_fetch_differs_from_one_that_never_was(store: MarketDataStore) -> None:
    assert store.last_fetch("yahoo", "AAPL", "news") is None
    store.record_fetch("yahoo", "AAPL", "news", at(1))
    assert store.last_fetch("yahoo", "AAPL", "news") == FetchStatus(at(1), None, at(1))
    store.record_fetch("yahoo", "AAPL", "news", at(2), error="429 Too Many Requests")
    assert store.last_fetch("yahoo", "AAPL", "news") == FetchStatus(
        at(2), "429 Too Many Requests", at(1)
    )
    store.put_bars("yahoo", "AAPL", D1, bars(1))
    assert store.last_fetch("yahoo", "AAPL", "bars 1d") is None
    assert store.last_fetches("yahoo", ["MSFT", "AAPL"], "news") == {
        "AAPL": FetchStatus(at(2), "429 Too Many Requests", at(1))
    }
    store.record_fetch("yahoo", "MSFT", "bars 1d", at(1), error="unknown")
    assert store.symbols("yahoo") == ["AAPL"]


def test_writers_of_one_series_take_turns(store: MarketDataStore, database: Database) -> None:
    together = threading.Barrier(3)
    merges: list[WriteReport] = []

    def put() -> None:
        together.wait()
        merges.append(store.put_bars("demo", "AAPL", D1, bars(*range(1, 29))))

    writers = [threading.Thread(target=put) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(merge.added for merge in merges) == [0, 0, 28]
    assert len(store.bars("demo", "AAPL", D1)) == 28
