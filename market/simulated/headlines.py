"""Headlines of the simulated market: made from templates, read like finance, signed "Simulated".

Their tone follows the symbol's hidden mood loosely, so that they say a little, and only a little,
about the days to come; after an announcement they say how it went.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from domain.panel import Floats
from market.provider import NEWS_COLUMNS
from market.simulated import rng
from market.simulated.price_process import BLOCK, GENESIS, announcements, mood
from market.simulated.rng import Index
from market.simulated.universe import Kind, Listing

_A_DAY = {Kind.COMPANY: 0.20, Kind.FUND: 0.10, Kind.COIN: 0.18}
"""Chance of a headline, twice a day."""
_MOOD_IN_TONE = 0.45
_SOURCES = ("Simulated Wire", "Simulated Gazette", "Simulated Market Desk")
_BROKERS = ("Alder & Finch", "Northgate", "Castle Row", "Brightwater", "Old Harbour")

_GOOD = {
    Kind.COMPANY: (
        "{broker} upgrades {name} to buy on stronger demand",
        "{name} shares rise as orders beat expectations",
        "{name} raises full-year guidance after a strong quarter",
        "{name} wins ${number} million contract",
        "{name} announces ${number} million share buyback",
        "{name} gains market share as rival delays launch",
        "Analysts lift {name} price targets on improving margins",
        "{name} outperforms peers on upbeat outlook",
    ),
    Kind.FUND: (
        "{name} climbs as investors add ${number} million",
        "{name} rallies on hopes of lower rates",
        "Inflows lift {name} to a strong week",
    ),
    Kind.COIN: (
        "{name} jumps as funds buy ${number} million",
        "{name} surges past resistance on record inflows",
        "Wider adoption boosts {name}",
    ),
}
_BAD = {
    Kind.COMPANY: (
        "{broker} downgrades {name} to sell on weak demand",
        "{name} shares fall after disappointing orders",
        "{name} cuts full-year guidance and warns on costs",
        "{name} faces ${number} million lawsuit over product defects",
        "Regulators open investigation into {name}",
        "{name} loses market share as competition intensifies",
        "Analysts trim {name} price targets on margin pressure",
        "{name} delays key product, shares slump",
    ),
    Kind.FUND: (
        "{name} slides as investors pull ${number} million",
        "{name} drops on fears of recession",
        "Outflows weigh on {name} in a weak week",
    ),
    Kind.COIN: (
        "{name} tumbles as holders sell ${number} million",
        "{name} plunges after exchange suffers losses",
        "Fear of stricter rules hits {name}",
    ),
}
_PLAIN = {
    Kind.COMPANY: (
        "{name} to present at {broker} conference",
        "{name} appoints new head of operations",
        "{name} schedules annual meeting",
        "What to know about {name} this week",
    ),
    Kind.FUND: ("{name} little changed in quiet trading", "{name} rebalances its holdings"),
    Kind.COIN: ("{name} trades in a narrow range", "{name} network completes planned update"),
}
_RESULTS = (
    "{name} misses earnings estimates as sales disappoint",
    "{name} reports quarterly earnings in line with estimates",
    "{name} beats earnings estimates on strong sales",
)


def headlines(seed: int, what: Listing, blocks: int) -> pd.DataFrame:
    """`NEWS_COLUMNS` of one symbol from GENESIS on, in order of `known_at`."""
    parts = [_everyday(seed, what, blocks, slot) for slot in ("morning", "evening")]
    if what.kind is Kind.COMPANY:
        parts.append(_results(seed, what, blocks))
    told = pd.concat(parts, ignore_index=True).assign(
        symbol=what.symbol, summary="", url="", relevance=1.0
    )
    order = np.lexsort((told["headline"].to_numpy(str), told["known_at"].to_numpy()))
    return told.iloc[order].reset_index(drop=True)[NEWS_COLUMNS]


def _everyday(seed: int, what: Listing, blocks: int, slot: str) -> pd.DataFrame:
    day = np.arange(blocks * BLOCK)
    name = f"{slot} {what.symbol}"
    day = day[rng.uniform(seed, f"news {name}", day) < _A_DAY[what.kind]]
    hint = mood(seed, what.symbol, blocks)[day]
    noise = rng.normal(seed, f"tone {name}", day)
    tone = _MOOD_IN_TONE * hint + np.sqrt(1 - _MOOD_IN_TONE**2) * noise
    begins, lasts = (6 * 3600, 8 * 3600) if slot == "morning" else (14 * 3600, 8 * 3600)
    second = begins + (lasts * rng.uniform(seed, f"second {name}", day)).astype(np.int64)
    choices = [_choice(value, what.kind) for value in tone]
    return _told(seed, what, name, day, second, choices)


def _results(seed: int, what: Listing, blocks: int) -> pd.DataFrame:
    """How announcements went, told on their evening."""
    quarters = np.arange(-1, blocks * BLOCK // 90 + 2)
    day, surprise = announcements(seed, what.symbol, quarters)
    inside = (day >= 0) & (day < blocks * BLOCK)
    day, surprise = day[inside], surprise[inside]
    heard = (surprise > -0.3).astype(int) + (surprise > 0.3)
    second = np.full(len(day), 22 * 3600 + 300)
    return _told(seed, what, f"results {what.symbol}", day, second, [(_RESULTS[h],) for h in heard])


def _choice(tone: float, kind: Kind) -> Sequence[str]:
    return _GOOD[kind] if tone > 0.5 else _BAD[kind] if tone < -0.5 else _PLAIN[kind]


def _told(
    seed: int,
    what: Listing,
    name: str,
    day: Index,
    second: Index,
    choices: Sequence[Sequence[str]],
) -> pd.DataFrame:
    def pick(part: str) -> Floats:
        return rng.uniform(seed, f"{part} {name}", day)

    words = zip(choices, pick("words"), pick("broker"), pick("number"), strict=True)
    texts = [
        _at(templates, word).format(
            name=what.name, broker=_at(_BROKERS, broker), number=50 * int(1 + 40 * number)
        )
        for templates, word, broker, number in words
    ]
    stamps = (GENESIS + day).astype("datetime64[us]") + second * np.timedelta64(1_000_000, "us")
    return pd.DataFrame(
        {
            "known_at": pd.DatetimeIndex(stamps, tz="UTC"),
            "headline": pd.Series(texts, dtype="str"),
            "source": pd.Series([_at(_SOURCES, p) for p in pick("source")], dtype="str"),
        }
    )


def _at(options: Sequence[str], chance: float) -> str:
    return options[int(chance * len(options))]
