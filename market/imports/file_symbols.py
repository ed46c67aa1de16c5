"""Whether a file's name is a symbol: `AAPL.csv` is, `stocks.csv` and `data_2024.csv` are not."""

import re

import pandas as pd

from domain.errors import InputError
from domain.symbols import AssetClass, asset_class, parse_symbol

_WORDS = frozenset({
    "all", "bar", "bars", "book", "candle", "candles", "chart", "chunk", "clean", "close", "coin",
    "coins", "copy", "crypto", "csv", "daily", "data", "day", "days", "dump", "equity", "export",
    "file", "files", "final", "forex", "fund", "funds", "fx", "hist", "history", "hour", "hourly",
    "hours", "index", "input", "list", "market", "merged", "minute", "new", "ohlc", "ohlcv", "out",
    "output", "part", "price", "prices", "query", "quote", "quotes", "raw", "sample", "share",
    "shares", "stock", "stocks", "table", "temp", "test", "tick", "ticks", "tmp", "train", "values",
    "week", "xy",
})  # fmt: skip
"""Words that name what a file holds, not whose it is."""
_LISTED = frozenset({"ALL", "COIN", "DAY", "FUND", "OUT", "TMP"})
"""Words of these that are shares too, where they are written like one."""
_VENUES = frozenset({
    "amex", "binance", "bitfinex", "bitstamp", "bybit", "coinbase", "gemini", "kraken", "nasdaq",
    "nyse", "us",
})  # fmt: skip
_LETTERS_OF_A_TICKER = 5
_PAIR_INSIDE = re.compile(r"(?:^|[^A-Za-z])([A-Za-z]{2,6})[-_/]?(USDT|USDC|USD|EUR)(?:[^A-Za-z]|$)")
_TICKER = re.compile(r"\^?[A-Z][A-Z0-9.=/-]*|\d+\.[A-Z]+")


def symbol_of_file(stem: str) -> str:
    """Return the symbol that a file is named as. Raises InputError, with a guess where there is
    one, for a name that is none."""
    try:
        symbol = parse_symbol(stem)
    except InputError:
        symbol = ""
    if symbol and not _is_word(stem, symbol):
        return symbol
    guess = _guess(stem)
    raise InputError(
        f"it has no symbol column, and its name is no symbol ({stem[:40]!r}). Name it with"
        f" --symbol{f' {guess}' if guess else ', such as --symbol AAPL'}, add the column, or name"
        " the file as its symbol, such as AAPL.csv."
    )


def are_tickers(column: pd.Series) -> bool:
    """Return whether most of a column's different values are written as symbols are, and not as
    names of companies (`Coca-Cola Co`) or numbers of a database."""
    values = column.dropna().drop_duplicates().astype("str").str.strip()
    return bool(values.str.fullmatch(_TICKER).mean() > 0.5)


def is_in_full(symbol: str, short: str) -> bool:
    """Return whether `symbol` is `short` with its exchange, quote currency or kind: BTC-USD of BTC,
    VOD.L of VOD, ^GSPC of GSPC."""
    return re.split(r"[-.=]", symbol.removeprefix("^"), maxsplit=1)[0] == short


def _is_word(stem: str, symbol: str) -> bool:
    """Return whether a name that could be a share's is rather a word or a number."""
    if asset_class(symbol) is not AssetClass.EQUITY or "." in symbol:
        return False
    letters = re.sub(r"[^A-Za-z]", "", stem)
    return (
        not letters
        or len(letters) > _LETTERS_OF_A_TICKER
        or any(character.isdigit() for character in stem)  # AAPL-1d, Book1
        or (
            any(word in _WORDS for word in re.split(r"[^a-z]+", stem.lower()))
            and stem not in _LISTED
        )
    )


def _guess(stem: str) -> str:
    """Return the symbol inside a name such as `NASDAQ_AAPL, 1D` or `BTCUSDT-1h-2025-01`, if one."""
    if pair := _PAIR_INSIDE.search(stem):
        return parse_symbol("-".join(pair.groups()))
    words = re.findall(r"(?<![A-Za-z0-9])[A-Za-z]+(?![A-Za-z0-9])", stem.replace("_", " "))
    words = [word for word in words if word.lower() not in _WORDS | _VENUES and len(word) > 1]
    if len(words) != 1 or len(words[0]) > _LETTERS_OF_A_TICKER:
        return ""
    coin = parse_symbol(f"{words[0]}USD")
    return coin if asset_class(coin) is AssetClass.CRYPTO else words[0].upper()
