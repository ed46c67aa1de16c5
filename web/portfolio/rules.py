"""The assumptions of a paper account about fills and costs, and its limits, in words and figures.
They are shown with every result of the account."""

from collections.abc import Iterator
from dataclasses import dataclass

from trading.costs import CostSettings
from trading.limits import LimitSettings, TradingSettings
from web.components.amounts import percent


@dataclass(frozen=True, slots=True)
class TradingRuleLine:
    name: str
    figure: str
    meaning: str


def trading_rule_lines(rules: TradingSettings) -> tuple[TradingRuleLine, ...]:
    return (*_costs(rules.costs), *_limits(rules.limits))


def _costs(costs: CostSettings) -> Iterator[TradingRuleLine]:
    yield TradingRuleLine(
        "Fills", "next open", "An order meets the first bar that opens after it was placed."
    )
    yield TradingRuleLine(
        "Half spread",
        f"{costs.half_spread_bps:g} bps",
        "Buys fill above the price and sales below it; limits must be traded through, and a stop "
        "that the open jumped over fills at that open.",
    )
    yield TradingRuleLine(
        "Commission", f"{costs.commission_bps:g} bps", "Of the value of every fill."
    )
    yield TradingRuleLine(
        "Impact",
        f"{costs.impact:g} volatilities",
        "For a trade of the bar's whole volume; smaller ones by the root of their share.",
    )
    yield TradingRuleLine(
        "Volume cap",
        percent(costs.volume_cap),
        "The most of a bar's volume that is filled; the rest waits.",
    )


def _limits(limits: LimitSettings) -> Iterator[TradingRuleLine]:
    yield TradingRuleLine(
        "No-trade band", percent(limits.band), "Targets this near are left alone."
    )
    yield TradingRuleLine(
        "One order", percent(limits.order_limit), "Of equity, at most, for a buy."
    )
    yield TradingRuleLine(
        "Pause",
        f"{limits.pause_seconds:g} s",
        "A symbol is not bought sooner after its last fill.",
    )
    if limits.volatility_breaker is not None:
        yield TradingRuleLine(
            "Volatility breaker",
            f"{limits.volatility_breaker:g} sigmas",
            "A symbol is not bought after a bar that moved it more.",
        )
    yield TradingRuleLine(
        "Shorting",
        "on" if limits.shorting else "off",
        f"With {percent(limits.margin, 0)} of the value kept as margin."
        if limits.shorting
        else "Sales are cut to what is held.",
    )
