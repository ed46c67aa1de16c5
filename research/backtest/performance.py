"""An account's path put into figures: daily returns, their measures with intervals, its trades.

Every contestant is measured by the same functions on the same days, beside buy and hold. A day's
equity is that of its last row, so a market that never closes and one that does are measured
alike. Leaves out forecasts (`outlook.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domain.panel import Floats
from domain.symbols import ALWAYS_OPEN
from quant.performance.metrics import METRICS, summary, trading_summary
from quant.performance.round_trips import Trades, round_trips
from quant.performance.trading_activity import Book, capacity
from quant.resampling import Estimate
from research.backtest.robustness import estimates
from research.backtest.scenarios import Stage
from trading.account.simulation import Played

Figures = dict[str, dict[str, float | int | None]]
"""By metric: value, low, high and n; None where unknown."""

TRADING_DAYS, ALL_DAYS = 252.0, 365.25
A_DAY = np.timedelta64(1, "D")


class Accountant:
    """Measures the accounts of one stage. `a_year` is how many days a year has."""

    def __init__(self, stage: Stage, market: Played) -> None:
        """`market` is what all are compared with."""
        self._stage = stage
        always = any(part.panel.calendar == ALWAYS_OPEN for part in stage.parts)
        self.a_year = ALL_DAYS if always else TRADING_DAYS
        # A close at midnight belongs to the day that it ends.
        dates = (stage.grid.known_at - np.timedelta64(1, "us")).astype("datetime64[D]")
        self._last = np.flatnonzero(np.append(dates[1:] != dates[:-1], True))
        self._times = stage.grid.known_at[self._last]
        self._market = self.returns(market)

    def returns(self, played: Played) -> Floats:
        """(D,) simple returns a day, the first from the starting capital."""
        equity = played.equity[self._last]
        before = np.append(self._stage.asked.capital, equity[:-1])
        return np.asarray(equity / before - 1.0)

    def trips(self, played: Played) -> Trades:
        """Round trips, first in first out; dividends are not in their profits."""
        fills = played.fills
        return round_trips(
            fills.row.astype(np.intp),
            fills.col.astype(np.intp),
            fills.units,
            fills.price,
            fills.commission,
            low=self._stage.tape.low,
            high=self._stage.tape.high,
        )

    def figures(self, played: Played, names: Sequence[str] = tuple(METRICS)) -> Figures:
        """The measures named; those of returns with their interval."""
        told = estimates(
            self.returns(played), self.a_year, self._stage.asked.seed, self._market, self._times,
            names=names,
        )  # fmt: skip
        return self._all(told, played, names)

    def values(self, played: Played, names: Sequence[str] = tuple(METRICS)) -> Figures:
        """The measures named without intervals, at a small part of the cost."""
        returns = self.returns(played)
        measured = summary(returns, self.a_year, self._market, self._times)
        told = {
            name: Estimate(float(value), np.nan, np.nan, len(returns))
            for name, value in measured.items()
        }
        return self._all(told, played, names)

    def trip_returns(self, played: Played) -> Floats:
        """(K,) profit of each round trip as a share of the equity at its entry."""
        trips = self.trips(played)
        return np.asarray(trips.profit / played.equity[trips.entry])

    def capacity(self, played: Played) -> float | None:
        """Equity with which nearly all fills would stay within a hundredth of their bar's trade."""
        fills, stage = played.fills, self._stage
        at = fills.row, fills.col
        turned_over = stage.tape.volume[at] * stage.tape.open[at]
        return _known(capacity(fills.units * fills.price, turned_over, played.equity[fills.row]))

    def _all(
        self, of_returns: Mapping[str, Estimate], played: Played, names: Sequence[str]
    ) -> Figures:
        values = {**of_returns, **self._trading(played)}
        return {name: plain(values[name]) for name in names}

    def _trading(self, played: Played) -> dict[str, Estimate]:
        trips = self.trips(played)
        book = Book(
            equity=played.equity,
            held=played.exposure * played.equity,
            traded=played.turnover * played.equity,
            cost=played.costs,
            periods=self.a_year * len(played.equity) / len(self._last),
        )
        return {
            name: Estimate(
                value,
                np.nan,
                np.nan,
                len(trips.exit if METRICS[name].kind == "trades" else played.equity),
            )
            for name, value in trading_summary(trips, book).items()
        }


def spread(drawn: Sequence[Figures]) -> Figures:
    """What chance did: of each metric the median and the 5% and 95% quantiles over contestants."""
    told: Figures = {}
    for name in drawn[0]:
        values = [each[name]["value"] for each in drawn]
        known = np.array([value for value in values if value is not None], np.float64)
        low, middle, high = np.quantile(known, (0.05, 0.5, 0.95)) if len(known) else [np.nan] * 3
        told[name] = plain(Estimate(float(middle), float(low), float(high), len(known)))
    return told


def plain(estimate: Estimate) -> dict[str, float | int | None]:
    """JSON of an estimate."""
    return {
        "value": _known(estimate.value),
        "low": _known(estimate.low),
        "high": _known(estimate.high),
        "n": estimate.n,
    }


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
