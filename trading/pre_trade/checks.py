"""The rules that a ticket is held against before it becomes an order.

Promises that every rule is looked at, not only the first that fails, that each says in words what
it found, and that what shrinks a position is never refused for what a limit on growth says. Leaves
out whether a ticket is an order at all (`forms.py`), and that the compiled loops hold every order
to cash, holdings and volume once more when it fills (`kernels/`).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import InputError
from domain.sectors import BROAD, sector_of
from domain.trading.account import Account, Standing
from domain.trading.orders import DUST, Check, Kind, Order, Side, Term, Ticket
from trading.account.ledger import equity
from trading.kernels.state import UNMEASURED
from trading.limits import TradingSettings
from trading.pre_trade.instrument_rules import nearest, whole
from trading.sizing.position_sizing import SizingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What is known of a symbol at `now`. `price` is its last close as traded, known at
    `priced_at`; `volatility` (of one bar, a fraction) and `volume` of the last bar are NaN where
    unknown. `stale` says why the price cannot be relied on, None where it can."""

    now: datetime
    price: float
    priced_at: datetime
    volatility: float
    volume: float
    open: bool
    stale: str | None = None


def expected_price(ticket: Ticket, market: Market) -> float:
    """What a unit would trade at before costs: its limit, its stop, or the last close."""
    return ticket.limit or ticket.stop or market.price


def expected_costs(ticket: Ticket, market: Market, settings: TradingSettings) -> float:
    """Commission, and without a limit half the spread and impact, in currency.

    Impact is that of a bar like the last, of which no more than the volume cap is taken; what is
    not known of it counts as dear.
    """
    costs = settings.costs
    share = costs.commission
    if ticket.limit is None:
        volatility = market.volatility if market.volatility > 0.0 else UNMEASURED
        size = costs.volume_cap
        if market.volume > 0.0:
            size = min(size, ticket.quantity / market.volume)
        share += costs.half_spread + costs.impact * volatility * math.sqrt(size)
    return ticket.quantity * expected_price(ticket, market) * share


def checks(
    ticket: Ticket,
    account: Account,
    market: Market,
    settings: TradingSettings,
    sizing: SizingSettings,
) -> tuple[Check, ...]:
    """Every rule that `ticket` was held against. Of `sizing` three limits bind: a symbol's, a
    sector's and that of all together; what moves together is not looked at."""
    return tuple(_Look(ticket, account, market, settings, sizing).all())


def demand(found: tuple[Check, ...]) -> None:
    """Raises InputError with the words of every check that failed."""
    if failed := [check.why for check in found if not check.passed]:
        raise InputError(" ".join(failed))


class _Look:
    """One ticket, one account, one moment; what the rules share is worked out once."""

    def __init__(
        self,
        ticket: Ticket,
        account: Account,
        market: Market,
        settings: TradingSettings,
        sizing: SizingSettings,
    ) -> None:
        self.ticket, self.account, self.market = ticket, account, market
        self.settings, self.sizing = settings, sizing
        position = account.positions.get(ticket.symbol)
        self.held = position.units if position else 0.0
        after = self.held + ticket.side.sign * ticket.quantity
        self.after = after if abs(after) > DUST else 0.0
        self.only = ticket.reduce_only or ticket.kind is Kind.TAKE_PROFIT
        self.bound = self.only or (ticket.side is Side.SELL and not settings.limits.shorting)
        self.room = max(-ticket.side.sign * self.held, 0.0)
        self.grows = abs(self.after) > abs(self.held) or self.after * self.held < 0.0
        self.equity = equity(account)
        self.value = ticket.quantity * expected_price(ticket, market)
        self.currency = account.currency

    def all(self) -> Iterator[Check]:
        yield self.standing()
        yield self.prices()
        yield self.session()
        yield self.holding()
        yield self.least()
        if self.grows and not self.bound:
            yield self.pause()
            yield self.order_limit()
            yield self.position()
            yield from self.sector()
            yield self.gross()
            yield self.cash()

    def standing(self) -> Check:
        guard = self.account.guard
        why = "The account trades." if guard.standing is Standing.ACTIVE else ""
        passed = True
        if guard.standing is Standing.HALTED:
            passed = False
            why = f"The account is halted ({guard.reason}). Reset its breakers first."
        elif guard.standing is Standing.REDUCING:
            passed = not self.grows
            back = f" until {guard.until}" if guard.until else ""
            why = f"The account only reduces{back} ({guard.reason}): " + (
                "this order does." if passed else "sell, wait, or reset its breakers."
            )
        return Check("account", passed, why)

    def prices(self) -> Check:
        stale = self.market.stale
        if stale:
            return Check(
                "price", False, f"The price of {self.ticket.symbol} cannot be relied on: {stale}. "
                "Wait for its next bar."
            )  # fmt: skip
        return Check("price", True, f"Known since {self.market.priced_at:%Y-%m-%d %H:%M} UTC.")

    def session(self) -> Check:
        """An order for the next open alone must not wait over a closed market."""
        if self.market.open:
            return Check("session", True, "The market is open.")
        if self.ticket.term in {Term.IOC, Term.FOK}:
            return Check(
                "session", False, f"The market of {self.ticket.symbol} is closed, and "
                f"{self.ticket.term} is for at once. Choose day or gtc, or wait until it opens."
            )  # fmt: skip
        return Check("session", True, "The market is closed; the order waits until it opens.")

    def holding(self) -> Check:
        """What reduces may not exceed what is held; long-only, no sale may."""
        ticket, held, room = self.ticket, self.held, self.room
        if not self.bound:
            return Check("holding", True, f"{held:.12g} {ticket.symbol} are held.")
        if ticket.quantity <= room + DUST:
            return Check("holding", True, f"Of {held:.12g} {ticket.symbol} held.")
        why = "the order only reduces" if self.only else "shorting is off"
        remedy = f"Give at most {room:.12g}." if room else "There is nothing to reduce."
        return Check(
            "holding",
            False,
            f"To {ticket.side} {ticket.quantity:.12g} {ticket.symbol} is too much: {held:.12g} are "
            f"held and {why}. {remedy}",
        )

    def least(self) -> Check:
        """What closes a position may be as small as it is."""
        least = self.settings.limits.lot(self.ticket.symbol).minimum
        value = f"{self.value:,.2f} {self.currency}"
        if self.value >= least or self.after == 0.0:
            return Check("least value", True, f"The order is worth {value}.")
        units = self._lots(least / expected_price(self.ticket, self.market), up=True)
        return Check(
            "least value", False, f"The order is worth {value}, less than the least, {least:,.2f}. "
            f"Give at least {units:.12g} units."
        )  # fmt: skip

    def pause(self) -> Check:
        """The committee waits between trades of a symbol, and so do people."""
        mark = self.account.marks.get(self.ticket.symbol)
        pause = timedelta(seconds=self.settings.limits.pause_seconds)
        if mark is None or mark.traded_at is None or self.market.now - mark.traded_at >= pause:
            return Check("pause", True, "The last trade is long enough ago.")
        left = (mark.traded_at + pause - self.market.now).total_seconds()
        return Check(
            "pause", False, f"{self.ticket.symbol} traded at {mark.traded_at:%H:%M:%S} UTC, and "
            f"{pause.total_seconds():g} s must pass between trades. Wait {left:.0f} s."
        )  # fmt: skip

    def order_limit(self) -> Check:
        return self._share("order limit", self.value, self.settings.limits.order_limit, "an order")

    def position(self) -> Check:
        """With what open orders of the same side would add."""
        limit = self.sizing.position_limit
        return self._share("position limit", self._own_value(), limit, "a position")

    def sector(self) -> Iterator[Check]:
        """Nothing is known of how much one may hold of a sector that is not known."""
        own = sector_of(self.ticket.symbol, self.sizing.sectors)
        if own is None or own == BROAD:
            return
        value = self._value_of(lambda symbol: sector_of(symbol, self.sizing.sectors) == own)
        yield self._share("sector limit", value, self.sizing.sector_limit, f"all of {own}")

    def gross(self) -> Check:
        value = self._value_of(lambda _: True)
        return self._share("gross limit", value, self.sizing.gross_limit, "all positions")

    def _value_of(self, among: Callable[[str], bool]) -> float:
        """Worth of what is held of the symbols `among` them, of open buys, and of the ticket."""
        account, own = self.account, self.ticket.symbol
        value = self._own_value()
        for symbol, position in account.positions.items():
            if symbol != own and among(symbol):
                value += abs(position.units) * account.marks[symbol].close
        for order in account.orders.values():
            if order.symbol != own and among(order.symbol):
                value += self._spoken_for(order)
        return value

    def _own_value(self) -> float:
        """Worth of the symbol's position after the ticket and open orders of its side."""
        same = (
            order.side.sign * order.left
            for order in self.account.orders.values()
            if order.symbol == self.ticket.symbol
            and order.side is self.ticket.side
            and not order.reduce_only
        )
        return abs(self.after + sum(same)) * expected_price(self.ticket, self.market)

    def _share(self, name: str, value: float, limit: float, noun: str) -> Check:
        share = value / self.equity if self.equity > 0.0 else math.inf
        said = f"{value:,.2f} {self.currency} is {share:.1%} of equity; {noun} may be {limit:.1%}"
        if share <= limit:
            return Check(name, True, f"{said}.")
        over = (value - limit * max(self.equity, 0.0)) / expected_price(self.ticket, self.market)
        return Check(name, False, f"{said}. {self._at_most(self.ticket.quantity - over)}")

    def cash(self) -> Check:
        """What a buy costs, beside what open buys have spoken for; for a short, its margin. Cash
        that stands for positions sold short, and their margin, is not free."""
        margin, price = self.settings.limits.margin, self.market.price
        costs = expected_costs(self.ticket, self.market, self.settings)
        opens = self.ticket.quantity - min(abs(self.held), self.ticket.quantity) * self._closes()
        if self.ticket.side is Side.SELL:
            needed, noun = margin * opens * price + costs, "margin and costs"
        else:
            needed = opens * expected_price(self.ticket, self.market) + costs
            noun = "the order and its costs"
        free = self.account.cash - sum(map(self._spoken_for, self.account.orders.values()))
        for symbol, position in self.account.positions.items():
            if position.units < 0.0:
                free += (1.0 + margin) * position.units * self.account.marks[symbol].close
        said = f"{needed:,.2f} {self.currency} for {noun}, of {free:,.2f} that is free"
        if needed <= free:
            return Check("cash", True, f"{said}.")
        most = free / (needed / self.ticket.quantity)
        return Check("cash", False, f"Over cash: {said}. {self._at_most(most)}")

    def _at_most(self, units: float) -> str:
        most = self._lots(units)
        return f"Give at most {most:.12g} units." if most > 0.0 else "There is room for none."

    def _lots(self, units: float, *, up: bool = False) -> float:
        """Whole lots next to `units` and not beyond them: what is advised is accepted."""
        size = self.settings.limits.lot(self.ticket.symbol).size
        below, above = nearest(units, size)
        return above if up and not whole(units, size) else below

    def _closes(self) -> bool:
        """Whether the ticket first takes from what is held."""
        return self.ticket.side.sign * self.held < 0.0

    def _spoken_for(self, order: Order) -> float:
        if order.side is Side.SELL or order.reduce_only:
            return 0.0
        mark = self.account.marks.get(order.symbol)
        price = order.limit or order.stop or (mark.close if mark else 0.0)
        return order.left * price
