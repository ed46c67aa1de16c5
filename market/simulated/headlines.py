"""Headlines of the simulated market, made from templates, with the source "Simulated".

Their tone follows the symbol's hidden sentiment loosely, so that they have a little, and only a
little, predictive power; after an earnings announcement they report the surprise.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from domain.panel import Floats
from market.provider import NEWS_COLUMNS
from market.simulated import rng
from market.simulated.price_process import BLOCK_DAYS, FIRST_DAY, earnings_announcements, sentiment
from market.simulated.rng import Index
from market.simulated.universe import InstrumentKind, Listing

_HEADLINE_PROBABILITY = {
    InstrumentKind.COMPANY: 0.20,
    InstrumentKind.FUND: 0.10,
    InstrumentKind.COIN: 0.18,
}
"""Probability of a headline, drawn twice a day."""
_SENTIMENT_IN_TONE = 0.45
_SOURCES = ("Simulated Wire", "Simulated Gazette", "Simulated Market Desk")
_BROKERS = ("Alder & Finch", "Northgate", "Castle Row", "Brightwater", "Old Harbour")

_POSITIVE = {
    InstrumentKind.COMPANY: (
        "{broker} upgrades {name} to buy on stronger demand",
        "{name} shares rise as orders beat expectations",
        "{name} raises full-year guidance after a strong quarter",
        "{name} wins ${number} million contract",
        "{name} announces ${number} million share buyback",
        "{name} gains market share as rival delays launch",
        "Analysts lift {name} price targets on improving margins",
        "{name} outperforms peers on upbeat outlook",
    ),
    InstrumentKind.FUND: (
        "{name} climbs as investors add ${number} million",
        "{name} rallies on hopes of lower rates",
        "Inflows lift {name} to a strong week",
    ),
    InstrumentKind.COIN: (
        "{name} jumps as funds buy ${number} million",
        "{name} surges past resistance on record inflows",
        "Wider adoption boosts {name}",
    ),
}
_NEGATIVE = {
    InstrumentKind.COMPANY: (
        "{broker} downgrades {name} to sell on weak demand",
        "{name} shares fall after disappointing orders",
        "{name} cuts full-year guidance and warns on costs",
        "{name} faces ${number} million lawsuit over product defects",
        "Regulators open investigation into {name}",
        "{name} loses market share as competition intensifies",
        "Analysts trim {name} price targets on margin pressure",
        "{name} delays key product, shares slump",
    ),
    InstrumentKind.FUND: (
        "{name} slides as investors pull ${number} million",
        "{name} drops on fears of recession",
        "Outflows weigh on {name} in a weak week",
    ),
    InstrumentKind.COIN: (
        "{name} tumbles as holders sell ${number} million",
        "{name} plunges after exchange suffers losses",
        "Fear of stricter rules hits {name}",
    ),
}
_NEUTRAL = {
    InstrumentKind.COMPANY: (
        "{name} to present at {broker} conference",
        "{name} appoints new head of operations",
        "{name} schedules annual meeting",
        "What to know about {name} this week",
    ),
    InstrumentKind.FUND: (
        "{name} little changed in quiet trading",
        "{name} rebalances its holdings",
    ),
    InstrumentKind.COIN: (
        "{name} trades in a narrow range",
        "{name} network completes planned update",
    ),
}
_RESULTS = (
    "{name} misses earnings estimates as sales disappoint",
    "{name} reports quarterly earnings in line with estimates",
    "{name} beats earnings estimates on strong sales",
)


def simulate_headlines(seed: int, listing: Listing, blocks: int) -> pd.DataFrame:
    """`NEWS_COLUMNS` of one symbol from `FIRST_DAY` on, in order of `known_at`."""
    parts = [_regular_headlines(seed, listing, blocks, slot) for slot in ("morning", "evening")]
    if listing.kind is InstrumentKind.COMPANY:
        parts.append(_earnings_headlines(seed, listing, blocks))
    frame = pd.concat(parts, ignore_index=True).assign(
        symbol=listing.symbol, summary="", url="", relevance=1.0
    )
    order = np.lexsort((frame["headline"].to_numpy(str), frame["known_at"].to_numpy()))
    return frame.iloc[order].reset_index(drop=True)[NEWS_COLUMNS]


def _regular_headlines(seed: int, listing: Listing, blocks: int, slot: str) -> pd.DataFrame:
    day = np.arange(blocks * BLOCK_DAYS)
    name = f"{slot} {listing.symbol}"
    day = day[rng.uniform(seed, f"news {name}", day) < _HEADLINE_PROBABILITY[listing.kind]]
    hint = sentiment(seed, listing.symbol, blocks)[day]
    noise = rng.normal(seed, f"tone {name}", day)
    tone = _SENTIMENT_IN_TONE * hint + np.sqrt(1 - _SENTIMENT_IN_TONE**2) * noise
    begins, lasts = (6 * 3600, 8 * 3600) if slot == "morning" else (14 * 3600, 8 * 3600)
    second = begins + (lasts * rng.uniform(seed, f"second {name}", day)).astype(np.int64)
    choices = [_templates_for(value, listing.kind) for value in tone]
    return _headline_frame(seed, listing, name, day, second, choices)


def _earnings_headlines(seed: int, listing: Listing, blocks: int) -> pd.DataFrame:
    """Headlines on earnings surprises, on the evening of the announcement."""
    quarters = np.arange(-1, blocks * BLOCK_DAYS // 90 + 2)
    day, surprise = earnings_announcements(seed, listing.symbol, quarters)
    inside = (day >= 0) & (day < blocks * BLOCK_DAYS)
    day, surprise = day[inside], surprise[inside]
    outcome = (surprise > -0.3).astype(int) + (surprise > 0.3)
    second = np.full(len(day), 22 * 3600 + 300)
    return _headline_frame(
        seed, listing, f"results {listing.symbol}", day, second, [(_RESULTS[k],) for k in outcome]
    )


def _templates_for(tone: float, kind: InstrumentKind) -> Sequence[str]:
    return _POSITIVE[kind] if tone > 0.5 else _NEGATIVE[kind] if tone < -0.5 else _NEUTRAL[kind]


def _headline_frame(
    seed: int,
    listing: Listing,
    name: str,
    day: Index,
    second: Index,
    choices: Sequence[Sequence[str]],
) -> pd.DataFrame:
    def pick(part: str) -> Floats:
        return rng.uniform(seed, f"{part} {name}", day)

    draws = zip(choices, pick("words"), pick("broker"), pick("number"), strict=True)
    texts = [
        _pick(templates, template).format(
            name=listing.name, broker=_pick(_BROKERS, broker), number=50 * int(1 + 40 * number)
        )
        for templates, template, broker, number in draws
    ]
    stamps = (FIRST_DAY + day).astype("datetime64[us]") + second * np.timedelta64(1_000_000, "us")
    return pd.DataFrame(
        {
            "known_at": pd.DatetimeIndex(stamps, tz="UTC"),
            "headline": pd.Series(texts, dtype="str"),
            "source": pd.Series([_pick(_SOURCES, p) for p in pick("source")], dtype="str"),
        }
    )


def _pick(options: Sequence[str], chance: float) -> str:
    return options[int(chance * len(options))]
