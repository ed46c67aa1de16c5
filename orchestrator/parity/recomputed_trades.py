"""A day of a paper account beside the same day in the compiled loop that backtests run.

The account as it stood before the day's first bar becomes a desk, the day's rows of the tape are
met one after the other, and its decisions become orders there. Leaves out comparing (`parity.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from domain.bar_matrix import Tape
from domain.trading.account import (
    Account,
    BarClosed,
    BorrowCharged,
    CashMoved,
    DividendPaid,
    Entry,
    Filled,
    GuardChanged,
    OrderChanged,
    OrderEnded,
    OrderPlaced,
    Reset,
    SplitApplied,
    Switched,
)
from domain.trading.orders import Kind, Order, Side, Source
from orchestrator.account.store import Rules
from trading import kernels
from trading.account.account_arrays import bars_of, book_of, micros, moment
from trading.account.ledger import apply
from trading.account.paper_account import Known, Wish, asks_of
from trading.kernels import codes
from trading.kernels.state import NO_GROUPS, Desk
from trading.sizing.correlation import Kinship
from trading.sizing.position_sizing import groups

_OF_A_BAR = (
    Filled, DividendPaid, BorrowCharged, SplitApplied, OrderChanged, BarClosed,
)  # fmt: skip
"""Entries that only a bar brings, at its open or later."""


@dataclass(frozen=True, slots=True)
class Traded:
    """A day's orders and fills, in words, by symbol and instant."""

    orders: Mapping[tuple[datetime, str], str]
    fills: Mapping[tuple[datetime, str, int], str]


@dataclass(frozen=True, slots=True, eq=False)
class Wishes:
    """What one cycle asks of the account at an instant; `kinship`, of one row, says who of the
    `symbols` moves together."""

    at: datetime
    wishes: Mapping[str, Wish]
    kinship: Kinship
    symbols: tuple[str, ...]


@dataclass(slots=True)
class AccountDay:
    """What was recorded of a day: the account before its first bar and the entries since."""

    account: Account
    entries: list[Entry] = field(default_factory=list)

    @property
    def by_hand(self) -> tuple[str, ...]:
        """What people did that day, in words."""
        return tuple(told for entry in self.entries if (told := _by_hand(entry)))

    @property
    def closes(self) -> dict[tuple[datetime, str], float]:
        """What bars closed at, as they were met."""
        return {
            (entry.at, symbol): close
            for entry in self.entries
            if isinstance(entry.what, BarClosed)
            for symbol, close in entry.what.closes.items()
        }

    def traded(self) -> Traded:
        """Protective exits are told by their fills alone."""
        orders: dict[tuple[datetime, str], str] = {}
        fills = _Counted()
        for entry in self.entries:
            what = entry.what
            if isinstance(what, OrderPlaced):
                if what.order.source is not Source.EXIT or what.order.kind is Kind.MARKET:
                    orders[entry.at, what.order.symbol] = _order(what.order)
            elif isinstance(what, Filled):
                fills.add(entry.at, what.symbol, _fill(what.units, what.price, what.commission,
                          what.slippage, what.moment))  # fmt: skip
        return Traded(orders, fills.told)


def account_days(
    entries: Sequence[Entry], bounds: Sequence[datetime]
) -> Iterator[AccountDay | None]:
    """One for each pair of neighbouring `bounds`: bars that close after the first and by the
    second. None before the account was opened."""
    account: Account | None = None
    at = 0
    for start, end in pairwise(bounds):
        first, last = _first_of(entries, start, at), _first_of(entries, end, at)
        for entry in entries[at:first]:
            account = apply(account, entry)
        at = first
        yield AccountDay(account, list(entries[first:last])) if account else None


def trade_again(
    account: Account,
    tape: Tape,
    rows: slice,
    wishes: Sequence[Wishes],
    rules: Rules,
) -> Traded:
    """Those rows of the tape, and what is wished for at their closes."""
    bars = bars_of(tape)
    book = book_of(account, tape.symbols, rules.trading, Known(tape).before(rows.start))
    desk, fills = book.desk, _Counted()
    orders: dict[tuple[datetime, str], str] = {}
    for t in range(rows.start, rows.stop):
        at = moment(bars.known_at[t])
        last = t + 1 == rows.stop or bars.known_at[t + 1] != bars.known_at[t]
        kernels.bar_row(desk, bars, t)
        kernels.ask_row(desk, asks_of(tape.symbols, {}), NO_GROUPS, 0, bars.known_at[t])
        for each in wishes:
            if last and each.at == at:
                _ask(desk, each, tape.symbols, rules, bars.known_at[t])
        for n, symbol in enumerate(tape.symbols):
            order = desk.book[3 * n]
            fresh = order["submitted"] == micros(at) and order["filled"] == 0.0
            if fresh and order["status"] == codes.WORKING:
                side = Side.BUY if order["side"] > 0 else Side.SELL
                orders[at, symbol] = f"{side} {float(order['remaining'])!r}"
    for fill in desk.fills[: desk.state[0]["fill_count"]]:
        fills.add(
            moment(fill["at"]), tape.symbols[fill["symbol"]],
            _fill(float(fill["quantity"]), float(fill["price"]), float(fill["commission"]),
                  float(fill["slippage"]), codes.MOMENTS[fill["trigger"]]),
        )  # fmt: skip
    return Traded(orders, fills.told)


@dataclass(slots=True)
class _Counted:
    """Fills of one symbol at one instant, numbered."""

    told: dict[tuple[datetime, str, int], str] = field(default_factory=dict)

    def add(self, at: datetime, symbol: str, words: str) -> None:
        number = sum(key[:2] == (at, symbol) for key in self.told)
        self.told[at, symbol, number] = words


def _first_of(entries: Sequence[Entry], start: datetime, begin: int) -> int:
    """The first entry of a bar that closes after `start`, or of a hand after it.

    A bar that opens when the one before closes begins at the same instant; only what bars bring
    tells where it does.
    """
    closed = [n for n in range(begin, len(entries))
              if isinstance(entries[n].what, BarClosed) and entries[n].at <= start]  # fmt: skip
    n = closed[-1] + 1 if closed else begin
    while n < len(entries):
        entry = entries[n]
        if entry.at > start or (closed and isinstance(entry.what, _OF_A_BAR)):
            break
        n += 1
    return n


def _ask(desk: Desk, asked: Wishes, symbols: Sequence[str], rules: Rules, at: int) -> None:
    kin = asked.kinship.placed(asked.symbols, symbols)
    shared = groups(symbols, kin, rules.committee.sizing)
    kernels.ask_row(desk, asks_of(symbols, asked.wishes), shared, 0, at)


def _order(order: Order) -> str:
    return f"{order.side} {order.quantity!r}"


def _fill(units: float, price: float, commission: float, slippage: float, at: str) -> str:
    return f"{units!r} at {price!r} ({at}), commission {commission!r}, slippage {slippage!r}"


def _by_hand(entry: Entry) -> str | None:
    match entry.what:
        case CashMoved(amount=amount):
            return f"cash was moved by hand: {amount:g}"
        case Reset():
            return "the account was reset"
        case OrderPlaced(order=order) if order.source is Source.MANUAL:
            return f"a manual order: {_order(order)} {order.symbol}"
        case OrderPlaced(order=order) if order.source is Source.STOP:
            return f"the emergency stop sold {order.symbol}"
        case OrderEnded(why=why) if "by hand" in why:
            return f"an order was cancelled by hand: {why}"
        case GuardChanged(guard=guard):
            return f"the standing was changed by {guard.by}: {guard.reason or guard.standing}"
        case Switched(mode=mode, profile=profile):
            return f"switched to {mode}, {profile}"
        case _:
            return None
