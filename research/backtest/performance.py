"""The performance of an account: daily returns, their metrics with intervals, its trades.

Every strategy is measured by the same functions on the same days, and compared with buy and hold. A
day's equity is that of its last row, so markets with and without closing hours are measured alike.
Leaves out forecasts (`forecast_scores.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from domain.instants import Times
from domain.panel import Floats
from domain.symbols import ALWAYS_OPEN
from quant.performance.metrics import METRICS, summary, trading_summary
from quant.performance.round_trips import RoundTripTable, match_round_trips
from quant.performance.trading_activity import TradingActivity, capacity
from quant.resampling import IntervalEstimate
from research.backtest.robustness import estimates
from research.backtest.scenarios import BacktestInputs
from trading.account.simulation import SimulationResult

MetricFigures = dict[str, dict[str, float | int | None]]
"""Value, low, high and n by metric; None where unknown."""

TRADING_DAYS, ALL_DAYS = 252.0, 365.25
A_DAY = np.timedelta64(1, "D")


class PerformanceCalculator:
    """Measures the accounts of one backtest. `days_per_year` is the number of daily returns per
    year."""

    def __init__(self, inputs: BacktestInputs, market: SimulationResult) -> None:
        """`market` is the buy-and-hold account that all others are compared with."""
        self._inputs = inputs
        # A close at midnight belongs to the day that it ends.
        dates = (inputs.grid.known_at - np.timedelta64(1, "us")).astype("datetime64[D]")
        self._last = np.flatnonzero(np.append(dates[1:] != dates[:-1], True))
        calendars = {part.panel.calendar for part in inputs.panels}
        self.days_per_year = count_days_per_year(
            calendars if inputs.request.rules >= 3 else _longest(calendars), dates[self._last]
        )
        self._times = inputs.grid.known_at[self._last]
        self._market = self.daily_returns(market)

    def daily_returns(self, result: SimulationResult) -> Floats:
        """Return the (D,) simple daily returns of D days, the first from the starting capital."""
        equity = result.equity[self._last]
        before = np.append(self._inputs.request.capital, equity[:-1])
        return np.asarray(equity / before - 1.0)

    def round_trips(self, result: SimulationResult) -> RoundTripTable:
        """Return the round trips, first in first out; their profits exclude dividends."""
        fills = result.fills
        return match_round_trips(
            fills.row.astype(np.intp),
            fills.col.astype(np.intp),
            fills.quantity,
            fills.price,
            fills.fees,
            low=self._inputs.bar_matrix.low,
            high=self._inputs.bar_matrix.high,
        )

    def with_intervals(
        self, result: SimulationResult, names: Sequence[str] = tuple(METRICS)
    ) -> MetricFigures:
        """Return the named metrics; those of returns with their interval."""
        estimated = estimates(
            self.daily_returns(result), self.days_per_year, self._inputs.request.seed,
            self._market, self._times, names=names,
        )  # fmt: skip
        return self._select(estimated, result, names)

    def without_intervals(
        self, result: SimulationResult, names: Sequence[str] = tuple(METRICS)
    ) -> MetricFigures:
        """Return the named metrics without intervals, at a fraction of the cost."""
        returns = self.daily_returns(result)
        measured = summary(returns, self.days_per_year, self._market, self._times)
        estimated = {
            name: IntervalEstimate(float(value), np.nan, np.nan, len(returns))
            for name, value in measured.items()
        }
        return self._select(estimated, result, names)

    def round_trip_returns(self, result: SimulationResult) -> Floats:
        """Return the (K,) profit of each of K round trips as a share of the equity at its entry."""
        round_trips = self.round_trips(result)
        return np.asarray(round_trips.profit / result.equity[round_trips.entry_row])

    def capacity(self, result: SimulationResult) -> float | None:
        """Return the equity with which nearly all fills would stay within a hundredth of their
        bar's volume."""
        fills, bars = result.fills, self._inputs.bar_matrix
        at = fills.row, fills.col
        market_value = bars.volume[at] * bars.open[at]
        return _finite_or_none(
            capacity(fills.quantity * fills.price, market_value, result.equity[fills.row])
        )

    def _select(
        self,
        return_metrics: Mapping[str, IntervalEstimate],
        result: SimulationResult,
        names: Sequence[str],
    ) -> MetricFigures:
        values = {**return_metrics, **self._trading_metrics(result)}
        return {name: estimate_json(values[name]) for name in names}

    def _trading_metrics(self, result: SimulationResult) -> dict[str, IntervalEstimate]:
        round_trips = self.round_trips(result)
        activity = TradingActivity(
            equity=result.equity,
            gross_value=result.exposure * result.equity,
            traded_value=result.turnover * result.equity,
            cost=result.costs,
            periods_per_year=self.days_per_year * len(result.equity) / len(self._last),
        )
        return {
            name: IntervalEstimate(
                value,
                np.nan,
                np.nan,
                len(round_trips.exit_row if METRICS[name].kind == "trades" else result.equity),
            )
            for name, value in trading_summary(round_trips, activity).items()
        }


def _longest(calendars: Collection[str]) -> Collection[str]:
    """By rules 1 and 2 the calendar with the most days counted alone."""
    return {max(calendars, key=lambda calendar: calendar == ALWAYS_OPEN)}


def count_days_per_year(calendars: Collection[str], dates: Times) -> float:
    """Return the daily returns in a year of an account whose days `dates` (D,), datetime64[D], are
    those on which one of `calendars` traded.

    One calendar has its usual number. Several have as many as there were in the time that really
    passed: a coin that is listed late does not put the years of shares before it on 365 days.
    """
    always = ALWAYS_OPEN in calendars
    if len(calendars) == 1 or len(dates) < 2:
        return ALL_DAYS if always else TRADING_DAYS
    elapsed = int((dates[-1] - dates[0]) / A_DAY)
    return ALL_DAYS * ((len(dates) - 1) / elapsed)


def summarise_draws(draws: Sequence[MetricFigures]) -> MetricFigures:
    """Return the median and the 5% and 95% quantiles of each metric over random committees."""
    quantiles: MetricFigures = {}
    for name in draws[0]:
        values = [each[name]["value"] for each in draws]
        known = np.array([value for value in values if value is not None], np.float64)
        low, middle, high = np.quantile(known, (0.05, 0.5, 0.95)) if len(known) else [np.nan] * 3
        quantiles[name] = estimate_json(
            IntervalEstimate(float(middle), float(low), float(high), len(known))
        )
    return quantiles


def estimate_json(estimate: IntervalEstimate) -> dict[str, float | int | None]:
    """Return an estimate as a JSON object."""
    return {
        "value": _finite_or_none(estimate.value),
        "low": _finite_or_none(estimate.low),
        "high": _finite_or_none(estimate.high),
        "n": estimate.n,
    }


def _finite_or_none(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
