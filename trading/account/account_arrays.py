"""An account as the compiled loops see it, and what they made of it as an account again.

Promises that nothing is lost on the way: an account turned into a desk before each row of bars
trades to the bit as a desk that lived through all of them. Leaves out what happens between the two
(`paper.py`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from domain.bar_matrix import Tape
from domain.errors import VerificationError
from domain.panel import Times
from domain.trading.account import Account, Guard, Standing
from domain.trading.orders import Kind, Order, Side, Source, Status, Term
from trading.kernels import codes
from trading.kernels.state import Bars, Desk, Ints, Records, new_desk
from trading.limits import TradingSettings

STATUSES = (
    None, Status.HELD, Status.WORKING, Status.PARTIAL, Status.FILLED, Status.CANCELLED,
    Status.EXPIRED, Status.REJECTED,
)  # fmt: skip
"""By the loops' codes."""
KINDS = (Kind.MARKET, Kind.LIMIT, Kind.STOP, Kind.STOP_LIMIT, Kind.TRAILING_STOP)
TERMS = (Term.DAY, Term.GTC, Term.IOC, Term.FOK)
STANDINGS = (Standing.ACTIVE, Standing.REDUCING, Standing.HALTED)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True, eq=False)
class Book:
    """A desk, and whose order each of its records is: `ids` (M,), None where none is."""

    symbols: tuple[str, ...]
    desk: Desk
    ids: list[str | None]

    @property
    def room(self) -> range:
        """Numbers of the records."""
        return range(len(self.ids))


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def moment(micros: float) -> datetime:
    return _EPOCH + int(micros) * _MICROSECOND


def instants(times: Times) -> Ints:
    """Microseconds since 1970 of each."""
    return times.astype("datetime64[us]").astype(np.int64)


def bars_of(tape: Tape) -> Bars:
    """The tape as the compiled loops read it."""
    return Bars(
        open=np.ascontiguousarray(tape.open),
        high=np.ascontiguousarray(tape.high),
        low=np.ascontiguousarray(tape.low),
        close=np.ascontiguousarray(tape.close),
        volume=np.ascontiguousarray(tape.volume),
        dividend=np.ascontiguousarray(tape.dividend),
        volatility=np.ascontiguousarray(tape.volatility),
        known_at=instants(tape.known_at),
        opened_at=instants(tape.opened_at),
        session_end=instants(tape.session_end),
    )


def book_of(
    account: Account,
    symbols: Sequence[str],
    settings: TradingSettings,
    volatility: Mapping[str, float],
) -> Book:
    """The account at work; `volatility` of one bar by symbol, a fraction, where it is known.

    Raises VerificationError where something is held or ordered that `symbols` leave out, and for
    two orders in one slot.
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
        key=lambda id: (account.orders[id].placed_at, id),
    )
    desk = new_desk(symbols, settings, len(manual))
    ids: list[str | None] = [None] * len(desk.book)
    for id, slot in [*slots.items(), *((id, 3 * len(symbols) + k) for k, id in enumerate(manual))]:
        if slot is not None:
            if ids[slot] is not None:
                raise VerificationError(f"Orders {ids[slot]} and {id} claim one slot.")
            ids[slot] = id
    _hold(desk.held, account, symbols, volatility)
    _state(desk, account)
    _orders(desk.book, account, ids, column)
    return Book(tuple(symbols), desk, ids)


def guard_of(state: Any, before: Guard, at: datetime) -> Guard:
    """The breakers' memory after a row that closed `at`; who changed the standing stays unless a
    breaker just did."""
    standing = STANDINGS[state["trading_state"]]
    reason, by, since = before.reason, before.by, before.since
    if (state["trading_state"], state["reason"]) != _standing(before):
        reason, by, since = codes.REASONS[state["reason"]], "breaker", at
    return Guard(
        standing=standing,
        reason=reason,
        by=by,
        since=since,
        until=_day(state["until"]) if standing is Standing.REDUCING else None,
        high=float(state["high"]),
        day=_day(state["day"]) if state["day"] >= 0 else None,
        day_equity=float(state["day_equity"]),
        losses=int(state["losses"]),
        flattening=bool(state["flattening"]),
    )


def _slot(order: Order, column: Mapping[str, int]) -> int | None:
    """The committee's and the protective orders have slots of their own; None for a manual one."""
    first = 3 * column[order.symbol]
    if order.source is Source.MANUAL:
        return None
    if order.source is not Source.EXIT or order.kind is Kind.MARKET:
        return first
    return first + (1 if order.kind in {Kind.STOP, Kind.TRAILING_STOP} else 2)


def _hold(
    held: Records, account: Account, symbols: Sequence[str], volatility: Mapping[str, float]
) -> None:
    for n, symbol in enumerate(symbols):
        position, mark = account.positions.get(symbol), account.marks.get(symbol)
        if position:
            held[n]["quantity"], held[n]["average_cost"] = position.units, position.cost
            held[n]["realised"] = position.realised
        if mark:
            held[n]["last_price"], held[n]["last_bar_at"] = mark.close, micros(mark.at)
            if mark.traded_at:
                held[n]["last_fill_at"] = micros(mark.traded_at)
        held[n]["volatility"] = volatility.get(symbol, math.nan)


def _state(desk: Desk, account: Account) -> None:
    state, guard = desk.state[0], account.guard
    state["cash"], state["high"], state["losses"] = account.cash, guard.high, guard.losses
    state["dividends"], state["borrowing"] = account.dividends, account.borrowing
    state["day_equity"] = guard.day_equity
    state["day"] = -1 if guard.day is None else _days(guard.day)
    state["until"] = 0 if guard.until is None else _days(guard.until)
    state["trading_state"], state["reason"] = _standing(guard)
    state["flattening"] = guard.flattening
    value = 0.0
    for n in range(len(desk.held)):  # in the order and the way of the loops
        if desk.held[n]["quantity"] != 0.0:
            value += float(desk.held[n]["quantity"] * desk.held[n]["last_price"])
    state["equity"] = account.cash + value


def _standing(guard: Guard) -> tuple[int, int]:
    """Codes of standing and reason; a reason that somebody wrote has none."""
    breakers = codes.REASONS
    code = breakers.index(guard.reason) if guard.reason in breakers else codes.UNHARMED
    return STANDINGS.index(guard.standing), code


def _orders(
    book: Records, account: Account, ids: Sequence[str | None], column: Mapping[str, int]
) -> None:
    number = {id: m for m, id in enumerate(ids) if id is not None}
    groups = sorted({order.group for order in account.orders.values() if order.group})
    for id, m in number.items():
        order, record = account.orders[id], book[m]
        n = column[order.symbol]
        record["symbol"], record["remaining"], record["filled"] = n, order.left, order.filled
        record["limit_price"], record["stop_price"] = _price(order.limit), _price(order.stop)
        record["trail_amount"] = _price(order.trail)
        record["trail_fraction"] = _price(order.trail_share)
        record["best"] = _price(order.best)
        record["submitted"] = micros(order.placed_at)
        record["expires"] = micros(order.expires_at) if order.expires_at else 0
        if order.group:  # those of exits are numbered by symbol, as the loops do
            exits = m < 3 * len(column)
            record["group"] = n + 1 if exits else len(column) + 1 + groups.index(order.group)
        record["parent"] = number.get(order.parent or "", -1)
        record["status"] = STATUSES.index(order.status)
        kind = Kind.LIMIT if order.kind is Kind.TAKE_PROFIT else order.kind
        record["order_type"], record["time_in_force"] = KINDS.index(kind), TERMS.index(order.term)
        record["side"] = 1 if order.side is Side.BUY else -1
        record["reduce_only"], record["triggered"] = order.reduce_only, order.triggered


def _price(price: float | None) -> float:
    return math.nan if price is None else price


def _days(day: date) -> int:
    return (day - _FIRST_DAY).days


def _day(days: int) -> date:
    return _FIRST_DAY + timedelta(days=int(days))


def price_of(value: float) -> float | None:
    """What stands in a record, None where nothing does."""
    return None if np.isnan(value) else float(value)
