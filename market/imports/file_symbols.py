"""Whether a file's name is a symbol: `AAPL.csv` is, `stocks.csv` and `data_2024.csv` are not."""

import re

from domain.errors import InputError
from domain.symbols import AssetClass, asset_class, parse_symbol

_WORDS = frozenset({
    "all", "bar", "bars", "candle", "candles", "chart", "close", "coin", "coins", "crypto", "csv",
    "daily", "data", "day", "days", "dump", "equity", "export", "file", "files", "forex", "fund",
    "funds", "fx", "hist", "history", "hour", "hourly", "hours", "index", "input", "list", "market",
    "merged", "minute", "new", "ohlc", "ohlcv", "out", "output", "price", "prices", "quote",
    "quotes", "sample", "share", "shares", "stock", "stocks", "table", "temp", "test", "tick",
    "ticks", "train", "values", "week", "xy",
})  # fmt: skip
"""Words that name what a file holds, not whose it is."""
_LETTERS_OF_A_TICKER = 5
_PAIR_INSIDE = re.compile(r"(?:^|[^A-Za-z])([A-Za-z]{2,6})[-_/]?(USDT|USDC|USD|EUR)(?:[^A-Za-z]|$)")


def symbol_of_file(stem: str) -> str:
    """Return the symbol that a file is named as. Raises InputError, with a guess where there is
    one, for a name that is none."""
    try:
        symbol = parse_symbol(stem)
    except InputError:
        symbol = ""
    if symbol and not _is_word(stem, symbol):
        return symbol
    guess = ""
    if pair := _PAIR_INSIDE.search(stem):
        guess = f" {parse_symbol('-'.join(pair.groups()))}"
    raise InputError(
        f"it has no symbol column, and its name is no symbol ({stem[:40]!r}). Name it with"
        f" --symbol{guess or ' AAPL'}, add the column, or name the file as its symbol, such as"
        " AAPL.csv."
    )


def _is_word(stem: str, symbol: str) -> bool:
    """Return whether a name that could be a share's is rather a word or a number."""
    if asset_class(symbol) is not AssetClass.EQUITY or "." in symbol:
        return False
    letters = re.sub(r"[^A-Za-z]", "", stem)
    if stem.isupper() and len(letters) <= _LETTERS_OF_A_TICKER and stem.isalpha():
        return False  # COIN and ALL are shares
    return (
        not letters
        or len(letters) > _LETTERS_OF_A_TICKER
        or any(word in _WORDS for word in re.split(r"[^a-z]+", stem.lower()))
        or bool(re.search(r"\d{2}", stem))
    )
