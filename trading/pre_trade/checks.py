"""The rules that a ticket is checked against before it becomes an order.

Promises that every rule is checked, not only the first that fails, that each says in words what it
found, and that an order that shrinks a position is never refused by a limit on growth. Leaves out
whether a ticket can be an order at all (`order_validation.py`), and the compiled loops' own check
of cash, positions and volume when an order fills (`kernels/`).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import InputError
from domain.sectors import BROAD, sector_of
from domain.trading.account import Account, TradingState
from domain.trading.orders import DUST, Order, OrderType, PreTradeCheck, Side, Ticket, TimeInForce
from trading.account.ledger import equity
from trading.currency import describe_currency
from trading.kernels.state import UNMEASURED_VOLATILITY
from trading.limits import TradingSettings
from trading.pre_trade.instrument_rules import adjacent_multiples, is_multiple
from trading.sizing.position_sizing import SizingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSnapshot:
    """What is known of a symbol at `now`. `price` is its last close as traded, known at
    `priced_at`; `volatility` (of one bar, a fraction) and `volume` of the last bar are NaN where
    unknown. `stale_reason` says why the price cannot be relied on, None if it can."""

    now: datetime
    price: float
    priced_at: datetime
    volatility: float
    volume: float
    is_open: bool
    stale_reason: str | None = None


def expected_price(ticket: Ticket, snapshot: MarketSnapshot) -> float:
    """Return the price per unit before costs: the limit, the stop, or the last close."""
    return ticket.limit_price or ticket.stop_price or snapshot.price


def expected_costs(ticket: Ticket, snapshot: MarketSnapshot, settings: TradingSettings) -> float:
    """Return the commission and, without a limit, half the spread and the impact, in currency.

    Impact is that of a bar like the last, of which no more than the volume cap is taken; unknown
    figures count as expensive.
    """
    costs = settings.costs
    cost_rate = costs.commission
    if ticket.limit_price is None:
        volatility = snapshot.volatility if snapshot.volatility > 0.0 else UNMEASURED_VOLATILITY
        size = costs.volume_cap
        if snapshot.volume > 0.0:
            size = min(size, ticket.quantity / snapshot.volume)
        cost_rate += costs.half_spread + costs.impact * volatility * math.sqrt(size)
    return ticket.quantity * expected_price(ticket, snapshot) * cost_rate


def run_checks(
    ticket: Ticket,
    account: Account,
    snapshot: MarketSnapshot,
    settings: TradingSettings,
    sizing: SizingSettings,
) -> tuple[PreTradeCheck, ...]:
    """Check `ticket` against every rule. Of `sizing` three limits bind: a symbol's, a sector's and
    that of all together; correlation is not checked."""
    return tuple(_TicketReview(ticket, account, snapshot, settings, sizing).all())


def require_passed(results: tuple[PreTradeCheck, ...]) -> None:
    """Raise InputError with the reasons of every failed check."""
    if failed := [check.reason for check in results if not check.passed]:
        raise InputError(" ".join(failed))


class _TicketReview:
    """One ticket, one account, one moment; figures that the rules share are computed once."""

    def __init__(
        self,
        ticket: Ticket,
        account: Account,
        snapshot: MarketSnapshot,
        settings: TradingSettings,
        sizing: SizingSettings,
    ) -> None:
        self.ticket, self.account, self.snapshot = ticket, account, snapshot
        self.settings, self.sizing = settings, sizing
        position = account.positions.get(ticket.symbol)
        self.position_quantity = position.quantity if position else 0.0
        after = self.position_quantity + ticket.side.sign * ticket.quantity
        self.quantity_after = after if abs(after) > DUST else 0.0
        self.reduces_only = ticket.reduce_only or ticket.order_type is OrderType.TAKE_PROFIT
        self.must_reduce = self.reduces_only or (
            ticket.side is Side.SELL and not settings.limits.shorting
        )
        self.reducible = max(-ticket.side.sign * self.position_quantity, 0.0)
        self.increases = (
            abs(self.quantity_after) > abs(self.position_quantity)
            or self.quantity_after * self.position_quantity < 0.0
        )
        self.equity = equity(account)
        self.value = ticket.quantity * expected_price(ticket, snapshot)
        self.currency = account.currency

    def all(self) -> Iterator[PreTradeCheck]:
        yield self.trading_state()
        yield self.price()
        yield self.quoted_currency()
        yield self.session()
        yield self.holding()
        yield self.minimum_value()
        if self.increases and not self.must_reduce:
            yield self.pause()
            yield self.order_limit()
            yield self.position()
            yield from self.sector()
            yield self.gross()
            yield self.cash()

    def trading_state(self) -> PreTradeCheck:
        risk = self.account.risk
        reason = "The account trades." if risk.trading_state is TradingState.ACTIVE else ""
        passed = True
        if risk.trading_state is TradingState.HALTED:
            passed = False
            reason = f"The account is halted ({risk.reason}). Resume trading first."
        elif risk.trading_state is TradingState.REDUCING:
            passed = not self.increases
            until = f" until {risk.until}" if risk.until else ""
            reason = f"The account only reduces{until} ({risk.reason}): " + (
                "this order does." if passed else "sell, wait, or resume trading."
            )
        return PreTradeCheck("account", passed, reason)

    def price(self) -> PreTradeCheck:
        stale = self.snapshot.stale_reason
        if stale:
            return PreTradeCheck(
                "price", False, f"The price of {self.ticket.symbol} cannot be relied on: {stale}. "
                "Wait for its next bar."
            )  # fmt: skip
        return PreTradeCheck(
            "price", True, f"Known since {self.snapshot.priced_at:%Y-%m-%d %H:%M} UTC."
        )

    def quoted_currency(self) -> PreTradeCheck:
        """Never refuses; says where prices of another currency count as the account's."""
        return PreTradeCheck("currency", True, describe_currency(self.ticket.symbol, self.currency))

    def session(self) -> PreTradeCheck:
        """An order that trades only at the next open must not wait while the market is closed."""
        if self.snapshot.is_open:
            return PreTradeCheck("session", True, "The market is open.")
        if self.ticket.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            return PreTradeCheck(
                "session", False, f"The market of {self.ticket.symbol} is closed, and "
                f"{self.ticket.time_in_force} is for at once. Choose day or gtc, or wait until it "
                "opens."
            )  # fmt: skip
        return PreTradeCheck(
            "session", True, "The market is closed; the order waits until it opens."
        )

    def holding(self) -> PreTradeCheck:
        """An order that reduces may not exceed the position; in a long-only account no sale may."""
        ticket, quantity, reducible = self.ticket, self.position_quantity, self.reducible
        if not self.must_reduce:
            return PreTradeCheck("holding", True, f"{quantity:.12g} {ticket.symbol} are held.")
        if ticket.quantity <= reducible + DUST:
            return PreTradeCheck("holding", True, f"Of {quantity:.12g} {ticket.symbol} held.")
        reason = "the order only reduces" if self.reduces_only else "shorting is off"
        remedy = f"Give at most {reducible:.12g}." if reducible else "There is nothing to reduce."
        return PreTradeCheck(
            "holding",
            False,
            f"To {ticket.side} {ticket.quantity:.12g} {ticket.symbol} is too much: "
            f"{quantity:.12g} are held and {reason}. {remedy}",
        )

    def minimum_value(self) -> PreTradeCheck:
        """An order that closes a position may be as small as the position."""
        min_value = self.settings.limits.lot_size(self.ticket.symbol).min_order_value
        value = f"{self.value:,.2f} {self.currency}"
        if self.value >= min_value or self.quantity_after == 0.0:
            return PreTradeCheck("least value", True, f"The order is worth {value}.")
        quantity = self._round_to_lots(
            min_value / expected_price(self.ticket, self.snapshot), up=True
        )
        return PreTradeCheck(
            "least value", False, f"The order is worth {value}, less than the least, "
            f"{min_value:,.2f}. Give at least {quantity:.12g} units."
        )  # fmt: skip

    def pause(self) -> PreTradeCheck:
        """The pause between the committee's trades of a symbol holds for people too."""
        last_bar = self.account.last_bars.get(self.ticket.symbol)
        pause = timedelta(seconds=self.settings.limits.pause_seconds)
        traded_at = last_bar.traded_at if last_bar else None
        if traded_at is None or self.snapshot.now - traded_at >= pause:
            return PreTradeCheck("pause", True, "The last trade is long enough ago.")
        seconds_left = (traded_at + pause - self.snapshot.now).total_seconds()
        return PreTradeCheck(
            "pause", False, f"{self.ticket.symbol} traded at {traded_at:%H:%M:%S} UTC, and "
            f"{pause.total_seconds():g} s must pass between trades. Wait {seconds_left:.0f} s."
        )  # fmt: skip

    def order_limit(self) -> PreTradeCheck:
        return self._equity_limit(
            "order limit", self.value, self.settings.limits.order_limit, "an order"
        )

    def position(self) -> PreTradeCheck:
        """The position limit, including what open orders of the same side would add."""
        limit = self.sizing.position_limit
        return self._equity_limit("position limit", self._position_value(), limit, "a position")

    def sector(self) -> Iterator[PreTradeCheck]:
        """The sector limit; none applies if the sector is unknown."""
        own = sector_of(self.ticket.symbol, self.sizing.sectors)
        if own is None or own == BROAD:
            return
        value = self._value_among(lambda symbol: sector_of(symbol, self.sizing.sectors) == own)
        yield self._equity_limit("sector limit", value, self.sizing.sector_limit, f"all of {own}")

    def gross(self) -> PreTradeCheck:
        value = self._value_among(lambda _: True)
        return self._equity_limit("gross limit", value, self.sizing.gross_limit, "all positions")

    def _value_among(self, among: Callable[[str], bool]) -> float:
        """Return the value of positions and open buys in the symbols that `among` accepts, and of
        the ticket."""
        account, own = self.account, self.ticket.symbol
        value = self._position_value()
        for symbol, position in account.positions.items():
            if symbol != own and among(symbol):
                value += abs(position.quantity) * account.last_bars[symbol].close
        for order in account.orders.values():
            if order.symbol != own and among(order.symbol):
                value += self._reserved_cash(order)
        return value

    def _position_value(self) -> float:
        """Return the value of the symbol's position after the ticket and open orders of its
        side."""
        same = (
            order.side.sign * order.remaining
            for order in self.account.orders.values()
            if order.symbol == self.ticket.symbol
            and order.side is self.ticket.side
            and not order.reduce_only
        )
        return abs(self.quantity_after + sum(same)) * expected_price(self.ticket, self.snapshot)

    def _equity_limit(self, name: str, value: float, limit: float, noun: str) -> PreTradeCheck:
        fraction = value / self.equity if self.equity > 0.0 else math.inf
        sentence = (
            f"{value:,.2f} {self.currency} is {fraction:.1%} of equity; {noun} may be {limit:.1%}"
        )
        if fraction <= limit:
            return PreTradeCheck(name, True, f"{sentence}.")
        over = (value - limit * max(self.equity, 0.0)) / expected_price(self.ticket, self.snapshot)
        return PreTradeCheck(
            name, False, f"{sentence}. {self._advice(self.ticket.quantity - over)}"
        )

    def cash(self) -> PreTradeCheck:
        """The cash that a buy needs, on top of what open buys have reserved; for a short, its
        margin. Cash that covers short positions, and their margin, is not free."""
        margin, price = self.settings.limits.margin, self.snapshot.price
        costs = expected_costs(self.ticket, self.snapshot, self.settings)
        opening_quantity = self.ticket.quantity
        if self._reduces_position():
            opening_quantity -= min(abs(self.position_quantity), self.ticket.quantity)
        if self.ticket.side is Side.SELL:
            needed, noun = margin * opening_quantity * price + costs, "margin and costs"
        else:
            needed = opening_quantity * expected_price(self.ticket, self.snapshot) + costs
            noun = "the order and its costs"
        free = self.account.cash - sum(map(self._reserved_cash, self.account.orders.values()))
        for symbol, position in self.account.positions.items():
            if position.quantity < 0.0:
                free += (1.0 + margin) * position.quantity * self.account.last_bars[symbol].close
        sentence = f"{needed:,.2f} {self.currency} for {noun}, of {free:,.2f} that is free"
        if needed <= free:
            return PreTradeCheck("cash", True, f"{sentence}.")
        most = free / (needed / self.ticket.quantity)
        return PreTradeCheck("cash", False, f"Over cash: {sentence}. {self._advice(most)}")

    def _advice(self, quantity: float) -> str:
        most = self._round_to_lots(quantity)
        return f"Give at most {most:.12g} units." if most > 0.0 else "There is room for none."

    def _round_to_lots(self, quantity: float, *, up: bool = False) -> float:
        """Round `quantity` to whole lots, never beyond it, so that advice is always accepted."""
        size = self.settings.limits.lot_size(self.ticket.symbol).size
        below, above = adjacent_multiples(quantity, size)
        return above if up and not is_multiple(quantity, size) else below

    def _reduces_position(self) -> bool:
        """Whether the ticket first reduces a position."""
        return self.ticket.side.sign * self.position_quantity < 0.0

    def _reserved_cash(self, order: Order) -> float:
        if order.side is Side.SELL or order.reduce_only:
            return 0.0
        last_bar = self.account.last_bars.get(order.symbol)
        price = order.limit_price or order.stop_price or (last_bar.close if last_bar else 0.0)
        return order.remaining * price
