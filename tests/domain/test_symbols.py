"""Symbols as people list them become symbols as the other rooms spell them."""

import pytest

from domain.errors import InputError
from domain.symbols import parse_symbols


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
