"""Numbers, times, headers and columns in other spellings are the same bars, or are refused."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from domain.timeframe import Timeframe
from market.imports.file_import import read_table
from market.imports.normalise import ReadingOptions
from market.imports.number_text import find_decimal_point, read_numbers, with_points
from tests.market.imports.bar_files import DAYS, HOURS, prices, table, write

PRICES = ["open", "high", "low", "close"]
DATES = DAYS.strftime("%Y-%m-%d")


@given(
    numbers=st.lists(st.decimals(0, 10**9, places=2), min_size=1, max_size=20),
    style=st.sampled_from([(".", ","), (",", "."), (".", "'"), (",", " "), (",", "\u202f")]),
    unit=st.sampled_from(["", "$", "€"]),
)
def test_numbers_are_the_same_in_every_style(numbers, style, unit) -> None:
    point, group = style
    swap = str.maketrans({",": group, ".": point})
    cells = [f"{number:,.2f}".translate(swap) for number in numbers]
    assert find_decimal_point(cells, ",") == point
    column = pd.Series([f"{unit}{cell}" for cell in cells])
    read = read_numbers(with_points(column) if point == "," else column)
    assert read.tolist() == [float(number) for number in numbers]


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("group", [".", "\u202f"])
def test_decimal_commas_and_thousands_are_read_with_any_delimiter(
    delimiter: str, group: str, tmp_path: Path
) -> None:
    frame = table(DAYS.strftime("%d.%m.%Y"), 50_000)
    style = str.maketrans({",": group, ".": ","})
    for name in PRICES:
        frame[name] = [f"{price:,.2f}".translate(style) for price in frame[name]]
    frame["volume"] = [f"{volume:,}".translate(style) for volume in frame["volume"]]
    found = read_table(write(tmp_path / "SAP.DE.csv", frame, sep=delimiter, quoting=1)).frame
    np.testing.assert_allclose(found["close"], prices(len(DAYS), 50_000)["close"], atol=0.006)
    assert found["volume"].tolist() == prices(len(DAYS))["volume"].tolist()


def test_commas_that_may_be_decimal_or_of_thousands_are_refused(tmp_path: Path) -> None:
    cells = [f"{price:.3f}".replace(".", ",") for price in prices(len(DAYS))["close"]]
    frame = table(DATES).assign(**dict.fromkeys(PRICES, cells))
    with pytest.raises(
        InputError, match=r"decimals or thousands after the comma.*Write \d+\.\d{3}"
    ):
        read_table(write(tmp_path / "KO.csv", frame))
    thousands = frame.assign(volume="1,234,567")
    assert read_table(write(tmp_path / "KO.csv", thousands)).frame["close"].min() > 10_000


HEADERS: dict[str, Callable[[str], str]] = {
    "with the word price": lambda name: f"{name.title()} Price" if name in PRICES else name,
    "with a currency": lambda name: f"{name.title()} (USD)" if name in PRICES else name,
    "numbered": lambda name: f"{1 + PRICES.index(name)}. {name}" if name in PRICES else name,
    "one letter": lambda name: "t" if name == "date" else name[0],
    "of a day's trades": lambda name: {"date": "Trade Date", "volume": "Total Volume"}.get(
        name, name
    ),
    "padded": lambda name: f" {name.upper()} ",
    "no name for the date": lambda name: "" if name == "date" else name,
    "pandas' name for none": lambda name: "Unnamed: 0" if name == "date" else name,
}


@pytest.mark.parametrize("spelling", HEADERS)
def test_headers_in_other_spellings_are_the_same_columns(spelling: str, tmp_path: Path) -> None:
    file = write(tmp_path / "KO.csv", table(DATES).rename(columns=HEADERS[spelling]))
    assert read_table(file).frame["close"].tolist() == prices(len(DAYS))["close"].tolist()


def test_lines_that_are_a_cell_longer_than_the_header_keep_its_order(tmp_path: Path) -> None:
    frame = table(DATES)[["date", "close", "high", "low", "open", "volume"]]
    head, *lines = frame.to_csv(index=False).splitlines()
    (tmp_path / "KO.csv").write_text("\n".join([head, *(f"{line}," for line in lines)]))
    indexed = frame.to_csv(header=False).splitlines()
    (tmp_path / "PEP.csv").write_text("\n".join([head, *indexed]))
    for name in ("KO.csv", "PEP.csv"):
        found = read_table(tmp_path / name).frame
        assert found["open"].tolist() == frame["open"].tolist()


def test_lines_that_separators_of_thousands_split_are_refused(tmp_path: Path) -> None:
    frame = table(DATES).assign(volume=[f"{volume * 1000:,}" for volume in range(4000, 4025)])
    lines = frame.to_csv(index=False).replace('"', "")
    (tmp_path / "KO.csv").write_text(lines)
    with pytest.raises(InputError, match=r"6 columns and its lines 8 cells.*separators"):
        read_table(tmp_path / "KO.csv")


def test_volumes_in_money_are_left_for_those_in_units(tmp_path: Path) -> None:
    frame = table(HOURS.strftime("%Y-%m-%d %H:%M"), 50_000)
    frame.insert(1, "Volume_(Currency)", 5)
    frame = frame.rename(columns={"volume": "Volume_(BTC)"})
    found = read_table(write(tmp_path / "BTC-USD.csv", frame)).frame
    assert found["volume"].tolist() == prices(len(HOURS))["volume"].tolist()


def test_columns_without_a_header_in_another_order_are_refused(tmp_path: Path) -> None:
    frame = table([str(at.value // 10**9) for at in HOURS], 50_000)
    file = write(
        tmp_path / "BTC-USD.csv",
        frame[["date", "low", "high", "open", "close", "volume"]],
        header=False,
    )
    with pytest.raises(InputError, match=r"no header.*first line that names the columns"):
        read_table(file)


WIDE: dict[str, Callable[[str, str], str]] = {
    "symbol first": lambda symbol, name: f"{symbol}_{name.title()}",
    "figure first": lambda symbol, name: f"{name.title()} {symbol}",
    "dots": lambda symbol, name: f"{symbol}.{name.title()}",
    "pandas' pairs": lambda symbol, name: f"('{name.title()}', '{symbol}')",
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("spelling", WIDE)
def test_columns_of_several_symbols_are_bars_of_each(
    spelling: str, suffix: str, tmp_path: Path
) -> None:
    frame = prices(len(DAYS))
    columns = {
        WIDE[spelling](symbol, name): frame[name] * scale if name in PRICES else frame[name]
        for symbol, scale in (("KO", 1), ("BRK.B", 2))
        for name in frame
    }
    wide = pd.DataFrame({"Date": DATES, **columns})
    wide.iloc[0, 1:6] = np.nan  # KO did not trade
    file = tmp_path / f"mine{suffix}"
    if suffix == ".csv":
        write(file, wide)
    else:
        wide.to_parquet(file)
    found = read_table(file)
    assert found.refused == ()
    closes = dict(iter(found.frame.groupby("symbol")["close"]))
    assert closes["KO"].tolist() == frame["close"].tolist()[1:]
    assert closes["BRK-B"].tolist() == (frame["close"] * 2).tolist()


def test_bid_and_ask_are_no_symbols(tmp_path: Path) -> None:
    frame = prices(len(DAYS))
    sides = {f"{side}_{name}": frame[name] for side in ("Bid", "Ask") for name in frame}
    with pytest.raises(InputError, match=r"its columns are.*'Bid_open'"):
        read_table(write(tmp_path / "EURUSD.csv", pd.DataFrame({"Date": DATES, **sides})))


@settings(max_examples=20)
@given(units=st.lists(st.sampled_from([1, 10**3, 10**6, 10**9]), min_size=48, max_size=48))
def test_epochs_in_several_units_are_each_read_in_theirs(
    units: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    epochs = [str(at.value * unit // 10**9) for at, unit in zip(HOURS, units, strict=True)]
    file = write(tmp_path_factory.getbasetemp() / "BTC-USD.csv", table(epochs, 50_000))
    assert read_table(file).frame["at"].tolist() == list(HOURS)


def test_epochs_that_a_spreadsheet_rounded_are_refused(tmp_path: Path) -> None:
    epochs = [f"{at.value // 10**9:.5E}" for at in DAYS]
    with pytest.raises(InputError, match=r"rounded to 10,000 seconds.*whole numbers"):
        read_table(write(tmp_path / "KO.csv", table(epochs)))


def test_epochs_before_1970_are_read(tmp_path: Path) -> None:
    days = pd.bdate_range("1969-12-01", periods=20)
    epochs = [str((at + pd.Timedelta("14h30min")).value // 10**9) for at in days]
    found = read_table(write(tmp_path / "KO.csv", table(epochs)))
    assert found.frame["at"].tolist() == list(days.tz_localize("UTC"))


@pytest.mark.parametrize(
    ("symbol", "opened", "of_epochs"),
    [
        ("EURUSD=X", "-2h", True), ("EURUSD=X", "-2h", False), ("ES=F", "-1h", True),
        ("7203.T", "-9h", False), ("KO", "14h30min", False),
    ],
)  # fmt: skip
def test_instants_of_daily_bars_are_of_the_session_they_begin(
    symbol: str, opened: str, of_epochs: bool, tmp_path: Path
) -> None:
    instants = DAYS + pd.Timedelta(opened)
    texts = list(instants.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if of_epochs:
        texts = [str(at.value // 10**9) for at in instants]
    found = read_table(write(tmp_path / f"{symbol}.csv", table(texts)))
    assert found.frame["at"].tolist() == list(DAYS.tz_localize("UTC"))


@pytest.mark.parametrize(
    "pattern",
    ["%Y-%m-%d %I-%p", "%d.%m.%Y %H:%M:%S.000 GMT+0000", "%Y-%m-%dT%H:%M:%S+00:00[UTC]",
     "%Y-%m-%d %I:%M%p", "%Y%m%d%H%M", "%Y%m%d%H%M%S"],
)  # fmt: skip
def test_times_of_day_in_other_spellings_are_the_same_hours(pattern: str, tmp_path: Path) -> None:
    found = read_table(write(tmp_path / "BTC-USD.csv", table(HOURS.strftime(pattern), 50_000)))
    assert found.frame["at"].tolist() == list(HOURS)


@pytest.mark.parametrize("pattern", ["%H%M", "%H%M%S"])
def test_times_of_day_that_lost_their_zeros_are_read(pattern: str, tmp_path: Path) -> None:
    frame = table(HOURS.strftime("%Y%m%d"), 50_000)
    frame["time"] = [str(int(clock)) for clock in HOURS.strftime(pattern)]
    found = read_table(write(tmp_path / "BTC-USD.csv", frame))
    assert (found.frame["at"].tolist(), found.refused) == (list(HOURS), ())


def test_a_few_hours_of_new_york_are_asked_about_too(tmp_path: Path) -> None:
    hours = [f"{day} {hour:02d}:30" for day in DATES[:2] for hour in range(9, 16)]
    with pytest.raises(InputError, match="--timezone America/New_York"):
        read_table(write(tmp_path / "KO.csv", table(hours)))


def test_words_for_nothing_are_no_symbols_and_no_volumes(tmp_path: Path) -> None:
    frame = table(DATES).assign(volume="-", symbol="NAN")
    frame.loc[:3, "symbol"] = ["null", "NaN", "None", "N/A"]
    found = read_table(write(tmp_path / "mine.csv", frame))
    assert [(each.reason, each.rows) for each in found.refused] == [("not a symbol", 4)]
    assert set(found.frame["symbol"]) == {"NAN"}
    assert found.frame["volume"].isna().all()


@pytest.mark.parametrize("name", ["Coca-Cola Co", "2781"])
def test_names_of_companies_are_no_symbols(name: str, tmp_path: Path) -> None:
    found = read_table(write(tmp_path / "KO.csv", table(DATES).assign(Name=name)))
    assert set(found.frame["symbol"]) == {"KO"}


def test_a_symbol_in_the_table_can_be_said_in_full(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=40).strftime("%Y-%m-%d")
    file = write(tmp_path / "coins.csv", table(days).assign(Symbol="BTC"))
    with pytest.raises(InputError, match="--symbol"):
        read_table(file)
    found = read_table(file, ReadingOptions(symbol="BTC-USD"))
    assert (set(found.frame["symbol"]), found.timeframe) == ({"BTC-USD"}, Timeframe.D1)


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("NASDAQ_AAPL, 1D", "AAPL"), ("AAPL (1)", "AAPL"), ("aapl_us_d", "AAPL"),
        ("BTC-Daily", "BTC-USD"), ("Gemini_ETHUSD_d", "ETH-USD"),
    ],
)  # fmt: skip
def test_a_symbol_in_a_file_name_is_proposed_not_taken(
    name: str, guess: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"--symbol {guess}, add"):
        read_table(write(tmp_path / f"{name}.csv", table(DATES)))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8-sig"])
def test_encodings_with_and_without_marks_are_told_apart(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "KO.csv").write_bytes(table(DATES).to_csv(index=False).encode(encoding))
    assert len(read_table(tmp_path / "KO.csv").frame) == len(DAYS)


def test_an_archive_may_hold_a_text_beside_its_table(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "any.zip", "w") as archive:
        archive.writestr("README.txt", "About these bars")
        archive.writestr("bars/KO.csv", table(DATES).to_csv(index=False))
    assert set(read_table(tmp_path / "any.zip").frame["symbol"]) == {"KO"}


def test_an_index_without_a_name_is_the_date_in_parquet(tmp_path: Path) -> None:
    prices(len(DAYS)).set_index(DAYS).to_parquet(tmp_path / "KO.parquet")
    assert read_table(tmp_path / "KO.parquet").frame["at"].tolist() == list(DAYS.tz_localize("UTC"))


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("order", [["symbol", "utc"], ["utc", "symbol"]])
def test_a_doubled_hour_of_several_symbols_is_read_in_its_zone(
    order: list[str], newest_first: bool, tmp_path: Path
) -> None:
    utc = pd.date_range("2024-10-26", periods=72, freq="h", tz="UTC")
    local = utc.tz_convert("Europe/Berlin").strftime("%Y-%m-%d %H:%M")
    parts = [table(local, 60_000).assign(symbol=name, utc=utc) for name in ("BTC-EUR", "ETH-EUR")]
    rows = pd.concat(parts).sort_values(order, ascending=not newest_first)
    file = write(tmp_path / "coins.csv", rows.drop(columns="utc"))
    found = read_table(file, ReadingOptions(zone=ZoneInfo("Europe/Berlin")))
    assert found.refused == ()
    assert found.frame["at"].tolist() == [*utc, *utc]
