"""Symbols: their spelling, asset class and exchange calendar.

Symbols are written as Yahoo writes them (`AAPL`, `BRK-B`, `BTC-USD`, `^VIX`, `VOD.L`,
`EURUSD=X`, `ES=F`). Other spellings of the same thing are folded into that one: coin pairs as
exchanges write them (`BTCUSDT`, `BTC/USDT`, `XBTUSD`), currency pairs (`EURUSD`, `EUR/USD`),
classes of shares (`BRK.B`), New York's suffix of other providers (`AAPL.US`). `BTC-USD` and
`BTC-USDT` are different pairs.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

from domain.errors import InputError

FLAGS = ("--symbol", "--symbols")
"""The names of the option for symbols, in every command that has one."""

_BETWEEN = re.compile(r"[,;]")
_SYMBOL_PATTERN = re.compile(r"\^?[A-Z0-9][A-Z0-9.=-]{0,19}")
_QUOTE_CURRENCIES = ("USDT", "USDC", "USD", "EUR", "GBP", "BTC")
_PAIR = re.compile(rf"(?P<base>[A-Z0-9]{{2,10}})[-/](?P<quote>{'|'.join(_QUOTE_CURRENCIES)})")
_JOINED_PAIR = re.compile(r"(?P<base>[A-Z0-9]{2,10})(?P<quote>USDT|USDC)")
_JOINED_COIN = re.compile(r"(?P<base>[A-Z0-9]{2,6})(?P<quote>USD|EUR|GBP|BTC)")
_COINS = frozenset({
    "ADA", "ALGO", "APT", "ARB", "ATOM", "AVAX", "BCH", "BNB", "BTC", "DAI", "DASH", "DOGE",
    "DOT", "EOS", "ETC", "ETH", "FIL", "HBAR", "ICP", "INJ", "LINK", "LTC", "MATIC", "NEAR",
    "OP", "PEPE", "POL", "SHIB", "SOL", "SUI", "TON", "TRX", "UNI", "USDC", "USDT", "WBTC",
    "XBT", "XLM", "XMR", "XRP", "XTZ", "ZEC",
})  # fmt: skip
"""Coins whose pair is known without a sign between base and quote."""
_CURRENCIES = frozenset({
    "AUD", "BRL", "CAD", "CHF", "CNH", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS",
    "INR", "JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "RON", "SEK", "SGD", "THB", "TRY", "TWD",
    "USD", "ZAR",
})  # fmt: skip
_CURRENCY_PAIR = re.compile(r"(?P<base>[A-Z]{3})[-/]?(?P<quote>[A-Z]{3})")
_SHARE_CLASS = re.compile(r"(?P<share>[A-Z]{1,5})[./](?P<of>[A-E])")
"""No exchange's suffix is one of these letters."""

_SUFFIX_CALENDARS = {
    # Europe
    "L": "XLON", "IL": "XLON", "IR": "XDUB", "PA": "XPAR", "AS": "XAMS", "BR": "XBRU",
    "LS": "XLIS", "MI": "XMIL", "MC": "XMAD", "SW": "XSWX", "VI": "XWBO", "DE": "XETR",
    "F": "XFRA", "BE": "XFRA", "DU": "XDUS", "HM": "XHAM", "MU": "XFRA", "SG": "XSTU",
    "ST": "XSTO", "OL": "XOSL", "CO": "XCSE", "HE": "XHEL", "IC": "XICE", "TL": "XTAL",
    "RG": "XRIS", "VS": "XLIT", "WA": "XWAR", "PR": "XPRA", "BD": "XBUD",
    "IS": "XIST", "ME": "XMOS",
    # Middle East and Africa
    "SR": "XSAU", "JO": "XJSE",
    # Asia and the Pacific
    "T": "XTKS", "HK": "XHKG", "SS": "XSHG", "SZ": "XSHG", "KS": "XKRX", "KQ": "XKRX",
    "TW": "XTAI", "TWO": "XTAI", "SI": "XSES", "KL": "XKLS", "BK": "XBKK", "JK": "XIDX",
    "PS": "XPHS", "NS": "XBOM", "BO": "XBOM", "KA": "XKAR", "AX": "XASX", "XA": "XASX",
    "NZ": "XNZE",
    # Americas
    "TO": "XTSE", "V": "XTSX", "CN": "XTSE", "NE": "XTSE", "SA": "BVMF", "BA": "XBUE",
    "MX": "XMEX", "SN": "XSGO", "LM": "XLIM", "CL": "XBOG",
}  # fmt: skip
"""By the suffix of Yahoo's symbols; markets without a calendar of their own have a neighbour's."""
_ICE_FUTURES = frozenset({"BZ", "CC", "CT", "DX", "KC", "OJ", "SB"})
NEW_YORK = "XNYS"

ALWAYS_OPEN = "24/7"
"""Calendar of markets that never close: coins."""


class AssetClass(StrEnum):
    EQUITY = "equity"
    CRYPTO = "crypto"
    INDEX = "index"
    CURRENCY = "currency"
    FUTURE = "future"


def parse_symbol(text: str) -> str:
    """The symbol `text` in canonical spelling.

    Raises InputError for text that cannot be a symbol.
    """
    symbol = text.strip().upper().removesuffix(".US")
    pair = _CURRENCY_PAIR.fullmatch(symbol)
    if pair and {pair["base"], pair["quote"]} <= _CURRENCIES:
        return f"{pair['base']}{pair['quote']}=X"
    if pair := (_PAIR.fullmatch(symbol) or _JOINED_PAIR.fullmatch(symbol)):
        return f"{_coin(pair['base'])}-{pair['quote']}"
    if (pair := _JOINED_COIN.fullmatch(symbol)) and pair["base"] in _COINS:
        return f"{_coin(pair['base'])}-{pair['quote']}"
    if share := _SHARE_CLASS.fullmatch(symbol):
        return f"{share['share']}-{share['of']}"
    if not _SYMBOL_PATTERN.fullmatch(symbol):
        raise InputError(
            f"{text[:40]!r} is not a symbol. Write it as Yahoo does, such as AAPL or BTC-USD."
        )
    return symbol


def parse_symbols(words: Iterable[str]) -> tuple[str, ...]:
    """The canonical spelling of every symbol in `words`, each once, in their order.

    A word may hold several, separated by commas or semicolons. Raises InputError for one that
    cannot be a symbol, and for a word that holds none.
    """
    found: dict[str, None] = {}
    for word in words:
        parts = [part for part in _BETWEEN.split(word) if part.strip()]
        found |= dict.fromkeys(map(parse_symbol, parts or [word]))
    return tuple(found)


def asset_class(symbol: str) -> AssetClass:
    if symbol.startswith("^"):
        return AssetClass.INDEX
    if symbol.endswith("=X"):
        return AssetClass.CURRENCY
    if symbol.endswith("=F"):
        return AssetClass.FUTURE
    if _PAIR.fullmatch(symbol):
        return AssetClass.CRYPTO
    return AssetClass.EQUITY


def calendar_of(symbol: str) -> str:
    """Name of the symbol's exchange calendar in `exchange_calendars`."""
    kind = asset_class(symbol)
    if kind is AssetClass.CRYPTO:
        return ALWAYS_OPEN
    if kind is AssetClass.CURRENCY:
        return "24/5"
    if kind is AssetClass.FUTURE:
        return "IEPA" if symbol.removesuffix("=F") in _ICE_FUTURES else "CMES"
    if kind is AssetClass.EQUITY and "." in symbol:
        return _SUFFIX_CALENDARS.get(symbol.rsplit(".", 1)[1], NEW_YORK)
    return NEW_YORK


def has_unknown_calendar(symbol: str) -> bool:
    """Return whether the symbol's exchange is unknown, so that New York's calendar is assumed."""
    if asset_class(symbol) is not AssetClass.EQUITY or "." not in symbol:
        return False
    return symbol.rsplit(".", 1)[1] not in _SUFFIX_CALENDARS


def _coin(base: str) -> str:
    return "BTC" if base == "XBT" else base
