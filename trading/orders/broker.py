"""What a broker must be able to do, and the paper one.

Promises that the core asks no more of a broker than this, in the core's own words: whatever a
broker does is answered with entries, which the ledger folds and the record keeps, so that a broker
of another make changes nothing above. `docs/orders.md` tells what an adapter must do, and
`tests/trading/broker_contract.py` is what it must pass.

Leaves out which tickets may be placed at all (`tickets.py`): that is looked at before, and is alike
for all brokers. The paper broker keeps nothing: its account is all there is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.bar_matrix import Tape
from domain.errors import InputError
from domain.trading.account import Account, Entry
from domain.trading.orders import Kind, Order, Term, Ticket
from trading.account.paper_account import meet
from trading.limits import TradingSettings
from trading.orders import manual_orders


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a broker takes. `bracket` is whether it holds the exits of a bracket until their parent
    fills, `fractional` whether parts of a unit trade."""

    kinds: frozenset[Kind]
    terms: frozenset[Term]
    bracket: bool
    fractional: bool

    def demand(self, ticket: Ticket) -> None:
        """Raises InputError for a ticket that the broker does not take, with what it does."""
        if ticket.kind not in self.kinds:
            raise InputError(
                f"This broker takes no {ticket.kind} orders. Choose one of: {_list(self.kinds)}."
            )
        if ticket.term not in self.terms:
            raise InputError(
                f"This broker takes no {ticket.term} orders. Choose one of: {_list(self.terms)}."
            )
        if not self.bracket and (ticket.stop_loss or ticket.take_profit):
            raise InputError("This broker holds no exits. Place them once the order has filled.")
        if not self.fractional and ticket.quantity != int(ticket.quantity):
            raise InputError(
                f"This broker takes whole units only. Give {int(ticket.quantity)} or "
                f"{int(ticket.quantity) + 1}."
            )


@dataclass(frozen=True, slots=True)
class Figures:
    """What the broker itself says there is: `units` by symbol, negative when short."""

    cash: float
    units: Mapping[str, float]


class Broker(Protocol):
    """One account at one broker.

    Each call is given the account as it is recorded and answers with the entries that follow on it;
    they are recorded in one transaction. A call may come again with the same account, when the
    process died before its answer was recorded: `key` must then find the order that was placed.
    """

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def place(self, account: Account, ticket: Ticket, *, key: str, at: datetime) -> Sequence[Entry]:
        """The ticket's orders placed. Raises InputError for what the broker does not take,
        ProviderError where it did not answer."""

    def replace(self, account: Account, order: Order, at: datetime) -> Sequence[Entry]:
        """The order of that id on the terms given. Raises NotFoundError where it is not open."""

    def cancel(self, account: Account, id: str, at: datetime) -> Sequence[Entry]:
        """The order ended. Raises NotFoundError where it is not open."""

    def sync(self, account: Account, until: datetime) -> Sequence[Entry]:
        """All that happened up to `until` and is not in the account yet: fills, orders that ended,
        dividends, bars. Nothing where nothing did, however often it is asked."""

    def figures(self, account: Account) -> Figures:
        """Held against the account when it reconciles."""


@dataclass(frozen=True, slots=True)
class PaperBroker:
    """Fills by the assumptions of `docs/orders.md`. `tape` gives the bars that an account may have
    to meet by an instant, `rules` its settings, `splits` the new units for an old one since."""

    tape: Callable[[Account, datetime], Tape]
    rules: Callable[[Account], TradingSettings]
    splits: Callable[[Account, datetime], Mapping[str, float]]

    @property
    def name(self) -> str:
        return "paper"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(frozenset(Kind), frozenset(Term), bracket=True, fractional=True)

    def place(
        self, account: Account, ticket: Ticket, *, key: str, at: datetime
    ) -> tuple[Entry, ...]:
        self.capabilities.demand(ticket)
        return manual_orders.place(account, ticket, key=key, at=at)

    def replace(self, account: Account, order: Order, at: datetime) -> tuple[Entry, ...]:
        return manual_orders.amend(account, order, at)

    def cancel(self, account: Account, id: str, at: datetime) -> tuple[Entry, ...]:
        return manual_orders.cancel(account, id, at)

    def sync(self, account: Account, until: datetime) -> tuple[Entry, ...]:
        return meet(
            account,
            self.tape(account, until),
            self.rules(account),
            self.splits(account, until),
        ).entries

    def figures(self, account: Account) -> Figures:
        held = {symbol: position.units for symbol, position in account.positions.items()}
        return Figures(account.cash, held)


def _list(choices: frozenset[Kind] | frozenset[Term]) -> str:
    return ", ".join(sorted(choices))
