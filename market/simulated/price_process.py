"""Price simulation: regimes, clustered and fat-tailed returns, factors, sentiment and surprises.

`simulate_prices` returns the whole history of one symbol from 2022 on, and a longer history begins
with the shorter one, to the last bit: every random number is a function of its day
(`market/simulated/rng.py`) and every recursion runs forwards. A company's return is the sum of
a market, a sector and an idiosyncratic return; the last has a slow drift that headlines hint at
(`sentiment`), and a jump and a drift after announcements (`earnings_announcements`). Leaves out
intraday bars, dividends and splits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from domain.instants import Times
from domain.panel import Floats
from domain.symbols import calendar_of
from market import calendars
from market.simulated import rng
from market.simulated.rng import Index
from market.simulated.universe import InstrumentKind, Listing, find_listing

FIRST_DAY = np.datetime64("2022-01-01", "D")
"""Day 0 of the simulation."""
BLOCK_DAYS = 512
"""Histories are simulated in whole blocks of this many days."""


@dataclass(frozen=True, slots=True)
class Regime:
    """`drift` and `volatility` of the market a day; `persistence` is the probability of staying in
    the regime for another day, `transition_weights` those of the regimes that may follow."""

    name: str
    drift: float
    volatility: float
    persistence: float
    transition_weights: tuple[float, float, float, float]


SIMULATED_REGIMES = (
    Regime("calm", 0.0002, 0.0055, 0.992, (0.0, 0.65, 0.25, 0.10)),
    Regime("bull", 0.0007, 0.0080, 0.993, (0.7, 0.0, 0.22, 0.08)),
    Regime("bear", -0.0006, 0.0125, 0.987, (0.45, 0.35, 0.0, 0.2)),
    Regime("crisis", -0.0045, 0.0290, 0.940, (0.25, 0.4, 0.35, 0.0)),
)
_SECTOR_VOLATILITY = 0.0045
_SENTIMENT_MEMORY = 0.9
_SENTIMENT_DRIFT = 0.06
"""Return a day for a sentiment of one, in units of the symbol's own volatility."""
_JUMP_CHANCE = 0.004
_SURPRISE_JUMP, _SURPRISE_DRIFT, _DRIFT_DAYS = 1.6, 0.045, 40
"""Return on the day after an announcement, and on each of the days that follow, for a surprise of
one, in units of the symbol's own volatility."""


@dataclass(frozen=True, slots=True, eq=False)
class PricePath:
    """T sessions of one symbol in order: `date` (T,) datetime64[us] at midnight, prices and
    volumes (T,), rounded as quoted."""

    date: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


@lru_cache(maxsize=128)
def simulate_prices(seed: int, symbol: str, blocks: int) -> PricePath:
    """Simulate `symbol`. Raises UnknownSymbolError for a symbol that is not listed."""
    listing = find_listing(symbol)
    sessions = calendars.sessions(calendar_of(symbol)).date
    end = FIRST_DAY + blocks * BLOCK_DAYS
    date = sessions[(sessions >= FIRST_DAY) & (sessions < end)]
    day = (date.astype("datetime64[D]") - FIRST_DAY).astype(np.int64)
    own, activity = _idiosyncratic_returns(seed, listing, blocks)
    market, market_volatility = market_returns(seed, blocks)
    returns = listing.beta * market[day] + own[day] + _announcement_returns(seed, listing, day)
    if listing.sector:
        returns += sector_returns(seed, listing.sector, blocks)[day]
    amplitude = np.sqrt(
        (listing.beta * market_volatility[day]) ** 2 + (listing.volatility * activity[day]) ** 2
    )
    return _bars(seed, listing, date, day, np.clip(returns, -0.5, 1.0), amplitude)


@lru_cache(maxsize=4)
def market_returns(seed: int, blocks: int) -> tuple[Floats, Floats]:
    """Daily returns of the market and their volatility, both (blocks * BLOCK_DAYS,)."""
    days = np.arange(blocks * BLOCK_DAYS)
    regime = _regimes(rng.uniform(seed, "regime", days).tolist())
    drift = np.array([r.drift for r in SIMULATED_REGIMES])[regime]
    volatility = np.array([r.volatility for r in SIMULATED_REGIMES])[regime]
    return drift + volatility * _fat_tailed(seed, "market", days), volatility


@lru_cache(maxsize=32)
def sector_returns(seed: int, sector: str, blocks: int) -> Floats:
    return _SECTOR_VOLATILITY * _fat_tailed(
        seed, f"sector {sector}", np.arange(blocks * BLOCK_DAYS)
    )


@lru_cache(maxsize=128)
def sentiment(seed: int, symbol: str, blocks: int) -> Floats:
    """(blocks * BLOCK_DAYS,) sentiment about `symbol`, a slow standard normal process.

    Headlines hint at it, and it moves the price from the next day on.
    """
    shocks = rng.normal(seed, f"mood {symbol}", np.arange(blocks * BLOCK_DAYS)).tolist()
    shock_scale, level, levels = math.sqrt(1 - _SENTIMENT_MEMORY**2), 0.0, []
    for shock in shocks:
        level = _SENTIMENT_MEMORY * level + shock_scale * shock
        levels.append(level)
    return np.array(levels)


def company_quality(seed: int, symbol: str) -> float:
    """In [-1, 1): a better company grows faster, and its price drifts upwards a little."""
    return rng.uniform_scalar(seed, f"quality {symbol}", -1.0, 1.0)


def earnings_announcements(seed: int, symbol: str, quarters: Index) -> tuple[Index, Floats]:
    """Day of announcement (from `FIRST_DAY`, a weekday) and surprise, for each of `quarters`.

    Quarters are counted from the one that begins at `FIRST_DAY`; earlier ones are negative.
    """
    months = 3 * (quarters + 1)
    ends = (np.datetime64("2022-01", "M") + months).astype("datetime64[D]")
    delay = int(rng.uniform_scalar(seed, f"delay {symbol}", 16, 36))
    jitter = (7 * rng.uniform(seed, f"jitter {symbol}", quarters)).astype(np.int64)
    day = np.busday_offset(ends + delay + jitter, 0, roll="forward")
    return (day - FIRST_DAY).astype(np.int64), rng.normal(seed, f"surprise {symbol}", quarters)


def _idiosyncratic_returns(seed: int, listing: Listing, blocks: int) -> tuple[Floats, Floats]:
    """Idiosyncratic daily returns of the symbol, and how active its trading is (1 on average)."""
    days = np.arange(blocks * BLOCK_DAYS)
    name = listing.symbol
    own = _fat_tailed(seed, f"own {name}", days)
    jumps = rng.uniform(seed, f"jump {name}", days) < _JUMP_CHANCE
    own += np.where(jumps, 4.0 * rng.normal(seed, f"jump size {name}", days), 0.0)
    earlier = np.concatenate([[0.0], sentiment(seed, name, blocks)[:-1]])
    growth = 0.5 * listing.volatility**2 + 0.00015 * company_quality(seed, name)
    activity = 1.0 + np.abs(own)
    return growth + listing.volatility * (own + _SENTIMENT_DRIFT * earlier), activity / 1.8


def _announcement_returns(seed: int, listing: Listing, day: Index) -> Floats:
    """Returns (T,) in the sessions `day` (T,) caused by earlier surprises."""
    returns = np.zeros(len(day))
    if listing.kind is not InstrumentKind.COMPANY or not len(day):
        return returns
    announced, surprise = earnings_announcements(
        seed, listing.symbol, np.arange(-1, day[-1] // 90 + 2)
    )
    for at, size in zip(np.searchsorted(day, announced, side="right"), surprise, strict=True):
        returns[at : at + 1] += listing.volatility * _SURPRISE_JUMP * size
        returns[at + 1 : at + 1 + _DRIFT_DAYS] += listing.volatility * _SURPRISE_DRIFT * size
    return returns


def _bars(
    seed: int, listing: Listing, date: Times, day: Index, returns: Floats, amplitude: Floats
) -> PricePath:
    """Bars (T,) around a path of closes; ranges and volumes follow the size of the moves."""

    def chance(name: str) -> Floats:
        return rng.uniform(seed, f"{name} {listing.symbol}", day)

    growth = np.cumprod(1.0 + returns)
    close = listing.price * growth
    before = listing.price * np.concatenate([[1.0], growth[:-1]])
    noise = rng.normal(seed, f"open {listing.symbol}", day)
    opened = before * (1.0 + 0.4 * returns + np.clip(0.25 * amplitude * noise, -0.2, 0.2))
    upper, lower = (
        np.minimum(amplitude * chance(n) * chance(f"{n}2"), 0.3) for n in ("up", "down")
    )
    high = np.maximum(opened, close) * (1.0 + upper)
    low = np.minimum(opened, close) * (1.0 - lower)
    turnover = 1e9 * (0.5 + 4.0 * rng.uniform_scalar(seed, f"turnover {listing.symbol}"))
    excitement = 1.0 + 0.9 * np.abs(returns) / (0.008 + listing.volatility)
    traded = turnover * excitement * (0.55 + 0.9 * chance("volume")) / before
    return PricePath(
        date=date,
        open=np.round(opened, 2),
        high=np.round(high, 2),
        low=np.round(low, 2),
        close=np.round(close, 2),
        volume=np.round(traded),
    )


def _regimes(chances: Sequence[float]) -> Index:
    """A Markov chain over `SIMULATED_REGIMES` that starts in the calm one."""
    chain, current = [], 0
    for chance in chances:
        regime = SIMULATED_REGIMES[current]
        if chance >= regime.persistence:
            rest = (chance - regime.persistence) / (1.0 - regime.persistence)
            current = int(np.searchsorted(np.cumsum(regime.transition_weights), rest, side="right"))
            current = min(current, len(SIMULATED_REGIMES) - 1)
        chain.append(current)
    return np.array(chain)


def _fat_tailed(seed: int, name: str, days: Index) -> Floats:
    """Returns of about unit variance with clustered volatility, one in 25 three times the size."""
    is_large = rng.uniform(seed, f"wild {name}", days) < 0.04
    shocks = (rng.normal(seed, name, days) * np.where(is_large, 2.6, 0.86)).tolist()
    variance, moves = 1.0, []
    for shock in shocks:
        move = math.sqrt(variance) * shock
        variance = min(0.06 + 0.84 * variance + 0.10 * move * move, 9.0)
        moves.append(move)
    return np.array(moves)
