"""An account as the arrays that the compiled loops work on, and back.

Promises that nothing is lost on the way: an account that is turned into arrays before each row of
bars trades to the bit like arrays that go through all rows. Leaves out what happens to the arrays
(`paper_account.py`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from domain.errors import VerificationError
from domain.instants import times_to_microseconds, to_microseconds
from domain.panel import BarMatrix
from domain.trading.account import Account, RiskState, TradingState
from domain.trading.orders import Order, OrderSource, OrderStatus, OrderType, Side, TimeInForce
from trading.kernels import codes
from trading.kernels.state import AccountArrays, BarArrays, Records, new_account_arrays
from trading.limits import TradingSettings

STATUS_CODES: Mapping[OrderStatus, int] = {
    OrderStatus.ACCEPTED: codes.ACCEPTED,
    OrderStatus.WORKING: codes.WORKING,
    OrderStatus.PARTIALLY_FILLED: codes.PARTIALLY_FILLED,
    OrderStatus.FILLED: codes.FILLED,
    OrderStatus.CANCELLED: codes.CANCELLED,
    OrderStatus.EXPIRED: codes.EXPIRED,
    OrderStatus.REJECTED: codes.REJECTED,
}
"""The loops' code of each status they have. SUBMITTED and PENDING_CANCEL wait for a broker's
answer; the loops are the paper broker and wait for none."""
STATUS_OF_CODE: Mapping[int, OrderStatus] = {int(code): s for s, code in STATUS_CODES.items()}
"""Status by code; a record whose slot is free has none."""
ORDER_TYPES = (
    OrderType.MARKET,
    OrderType.LIMIT,
    OrderType.STOP,
    OrderType.STOP_LIMIT,
    OrderType.TRAILING_STOP,
)
TIMES_IN_FORCE = (TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
TRADING_STATES = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)

_FIRST_DAY = date(1970, 1, 1)


@dataclass(slots=True, eq=False)
class AccountArraysView:
    """The arrays, and the id of the order in each of their M records: `order_ids` (M,), None where
    a record has no order."""

    symbols: tuple[str, ...]
    arrays: AccountArrays
    order_ids: list[str | None]

    @property
    def record_numbers(self) -> range:
        """The numbers of the M records."""
        return range(len(self.order_ids))


def bar_arrays_from(bar_matrix: BarMatrix) -> BarArrays:
    """Return the bars as the compiled loops read them."""
    return BarArrays(
        open=np.ascontiguousarray(bar_matrix.open),
        high=np.ascontiguousarray(bar_matrix.high),
        low=np.ascontiguousarray(bar_matrix.low),
        close=np.ascontiguousarray(bar_matrix.close),
        volume=np.ascontiguousarray(bar_matrix.volume),
        dividend=np.ascontiguousarray(bar_matrix.dividend),
        volatility=np.ascontiguousarray(bar_matrix.volatility),
        known_at=times_to_microseconds(bar_matrix.known_at),
        opened_at=times_to_microseconds(bar_matrix.opened_at),
        session_end=times_to_microseconds(bar_matrix.session_end),
    )


def account_to_arrays(
    account: Account,
    symbols: Sequence[str],
    settings: TradingSettings,
    volatility: Mapping[str, float],
) -> AccountArraysView:
    """Turn an account into arrays; `volatility` of one bar by symbol, a fraction, where it is
    known.

    Raises VerificationError if a symbol with a position or an order is not in `symbols`, for two
    orders in one slot, and for an order that waits for a broker's answer.
    """
    column = {symbol: n for n, symbol in enumerate(symbols)}
    known = account.positions.keys() | {order.symbol for order in account.orders.values()}
    if missing := sorted(known - column.keys()):
        raise VerificationError(
            f"The account holds or has orders on {', '.join(missing)}, but there are no bars of it."
        )
    slots = {id: _slot(order, column) for id, order in account.orders.items()}
    manual = sorted(
        (id for id, slot in slots.items() if slot is None),
        key=lambda id: (account.orders[id].submitted_at, id),
    )
    arrays = new_account_arrays(symbols, settings, len(manual))
    order_ids: list[str | None] = [None] * len(arrays.orders)
    for id, slot in [*slots.items(), *((id, 3 * len(symbols) + k) for k, id in enumerate(manual))]:
        if slot is not None:
            if order_ids[slot] is not None:
                raise VerificationError(f"Orders {order_ids[slot]} and {id} claim one slot.")
            order_ids[slot] = id
    _write_positions(arrays.positions, account, symbols, volatility)
    _write_state(arrays, account)
    _write_orders(arrays.orders, account, order_ids, column)
    return AccountArraysView(tuple(symbols), arrays, order_ids)


def read_risk_state(state: Any, previous: RiskState, at: datetime) -> RiskState:
    """Return the breakers' memory after a row that closed at `at`. `previous` keeps who changed the
    trading state, unless a breaker just did."""
    trading_state = TRADING_STATES[state["trading_state"]]
    reason, by, since = previous.reason, previous.by, previous.since
    if (state["trading_state"], state["reason"]) != _trading_state_codes(previous):
        reason, by, since = codes.BREAKER_REASONS[state["reason"]], "breaker", at
    return RiskState(
        trading_state=trading_state,
        reason=reason,
        by=by,
        since=since,
        until=_day(state["until"]) if trading_state is TradingState.REDUCING else None,
        peak_equity=float(state["high"]),
        day=_day(state["day"]) if state["day"] >= 0 else None,
        day_equity=float(state["day_equity"]),
        losses=int(state["losses"]),
        flattening=bool(state["flattening"]),
    )


def _slot(order: Order, column: Mapping[str, int]) -> int | None:
    """Return an order's slot: one each for the committee's order and the protective exits of a
    symbol; None for a manual order."""
    first = 3 * column[order.symbol]
    if order.source is OrderSource.MANUAL:
        return None
    if order.source is not OrderSource.EXIT or order.order_type is OrderType.MARKET:
        return first
    return first + (1 if order.order_type in {OrderType.STOP, OrderType.TRAILING_STOP} else 2)


def _write_positions(
    positions: Records, account: Account, symbols: Sequence[str], volatility: Mapping[str, float]
) -> None:
    for n, symbol in enumerate(symbols):
        position, last_bar = account.positions.get(symbol), account.last_bars.get(symbol)
        record = positions[n]
        if position:
            record["quantity"], record["average_cost"] = position.quantity, position.average_cost
            record["realised"] = position.realised
        if last_bar:
            record["last_price"] = last_bar.close
            record["last_bar_at"] = to_microseconds(last_bar.at)
            if last_bar.traded_at:
                record["last_fill_at"] = to_microseconds(last_bar.traded_at)
        record["volatility"] = volatility.get(symbol, math.nan)


def _write_state(arrays: AccountArrays, account: Account) -> None:
    state, risk = arrays.state[0], account.risk
    state["cash"], state["high"], state["losses"] = account.cash, risk.peak_equity, risk.losses
    state["dividends"], state["borrowing"] = account.dividends, account.borrowing
    state["day_equity"] = risk.day_equity
    state["day"] = -1 if risk.day is None else _days(risk.day)
    state["until"] = 0 if risk.until is None else _days(risk.until)
    state["trading_state"], state["reason"] = _trading_state_codes(risk)
    state["flattening"] = risk.flattening
    value = 0.0
    for n in range(len(arrays.positions)):  # in the loops' order and arithmetic
        if arrays.positions[n]["quantity"] != 0.0:
            value += float(arrays.positions[n]["quantity"] * arrays.positions[n]["last_price"])
    state["equity"] = account.cash + value


def _trading_state_codes(risk: RiskState) -> tuple[int, int]:
    """Return the codes of trading state and reason; a reason that a person wrote has no code."""
    reasons = codes.BREAKER_REASONS
    code = reasons.index(risk.reason) if risk.reason in reasons else codes.NO_BREAKER
    return TRADING_STATES.index(risk.trading_state), code


def _write_orders(
    records: Records, account: Account, order_ids: Sequence[str | None], column: Mapping[str, int]
) -> None:
    number = {id: m for m, id in enumerate(order_ids) if id is not None}
    groups = sorted({order.group for order in account.orders.values() if order.group})
    for id, m in number.items():
        order, record = account.orders[id], records[m]
        n = column[order.symbol]
        record["symbol"], record["remaining"], record["filled"] = n, order.remaining, order.filled
        record["limit_price"] = _price(order.limit_price)
        record["stop_price"] = _price(order.stop_price)
        record["trail_amount"] = _price(order.trail_amount)
        record["trail_fraction"] = _price(order.trail_fraction)
        record["best"] = _price(order.best_price)
        record["submitted"] = to_microseconds(order.submitted_at)
        record["expires"] = to_microseconds(order.expires_at) if order.expires_at else 0
        if order.group:  # those of exits are numbered by symbol, as the loops do
            exits = m < 3 * len(column)
            record["group"] = n + 1 if exits else len(column) + 1 + groups.index(order.group)
        record["parent"] = number.get(order.parent or "", -1)
        record["status"] = _status_code(order)
        order_type = (
            OrderType.LIMIT if order.order_type is OrderType.TAKE_PROFIT else order.order_type
        )
        record["order_type"] = ORDER_TYPES.index(order_type)
        record["time_in_force"] = TIMES_IN_FORCE.index(order.time_in_force)
        record["side"] = 1 if order.side is Side.BUY else -1
        record["reduce_only"], record["triggered"] = order.reduce_only, order.triggered


def _status_code(order: Order) -> int:
    if order.status not in STATUS_CODES:
        raise VerificationError(
            f"Order {order.id} of {order.symbol} is {order.status}: it waits for the answer of a "
            "broker, and the paper account has none to wait for. Its entries are of another broker."
        )
    return STATUS_CODES[order.status]


def _price(price: float | None) -> float:
    return math.nan if price is None else price


def _days(day: date) -> int:
    return (day - _FIRST_DAY).days


def _day(days: int) -> date:
    return _FIRST_DAY + timedelta(days=int(days))


def price_or_none(value: float) -> float | None:
    """Return a record's price, None if it has none."""
    return None if np.isnan(value) else float(value)
