"""A recorded day of a paper account, and the same day in the compiled loop that backtests run.

The account before the day's first bar becomes arrays, the day's rows of bars are processed one
after the other, and the day's decisions become orders there. Leaves out comparing (`diff.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from domain.instants import from_microseconds, to_microseconds
from domain.panel import BarMatrix
from domain.trading.account import (
    Account,
    AccountEntry,
    AccountReset,
    AccountSettingsChanged,
    BarClosed,
    BorrowFeeCharged,
    CashTransferred,
    DividendPaid,
    OrderClosed,
    OrderFilled,
    OrderSubmitted,
    OrderUpdated,
    SplitApplied,
    TradingStateChanged,
)
from domain.trading.orders import Order, OrderSource, OrderType, Side
from orchestrator.account.store import TradingRules
from trading import kernels
from trading.account.account_arrays import account_to_arrays, bar_arrays_from
from trading.account.ledger import apply
from trading.account.paper_account import TargetRequest, VolatilityLookup, target_matrix_from
from trading.kernels import codes
from trading.kernels.state import NO_SHARED_LIMITS, AccountArrays
from trading.sizing.correlation import CorrelationGroups
from trading.sizing.position_sizing import shared_limits

_BAR_EVENTS = (
    OrderFilled, DividendPaid, BorrowFeeCharged, SplitApplied, OrderUpdated, BarClosed,
)  # fmt: skip
"""Entries that only a bar causes, at its open or later."""


@dataclass(frozen=True, slots=True)
class DayTrades:
    """A day's orders and fills, in words, by symbol and instant."""

    orders: Mapping[tuple[datetime, str], str]
    fills: Mapping[tuple[datetime, str, int], str]


@dataclass(frozen=True, slots=True, eq=False)
class CycleTargets:
    """What one cycle requests of the account at an instant; `correlation_groups` has one row, for
    `symbols`."""

    at: datetime
    requests: Mapping[str, TargetRequest]
    correlation_groups: CorrelationGroups
    symbols: tuple[str, ...]


@dataclass(slots=True)
class AccountDay:
    """The record of a day: the account before its first bar and the entries since."""

    account: Account
    entries: list[AccountEntry] = field(default_factory=list)

    @property
    def manual_actions(self) -> tuple[str, ...]:
        """What people did that day, in words."""
        return tuple(text for entry in self.entries if (text := _describe_manual_action(entry)))

    @property
    def bar_closes(self) -> dict[tuple[datetime, str], float]:
        """Return the closes of the bars as they were processed."""
        return {
            (entry.at, symbol): close
            for entry in self.entries
            if isinstance(entry.event, BarClosed)
            for symbol, close in entry.event.closes.items()
        }

    def trades(self) -> DayTrades:
        """Return the day's orders and fills. Protective exits are compared by their fills alone."""
        orders: dict[tuple[datetime, str], str] = {}
        fills = _NumberedFills()
        for entry in self.entries:
            match entry.event:
                case OrderSubmitted(order) if not _is_protective(order):
                    orders[entry.at, order.symbol] = _describe_order(order)
                case OrderFilled() as fill:
                    text = _describe_fill(
                        fill.quantity, fill.price, fill.commission, fill.slippage, fill.trigger
                    )
                    fills.add(entry.at, fill.symbol, text)
        return DayTrades(orders, fills.fills)


def account_days(
    entries: Sequence[AccountEntry], bounds: Sequence[datetime]
) -> Iterator[AccountDay | None]:
    """Yield one day for each pair of neighbouring `bounds`: bars that close after the first and by
    the second. None before the account was opened."""
    account: Account | None = None
    at = 0
    for start, end in pairwise(bounds):
        first, last = _first_entry_after(entries, start, at), _first_entry_after(entries, end, at)
        for entry in entries[at:first]:
            account = apply(account, entry)
        at = first
        yield AccountDay(account, list(entries[first:last])) if account else None


def recompute_trades(
    account: Account,
    matrix: BarMatrix,
    rows: slice,
    targets: Sequence[CycleTargets],
    rules: TradingRules,
) -> DayTrades:
    """Process those rows of bars, place the targets at their closes, and return the orders and
    fills."""
    bars = bar_arrays_from(matrix)
    view = account_to_arrays(
        account, matrix.symbols, rules.trading, VolatilityLookup(matrix).before(rows.start)
    )
    arrays, fills = view.arrays, _NumberedFills()
    orders: dict[tuple[datetime, str], str] = {}
    for t in range(rows.start, rows.stop):
        at = from_microseconds(bars.known_at[t])
        last = t + 1 == rows.stop or bars.known_at[t + 1] != bars.known_at[t]
        kernels.process_bar(arrays, bars, t)
        kernels.place_target_orders(
            arrays, target_matrix_from(matrix.symbols, {}), NO_SHARED_LIMITS, 0, bars.known_at[t]
        )
        for each in targets:
            if last and each.at == at:
                _place_targets(arrays, each, matrix.symbols, rules, bars.known_at[t])
        for n, symbol in enumerate(matrix.symbols):
            order = arrays.orders[3 * n]
            new = order["submitted"] == to_microseconds(at) and order["filled"] == 0.0
            if new and order["status"] == codes.WORKING:
                side = Side.BUY if order["side"] > 0 else Side.SELL
                orders[at, symbol] = f"{side} {float(order['remaining'])!r}"
    for fill in arrays.fills[: arrays.state[0]["fill_count"]]:
        fills.add(
            from_microseconds(fill["at"]), matrix.symbols[fill["symbol"]],
            _describe_fill(float(fill["quantity"]), float(fill["price"]), float(fill["commission"]),
                  float(fill["slippage"]), codes.FILL_TRIGGERS[fill["trigger"]]),
        )  # fmt: skip
    return DayTrades(orders, fills.fills)


@dataclass(slots=True)
class _NumberedFills:
    """Fills in words, numbered within one symbol and instant."""

    fills: dict[tuple[datetime, str, int], str] = field(default_factory=dict)

    def add(self, at: datetime, symbol: str, text: str) -> None:
        number = sum(key[:2] == (at, symbol) for key in self.fills)
        self.fills[at, symbol, number] = text


def _first_entry_after(entries: Sequence[AccountEntry], start: datetime, first: int) -> int:
    """Return the index of the first entry of a bar that closes after `start`, or of a manual action
    after it.

    A bar that opens when the one before closes begins at the same instant, so only the events of
    bars show where it begins.
    """
    closed = [n for n in range(first, len(entries))
              if isinstance(entries[n].event, BarClosed) and entries[n].at <= start]  # fmt: skip
    n = closed[-1] + 1 if closed else first
    while n < len(entries):
        entry = entries[n]
        if entry.at > start or (closed and isinstance(entry.event, _BAR_EVENTS)):
            break
        n += 1
    return n


def _place_targets(
    arrays: AccountArrays,
    targets: CycleTargets,
    symbols: Sequence[str],
    rules: TradingRules,
    at: int,
) -> None:
    groups_of_symbols = targets.correlation_groups.reindex(targets.symbols, symbols)
    shared = shared_limits(symbols, groups_of_symbols, rules.committee.sizing)
    kernels.place_target_orders(
        arrays, target_matrix_from(symbols, targets.requests), shared, 0, at
    )


def _is_protective(order: Order) -> bool:
    return order.source is OrderSource.EXIT and order.order_type is not OrderType.MARKET


def _describe_order(order: Order) -> str:
    return f"{order.side} {order.quantity!r}"


def _describe_fill(
    quantity: float, price: float, commission: float, slippage: float, at: str
) -> str:
    return f"{quantity!r} at {price!r} ({at}), commission {commission!r}, slippage {slippage!r}"


def _describe_manual_action(entry: AccountEntry) -> str | None:
    match entry.event:
        case CashTransferred(amount=amount):
            return f"cash was moved by hand: {amount:g}"
        case AccountReset():
            return "the account was reset"
        case OrderSubmitted(order=order) if order.source is OrderSource.MANUAL:
            return f"a manual order: {_describe_order(order)} {order.symbol}"
        case OrderSubmitted(order=order) if order.source is OrderSource.EMERGENCY_STOP:
            return f"the emergency stop sold {order.symbol}"
        case OrderClosed(reason=reason) if "by hand" in reason:
            return f"an order was cancelled by hand: {reason}"
        case TradingStateChanged(risk=risk):
            what = risk.reason or risk.trading_state
            return f"the trading state was changed by {risk.by}: {what}"
        case AccountSettingsChanged(mode=mode, profile=profile):
            return f"switched to {mode}, {profile}"
        case _:
            return None
