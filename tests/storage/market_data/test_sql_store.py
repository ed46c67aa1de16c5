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
def library(database: Database) -> MarketDataStore:
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
    library: MarketDataStore,
) -> None:
    for frame, columns in (
        (library.bars("demo", "AAPL", D1), BAR_COLUMNS),
        (library.news("demo", "AAPL"), NEWS_COLUMNS),
        (library.filings("demo", "AAPL"), FILING_COLUMNS),
        (library.read_many("demo", ["AAPL"], "earnings"), EARNINGS_COLUMNS),
        (library.read_many("demo", [], "actions"), ACTION_COLUMNS),
    ):
        assert list(frame.columns) == columns
        assert frame.empty
        instants = frame["at" if "at" in columns else "known_at"]
        assert instants.dtype == INSTANT
    assert library.symbols("demo") == []
    assert library.span("demo", "AAPL", D1) is None


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
    library: MarketDataStore, moments: list[datetime], figures: list[float]
) -> None:
    frame = pd.DataFrame({"at": pd.Series(moments, dtype=INSTANT)})
    for column, figure in zip(BAR_COLUMNS[1:], figures, strict=True):
        frame[column] = figure
    library.put_bars("demo", "AAPL", D1, frame, replace=True)
    stored = library.bars("demo", "AAPL", D1)
    ours = stored[stored["at"].isin(frame["at"])].reset_index(drop=True)
    assert_frame_equal(ours, frame.sort_values("at", ignore_index=True), check_exact=True)
    assert stored["at"].is_monotonic_increasing
    assert library.put_bars("demo", "AAPL", D1, frame) == WriteReport(0, len(frame), 0)


def test_a_put_adds_what_is_new_and_keeps_what_conflicts_unless_told_to_replace(
    library: MarketDataStore,
) -> None:
    assert library.put_bars("demo", "AAPL", D1, bars(1, 2, 3)) == WriteReport(3, 0, 0)
    changed = pd.concat([bars(2), bars(3, 4, close=11.0)])
    assert library.put_bars("demo", "AAPL", D1, changed) == WriteReport(1, 1, 1)
    assert library.bars("demo", "AAPL", D1)["close"].tolist() == [10, 10, 10, 11]
    assert library.put_bars("demo", "AAPL", D1, changed, replace=True) == WriteReport(0, 2, 1)
    assert library.bars("demo", "AAPL", D1)["close"].tolist() == [10, 10, 11, 11]
    assert library.put_bars("demo", "AAPL", D1, bars()) == WriteReport(0, 0, 0)


def test_a_hole_is_unchanged_by_the_same_hole(library: MarketDataStore) -> None:
    frame = bars(1, close=np.nan)
    library.put_bars("demo", "AAPL", D1, frame)
    assert library.put_bars("demo", "AAPL", D1, frame) == WriteReport(0, 1, 0)
    assert library.put_bars("demo", "AAPL", D1, bars(1)) == WriteReport(0, 0, 1)


def test_a_range_is_half_open(library: MarketDataStore) -> None:
    library.put_bars("demo", "AAPL", D1, bars(1, 2, 3, 4))
    within = library.bars("demo", "AAPL", D1, at(2), at(4))
    assert within["at"].tolist() == [pd.Timestamp(at(2)), pd.Timestamp(at(3))]
    assert len(library.bars("demo", "AAPL", D1, start=at(3))) == 2
    assert len(library.bars("demo", "AAPL", D1, end=at(2))) == 1
    assert library.span("demo", "AAPL", D1) == (at(1), at(4))


def test_markets_symbols_and_timeframes_never_mix(library: MarketDataStore) -> None:
    library.put_bars("demo", "MSFT", D1, bars(1))
    library.put_bars("demo", "AAPL", Timeframe.H1, bars(2))
    library.put_bars("yahoo", "TSLA", D1, bars(3))
    library.put_news("demo", "XOM", news("oil"))
    assert library.symbols("demo") == ["AAPL", "MSFT"]
    assert library.symbols("demo", D1) == ["MSFT"]
    assert library.symbols("yahoo", D1) == ["TSLA"]
    assert library.bars("yahoo", "MSFT", D1).empty
    assert library.bars("demo", "AAPL", D1).empty


def test_a_class_is_read_from_the_market_that_is_named_for_it(database: Database) -> None:
    library = SqlMarketDataStore(database, {AssetClass.CRYPTO: "files"})
    library.put_bars("yahoo", "AAPL", D1, bars(1))
    library.put_bars("yahoo", "ETH-USD", D1, bars(1))
    library.put_bars("files", "BTC-USD", D1, bars(2, 3))
    library.put_bars("files", "MSFT", D1, bars(4))
    library.record_fetch("yahoo", "BTC-USD", "news", at(1), "never asked for")
    assert library.symbols("yahoo") == ["AAPL", "BTC-USD"]
    assert library.symbols("files") == ["BTC-USD", "MSFT"]
    read = library.read_many("yahoo", ["BTC-USD", "MSFT", "ETH-USD", "AAPL"], "bars 1d")
    assert read["symbol"].tolist() == ["BTC-USD", "BTC-USD", "AAPL"]
    assert library.span("yahoo", "BTC-USD", D1) == (at(2), at(3))
    assert library.last_fetch("yahoo", "BTC-USD", "news") is None


def test_hostile_headlines_of_any_length_are_kept(library: MarketDataStore) -> None:
    hostile = ["<script>alert(1)</script>", "x" * 100_000, "\u202eright to left", "'; DROP TABLE"]
    library.put_news("demo", "AAPL", news(*hostile))
    assert library.news("demo", "AAPL")["headline"].tolist() == sorted(hostile)
    assert library.put_news("demo", "AAPL", news(*hostile)) == WriteReport(0, 4, 0)


def test_text_that_no_database_can_hold_is_marked(library: MarketDataStore) -> None:
    frame = news("zero\x00byte")
    frame["summary"] = pd.Series(["half \ud800 pair"], dtype="object")
    frame["source"] = None
    library.put_news("demo", "AAPL", frame)
    stored = library.news("demo", "AAPL").iloc[0]
    assert stored["headline"] == "zero\ufffdbyte"
    assert stored["summary"] == "half \ufffd pair"
    assert stored["source"] == ""
    assert library.put_news("demo", "AAPL", frame) == WriteReport(0, 1, 0)


def test_filings_announcements_and_actions_come_back_as_put(library: MarketDataStore) -> None:
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
    library.put_filings("demo", "AAPL", filings)
    order = ["known_at", "fiscal_year", "fiscal_quarter"]
    stored = library.filings("demo", "AAPL")
    expected = filings.sort_values(order, ignore_index=True).astype({"symbol": "str"})
    assert_frame_equal(stored, expected)

    earnings = pd.DataFrame(
        {"symbol": "AAPL", "known_at": days(4), "eps_estimate": [np.nan], "eps_actual": [1.2]}
    )
    library.put_earnings("demo", "AAPL", earnings)
    assert_frame_equal(
        library.read_many("demo", ["AAPL"], "earnings"), earnings.astype({"symbol": "category"})
    )

    actions = pd.DataFrame(
        {"symbol": "AAPL", "at": days(5, 5), "kind": ["split", "dividend"], "value": [4.0, 0.2]}
    )
    library.put_actions("demo", "AAPL", actions)
    stored = library.read_many("demo", ["AAPL"], "actions")
    assert stored["kind"].tolist() == ["dividend", "split"]
    assert library.put_actions("demo", "AAPL", actions) == WriteReport(0, 2, 0)


def test_facts_of_many_symbols_are_read_in_the_order_asked_for(library: MarketDataStore) -> None:
    for symbol in ("AAPL", "MSFT", "XOM"):
        library.put_bars("demo", symbol, D1, bars(3, 1, 2, close=float(len(symbol))))
    library.put_news("demo", "MSFT", news("z", "Z", "\u00e9", "\U0001f600", "\uffee", "a b", "a-b"))
    library.put_news("demo", "AAPL", news("b", day=3))
    library.put_news("demo", "AAPL", news("c", day=1))

    asked = ["XOM", "TSLA", "AAPL"]
    read = library.read_many("demo", asked, "bars 1d", at(2))
    assert list(read["symbol"].cat.categories) == asked
    assert read["symbol"].tolist() == ["XOM", "XOM", "AAPL", "AAPL"]
    assert read["close"].tolist() == [3.0, 3.0, 4.0, 4.0]
    for symbol, facts in read.groupby("symbol", observed=True):
        alone = library.bars("demo", symbol, D1, at(2))
        assert_frame_equal(facts[BAR_COLUMNS].reset_index(drop=True), alone, check_exact=True)

    told = library.read_many("demo", ["MSFT", "AAPL"], "news")["headline"].tolist()
    assert told == [*sorted(told[:-2]), "c", "b"]


def test_one_fact_twice_in_a_frame_is_refused(library: MarketDataStore) -> None:
    with pytest.raises(ValueError, match="one fact twice"):
        library.put_bars("demo", "AAPL", D1, bars(1, 1))


def test_a_transaction_is_all_or_nothing(library: MarketDataStore) -> None:
    library.put_bars("demo", "AAPL", D1, bars(1))

    def put_and_fail() -> None:
        with library.transaction():
            library.put_bars("demo", "AAPL", D1, bars(2))
            library.put_news("demo", "AAPL", news("never published"))
            assert len(library.bars("demo", "AAPL", D1)) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_and_fail()
    assert len(library.bars("demo", "AAPL", D1)) == 1
    assert library.news("demo", "AAPL").empty
    with library.transaction():
        library.put_bars("demo", "AAPL", D1, bars(2))
        library.put_bars("demo", "MSFT", D1, bars(2))
    assert library.symbols("demo") == ["AAPL", "MSFT"]


def test_a_failed_fetch_is_told_from_one_that_never_was(library: MarketDataStore) -> None:
    assert library.last_fetch("yahoo", "AAPL", "news") is None
    library.record_fetch("yahoo", "AAPL", "news", at(1))
    assert library.last_fetch("yahoo", "AAPL", "news") == FetchStatus(at(1), None, at(1))
    library.record_fetch("yahoo", "AAPL", "news", at(2), error="429 Too Many Requests")
    assert library.last_fetch("yahoo", "AAPL", "news") == FetchStatus(
        at(2), "429 Too Many Requests", at(1)
    )
    library.put_bars("yahoo", "AAPL", D1, bars(1))
    assert library.last_fetch("yahoo", "AAPL", "bars 1d") is None
    assert library.last_fetches("yahoo", ["MSFT", "AAPL"], "news") == {
        "AAPL": FetchStatus(at(2), "429 Too Many Requests", at(1))
    }
    library.record_fetch("yahoo", "MSFT", "bars 1d", at(1), error="unknown")
    assert library.symbols("yahoo") == ["AAPL"]


def test_writers_of_one_series_take_turns(library: MarketDataStore, database: Database) -> None:
    together = threading.Barrier(3)
    merges: list[WriteReport] = []

    def put() -> None:
        together.wait()
        merges.append(library.put_bars("demo", "AAPL", D1, bars(*range(1, 29))))

    writers = [threading.Thread(target=put) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(merge.added for merge in merges) == [0, 0, 28]
    assert len(library.bars("demo", "AAPL", D1)) == 28
