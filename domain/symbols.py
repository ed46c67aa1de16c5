"""Symbols: their spelling, asset class, exchange calendar and currency.

Symbols are written as Yahoo writes them (`AAPL`, `BRK-B`, `BTC-USD`, `^VIX`, `VOD.L`, `EURUSD=X`,
`ES=F`). Other spellings of the same thing are folded into that one: coin pairs as exchanges write
them (`BTCUSDT`, `BTC/USDT`, `XBTUSD`), currency pairs (`EURUSD`, `EUR/USD`), classes of shares
(`BRK.B`), numbered shares (`700.HK`), a venue before the symbol (`NASDAQ:AAPL`), New York's suffix
of other providers (`AAPL.US`). Different things are never folded: `BTC-USD` and `BTC-USDT` are two
pairs. What an earlier version stored under another spelling keeps it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from domain.errors import InputError

FLAGS = ("--symbol", "--symbols")
"""The names of the option for symbols, in every command that has one."""

_BETWEEN = re.compile(r"[,;]")
_SYMBOL_PATTERN = re.compile(r"\^?[A-Z0-9][A-Z0-9.=-]{0,19}")
_QUOTE_CURRENCIES = ("USDT", "USDC", "USD", "EUR", "GBP", "BTC")
_PAIR = re.compile(rf"(?P<base>[A-Z0-9]{{2,10}})-(?P<quote>{'|'.join(_QUOTE_CURRENCIES)})")
_SEPARATED_PAIR = re.compile(_PAIR.pattern.replace(")-(", ")[-/_](", 1))
_JOINED_PAIR = re.compile(r"(?P<base>[A-Z0-9]{2,10})(?P<quote>USDT|USDC)")
_JOINED_COIN = re.compile(r"(?P<base>[A-Z0-9]{2,5})(?P<quote>USD|EUR|GBP|BTC)")
_COINS = frozenset({
    "AAVE", "ADA", "ALGO", "APT", "ARB", "ATOM", "AVAX", "BCH", "BNB", "BTC", "DAI", "DASH",
    "DOGE", "DOT", "EOS", "ETC", "ETH", "FIL", "HBAR", "ICP", "INJ", "LINK", "LTC", "MATIC",
    "NEAR", "OP", "PEPE", "POL", "SHIB", "SOL", "SUI", "TON", "TRX", "UNI", "USDC", "USDT",
    "WBTC", "XBT", "XLM", "XMR", "XRP", "XTZ", "ZEC",
})  # fmt: skip
"""Coins whose pair is known without a sign between base and quote."""
_CURRENCIES = frozenset({
    "AUD", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK", "EUR", "GBP", "HKD",
    "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN",
    "RON", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "XAG", "XAU", "XPD", "XPT", "ZAR",
})  # fmt: skip
_CURRENCY_PAIR = re.compile(r"(?P<base>[A-Z]{3})[-/_]?(?P<quote>[A-Z]{3})(?:=X)?")
_SHARE_CLASS = re.compile(r"(?P<share>[A-Z]{1,5})[./_](?P<of>[A-E])")
"""No exchange's suffix is one of these letters."""
_NUMBERED = re.compile(r"(?P<number>\d+)\.(?P<suffix>[A-Z]+)")
_DIGITS: Mapping[str, int] = {
    "HK": 4, "KL": 4, "SR": 4, "T": 4, "TW": 4, "TWO": 4, "KQ": 6, "KS": 6, "SS": 6, "SZ": 6,
}  # fmt: skip
"""Digits that a share's number has at least, by the suffix of exchanges that number shares."""
_VENUE = re.compile(
    r"(?:AMEX|ARCA|BATS|NASDAQ|NYSE|OTC|BINANCE|BITFINEX|BITSTAMP|BYBIT|COINBASE|CRYPTO|GEMINI"
    r"|KRAKEN|KUCOIN|OKX|FX|FX_IDC|FOREXCOM|OANDA):"
)
"""Venues that write shares of the United States, coins or currencies."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """`calendar` is a name in `exchange_calendars`, None where it has none or cannot compute it
    (Athens, Bucharest, Tel Aviv); `currency` an ISO 4217 code or one of `MINOR_UNITS`."""

    calendar: str | None
    currency: str


MINOR_UNITS: Mapping[str, str] = {"GBp": "GBP", "ILA": "ILS", "USX": "USD", "ZAc": "ZAR"}
"""Hundredths of a currency in which prices are quoted, as Yahoo writes them: pence, agorot, cents.
"""

NEW_YORK = "XNYS"

_TABLE = """
L     XLON GBp    IL    XLON USD    IR    XDUB EUR    PA    XPAR EUR    AS    XAMS EUR
BR    XBRU EUR    LS    XLIS EUR    MI    XMIL EUR    MC    XMAD EUR    SW    XSWX CHF
VI    XWBO EUR    DE    XETR EUR    F     XFRA EUR    BE    XFRA EUR    DU    XDUS EUR
HM    XHAM EUR    MU    XFRA EUR    SG    XSTU EUR    ST    XSTO SEK    OL    XOSL NOK
CO    XCSE DKK    HE    XHEL EUR    IC    XICE ISK    TL    XTAL EUR    RG    XRIS EUR
VS    XLIT EUR    WA    XWAR PLN    PR    XPRA CZK    BD    XBUD HUF    RO    -    RON
AT    -    EUR    IS    XIST TRY    ME    XMOS RUB    LU    XLUX EUR    ZSE   XZAG EUR
TA    -    ILA    SR    XSAU SAR    JO    XJSE ZAc    QA    -    QAR    AE    -    AED
CA    -    EGP    T     XTKS JPY    HK    XHKG HKD    SS    XSHG CNY    SZ    XSHG CNY
KS    XKRX KRW    KQ    XKRX KRW    TW    XTAI TWD    TWO   XTAI TWD    SI    XSES SGD
KL    XKLS MYR    BK    XBKK THB    JK    XIDX IDR    PS    XPHS PHP    VN    -    VND
NS    XBOM INR    BO    XBOM INR    KA    XKAR PKR    AX    XASX AUD    XA    XASX AUD
NZ    XNZE NZD    TO    XTSE CAD    V     XTSX CAD    CN    XTSE CAD    NE    XTSE CAD
SA    BVMF BRL    BA    XBUE ARS    MX    XMEX MXN    SN    XSGO CLP    LM    XLIM PEN
CL    XBOG COP    CME   CMES USD    CBT   CMES USX    CMX   CMES USD    NYM   CMES USD
NYB   IEPA USD
"""
"""Suffix, calendar, currency. A market without a calendar of its own has that of the exchange whose
sessions it shares."""


def _exchanges() -> dict[str, Exchange]:
    words = iter(_TABLE.split())
    return {
        suffix: Exchange(None if calendar == "-" else calendar, currency)
        for suffix, calendar, currency in zip(words, words, words, strict=True)
    }


EXCHANGES: Mapping[str, Exchange] = _exchanges()

INDEX_CALENDARS: Mapping[str, str] = {
    **dict.fromkeys(
        ("^GSPC", "^SPX", "^OEX", "^MID", "^DJI", "^DJT", "^DJU", "^IXIC", "^NDX", "^NYA", "^XAX",
         "^RUT", "^RUI", "^RUA", "^SOX", "^VIX", "^VIX3M", "^VIX9D", "^VVIX", "^VXN", "^SKEW",
         "^TNX", "^IRX", "^FVX", "^TYX"), NEW_YORK),
    "^FTSE": "XLON", "^FTMC": "XLON", "^GDAXI": "XETR", "^MDAXI": "XETR", "^STOXX50E": "XETR",
    "^STOXX": "XETR", "^FCHI": "XPAR", "^AEX": "XAMS", "^BFX": "XBRU", "^IBEX": "XMAD",
    "^SSMI": "XSWX", "^ATX": "XWBO", "^OMX": "XSTO", "^N225": "XTKS", "^HSI": "XHKG",
    "^KS11": "XKRX", "^KQ11": "XKRX", "^TWII": "XTAI", "^STI": "XSES", "^KLSE": "XKLS",
    "^JKSE": "XIDX", "^BSESN": "XBOM", "^NSEI": "XBOM", "^AXJO": "XASX", "^AORD": "XASX",
    "^NZ50": "XNZE", "^GSPTSE": "XTSE", "^BVSP": "BVMF", "^MERV": "XBUE", "^MXX": "XMEX",
}  # fmt: skip

FUTURES: Mapping[str, Exchange] = {
    **dict.fromkeys(("CT", "KC", "OJ", "SB"), Exchange("IEPA", "USX")),
    **dict.fromkeys(("CC", "DX"), Exchange("IEPA", "USD")),
    **dict.fromkeys(("ZC", "ZS", "ZW", "ZL", "ZO", "KE", "LE", "HE", "GF"),
                    Exchange("CMES", "USX")),
    "VX": Exchange("XCBF", "USD"),
}  # fmt: skip
"""By the root of a future's symbol (`ZC` of `ZC=F`), those that differ from `CME`."""

CME = Exchange("CMES", "USD")
UNITED_STATES = Exchange(NEW_YORK, "USD")

ALWAYS_OPEN = "24/7"
"""Calendar of markets that never close: coins."""
CURRENCIES_OPEN = "24/5"
"""Calendar of currencies: from Sunday evening to Friday evening in New York."""


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
    symbol = _VENUE.sub("", text.strip().upper(), count=1).removesuffix(".US")
    pair = _CURRENCY_PAIR.fullmatch(symbol)
    if pair and {pair["base"], pair["quote"]} <= _CURRENCIES:
        return f"{pair['base']}{pair['quote']}=X"
    pair = _SEPARATED_PAIR.fullmatch(symbol) or _JOINED_PAIR.fullmatch(symbol)
    if pair is None and (joined := _JOINED_COIN.fullmatch(symbol)):
        pair = joined if joined["base"] in _COINS else None
    if pair:
        base = "BTC" if pair["base"] == "XBT" else pair["base"]
        return f"{base}-{pair['quote']}"
    if share := _SHARE_CLASS.fullmatch(symbol):
        return f"{share['share']}-{share['of']}"
    if numbered := _NUMBERED.fullmatch(symbol):
        return f"{_pad(numbered['number'], numbered['suffix'])}.{numbered['suffix']}"
    if not _SYMBOL_PATTERN.fullmatch(symbol):
        raise InputError(
            f"{text[:40]!r} is not a symbol. Write it as Yahoo does, such as AAPL or BTC-USD."
        )
    return symbol


def _pad(number: str, suffix: str) -> str:
    """Return a share's number with the digits that its exchange writes: 0700 of Hong Kong, 005930
    of Korea."""
    if suffix == "HK":
        number = number.lstrip("0")
    return number.zfill(_DIGITS.get(suffix, 0))


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


def did_you_mean(symbol: str, known: Iterable[str]) -> str:
    """Return a question that names up to three of the `known` symbols: those of the same coin,
    currency or share in other words, else those written almost alike; "" if there is none."""
    others = sorted(set(known) - {symbol})
    near = [each for each in others if _stem(each) == _stem(symbol)]
    near = near[:3] or get_close_matches(symbol, others, 3, 0.75)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _stem(symbol: str) -> str:
    """Return the coin, the first currency or the share without its exchange."""
    if asset_class(symbol) is AssetClass.CURRENCY:
        return symbol[:3]
    return re.split(r"[-.=]", symbol.removeprefix("^"), maxsplit=1)[0]


def calendar_of(symbol: str) -> str:
    """Name of the symbol's exchange calendar in `exchange_calendars`."""
    return _known_calendar(symbol) or NEW_YORK


def calendar_note(symbol: str) -> str | None:
    """Return a remark where the symbol's calendar is unknown, None elsewhere."""
    return None if _known_calendar(symbol) else "calendar unknown: New York's is assumed"


def currency_of(symbol: str) -> str | None:
    """Return the currency of the symbol's prices, or the hundredth of one (`MINOR_UNITS`); None for
    an index, and where it is unknown."""
    match asset_class(symbol):
        case AssetClass.INDEX:
            return None
        case AssetClass.CRYPTO:
            return symbol.rsplit("-", 1)[1]
        case AssetClass.CURRENCY:
            return symbol.removesuffix("=X")[-3:]
    exchange = _exchange(symbol)
    return exchange.currency if exchange else None


def _known_calendar(symbol: str) -> str | None:
    match asset_class(symbol):
        case AssetClass.INDEX:
            return INDEX_CALENDARS.get(symbol)
        case AssetClass.CRYPTO:
            return ALWAYS_OPEN
        case AssetClass.CURRENCY:
            return CURRENCIES_OPEN
    exchange = _exchange(symbol)
    return exchange.calendar if exchange else None


def _exchange(symbol: str) -> Exchange | None:
    """Return where a share or a future trades; None for an unknown suffix."""
    if asset_class(symbol) is AssetClass.FUTURE:
        return FUTURES.get(symbol.removesuffix("=F"), CME)
    if "." not in symbol:
        return UNITED_STATES
    return EXCHANGES.get(symbol.rsplit(".", 1)[1])
