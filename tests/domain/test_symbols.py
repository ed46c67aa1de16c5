"""Symbols as people list them become symbols as the other rooms spell them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from domain.symbols import (
    EXCHANGES,
    FUTURES,
    INDEX_CALENDARS,
    asset_class,
    calendar_note,
    calendar_of,
    currency_of,
    did_you_mean,
    parse_symbol,
    parse_symbols,
)
from market.calendars import sessions

WRITTEN = st.text("ABCDEFGTUSXY0123456789.-/_=^: ", min_size=1, max_size=12)
COINS = st.sampled_from(["BTC", "ETH", "SOL", "DOGE"])
CURRENCIES = st.sampled_from(["USD", "EUR", "GBP", "JPY", "CHF"])


@pytest.mark.parametrize(
    "words",
    [
        ["AAPL", "BTC-USDT", "BRK-B"],
        ["AAPL,BTC-USDT,BRK-B"],
        ["aapl, BTC/USDT", "btcusdt", "BRK-B,"],
        ["AAPL;BTC-USDT", "BRK.B", "AAPL.US"],
        ["NASDAQ:AAPL", "BINANCE:BTCUSDT", "BRK/B", "brk_b"],
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


@given(WRITTEN)
def test_a_canonical_symbol_is_its_own_spelling(text: str) -> None:
    try:
        symbol = parse_symbol(text)
    except InputError:
        return
    assert parse_symbol(symbol) == symbol
    assert parse_symbol(f" {symbol.lower()} ") == symbol


@given(COINS, st.sampled_from(["USD", "USDT", "USDC", "EUR"]), st.sampled_from(["", "-", "/", "_"]))
def test_a_coin_pair_is_one_symbol_with_any_sign_between_and_one_per_quote(
    base: str, quote: str, sign: str
) -> None:
    symbol = parse_symbol(f"{base}{sign}{quote}")
    assert symbol == f"{base}-{quote}"
    assert (calendar_of(symbol), currency_of(symbol)) == ("24/7", quote)


@given(CURRENCIES, CURRENCIES, st.sampled_from(["", "-", "/", "_"]), st.sampled_from(["", "=X"]))
def test_a_currency_pair_is_one_symbol(base: str, quote: str, sign: str, end: str) -> None:
    symbol = parse_symbol(f"{base}{sign}{quote}{end}")
    assert (symbol, calendar_of(symbol)) == (f"{base}{quote}=X", "24/5")
    assert currency_of(symbol) == quote


@pytest.mark.parametrize("bitcoin", ["XBTUSD", "XBT/USD", "BTCUSD", "BITSTAMP:BTCUSD"])
def test_bitcoin_is_one_coin_whatever_an_exchange_calls_it(bitcoin: str) -> None:
    assert parse_symbol(bitcoin) == "BTC-USD"


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        ("700.HK", "0700.HK"), ("00700.HK", "0700.HK"), ("80700.HK", "80700.HK"),
        ("5930.KS", "005930.KS"), ("1.SZ", "000001.SZ"), ("50.TW", "0050.TW"),
        ("00878.TW", "00878.TW"), ("7203.T", "7203.T"),
    ],
)  # fmt: skip
def test_a_numbered_share_has_the_digits_that_its_exchange_writes(
    written: str, symbol: str
) -> None:
    assert parse_symbol(written) == symbol


@pytest.mark.parametrize(
    ("symbol", "known", "question"),
    [
        ("BTC-EUR", ["BTC-USD", "ETH-EUR"], " Did you mean BTC-USD?"),
        ("BTC", ["BTC-USD", "BTC-USDT"], " Did you mean BTC-USD or BTC-USDT?"),
        ("EURCHF=X", ["EURUSD=X"], " Did you mean EURUSD=X?"),
        ("VOD", ["VOD.L", "KO"], " Did you mean VOD.L?"),
        ("GOOGLE", ["GOOGL", "MSFT"], " Did you mean GOOGL?"),
        ("AAPL", ["MSFT"], ""),
    ],
)
def test_what_was_meant_is_guessed_from_what_is_known(
    symbol: str, known: list[str], question: str
) -> None:
    assert did_you_mean(symbol, known) == question


@pytest.mark.parametrize("other", ["BTC-USDT", "BTC-EUR", "BTC-USDC", "WBTC-USD"])
def test_different_things_are_never_one(other: str) -> None:
    assert parse_symbol(other) == other != parse_symbol("BTCUSD")


@pytest.mark.parametrize("suffix", sorted(EXCHANGES))
def test_a_suffix_keeps_its_spelling_and_tells_calendar_and_currency(suffix: str) -> None:
    symbol, exchange = f"ABC1.{suffix}", EXCHANGES[suffix]
    assert parse_symbol(symbol) == symbol
    assert parse_symbol(f"VOD.{suffix}") == f"VOD.{suffix}"
    assert currency_of(symbol) == exchange.currency
    assert (calendar_note(symbol) is None) == (exchange.calendar is not None)
    assert calendar_of(symbol) == (exchange.calendar or "XNYS")


@pytest.mark.parametrize(
    "calendar",
    sorted(
        {each.calendar for each in (*EXCHANGES.values(), *FUTURES.values()) if each.calendar}
        | set(INDEX_CALENDARS.values())
    ),
)
def test_every_calendar_of_the_table_has_sessions(calendar: str) -> None:
    assert len(sessions(calendar).close) > 250


@pytest.mark.parametrize(
    ("symbol", "calendar", "currency"),
    [
        ("AAPL", "XNYS", "USD"), ("VOD.L", "XLON", "GBp"), ("005930.KS", "XKRX", "KRW"),
        ("NPN.JO", "XJSE", "ZAc"), ("ES=F", "CMES", "USD"), ("ZC=F", "CMES", "USX"),
        ("KC=F", "IEPA", "USX"), ("CLZ26.NYM", "CMES", "USD"), ("^N225", "XTKS", None),
        ("^GSPC", "XNYS", None), ("JPY=X", "24/5", "JPY"),
    ],
)  # fmt: skip
def test_where_and_in_what_money_a_symbol_trades(
    symbol: str, calendar: str, currency: str | None
) -> None:
    assert (calendar_of(symbol), currency_of(symbol)) == (calendar, currency)
    assert calendar_note(symbol) is None


@pytest.mark.parametrize("symbol", ["ABC.XY", "^UNHEARD"])
def test_an_unknown_exchange_is_said_and_its_currency_is_not_guessed(symbol: str) -> None:
    assert calendar_note(symbol) == "calendar unknown: New York's is assumed"
    assert (calendar_of(symbol), currency_of(symbol)) == ("XNYS", None)


@given(WRITTEN)
def test_every_symbol_has_a_class_a_calendar_and_a_currency_or_none(text: str) -> None:
    try:
        symbol = parse_symbol(text)
    except InputError:
        return
    assert asset_class(symbol)
    assert calendar_of(symbol)
    currency = currency_of(symbol)
    assert currency is None or 3 <= len(currency) <= 4
