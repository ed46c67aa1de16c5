"""The listings of the simulated exchange. Names are real, every figure is invented.

Each listing has its own price, beta and volatility; a company's earnings are derived from the seed
and its symbol. `SIM1` to `SIM9999` are further companies, for load tests and experiments.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import UnknownSymbolError


class InstrumentKind(StrEnum):
    COMPANY = "company"
    FUND = "fund"
    COIN = "coin"


@dataclass(frozen=True, slots=True)
class Listing:
    """A listed instrument: `price` on the first day, `beta` to the market, idiosyncratic daily
    `volatility` (a fraction), and the `sector` whose returns it shares ('' for none)."""

    symbol: str
    name: str
    kind: InstrumentKind
    sector: str
    price: float
    beta: float
    volatility: float


_COMPANIES = """
AAPL  Apple               technology    178  1.10 .009
MSFT  Microsoft           technology    320  1.05 .009
NVDA  Nvidia              technology     30  1.60 .020
AMZN  Amazon              consumer      165  1.20 .013
GOOGL Alphabet            communication 140  1.10 .011
META  Meta                communication 330  1.25 .017
TSLA  Tesla               consumer      350  1.55 .026
JPM   JPMorgan            finance       158  1.05 .009
XOM   Exxon Mobil         energy         62  0.80 .010
AMD   AMD                 technology    145  1.65 .021
INTC  Intel               technology     52  1.05 .014
ORCL  Oracle              technology     87  0.95 .012
CRM   Salesforce          technology    255  1.20 .015
ADBE  Adobe               technology    560  1.20 .014
CSCO  Cisco               technology     62  0.90 .009
AVGO  Broadcom            technology     66  1.30 .014
QCOM  Qualcomm            technology    182  1.30 .014
IBM   IBM                 technology    130  0.75 .009
NFLX  Netflix             communication 600  1.20 .020
DIS   Disney              communication 155  1.05 .012
T     AT&T                communication  19  0.65 .010
VZ    Verizon             communication  52  0.45 .009
WMT   Walmart             consumer       48  0.50 .009
COST  Costco              consumer      560  0.75 .009
HD    Home Depot          consumer      410  1.00 .010
NKE   Nike                consumer      165  1.05 .013
MCD   McDonald's          consumer      265  0.60 .008
SBUX  Starbucks           consumer      115  0.90 .011
KO    Coca-Cola           consumer       59  0.50 .007
PEP   PepsiCo             consumer      172  0.50 .007
PG    Procter & Gamble    consumer      162  0.45 .007
BAC   Bank of America     finance        46  1.20 .011
C     Citigroup           finance        62  1.30 .012
GS    Goldman Sachs       finance       385  1.20 .011
MS    Morgan Stanley      finance       100  1.25 .012
WFC   Wells Fargo         finance        50  1.15 .012
V     Visa                finance       220  0.95 .008
MA    Mastercard          finance       365  1.00 .009
CVX   Chevron             energy        118  0.85 .010
COP   ConocoPhillips      energy         74  1.00 .014
JNJ   Johnson & Johnson   health        171  0.45 .007
PFE   Pfizer              health         57  0.55 .011
MRK   Merck               health         77  0.45 .009
UNH   UnitedHealth        health        500  0.65 .010
LLY   Eli Lilly           health        272  0.55 .014
ABBV  AbbVie              health        136  0.50 .010
BA    Boeing              industry      208  1.35 .016
CAT   Caterpillar         industry      207  1.05 .011
GE    General Electric    industry       75  1.10 .013
F     Ford                industry       21  1.30 .017
"""
_FUNDS = """
SPY   S&P-500-like_fund       -  475  1.00 .0005
QQQ   Growth_fund             -  400  1.20 .0030
IWM   Small-company_fund      -  222  1.15 .0050
DIA   Thirty-share_fund       -  365  0.92 .0020
XLE   Energy_fund        energy   57  0.85 .0040
GLD   Gold_fund               -  170 -0.12 .0075
TLT   Long-bond_fund          -  147 -0.28 .0080
"""
_COINS = """
BTC-USD Bitcoin - 47000 0.90 .028
ETH-USD Ether   -  3700 1.15 .036
SOL-USD Solana  -   170 1.35 .050
"""
_ROW = re.compile(r"(\S+)\s+(.+?)\s+(\S+)\s+([\d.]+)\s+(-?[\d.]+)\s+([\d.]+)")
_EXTRA = re.compile(r"SIM([1-9]\d{0,3})")
_SECTORS = ("technology", "communication", "consumer", "finance", "energy", "health", "industry")


def _parse_listings(table: str, kind: InstrumentKind) -> dict[str, Listing]:
    rows = (_ROW.fullmatch(line) for line in table.strip().splitlines())
    return {
        row[1]: Listing(
            row[1], row[2].replace("_", " "), kind, row[3].strip("-"),
            float(row[4]), float(row[5]), float(row[6]),
        )
        for row in rows if row
    }  # fmt: skip


LISTINGS = {
    **_parse_listings(_COMPANIES, InstrumentKind.COMPANY),
    **_parse_listings(_FUNDS, InstrumentKind.FUND),
    **_parse_listings(_COINS, InstrumentKind.COIN),
}


def find_listing(symbol: str) -> Listing:
    """Return the listing of `symbol`. Raises UnknownSymbolError, naming the listed symbols."""
    if symbol in LISTINGS:
        return LISTINGS[symbol]
    if extra := _EXTRA.fullmatch(symbol):
        number = int(extra[1])
        return Listing(
            symbol=symbol,
            name=f"Simulated {number}",
            kind=InstrumentKind.COMPANY,
            sector=_SECTORS[number % len(_SECTORS)],
            price=20.0 + 37 * number % 280,
            beta=0.5 + 0.1 * (number % 11),
            volatility=0.008 + 0.002 * (number % 8),
        )
    raise UnknownSymbolError(
        f"The demo market does not simulate {symbol}. It has {', '.join(LISTINGS)},"
        " and SIM1 to SIM9999."
    )
