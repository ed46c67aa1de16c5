"""Metrics of an account's exposure, turnover, costs and capacity."""

from dataclasses import dataclass

import numpy as np

from quant.per_symbol import ratio
from quant.risk.return_series import Floats


@dataclass(frozen=True, slots=True, eq=False)
class TradingActivity:
    """An account bar by bar, each field (..., T), with `periods_per_year` bars a year.

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
    """Mean gross value held over equity; above 1 with leverage."""
    return np.asarray(ratio(activity.gross_value, activity.equity).mean(axis=-1))


def time_in_market(activity: TradingActivity) -> Floats:
    """Share of bars at whose close anything was held."""
    return np.asarray((activity.gross_value > 0.0).mean(axis=-1))


def turnover(activity: TradingActivity) -> Floats:
    """Yearly turnover: half of the value bought and sold, over mean equity."""
    return ratio(
        activity.traded_value.mean(axis=-1) * activity.periods_per_year / 2.0,
        activity.equity.mean(axis=-1),
    )


def yearly_cost(activity: TradingActivity) -> Floats:
    """Yearly trading costs as a share of mean equity."""
    return ratio(
        activity.cost.mean(axis=-1) * activity.periods_per_year, activity.equity.mean(axis=-1)
    )


def capacity(
    traded_value: Floats, market_value: Floats, equity: Floats, limit: float = 0.01
) -> float:
    """Equity at which 95% of the fills would stay within the share `limit` of their bar's volume.

    `traded_value` (F,) is the absolute value of each fill, `market_value` (F,) the value traded in
    the market in its bar and `equity` (F,) the account's equity then. NaN without fills or without
    volumes.
    """
    # Share of the bar's traded value, per unit of equity.
    share = ratio(np.abs(traded_value), market_value * equity)
    known = share[np.isfinite(share)]
    if len(known) == 0:
        return np.nan
    return float(limit / np.quantile(known, 0.95)) if known.max() > 0 else np.nan
