"""Files as other programs write them are read as they are meant, or refused with the remedy."""

import gzip
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from domain.timeframe import Timeframe
from market import calendars
from market.imports.file_import import import_file, read_table
from market.imports.normalise import ReadingOptions
from tests.market.imports.bar_files import DAYS, HOURS, prices, table, write
from tests.market.memory_store import MemoryMarketDataStore

NEW_YORK = ZoneInfo("America/New_York")


def epochs(unit: int) -> list[str]:
    return [str(at.value * unit // 1_000_000_000) for at in HOURS]


def yfinance(path: Path, symbols: tuple[str, ...], *, by_symbol: bool = False) -> Path:
    frame = prices(len(DAYS))
    cells = {(name.title(), symbol): frame[name] for name in frame for symbol in symbols}
    wide = pd.DataFrame(cells)
    wide.index = pd.Index(DAYS.strftime("%Y-%m-%d"), name="Date")
    wide.columns.names = ["Price", "Ticker"]
    if by_symbol:
        wide = wide.swaplevel(axis=1)
    wide.to_csv(path)
    return path


def metatrader(path: Path) -> Path:
    frame = table(HOURS, 1.1).drop(columns="date")
    frame.columns = [f"<{name.upper()}>" for name in ("open", "high", "low", "close", "tickvol")]
    frame.insert(0, "<DATE>", HOURS.strftime("%Y.%m.%d"))
    frame.insert(1, "<TIME>", HOURS.strftime("%H:%M:%S"))
    return write(path, frame.assign(**{"<VOL>": 0, "<SPREAD>": 5}), sep="\t")


def stooq(path: Path) -> Path:
    frame = table(DAYS.strftime("%Y%m%d"))
    frame.columns = [f"<{name}>" for name in ("DATE", "OPEN", "HIGH", "LOW", "CLOSE", "VOL")]
    frame.insert(0, "<TICKER>", "AAPL.US")
    frame.insert(1, "<PER>", "D")
    frame.insert(3, "<TIME>", "000000")
    return write(path, frame.assign(**{"<OPENINT>": 0}))


def crypto_data_download(path: Path) -> Path:
    frame = table(HOURS.strftime("%Y-%m-%d %H:%M:%S"), 90_000)
    frame.insert(0, "Unix", epochs(1000))
    frame.insert(2, "Symbol", "BTCUSDT")
    frame = frame.rename(columns={"volume": "Volume BTC"}).assign(**{"Volume USDT": 5.0})
    text = frame.iloc[::-1].to_csv(index=False)
    path.write_text(f"https://www.example.com\n{text}")
    return path


def klines(path: Path, unit: int) -> Path:
    frame = table(epochs(unit), 90_000)
    frame = frame.assign(close_time=0, quote=1.0, count=3, taker=1, taker_quote=1, ignore=0)
    return write(path, frame, header=False)


def german(path: Path) -> Path:
    return write(path, table(DAYS.strftime("%d.%m.%Y")), sep=";", decimal=",")


def nasdaq(path: Path) -> Path:
    frame = table(DAYS.strftime("%m/%d/%Y")).rename(columns={"close": "Close/Last"})
    for name in ("open", "high", "low", "Close/Last"):
        frame[name] = frame[name].map("${:.2f}".format)
    return write(path, frame.iloc[::-1])


def investing(path: Path) -> Path:
    frame = table(DAYS.strftime("%b %d, %Y")).rename(columns={"close": "Price"})
    frame["volume"] = (frame["volume"] / 1000).map("{:.2f}K".format)
    return write(path, frame.rename(columns={"volume": "Vol."}).assign(**{"Change %": "0.1%"}))


def utf_16(path: Path) -> Path:
    path.write_bytes(table(DAYS.strftime("%Y-%m-%d")).to_csv(index=False).encode("utf-16"))
    return path


def gzipped(path: Path) -> Path:
    with gzip.open(path, "wt") as file:
        file.write(table(DAYS.strftime("%Y-%m-%d")).to_csv(index=False))
    return path


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("KO.csv", table(DAYS.strftime("%Y-%m-%d")).to_csv(index=False))
    return path


DAILY: dict[str, tuple[str, Callable[[Path], Path], list[str]]] = {
    "yfinance": ("KO.csv", lambda path: yfinance(path, ("KO",)), ["KO"]),
    "yfinance, two": ("mine.csv", lambda path: yfinance(path, ("KO", "PEP")), ["KO", "PEP"]),
    "yfinance by ticker": (
        "x.csv",
        lambda path: yfinance(path, ("KO", "PEP"), by_symbol=True),
        ["KO", "PEP"],
    ),
    "Stooq": ("aapl.us.txt", stooq, ["AAPL"]),
    "semicolons and decimal commas": ("SAP.DE.csv", german, ["SAP.DE"]),
    "Nasdaq": ("KO.csv", nasdaq, ["KO"]),
    "Investing": ("KO.csv", investing, ["KO"]),
    "UTF-16": ("KO.csv", utf_16, ["KO"]),
    "gzip": ("KO.csv.gz", gzipped, ["KO"]),
    "zip": ("whatever.zip", zipped, ["KO"]),
    "a column Name": (
        "all_stocks.csv",
        lambda path: write(path, table(DAYS.strftime("%Y-%m-%d")).assign(Name="KO")),
        ["KO"],
    ),
    "epochs of sessions": (
        "KO.csv",
        lambda path: write(
            path, table([str(at.value // 10**9) for at in (DAYS + pd.Timedelta("14h30min"))])
        ),
        ["KO"],
    ),
    "epochs east of Greenwich": (
        "BHP.AX.csv",
        lambda path: write(
            path, table([str(at.value // 10**9) for at in (DAYS - pd.Timedelta("1h"))])
        ),
        ["BHP.AX"],
    ),
}


@pytest.mark.parametrize("layout", DAILY)
def test_daily_bars_are_read_as_they_are_meant(layout: str, tmp_path: Path) -> None:
    name, make, symbols = DAILY[layout]
    found = read_table(make(tmp_path / name))
    assert (found.timeframe, found.refused) == (Timeframe.D1, ())
    assert found.frame["symbol"].unique().tolist() == symbols
    for symbol in symbols:
        own = found.frame[found.frame["symbol"] == symbol]
        assert own["at"].tolist() == list(DAYS.tz_localize("UTC"))
        expected = prices(len(DAYS))
        np.testing.assert_allclose(own["close"], expected["close"], atol=0.006)
        np.testing.assert_allclose(own["volume"], expected["volume"], rtol=0.01)


HOURLY: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "MetaTrader": ("EURUSD.csv", metatrader, "EURUSD=X"),
    "CryptoDataDownload": ("Example_BTCUSDT_1h.csv", crypto_data_download, "BTC-USDT"),
    "klines in microseconds": ("BTCUSDT.csv", lambda path: klines(path, 10**6), "BTC-USDT"),
    "klines in milliseconds": ("BTCUSD.csv", lambda path: klines(path, 1000), "BTC-USD"),
    "klines in seconds": ("XBTUSD.csv", lambda path: klines(path, 1), "BTC-USD"),
    "klines in nanoseconds": ("ETHEUR.csv", lambda path: klines(path, 10**9), "ETH-EUR"),
    "times with half days": (
        "BTC-USD.csv",
        lambda path: write(path, table(HOURS.strftime("%Y-%m-%d %I:%M:%S %p"))),
        "BTC-USD",
    ),
}


@pytest.mark.parametrize("layout", HOURLY)
def test_hourly_bars_are_read_as_they_are_meant(layout: str, tmp_path: Path) -> None:
    name, make, symbol = HOURLY[layout]
    found = read_table(make(tmp_path / name))
    assert (found.timeframe, found.refused) == (Timeframe.H1, ())
    assert found.frame["symbol"].unique().tolist() == [symbol]
    assert found.frame["at"].tolist() == list(HOURS)
    assert (found.frame["volume"] > 0).all()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_epochs_in_parquet_are_read_in_their_unit(unit: str, tmp_path: Path) -> None:
    frame = table(HOURS.as_unit(unit).asi8, 90_000).assign(symbol="BTC/USDT")
    frame.to_parquet(tmp_path / "bars.parquet")
    assert read_table(tmp_path / "bars.parquet").frame["at"].tolist() == list(HOURS)


@pytest.mark.parametrize(
    "name",
    ["stocks.csv", "HistoricalData.csv", "data.csv", "BTCUSDT-1h-2025-01.csv", "2024.csv",
     "prices_daily.csv", "my table.csv", "DATA.csv", "OHLC.csv", "Book1.csv", "AAPL-1d.csv"],
)  # fmt: skip
def test_a_file_name_that_is_no_symbol_is_none_and_can_be_said(name: str, tmp_path: Path) -> None:
    file = write(tmp_path / name, table(DAYS.strftime("%Y-%m-%d")))
    with pytest.raises(InputError, match="--symbol") as refused:
        read_table(file)
    if name.startswith("BTCUSDT"):
        assert "--symbol BTC-USDT" in str(refused.value)
    named = read_table(file, ReadingOptions(symbol="brk.b"))
    assert named.frame["symbol"].unique().tolist() == ["BRK-B"]


def session_hours(zone: ZoneInfo) -> list[str]:
    """Hours of New York's sessions in two weeks, as a clock in `zone` shows them."""
    hours = calendars.sessions("XNYS")
    inside = (hours.open > np.datetime64("2024-07-01")) & (hours.open < np.datetime64("2024-07-15"))
    opened = [at + np.timedelta64(step, "h") for at in hours.open[inside] for step in range(7)]
    local = pd.DatetimeIndex(opened).tz_localize("UTC").tz_convert(zone)
    return list(local.strftime("%Y-%m-%d %H:%M:%S"))


@pytest.mark.parametrize(
    "name",
    ["America/New_York", "America/Chicago", "America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo"],
)
def test_hours_of_new_york_that_are_written_without_a_zone_are_asked_about(
    name: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "KO.csv", table(session_hours(ZoneInfo(name))))
    with pytest.raises(InputError, match=f"--timezone {name}"):
        read_table(file)
    found = read_table(file, ReadingOptions(zone=ZoneInfo(name))).frame
    utc = write(tmp_path / "MSFT.csv", table(session_hours(ZoneInfo("UTC"))))
    assert found["at"].tolist() == read_table(utc).frame["at"].tolist()


def test_hours_of_chicago_are_not_taken_for_new_yorks(tmp_path: Path) -> None:
    file = write(tmp_path / "KO.csv", table(session_hours(ZoneInfo("America/Chicago"))))
    with pytest.raises(InputError, match=r"would fit them with \+1 hours"):
        read_table(file, ReadingOptions(zone=NEW_YORK))


def test_bars_before_the_opening_are_left_out_and_told(tmp_path: Path) -> None:
    opened = pd.DatetimeIndex(session_hours(ZoneInfo("UTC"))).tz_localize("UTC")
    early = pd.DatetimeIndex([at for at in opened if at.hour == 13]) - pd.Timedelta(hours=1)
    times = opened.union(early).strftime("%Y-%m-%dT%H:%M:%SZ")
    file = write(tmp_path / "KO.csv", table(times))
    [told] = [note for note in import_file(file, MemoryMarketDataStore()).notes if "open" in note]
    count = len(early) + 3  # three are after the early close of July 3
    assert f"KO: {count} bars are left out: they open outside the sessions of XNYS" in told


def test_an_hour_that_comes_twice_is_asked_about_and_read_with_its_zone(tmp_path: Path) -> None:
    utc = pd.date_range("2024-10-26", periods=72, freq="h", tz="UTC")
    local = utc.tz_convert("Europe/Berlin").strftime("%Y-%m-%d %H:%M:%S")
    for order in (slice(None), slice(None, None, -1)):
        file = write(tmp_path / "BTC-EUR.csv", table(local, 60_000).iloc[order])
        with pytest.raises(InputError, match=r"2024-10-27 02:00.*--timezone"):
            read_table(file)
        found = read_table(file, ReadingOptions(zone=ZoneInfo("Europe/Berlin")))
        assert found.frame["at"].tolist() == list(utc)


def test_bars_of_another_calendar_are_refused_with_the_remedy(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    with pytest.raises(InputError, match=r"lie outside the sessions.*BTC-USD"):
        read_table(write(tmp_path / "COIN.csv", table(days)))


@pytest.mark.parametrize("named", ["", " "])
def test_an_empty_symbol_is_refused_and_not_ignored(named: str, tmp_path: Path) -> None:
    file = write(tmp_path / "KO.csv", table(DAYS.strftime("%Y-%m-%d")))
    with pytest.raises(InputError, match="is not a symbol"):
        read_table(file, ReadingOptions(symbol=named))


@pytest.mark.parametrize(
    ("dates", "options", "words"),
    [
        (["03/04/2024", "03/05/2024", "03/06/2024"], ReadingOptions(), "day or month first"),
        (list(DAYS.strftime("%Y-%m-%d")), ReadingOptions(timeframe=Timeframe.H1), "1d and not 1h"),
        (
            list(DAYS.strftime("%Y-%m-%dT00:00:00+01:00")),
            ReadingOptions(zone=NEW_YORK),
            "--timezone America/New_York cannot be meant",
        ),
    ],
)
def test_what_can_be_meant_two_ways_is_refused(
    dates: list[str], options: ReadingOptions, words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        read_table(write(tmp_path / "KO.csv", table(dates)), options)


@pytest.mark.parametrize(
    "pattern",
    ["%d/%m/%y", "%d-%m-%Y", "%d-%b-%y", "%d %B %Y", "%Y/%m/%d", "%Y/%-m/%-d", "%Y-%-m-%-d 0:00",
     "%m/%d/%Y %H:%M", "%Y%m%d000000"],
)  # fmt: skip
def test_dates_in_other_orders_are_the_same_days(pattern: str, tmp_path: Path) -> None:
    found = read_table(write(tmp_path / "KO.csv", table(DAYS.strftime(pattern))))
    assert found.frame["at"].tolist() == list(DAYS.tz_localize("UTC"))


@pytest.mark.parametrize("column", ["Date (UTC)", "time_utc", "Timestamp"])
def test_columns_may_name_their_zone_and_an_index_is_a_column(column: str, tmp_path: Path) -> None:
    frame = table(DAYS.strftime("%Y-%m-%d")).rename(columns={"date": column})
    frame.set_index(column).to_parquet(tmp_path / "KO.parquet")
    assert len(read_table(write(tmp_path / "KO.csv", frame)).frame) == len(DAYS)
    assert len(read_table(tmp_path / "KO.parquet").frame) == len(DAYS)


def test_a_symbol_that_contradicts_the_table_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "bars.csv", table(DAYS.strftime("%Y-%m-%d")).assign(symbol="KO"))
    with pytest.raises(InputError, match="--symbol PEP cannot be meant"):
        read_table(file, ReadingOptions(symbol="PEP"))
    assert len(read_table(file, ReadingOptions(symbol="ko")).frame) == len(DAYS)


def test_rows_without_a_symbol_are_refused_rows(tmp_path: Path) -> None:
    frame = pd.concat([table(DAYS.strftime("%Y-%m-%d")).assign(symbol=s) for s in ("KO", "PEP")])
    frame.iloc[3, frame.columns.get_loc("symbol")] = None
    frame.iloc[4, frame.columns.get_loc("symbol")] = "  "
    for file in (tmp_path / "bars.csv", tmp_path / "bars.parquet"):
        if file.suffix == ".csv":
            write(file, frame)
        else:
            frame.to_parquet(file)
        found = read_table(file)
        assert [(each.reason, each.rows) for each in found.refused] == [("not a symbol", 2)]
        assert set(found.frame["symbol"]) == {"KO", "PEP"}


def test_a_table_without_volume_has_unknown_volume_not_zero(tmp_path: Path) -> None:
    frame = table(DAYS.strftime("%Y-%m-%d"))
    for without in (frame.drop(columns="volume"), frame.assign(volume="")):
        found = read_table(write(tmp_path / "KO.csv", without))
        assert (found.frame["volume"].isna().all(), found.refused) == (True, ())


def test_a_preview_says_what_decides(tmp_path: Path) -> None:
    store = MemoryMarketDataStore()
    path = metatrader(tmp_path / "EURUSD.csv")
    report = import_file(path, store, dry_run=True)
    preview = report.preview
    assert preview is not None
    assert preview.calendars == {"EURUSD=X": "24/5"}
    assert preview.zone == "UTC, as none is written"
    assert "no adjusted close" in preview.adjustment
    assert len(preview.rows) == 10
    assert store.symbols("files") == []
    assert replace(report, preview=None) == import_file(path, store)


def test_an_archive_of_several_files_is_refused_by_their_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for name in ("KO.csv", "PEP.csv"):
            archive.writestr(name, table(DAYS.strftime("%Y-%m-%d")).to_csv(index=False))
    with pytest.raises(InputError, match=r"2 files \(KO.csv, PEP.csv\)"):
        read_table(tmp_path / "two.zip")


@given(
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    order=st.permutations(["date", "open", "high", "low", "close", "volume"]),
    end=st.sampled_from(["\n", "\r\n"]),
    title=st.booleans(),
    quoted=st.booleans(),
)
def test_delimiters_order_line_ends_titles_and_quotes_change_nothing(
    delimiter: str, order: list[str], end: str, title: bool, quoted: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    frame = table(DAYS.strftime("%Y-%m-%d"))
    text = frame[order].to_csv(
        index=False, sep=delimiter, lineterminator=end, quoting=1 if quoted else 0
    )
    file = tmp_path_factory.getbasetemp() / "KO.csv"
    file.write_bytes((f"Exported by a program{end}" if title else "").encode() + text.encode())
    found = read_table(file).frame
    np.testing.assert_allclose(found["close"], frame["close"])
    assert found["at"].tolist() == list(DAYS.tz_localize("UTC"))
