"""Symbols: their spelling, asset class and exchange calendar.

Symbols are written as Yahoo writes them (`AAPL`, `BRK-B`, `BTC-USD`, `^VIX`, `VOD.L`).
Exchange spellings of coin pairs (`BTCUSDT`, `BTC/USDT`) are folded into `BTC-USDT`.
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
_SUFFIX_CALENDARS = {
    "L": "XLON", "DE": "XETR", "F": "XFRA", "PA": "XPAR", "AS": "XAMS", "MI": "XMIL",
    "MC": "XMAD", "SW": "XSWX", "TO": "XTSE", "AX": "XASX", "HK": "XHKG", "T": "XTKS",
    "ST": "XSTO", "OL": "XOSL", "CO": "XCSE", "HE": "XHEL", "BR": "XBRU", "LS": "XLIS",
}  # fmt: skip

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
    symbol = text.strip().upper()
    if pair := (_PAIR.fullmatch(symbol) or _JOINED_PAIR.fullmatch(symbol)):
        return f"{pair['base']}-{pair['quote']}"
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
    if kind is AssetClass.EQUITY and "." in symbol:
        return _SUFFIX_CALENDARS.get(symbol.rsplit(".", 1)[1], "XNYS")
    return "XNYS"
