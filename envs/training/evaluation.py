"""The scores of a policy on unseen history, compared with simple benchmarks.

Each symbol has its own paper account, run through history by `trading.account.simulation`; the
scores are of the average of all accounts, bar by bar. Intervals come from resampling blocks of
bars, all symbols together, so that days and symbols that move together do not count as independent
evidence. Leaves out selection: the caller selects on the validation period.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from domain.panel import Floats
from domain.votes import sigmoid
from envs.env_settings import EnvSettings
from envs.market_data import MarketHistory
from quant.base_rate import base_rate, log_odds
from quant.per_symbol import ratio
from quant.performance.return_metrics import cagr, sharpe
from quant.resampling import (
    MIN_BLOCKS,
    IntervalEstimate,
    block_length,
    has_enough_blocks,
    percentile_interval,
    stationary_indices,
)
from quant.risk.return_series import ReturnSeries, periods_per_year
from trading.account.account_arrays import bar_arrays_from
from trading.account.simulation import simulate_trading, targets_where
from trading.kernels.state import BarArrays

SMA_BARS = 50
"""Bars in the average of the SMA rule."""
PRIOR_EVIDENCE_STD = 0.5
"""Standard deviation, in log-odds, of a good forecaster's evidence; most forecasters have less."""
GROWTH, SHARPE, SKILL = "growth a year", "Sharpe ratio", "Brier skill over the base rate"
GROWTH_OVER, SHARPE_OVER = "growth over buy and hold", "Sharpe over buy and hold"

Statistic = Callable[[Floats], Floats]
"""A function from (2, ..., D) returns of D bars to (...,) values."""


@dataclass(frozen=True, eq=False)
class Evaluator:
    """A stretch of history to evaluate on: the R `rows` of `history`, with accounts and costs as in
    `settings`, without its randomisation."""

    history: MarketHistory
    rows: range
    settings: EnvSettings
    resamples: int = 1_000

    @property
    def dates(self) -> tuple[str, ...]:
        """(R,) ISO days."""
        return tuple(
            self.history.dates[self._row_slice].astype("datetime64[D]").astype(str).tolist()
        )

    def returns(self, shares: Floats) -> Floats:
        """Return the (R - 1,) returns of the average account that requests `shares` (R, N) at each
        close. A symbol counts from its first known bar on; one without a share is flat."""
        growth = np.stack(
            [self._symbol_returns(n, shares[:, n]) for n in range(shares.shape[1])], axis=1
        )
        counted = self._listed[:-1]
        return np.asarray((np.where(counted, growth, 0.0).sum(axis=1)) / counted.sum(axis=1))

    def scores(self, shares: Floats) -> dict[str, IntervalEstimate]:
        """Return compound growth per year and Sharpe ratio of `shares` (R, N), and both less those
        of buying and holding every symbol, with 90% intervals; NaN where unknown."""
        bars = np.stack([self.returns(shares), self._buy_and_hold_returns])
        statistics: dict[str, Statistic] = {
            GROWTH: lambda drawn: cagr(ReturnSeries(drawn[0], self._bars_per_year)),
            SHARPE: lambda drawn: sharpe(ReturnSeries(drawn[0], self._bars_per_year)),
            GROWTH_OVER: lambda drawn: (
                cagr(ReturnSeries(drawn[0], self._bars_per_year))
                - cagr(ReturnSeries(drawn[1], self._bars_per_year))
            ),
            SHARPE_OVER: lambda drawn: (
                sharpe(ReturnSeries(drawn[0], self._bars_per_year))
                - sharpe(ReturnSeries(drawn[1], self._bars_per_year))
            ),
        }
        return self._estimates(bars, statistics)

    def point_estimates(self, shares: Floats) -> dict[str, float]:
        """Return Sharpe ratio (NaN where the returns do not vary) and growth per year, without
        intervals."""
        series = ReturnSeries(self.returns(shares), self._bars_per_year)
        return {SHARPE: float(sharpe(series)), GROWTH: float(cagr(series))}

    def skill(self, evidence: Floats, horizon: int) -> IntervalEstimate:
        """Return the share of the base rate's Brier score that the forecasts save; 0 is no better.

        `evidence` (R, N) is added to the base rate's log-odds.
        """
        base, rose = self.outcomes(horizon)
        known = ~np.isnan(evidence + base + rose)
        ours = np.where(known, (sigmoid(base + evidence) - rose) ** 2, 0.0).sum(axis=1)
        theirs = np.where(known, (sigmoid(base) - rose) ** 2, 0.0).sum(axis=1)
        known_rows = known.any(axis=1)
        return self._estimates(
            np.stack([theirs - ours, theirs])[:, known_rows],
            {SKILL: lambda drawn: ratio(drawn[0].sum(axis=-1), drawn[1].sum(axis=-1))},
        )[SKILL]

    def fit_temper(self, evidence: Floats, horizon: int) -> float:
        """Return the factor on `evidence` (R, N) with which the forecasts have the best log score,
        never below 0: the signals of a policy that forecasts badly are not reversed.

        Outcomes overlap, so `horizon` of them count as one; and the prior holds tempered evidence
        to about `PRIOR_EVIDENCE_STD`, so that a few bars cannot make the forecasts confident.
        """
        base, rose = self.outcomes(horizon)
        known = ~np.isnan(evidence + base + rose)
        x, offset, y = evidence[known], base[known], rose[known]
        if not len(x) or not (spread := float(x.var())) > 0.0:
            return 0.0
        prior_precision = horizon * spread / PRIOR_EVIDENCE_STD**2
        factor = 0.0
        for _ in range(25):
            p = sigmoid(offset + factor * x)
            slope = float(((y - p) * x).sum()) - prior_precision * factor
            factor += slope / (float((p * (1 - p) * x * x).sum()) + prior_precision)
        return max(factor, 0.0)

    def outcomes(self, horizon: int) -> tuple[Floats, Floats]:
        """Return (R, N) log-odds of the base rate, and (R, N) outcomes: 1.0 where the price rose
        from the next open to the open `horizon` bars later, 0.0 where not, NaN where that is after
        the period."""
        opens = self.history.open[: self.rows.stop]
        rose = np.full(opens.shape, np.nan)
        before, after = opens[1:-horizon], opens[1 + horizon :]
        rose[: len(after)] = np.where(np.isnan(before + after), np.nan, after > before)
        return log_odds(base_rate(opens, horizon))[self.rows.start :], rose[self.rows.start :]

    def benchmarks(self, seed: int) -> Mapping[str, Floats]:
        """Return the (R, N) shares of the benchmark strategies, by name."""
        rng = np.random.default_rng(seed)
        close = self.history.close
        shape = (len(self.rows), close.shape[1])
        random_weights = rng.integers(0, 2, (len(self.rows) // 5 + 1, shape[1])).astype(np.float64)
        return {
            "buy and hold": np.ones(shape),
            "flat": np.zeros(shape),
            "random, redrawn every 5 bars": np.repeat(random_weights, 5, axis=0)[: shape[0]],
            f"above its {SMA_BARS}-bar average": _above_average(close)[self._row_slice],
        }

    @property
    def _row_slice(self) -> slice:
        return slice(self.rows.start, self.rows.stop)

    @cached_property
    def _bars_per_year(self) -> float:
        return periods_per_year(self.history.dates[self._row_slice])

    @cached_property
    def _buy_and_hold_returns(self) -> Floats:
        """(R - 1,) returns of buying and holding."""
        return self.returns(np.ones((len(self.rows), len(self.history.symbols))))

    @cached_property
    def _listed(self) -> Floats:
        """(R, N) whether any bar of the symbol is known by then."""
        return np.logical_or.accumulate(~np.isnan(self.history.close), axis=0)[self._row_slice]

    @cached_property
    def _symbol_bars(self) -> tuple[BarArrays, ...]:
        """The bars of each symbol alone, in this stretch."""
        bars = bar_arrays_from(self.history.bar_matrix)
        return tuple(
            BarArrays._make(
                np.ascontiguousarray(
                    each[self._row_slice, n : n + 1] if each.ndim == 2 else each[self._row_slice]
                )
                for each in bars
            )
            for n in range(len(self.history.symbols))
        )

    def _symbol_returns(self, n: int, shares: Floats) -> Floats:
        """Return the (R - 1,) returns of the account of one symbol; equity that is used up stays
        so."""
        bars = self._symbol_bars[n]
        targets = np.where(np.isnan(shares), 0.0, shares)[:, None]
        result = simulate_trading(
            self.history.symbols[n : n + 1],
            bars,
            targets_where(targets, ~np.isnan(bars.close)),
            self.settings.trading,
            self.settings.capital,
        )
        equity = np.maximum(result.equity, 0.0)
        before = equity[:-1]
        return np.where(before > 0.0, equity[1:] / np.where(before > 0.0, before, 1.0) - 1.0, 0.0)

    def _estimates(
        self, bars: Floats, statistics: Mapping[str, Statistic]
    ) -> dict[str, IntervalEstimate]:
        """Return each of `statistics` of (2, D) bars, with intervals from the same resampled
        blocks. The first row and its squares determine the length of the blocks."""
        count = bars.shape[1]
        block_bars = max(block_length(bars[0]), block_length(np.abs(bars[0])))
        block = max(min(block_bars, count / MIN_BLOCKS), 1.0)
        values = {name: float(of(bars)) for name, of in statistics.items()}
        if not has_enough_blocks(count, block):
            return {
                name: IntervalEstimate(value, np.nan, np.nan, count)
                for name, value in values.items()
            }
        drawn = bars[:, stationary_indices(count, block, self.resamples, 0)]
        return {
            name: percentile_interval(of(drawn), values[name], count)
            for name, of in statistics.items()
        }


def _above_average(close: Floats) -> Floats:
    """Return 1.0 where the close is above the mean of the last `SMA_BARS` closes (all known), else
    0.0."""
    above = np.zeros(close.shape)
    if len(close) >= SMA_BARS:
        windows = np.lib.stride_tricks.sliding_window_view(close, SMA_BARS, axis=0).mean(axis=-1)
        above[SMA_BARS - 1 :] = close[SMA_BARS - 1 :] > windows
    return above
