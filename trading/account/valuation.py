"""What an account is worth and what it holds, in numbers: for pages and API alike.

Promises that nothing unknown is counted as zero: a position without a price makes what depends on
it None. Leaves out words (`portfolio.py`) and the past (`equity.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.trading.account import Account
from domain.trading.orders import Order, OrderType, exact_quantity

PROFIT_ORDER_TYPES = frozenset({OrderType.LIMIT, OrderType.TAKE_PROFIT})


@dataclass(frozen=True, slots=True)
class AccountValuation:
    """In the account's currency. `day_change` is against the equity before the day of the last
    bar; `exposure` (gross) and `net` are the value held over equity; `drawdown` is the fraction
    lost since the drawdown limit last started again (since the account began:
    `trading/account/history.py`). None where a price is missing or no bar was met yet."""

    equity: float | None
    day_change: float | None
    day_share: float | None
    cash: float
    realised: float
    unrealised: float | None
    fees: float
    dividends: float
    borrowing: float
    deposited: float
    profit: float | None
    exposure: float | None
    net: float | None
    drawdown: float | None


@dataclass(frozen=True, slots=True)
class Holding:
    """`quantity` is negative when short, and without the rounding errors of sums. `last`, `value`,
    `unrealised`, `change` (of the price against the cost, to the account's good) and `weight` (of
    equity, negative when short) are None without a price. `stop_orders` and `profit_orders` are its
    open exits."""

    symbol: str
    quantity: float
    cost: float
    last: float | None
    priced_at: datetime | None
    value: float | None
    unrealised: float | None
    change: float | None
    weight: float | None
    realised: float
    opened_at: datetime
    stop_orders: tuple[Order, ...]
    profit_orders: tuple[Order, ...]


def value_account(account: Account) -> AccountValuation:
    values_by_symbol = _market_values(account)
    known = None not in values_by_symbol.values()
    values = [value for value in values_by_symbol.values() if value is not None]
    equity = account.cash + sum(values) if known else None
    cost_basis = sum(
        position.quantity * position.average_cost for position in account.positions.values()
    )
    risk = account.risk
    day = equity - risk.day_equity if equity is not None and risk.day is not None else None
    return AccountValuation(
        equity=equity,
        day_change=day,
        day_share=_ratio(day, risk.day_equity),
        cash=account.cash,
        realised=account.realised,
        unrealised=sum(values) - cost_basis if known else None,
        fees=account.fees,
        dividends=account.dividends,
        borrowing=account.borrowing,
        deposited=account.deposited,
        profit=None if equity is None else equity - account.deposited,
        exposure=_ratio(sum(map(abs, values)), equity),
        net=_ratio(sum(values), equity),
        drawdown=drawdown(equity, risk.peak_equity),
    )


def drawdown(equity: float | None, peak: float) -> float | None:
    """The fraction of `peak` that is lost, 0 where nothing is."""
    if equity is None or peak <= 0:
        return None
    return max(1.0 - equity / peak, 0.0)


def holdings(account: Account) -> tuple[Holding, ...]:
    """The largest first; those without a price after them."""
    equity = value_account(account).equity
    exits = _exit_orders(account)
    found = [
        _build_holding(account, symbol, value, equity, exits.get(symbol, ()))
        for symbol, value in _market_values(account).items()
    ]
    return tuple(sorted(found, key=lambda each: (each.value is None, -abs(each.value or 0.0))))


def _build_holding(
    account: Account,
    symbol: str,
    value: float | None,
    equity: float | None,
    exits: Sequence[Order],
) -> Holding:
    position, last_bar = account.positions[symbol], account.last_bars.get(symbol)
    unrealised = None if value is None else value - position.quantity * position.average_cost
    return Holding(
        symbol=symbol,
        quantity=exact_quantity(position.quantity),
        cost=position.average_cost,
        last=last_bar.close if last_bar else None,
        priced_at=last_bar.at if last_bar else None,
        value=value,
        unrealised=unrealised,
        change=_ratio(unrealised, abs(position.quantity * position.average_cost)),
        weight=_ratio(value, equity),
        realised=position.realised,
        opened_at=position.opened_at,
        stop_orders=tuple(order for order in exits if order.order_type not in PROFIT_ORDER_TYPES),
        profit_orders=tuple(order for order in exits if order.order_type in PROFIT_ORDER_TYPES),
    )


def _market_values(account: Account) -> dict[str, float | None]:
    last_bars = account.last_bars
    return {
        symbol: position.quantity * last_bars[symbol].close if symbol in last_bars else None
        for symbol, position in account.positions.items()
        if position.quantity
    }


def _exit_orders(account: Account) -> Mapping[str, Sequence[Order]]:
    """Open orders that wait to shrink the position, by symbol."""
    found: dict[str, list[Order]] = {}
    for order in account.orders.values():
        position = account.positions.get(order.symbol)
        if (
            position
            and order.order_type is not OrderType.MARKET
            and order.side.sign * position.quantity < 0
        ):
            found.setdefault(order.symbol, []).append(order)
    return found


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or whole is None or whole <= 0 else part / whole
