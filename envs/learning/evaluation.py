"""What a policy is worth on time it has not seen, beside doing nothing clever.

Each symbol is an account of its own, filled at the next open at a cost; the figures are of the
average of all of them, day by day. Intervals come from resampling blocks of days, all symbols
together, so that days and symbols that move together are not counted as independent evidence.
Nothing here chooses anything: choosing is done on the validation period, by the caller.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from domain.panel import Floats
from domain.votes import sigmoid
from envs.market_data import History
from envs.policies.policy import Network, Score, long_over_flat
from envs.trading_env import SHARES
from quant.base_rate import base_rate, log_odds
from trading.account import equity, new_account, rebalance
from trading.costs import CostSettings

YEAR = 252
"""Bars a year."""
BLOCK = 20
"""Bars in a block of the bootstrap."""
SMA = 50
"""Bars in the average of the SMA rule."""

Statistic = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """A stretch of history to be judged on: `rows` of `history`, at `costs`."""

    history: History
    rows: range
    costs: CostSettings
    resamples: int = 2_000

    def returns(self, shares: Floats) -> Floats:
        """(R - 1,) daily log return of the average account that asks for `shares` (R, N) at each
        close and is filled at the next open."""
        rows = slice(self.rows.start, self.rows.stop)
        closes = _last_known(self.history.close)[rows]
        opens = self.history.open[rows]
        listed = ~np.isnan(closes)
        account = new_account(np.ones(opens.shape[1]), 1)
        worth = np.ones(opens.shape)
        wanted = np.where(listed, shares, 0.0)
        for row in range(1, len(worth)):
            account, _ = rebalance(
                account,
                wanted[row - 1][:, None],
                opening=opens[row][:, None],
                last=closes[row - 1][:, None],
                costs=self.costs,
            )
            worth[row] = equity(account, closes[row][:, None])
        growth = worth[1:] / worth[:-1] - 1.0
        counted = listed[:-1]
        days: Floats = np.log1p(np.where(counted, growth, 0.0).sum(axis=1) / counted.sum(axis=1))
        return days

    def scores(self, shares: Floats) -> dict[str, Score]:
        """Growth a year (log) and Sharpe ratio of `shares` (R, N), and both less those of buying
        and holding every symbol, with 95% intervals."""
        days = np.stack([self.returns(shares), self.returns(np.ones_like(shares))])
        statistics: dict[str, Statistic] = {
            "growth a year": lambda sample: _growth(sample[0]),
            "Sharpe ratio": lambda sample: sharpe(sample[0]),
            "growth over buy and hold": lambda sample: _growth(sample[0]) - _growth(sample[1]),
            "Sharpe over buy and hold": lambda sample: sharpe(sample[0]) - sharpe(sample[1]),
        }
        return {name: self._interval(days, f) for name, f in statistics.items()}

    def skill(self, evidence: Floats, temper: float, horizon: int) -> Score:
        """Share of the base rate's Brier score that the forecasts save; 0 is no better.

        `evidence` (R, N) is the policy's log-odds over an ordinary bar.
        """
        base, rose = self.outcomes(horizon)
        known = ~np.isnan(evidence + base + rose)
        ours = np.where(known, (sigmoid(base + temper * evidence) - rose) ** 2, 0.0).sum(axis=1)
        theirs = np.where(known, (sigmoid(base) - rose) ** 2, 0.0).sum(axis=1)
        return self._interval(
            np.stack([ours, theirs]), lambda s: 1.0 - s[0].sum(axis=-1) / s[1].sum(axis=-1)
        )

    def temper(self, evidence: Floats, horizon: int) -> float:
        """The factor on `evidence` (R, N) under which the forecasts have the best log score,
        never below 0: a policy whose wishes do not come true is not turned upside down."""
        base, rose = self.outcomes(horizon)
        known = ~np.isnan(evidence + base + rose)
        x, offset, y = evidence[known], base[known], rose[known]
        factor = 0.0
        for _ in range(25):
            p = sigmoid(offset + factor * x)
            curvature = float((p * (1 - p) * x * x).sum())
            if curvature == 0.0:
                return 0.0
            factor += float(((y - p) * x).sum()) / curvature
        return max(factor, 0.0)

    def outcomes(self, horizon: int) -> tuple[Floats, Floats]:
        """(R, N) log-odds of the base rate, and 1.0 where the price rose from the next open to
        the open `horizon` bars later, 0.0 where not, NaN where that lies beyond the period."""
        opens = self.history.open[: self.rows.stop]
        rose = np.full(opens.shape, np.nan)
        before, after = opens[1:-horizon], opens[1 + horizon :]
        rose[: len(after)] = np.where(np.isnan(before + after), np.nan, after > before)
        return log_odds(base_rate(opens, horizon))[self.rows.start :], rose[self.rows.start :]

    def benchmarks(self, seed: int) -> Mapping[str, Floats]:
        """(R, N) shares of the strategies that every policy must be held against."""
        rng = np.random.default_rng(seed)
        close = self.history.close
        shape = (len(self.rows), close.shape[1])
        coins = rng.integers(0, 2, (len(self.rows) // 5 + 1, shape[1])).astype(np.float64)
        return {
            "buy and hold": np.ones(shape),
            "flat": np.zeros(shape),
            "random, redrawn every 5 bars": np.repeat(coins, 5, axis=0)[: shape[0]],
            f"above its {SMA}-bar average": _above_average(close)[self.rows.start : self.rows.stop],
        }

    def _interval(self, days: Floats, statistic: Statistic) -> Score:
        """`statistic` of (2, D) days, with the interval over circular block resamples."""
        rng = np.random.default_rng(0)
        count = days.shape[1]
        starts = rng.integers(0, count, (self.resamples, -(-count // BLOCK)))
        picked = (starts[:, :, None] + np.arange(BLOCK)) % count
        resampled = days[:, picked.reshape(self.resamples, -1)[:, :count]]
        low, high = np.percentile(statistic(resampled), [2.5, 97.5])
        return Score(value=float(statistic(days)), low=float(low), high=float(high))


def evidence(network: Network, actions: tuple[str, ...], observation: Floats) -> Floats:
    """(R, N) log p(long) - log p(flat) less that of the ordinary bar; NaN without observation."""
    out = np.full(observation.shape[:-1], np.nan)
    seen = ~np.isnan(observation[..., 0])
    ordinary = long_over_flat(network.logits(np.zeros((1, observation.shape[-1]))), actions)
    logits = network.logits(network.standardise(observation[seen]))
    out[seen] = long_over_flat(logits, actions) - ordinary
    return out


def chosen(network: Network, actions: tuple[str, ...], observation: Floats) -> Floats:
    """(R, N) share of equity that the likeliest action asks for; flat without observation."""
    out = np.zeros(observation.shape[:-1])
    seen = ~np.isnan(observation[..., 0])
    best = network.logits(network.standardise(observation[seen])).argmax(axis=-1)
    out[seen] = np.array([SHARES[name] for name in actions])[best]
    return out


def sharpe(days: Floats) -> Floats:
    """Annual Sharpe ratio of daily log returns (..., D), no interest; 0 if nothing moves."""
    spread = days.std(axis=-1)
    mean = days.mean(axis=-1) * np.sqrt(YEAR)
    return np.where(spread > 0, mean / np.where(spread > 0, spread, 1.0), 0.0)


def _growth(days: Floats) -> Floats:
    return np.asarray(days.mean(axis=-1) * YEAR)


def _above_average(close: Floats) -> Floats:
    """1.0 where the close is above the mean of the last SMA closes (all known), else 0.0."""
    windows = np.lib.stride_tricks.sliding_window_view(close, SMA, axis=0).mean(axis=-1)
    above = np.zeros(close.shape)
    above[SMA - 1 :] = close[SMA - 1 :] > windows
    return above


def _last_known(close: Floats) -> Floats:
    """Closes with holes filled by the close before them; NaN before the first."""
    rows = np.where(np.isnan(close), 0, np.arange(len(close))[:, None])
    return np.take_along_axis(close, np.maximum.accumulate(rows, axis=0), axis=0)
