"""Symbols as people list them become symbols as the other rooms spell them."""

import exchange_calendars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from domain.symbols import (
    _SUFFIX_CALENDARS,
    calendar_of,
    has_unknown_calendar,
    parse_symbol,
    parse_symbols,
)


@pytest.mark.parametrize(
    "words",
    [
        ["AAPL", "BTC-USDT", "BRK-B"],
        ["AAPL,BTC-USDT,BRK-B"],
        ["aapl, BTC/USDT", "btcusdt", "BRK-B,"],
        ["AAPL;BTC-USDT", "BRK-B", "AAPL"],
    ],
)
def test_a_list_is_the_same_however_it_is_written(words: list[str]) -> None:
    assert parse_symbols(words) == ("AAPL", "BTC-USDT", "BRK-B")


@pytest.mark.parametrize("wrong", ["", ",", " ", "AAPL,$$", "AAPL MSFT"])
def test_what_names_no_symbol_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(InputError, match="is not a symbol"):
        parse_symbols(["MSFT", wrong])


def test_no_words_are_no_symbols() -> None:
    assert parse_symbols([]) == ()


@pytest.mark.parametrize(
    ("spellings", "symbol"),
    [
        (("brk.b", "BRK-B", "BRK/B"), "BRK-B"),
        (("BTC/USDT", "BTCUSDT", "btc-usdt", "XBTUSDT"), "BTC-USDT"),
        (("BTC-USD", "BTCUSD", "XBTUSD", "XBT/USD"), "BTC-USD"),
        (("EURUSD", "EUR/USD", "EUR-USD", "EURUSD=X"), "EURUSD=X"),
        (("aapl", "AAPL.US"), "AAPL"),
        (("005930.KS",), "005930.KS"),
        (("VOD.L",), "VOD.L"),
        (("DAI.F",), "DAI.F"),
    ],
)
def test_other_spellings_are_the_same_symbol(spellings: tuple[str, ...], symbol: str) -> None:
    assert {parse_symbol(each) for each in spellings} == {symbol}


@given(st.from_regex(r"\^?[A-Z0-9]{1,6}([.=-][A-Z]{1,4})?", fullmatch=True))
def test_a_symbol_spelt_as_ours_stays(text: str) -> None:
    symbol = parse_symbol(text)
    assert parse_symbol(symbol) == symbol
    assert parse_symbol(symbol.lower()) == symbol


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [
        ("005930.KS", "XKRX"), ("TCS.NS", "XBOM"), ("PETR4.SA", "BVMF"), ("2330.TW", "XTAI"),
        ("ES=F", "CMES"), ("KC=F", "IEPA"), ("EURUSD=X", "24/5"), ("BTC-USD", "24/7"),
        ("^VIX", "XNYS"), ("AAPL", "XNYS"), ("ABC.XX", "XNYS"),
    ],
)  # fmt: skip
def test_each_exchange_has_its_calendar(symbol: str, calendar: str) -> None:
    assert calendar_of(symbol) == calendar
    assert calendar in exchange_calendars.get_calendar_names()
    assert has_unknown_calendar(symbol) == (symbol == "ABC.XX")


def test_the_calendar_of_every_suffix_exists() -> None:
    assert set(_SUFFIX_CALENDARS.values()) <= set(exchange_calendars.get_calendar_names())
