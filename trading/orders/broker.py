"""What a broker must be able to do, and the paper broker.

Promises that the core requires no more of a broker than this, in the core's own terms: a broker
answers with entries, which the ledger applies and the log stores, so that the ledger, the log and
the pages need no change for another broker. `docs/understand/orders.md` says what an adapter must
do and what else has to be wired; it must pass `tests/trading/broker_contract.py`.

Leaves out which tickets may be placed at all (`tickets.py`): that is checked before, alike for all
brokers. The paper broker stores nothing but its account.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.errors import InputError
from domain.panel import BarMatrix
from domain.trading.account import Account, AccountEntry
from domain.trading.orders import Order, OrderType, Ticket, TimeInForce
from trading.account.paper_account import apply_bars
from trading.limits import TradingSettings
from trading.orders import manual_orders


@dataclass(frozen=True, slots=True)
class BrokerCapabilities:
    """What a broker accepts. `supports_brackets` is whether it holds the exits of a bracket until
    their parent fills, `supports_fractional` whether fractions of a unit trade."""

    order_types: frozenset[OrderType]
    times_in_force: frozenset[TimeInForce]
    supports_brackets: bool
    supports_fractional: bool

    def validate(self, ticket: Ticket) -> None:
        """Raise InputError for a ticket that the broker does not accept, saying what it accepts."""
        if ticket.order_type not in self.order_types:
            raise InputError(
                f"This broker takes no {ticket.order_type} orders. Choose one of: "
                f"{_list(self.order_types)}."
            )
        if ticket.time_in_force not in self.times_in_force:
            raise InputError(
                f"This broker takes no {ticket.time_in_force} orders. Choose one of: "
                f"{_list(self.times_in_force)}."
            )
        if not self.supports_brackets and (ticket.stop_loss or ticket.take_profit):
            raise InputError("This broker holds no exits. Place them once the order has filled.")
        if not self.supports_fractional and ticket.quantity != int(ticket.quantity):
            raise InputError(
                f"This broker takes whole units only. Give {int(ticket.quantity)} or "
                f"{int(ticket.quantity) + 1}."
            )


@dataclass(frozen=True, slots=True)
class BrokerBalance:
    """The broker's own figures: `quantities` in units by symbol, negative when short."""

    cash: float
    quantities: Mapping[str, float]


class Broker(Protocol):
    """One account at one broker.

    Each call receives the account as it is recorded and returns the entries that follow on it; they
    are recorded in one transaction. If the process dies before they are recorded, the call is
    repeated with the same account: `key` must then find the order that was placed.
    """

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> BrokerCapabilities: ...

    def place(
        self, account: Account, ticket: Ticket, *, key: str, at: datetime
    ) -> Sequence[AccountEntry]:
        """Place the ticket's orders. Raises InputError for what the broker does not accept,
        ProviderError if it did not answer."""

    def replace(self, account: Account, order: Order, at: datetime) -> Sequence[AccountEntry]:
        """Give the order of that id new terms. Raises NotFoundError if it is not open."""

    def cancel(self, account: Account, id: str, at: datetime) -> Sequence[AccountEntry]:
        """End the order. Raises NotFoundError if it is not open."""

    def sync(self, account: Account, until: datetime) -> Sequence[AccountEntry]:
        """Return everything up to `until` that is not in the account yet: fills, orders that ended,
        dividends, bars. Empty if nothing happened, however often it is called."""

    def balance(self, account: Account) -> BrokerBalance:
        """Return the balance that the account is compared with when it is reconciled."""


@dataclass(frozen=True, slots=True)
class PaperBroker:
    """Fills orders by the assumptions of `docs/understand/orders.md`.

    `load_bars` gives the bars up to an instant that the account has not processed, `settings_of`
    its settings, `splits_since` the new units for one old unit since an instant.
    """

    load_bars: Callable[[Account, datetime], BarMatrix]
    settings_of: Callable[[Account], TradingSettings]
    splits_since: Callable[[Account, datetime], Mapping[str, float]]

    @property
    def name(self) -> str:
        return "paper"

    @property
    def capabilities(self) -> BrokerCapabilities:
        return BrokerCapabilities(
            frozenset(OrderType),
            frozenset(TimeInForce),
            supports_brackets=True,
            supports_fractional=True,
        )

    def place(
        self, account: Account, ticket: Ticket, *, key: str, at: datetime
    ) -> tuple[AccountEntry, ...]:
        self.capabilities.validate(ticket)
        return manual_orders.place(account, ticket, key=key, at=at)

    def replace(self, account: Account, order: Order, at: datetime) -> tuple[AccountEntry, ...]:
        return manual_orders.amend(account, order, at)

    def cancel(self, account: Account, id: str, at: datetime) -> tuple[AccountEntry, ...]:
        return manual_orders.cancel(account, id, at)

    def sync(self, account: Account, until: datetime) -> tuple[AccountEntry, ...]:
        return apply_bars(
            account,
            self.load_bars(account, until),
            self.settings_of(account),
            self.splits_since(account, until),
        ).entries

    def balance(self, account: Account) -> BrokerBalance:
        quantities = {symbol: position.quantity for symbol, position in account.positions.items()}
        return BrokerBalance(account.cash, quantities)


def _list(choices: frozenset[OrderType] | frozenset[TimeInForce]) -> str:
    return ", ".join(sorted(choices))
