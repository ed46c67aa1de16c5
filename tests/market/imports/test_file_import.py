"""Files into a store: what is taken, what is refused, and that nothing is stored by halves."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from domain.errors import InputError, QuorumError
from domain.timeframe import Timeframe
from market.imports.file_import import import_file, read_table
from market.imports.schema_detection import TableKind
from tests.market.memory_store import MemoryMarketDataStore

FIXTURES = Path(__file__).parents[1] / "fixtures"
HEAD = "symbol,date,open,high,low,close,volume\n"
D1 = Timeframe.D1


@pytest.fixture
def store():
    return MemoryMarketDataStore()


def bars_csv(path: Path, rows: int = 30, symbol: str = "ACME", close: float = 10.0) -> Path:
    dates = pd.bdate_range("2024-01-02", periods=rows)
    frame = pd.DataFrame({"symbol": symbol, "date": dates, "open": close, "high": close + 1})
    frame.assign(low=close - 1, close=close, volume=100).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["bars", "news", "filings", "earnings"])
def test_a_table_is_the_same_from_csv_and_from_parquet(name, tmp_path):
    csv = FIXTURES / f"{name}.csv"
    table = pd.read_csv(csv)
    for column in ("date", "published_at", "filing_date", "announcement_date"):
        if column in table:
            table[column] = pd.to_datetime(table[column])
    table.to_parquet(tmp_path / f"{name}.parquet")
    one, other = read_table(csv), read_table(tmp_path / f"{name}.parquet")
    assert one.kind == other.kind == TableKind(name)
    pd.testing.assert_frame_equal(one.frame, other.frame)


def test_bars_are_imported_once_and_unchanged_the_second_time(store):
    first = import_file(FIXTURES / "bars.csv", store)
    second = import_file(FIXTURES / "bars.csv", store)
    assert (first.timeframe, first.read, first.stored, first.unchanged) == (D1, 5, 5, 0)
    assert (second.stored, second.unchanged) == (0, 5)
    assert first.symbols == ("ACME", "BETA")
    assert [f"{at:%F}" for at in first.span] == ["2024-01-02", "2024-01-04"]
    assert store.bars("files", "ACME", D1)["adj_close"].tolist() == [10.4, 11.4, 11.1]


def test_what_is_stamped_with_a_day_is_known_at_its_end():
    assert read_table(FIXTURES / "news.csv").frame["known_at"].tolist() == [
        pd.Timestamp("2024-01-03", tz="UTC"), pd.Timestamp("2024-01-03 14:05", tz="UTC")
    ]  # fmt: skip
    assert read_table(FIXTURES / "filings.csv").frame["known_at"].iloc[0] == pd.Timestamp(
        "2023-11-03", tz="UTC"
    )
    assert read_table(FIXTURES / "earnings.csv").frame["known_at"].iloc[0] == pd.Timestamp(
        "2023-11-02", tz="UTC"
    )


def test_headlines_that_do_not_name_the_company_count_less():
    assert read_table(FIXTURES / "news.csv").frame["relevance"].tolist() == [1.0, 0.3]


def test_figures_marked_as_wrong_are_missing_and_the_full_year_is_quarter_four():
    filings = read_table(FIXTURES / "filings.csv").frame
    assert filings["fiscal_quarter"].tolist() == [3, 4]
    assert filings["net_income"].tolist() == [12.0, 50.0]
    np.testing.assert_array_equal(filings["revenue"], [120.0, np.nan])
    np.testing.assert_array_equal(filings["shares"], [1000.0, np.nan])


def test_a_fourth_quarter_of_its_own_is_refused_since_the_year_implies_it(tmp_path):
    file = tmp_path / "filings.csv"
    rows = (FIXTURES / "filings.csv").read_text()
    more = "".join(f"ACME,{year},FY,{year + 1}-02-05,1,True,1,1\n" for year in range(2010, 2020))
    file.write_text(rows + more + "ACME,2020,Q4,2021-02-05,1,True,1,1\n")
    (refusal,) = read_table(file).refused
    assert (refusal.rows, "none of Q1, Q2, Q3 and FY" in refusal.reason) == (1, True)
    assert "'Q4'" in refusal.examples[0]


def test_announcements_still_to_come_are_refused(tmp_path):
    file = tmp_path / "earnings.csv"
    head = "symbol,announcement_date,eps_estimate,eps_actual\n"
    past = "".join(f"ACME,20{year}-02-05,1,1\n" for year in range(10, 20))
    file.write_text(head + past + "ACME,2030-01-01,1,\n")
    table = read_table(file)
    assert len(table.frame) == 10
    assert table.refused[0].reason == "no earnings announced yet"


def test_yahoos_own_spelling_and_a_file_named_as_its_symbol(tmp_path):
    file = tmp_path / "brk-b.csv"
    rows = "".join(
        f"2024-01-{day:02d} 00:00:00-05:00,1,2,0.5,1.5,1.4,9\n" for day in (2, 3, 4, 5, 8)
    )
    file.write_text("Date,Open,High,Low,Close,Adj Close,Volume\n" + rows)
    table = read_table(file)
    assert table.frame["symbol"].unique().tolist() == ["BRK-B"]
    assert table.frame["at"].iloc[-1] == pd.Timestamp("2024-01-08", tz="UTC")
    assert table.frame["adj_close"].tolist() == [1.4] * 5


def test_a_daily_bar_belongs_to_the_date_written_even_east_of_greenwich(tmp_path):
    rows = "".join(f"7203.T,2024-01-0{day}T00:00:00+09:00,1,2,0.5,1.5,9\n" for day in (4, 5, 8))
    (tmp_path / "tokyo.csv").write_text(HEAD + rows)
    assert [at.day for at in read_table(tmp_path / "tokyo.csv").frame["at"]] == [4, 5, 8]


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_the_timeframe_is_seen_from_the_spacing(timeframe, tmp_path):
    at = pd.date_range("2024-01-02 14:30", periods=20, freq=timeframe.duration, tz="UTC")
    frame = pd.DataFrame({"symbol": "BTCUSDT", "ts": at, "open": 1.0, "high": 2.0, "low": 1.0})
    frame.assign(close=1.5, volume=1.0).to_parquet(tmp_path / "coins.parquet")
    table = read_table(tmp_path / "coins.parquet")
    assert table.timeframe is timeframe
    assert table.frame["symbol"].unique().tolist() == ["BTC-USDT"]


def test_bad_rows_are_refused_one_by_one_with_reason_and_example(tmp_path):
    file = bars_csv(tmp_path / "bars.csv", rows=60)
    bad = [
        "ACME,2024-06-03,-1,11,9,10,5", "ACME,2024-06-04,10,8,9,10,5",
        "ACME,04/06/2024,10,11,9,10,5", "ACME,2024-06-05,,11,9,10,5",
        "not a symbol,2024-06-06,10,11,9,10,5",
        "ACME,2024-01-02,10,11,9,10,5", "ACME,2024-06-07,10,11,9,10,-5", "ACME,2024-06-10,10",
    ]  # fmt: skip
    file.write_text(file.read_text() + "\n".join(bad) + "\n")
    table = read_table(file)
    assert (table.rows, len(table.frame)) == (68, 60)
    assert [refusal.reason for refusal in table.refused] == [
        "wrong number of columns", "not a symbol",
        "not a date or time of our age, such as 2020-03-02",
        "a price is missing or not a number", "a price is not positive", "high is below low",
        "volume is missing or negative", "second row for the same fact",
    ]  # fmt: skip
    assert all(refusal.rows == 1 for refusal in table.refused)
    assert "'04/06/2024'" in table.refused[2].examples[0]


REFUSED = {
    "empty.csv": (b"", "is empty"),
    "head.csv": (HEAD.encode(), "no rows"),
    "binary.csv": (bytes(range(256)) * 9, "cannot be read as a table"),
    "cut.parquet": (b"PAR1 and then nothing", "cannot be read as a table"),
    "other.csv": (b"date,series,value\n2024-01-02,GDP,1\n", "'date', 'series', 'value'"),
    "posts.csv": (b"symbol,created_at,text\nACME,2024-01-02,hi\n", "takes tables with the columns"),
    "twice.csv": (b"Date," + HEAD.encode() + b"\n", "2 columns for at"),
    "mostly bad.csv": (
        HEAD.encode() + b"".join(b"ACME,2024-01-%d,0,0,0,0,0\n" % day for day in range(15, 20)),
        "5 of its 5 rows are bad: 5 × a price is not positive",
    ),
    "single.csv": (HEAD.encode() + b"ACME,2024-01-02,1,1,1,1,1\n", "single bars"),
    "monthly.csv": (
        HEAD.encode() + b"ACME,2024-01-02,1,1,1,1,1\nACME,2024-02-02,1,1,1,1,1\n",
        "31 days.*apart",
    ),
    "no symbol.csv": (b"date,open,high,low,close,volume\n2024-01-02,1,1,1,1,1\n", "AAPL.csv"),
    "notes.txt": (b"hello", "its columns are 'hello'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_table_of_ours_is_refused_with_name_and_remedy(name, tmp_path, store):
    content, why = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=why) as refused:
        import_file(tmp_path / name, store)
    assert name in str(refused.value)
    assert not store.symbols("files")


def test_text_in_parquet_that_is_no_utf_8_is_refused(tmp_path, store):
    half_a_pair = pa.array([b"ACME \xed\xa0\x80 soars"]).view(pa.string())
    table = {"symbol": ["ACME"], "published_at": ["2024-01-02"], "headline": half_a_pair}
    parquet.write_table(pa.table(table), tmp_path / "news.parquet")
    with pytest.raises(InputError, match=r"cannot be read as a table.*UTF"):
        import_file(tmp_path / "news.parquet", store)


def test_a_path_that_is_not_there_is_refused(tmp_path, store):
    with pytest.raises(InputError, match="not there"):
        import_file(tmp_path / "nowhere.csv", store)


def test_a_file_that_contradicts_what_is_stored_changes_nothing_without_replace(tmp_path, store):
    import_file(bars_csv(tmp_path / "a.csv", rows=30), store)
    other = bars_csv(tmp_path / "b.csv", rows=40, close=20.0)
    with pytest.raises(InputError, match=r"contradicts 30 stored bars of 'ACME'.*--replace"):
        import_file(other, store)
    assert store.bars("files", "ACME", D1)["close"].tolist() == [10.0] * 30
    report = import_file(other, store, replace=True)
    assert (report.stored, report.replaced) == (10, 30)
    assert store.bars("files", "ACME", D1)["close"].tolist() == [20.0] * 40


def test_nothing_is_stored_when_the_store_fails_half_way(tmp_path):
    class Full(MemoryMarketDataStore):
        def put_bars(self, market, symbol, *rest):
            if symbol == "BETA":
                raise OSError("no space left on device")
            return super().put_bars(market, symbol, *rest)

    store = Full()
    with pytest.raises(OSError, match="no space"):
        import_file(FIXTURES / "bars.csv", store)
    assert store.symbols("files") == []


def test_progress_runs_from_the_first_row_to_the_last(store):
    steps = []
    import_file(FIXTURES / "bars.csv", store, progress=lambda *step: steps.append(step))
    assert steps == [("bars.csv", 3, 5), ("bars.csv", 5, 5)]


def test_a_hostile_headline_becomes_harmless_text(tmp_path):
    rows = [
        'ACME,2024-01-02,"<b>x</b>\u202e\x07\ny",javascript:alert(1)',
        "ACME,2024-01-03," + "z" * 9999,
    ]
    (tmp_path / "news.csv").write_text(
        "symbol,date,headline,url\n" + rows[0] + "\n" + rows[1] + ",\n"
    )
    news = read_table(tmp_path / "news.csv").frame
    assert news["headline"].iloc[0] == "<b>x</b> y"
    assert len(news["headline"].iloc[1]) == 500
    assert news["url"].tolist() == ["", ""]


@given(content=st.binary(max_size=300), head=st.sampled_from([b"", HEAD.encode()]))
def test_whatever_the_bytes_reading_ends_in_a_table_or_a_plain_refusal(
    content, head, tmp_path_factory
):
    file = tmp_path_factory.getbasetemp() / "anything.csv"
    file.write_bytes(head + content)
    try:
        prices = read_table(file).frame[["open", "high", "low", "close"]]
    except QuorumError:
        return
    assert (prices > 0).all(axis=None)


def test_three_hundred_thousand_bars_are_read_in_seconds(tmp_path):
    at = pd.bdate_range("2000-01-03", periods=5_000)
    symbols = [f"S{i}" for i in range(60)]
    frame = pd.MultiIndex.from_product([symbols, at], names=["symbol", "date"]).to_frame(
        index=False
    )
    frame = frame.assign(open=1.0, high=2.0, low=0.5, close=1.5, volume=7)
    frame.to_parquet(tmp_path / "many.parquet")
    assert len(read_table(tmp_path / "many.parquet").frame) == 300_000
