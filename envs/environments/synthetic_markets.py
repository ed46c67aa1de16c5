"""Toy markets for which it is known what can be learnt and which policy is the best.

In a planted market the first observed number at a close predicts the next bar:

    log return of bar t + 1 = volatility * (strength * observation[t, 0] + noise)

All numbers are independent draws from standard normals, and the others carry no information. Each
open equals the close before, so an order placed at a close earns the whole of the next bar. In an
empty market no observation predicts anything and the price is a fair game: in logs, holding loses
half the variance per bar, and trading loses its costs.

`envs.training.evaluation.Evaluator` scores a policy here, as everywhere. Leaves out everything that
makes real markets hard. A policy that fails here is broken; one that does well here has shown
nothing about any real market.
"""

from dataclasses import dataclass

import numpy as np

from domain.instants import Times
from domain.panel import BarMatrix, Floats
from envs.market_data import SESSION_LENGTH, MarketHistory, bars_digest
from envs.observation import FEATURES

FIRST = np.datetime64("2000-01-03", "D")
DEEP_VOLUME = 1e12
"""Volume so large that no trade moves the price."""
SYMBOLS = 4
VOLATILITY = 0.01
"""Standard deviation of the noise, per bar."""


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticMarket:
    """`market`, and `best_weights` (T, N): the share of equity at each close of the best policy
    among those that observe the market but not the position held."""

    market: MarketHistory
    best_weights: Floats


def planted_market(seed: int, strength: float = 2.0, *, rows: int = 1_000) -> SyntheticMarket:
    """Return a market in which the best policy is long where the first observed number is positive.

    By symmetry no other threshold does better: being long above s earns strength * VOLATILITY *
    density(s) per bar and costs 2 c P (1 - P), with c the cost of a trade and P the share of time
    above s; where strength * VOLATILITY > 1.6 c, the best threshold is s = 0. Holding through a
    signal weaker than the cost would earn slightly more, but requires observing the position.
    """
    market = _history(f"planted toy market, seed {seed}", seed, rows, strength, 0.0)
    return SyntheticMarket(market, (market.observation[..., 0] > 0.0).astype(np.float64))


def empty_market(seed: int, *, rows: int = 1_000) -> SyntheticMarket:
    """Return a market in which the best policy stays flat."""
    market = _history(f"empty toy market, seed {seed}", seed, rows, 0.0, -0.5 * VOLATILITY**2)
    return SyntheticMarket(market, np.zeros(market.close.shape))


def _history(name: str, seed: int, rows: int, strength: float, drift: float) -> MarketHistory:
    """Return `SYMBOLS` symbols on business days from `FIRST` on."""
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
