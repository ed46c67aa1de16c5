"""Rules of an instrument: whether a symbol trades at all, and the ticks of its prices.

Lots and least values are in `trading/limits.py`, because the compiled loops round orders to them as
well; ticks are only required of prices that somebody types. Coins are quoted in five digits, never
coarser than a cent, which is close to what exchanges do; each exchange has its own table. Leaves
out contract sizes: a future is traded as if one unit were worth its price.
"""

import math

from domain.symbols import AssetClass, asset_class

FINEST_TICK_PRICE = 1e-8
"""Coins with a lower price have the tick of this price."""


def untradable_reason(symbol: str) -> str | None:
    """Return why `symbol` cannot be traded; None if it can."""
    if asset_class(symbol) is AssetClass.INDEX:
        return (
            f"{symbol} is an index: a figure, which nobody can hold. Trade a fund that follows it."
        )
    return None


def tick_size(symbol: str, price: float) -> float:
    """Return the smallest step of a price near `price`. Shares: a cent, below 1 a hundredth of one
    (SEC rule 612)."""
    match asset_class(symbol):
        case AssetClass.CRYPTO:
            digits = math.floor(math.log10(max(price, FINEST_TICK_PRICE)))
            return float(10.0 ** min(-2, digits - 4))
        case AssetClass.CURRENCY:
            return 0.00001
        case AssetClass.FUTURE:
            return 0.0001
        case _:
            return 0.01 if price >= 1.0 else 0.0001


def is_multiple(number: float, step: float) -> bool:
    """Return whether `number` (not negative) is a whole multiple of `step`, apart from rounding. A
    small fraction of the first step is not."""
    steps = number / step
    return abs(steps - round(steps)) <= 1e-6 * min(steps, 1.0) + 1e-15 * steps


def adjacent_multiples(number: float, step: float) -> tuple[float, float]:
    """Return the whole multiples of `step` below and above `number`, as short decimals."""
    digits = max(0, -math.floor(math.log10(step)))
    below = math.floor(number / step + 1e-9)
    return round(below * step, digits), round((below + 1) * step, digits)
