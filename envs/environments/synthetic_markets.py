"""Toy markets of which it is known what can be learnt, and what the best policy would have made.

In a planted market the first number seen at a close tells of the next bar:

    log return of bar t + 1 = volatility * (strength * observation[t, 0] + noise)

with everything drawn from standard normals, independent of all else. The other numbers tell
nothing. Opens are the closes before, so that whoever asks at a close has the whole of the next
bar. In an empty market nothing seen tells anything and the price is a fair game: in logs, whoever
holds it loses half its variance a bar, and whoever trades loses what that costs.

What a policy is worth here is asked of `envs.training.evaluation.Evaluator`, as everywhere. Left
out is all that makes markets hard. A policy that fails here is broken; one that does well here has
shown nothing about any real market.
"""

from dataclasses import dataclass

import numpy as np

from domain.bar_matrix import BarMatrix
from domain.panel import Floats, Times
from envs.market_data import SESSION_LENGTH, MarketHistory, bars_digest
from envs.observation import FEATURES

FIRST = np.datetime64("2000-01-03", "D")
DEEP_VOLUME = 1e12
"""Volume, so large that no trade moves the price."""
SYMBOLS = 4
VOLATILITY = 0.01
"""Of the noise, a bar."""


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticMarket:
    """`market`, and `best_shares` (T, N): the share of equity that the best policy asks for at each
    close of those that see what is seen but not what is held."""

    market: MarketHistory
    best_shares: Floats


def planted_market(seed: int, strength: float = 2.0, *, rows: int = 1_000) -> SyntheticMarket:
    """The best policy is long where the sign is positive.

    By symmetry no other threshold does better: being long above s earns
    strength * VOLATILITY * density(s) a bar and costs 2 c P (1 - P), with c the cost of a trade and
    P the share of time above s; where strength * VOLATILITY > 1.6 c, that is best at s = 0.
    Holding through a sign that is weaker than the cost would earn a hair more, but needs to know
    what is held.
    """
    market = _history(f"planted toy market, seed {seed}", seed, rows, strength, 0.0)
    return SyntheticMarket(market, (market.observation[..., 0] > 0.0).astype(np.float64))


def empty_market(seed: int, *, rows: int = 1_000) -> SyntheticMarket:
    """The best policy stays flat."""
    market = _history(f"empty toy market, seed {seed}", seed, rows, 0.0, -0.5 * VOLATILITY**2)
    return SyntheticMarket(market, np.zeros(market.close.shape))


def _history(name: str, seed: int, rows: int, strength: float, drift: float) -> MarketHistory:
    """SYMBOLS symbols on business days from FIRST on."""
    random = np.random.default_rng(seed)
    observations: Floats = random.standard_normal((rows, SYMBOLS, len(FEATURES)))
    moves: Floats = random.standard_normal((rows, SYMBOLS))
    moves[1:] += strength * observations[:-1, :, 0]
    close = 100.0 * np.exp(np.cumsum(drift + VOLATILITY * moves, axis=0))
    before = np.vstack([np.full((1, SYMBOLS), 100.0), close[:-1]])
    dates: Times = np.busday_offset(FIRST, np.arange(rows)).astype("datetime64[us]")
    opened: Times = np.subtract(dates, SESSION_LENGTH)
    bar_matrix = BarMatrix(
        symbols=tuple(f"TOY{column}" for column in range(SYMBOLS)),
        known_at=dates,
        opened_at=opened,
        session_end=dates,
        open=before,
        high=np.maximum(before, close),
        low=np.minimum(before, close),
        close=close,
        volume=np.full(close.shape, DEEP_VOLUME),
        volatility=np.full(close.shape, VOLATILITY),
        dividend=np.zeros(close.shape),
    )
    return MarketHistory(name, True, bar_matrix, observations, bars_digest(bar_matrix))
