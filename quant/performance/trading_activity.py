"""What an account carried and what its trading cost: exposure, turnover, capacity."""

from dataclasses import dataclass

import numpy as np

from quant.per_symbol import ratio
from quant.risk.return_series import Floats


@dataclass(frozen=True, slots=True, eq=False)
class TradingActivity:
    """An account bar by bar, each (..., T), with `periods_per_year` bars a year.

    `equity` and `gross_value` (sum of the absolute values held) at the closes, `traded_value` (sum
    of the absolute values bought and sold) and `cost` (commission, spread and impact) of the bar,
    all in currency.
    """

    equity: Floats
    gross_value: Floats
    traded_value: Floats
    cost: Floats
    periods_per_year: float


def exposure(activity: TradingActivity) -> Floats:
    """Mean share of equity that was held; above 1 with leverage."""
    return np.asarray(ratio(activity.gross_value, activity.equity).mean(axis=-1))


def time_in_market(activity: TradingActivity) -> Floats:
    """Share of bars at whose close anything was held."""
    return np.asarray((activity.gross_value > 0.0).mean(axis=-1))


def turnover(activity: TradingActivity) -> Floats:
    """How often a year equity was turned over: half of what was bought and sold, over mean
    equity."""
    return ratio(
        activity.traded_value.mean(axis=-1) * activity.periods_per_year / 2.0,
        activity.equity.mean(axis=-1),
    )


def yearly_cost(activity: TradingActivity) -> Floats:
    """Costs of trading a year, as a share of mean equity."""
    return ratio(
        activity.cost.mean(axis=-1) * activity.periods_per_year, activity.equity.mean(axis=-1)
    )


def capacity(
    traded_value: Floats, market_value: Floats, equity: Floats, limit: float = 0.01
) -> float:
    """Equity with which 95% of the fills would stay within `limit` of their bar's trade.

    `traded_value` (F,) is the absolute value of each fill, `market_value` (F,) the value that
    changed hands in its bar and `equity` (F,) the account's then. NaN without fills or without
    volumes.
    """
    # Of the bar's trade, for one unit of equity.
    share = ratio(np.abs(traded_value), market_value * equity)
    known = share[np.isfinite(share)]
    if len(known) == 0:
        return np.nan
    return float(limit / np.quantile(known, 0.95)) if known.max() > 0 else np.nan
