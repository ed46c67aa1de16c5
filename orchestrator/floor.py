"""The floor: through this one value pages, command line and engine touch a paper account.

Promises that every change is one transaction of entries and events, and that what is refused
leaves nothing behind. Leaves out how an order meets a bar (`trading/paper.py`), which tickets may
become orders (`trading/tickets.py`) and reading what became of them (`storage/blotter.py`).
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from domain.account import Account, Mode
from domain.orders import Amendment, Order, Preview, Ticket


class AccountSettings(BaseModel):
    """How a new paper account begins. One that was opened keeps what it has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    capital: float = Field(
        default=100_000.0, ge=1.0, le=1e12, description="Cash of a new account, and of a backtest."
    )
    currency: str = Field(
        default="USD", pattern=r"^[A-Z]{3,5}$", description="What its cash is counted in."
    )
    mode: Mode = Field(
        default=Mode.AUTO,
        description="What becomes of decisions: observe (nothing), suggest or auto (orders).",
    )
    profile: str = Field(
        default="balanced",
        description="Sizing and limits by name: conservative, balanced or aggressive.",
    )


class Floor:
    """The account of one market and run. Times are the run's own: a replay's are of its past."""

    def account(self) -> Account:
        """As it stands now; opened with the configured capital if it was not."""
        raise NotImplementedError

    def preview(self, ticket: Ticket) -> Preview:
        """What the order would do, each rule it was held against and, where all pass, a quote that
        confirms it for 15 seconds.

        Raises InputError for a ticket that is no order at all (quantity zero or not a number,
        a price off tick, a crossed bracket), UnknownSymbolError for a symbol without prices.
        """
        raise NotImplementedError

    def place(self, ticket: Ticket, *, quote: str, key: str) -> Order:
        """Place what was previewed. The same `key` with the same ticket again is the same order.

        Raises InputError for a quote that is stale or of another ticket, a failed check and a key
        that was used for another ticket.
        """
        raise NotImplementedError

    def amend(self, id: str, amendment: Amendment) -> Order:
        """New terms of an open order, which trade from the next bar on.

        Raises NotFoundError for an order that is not, InputError for one that has ended and for
        terms it cannot have.
        """
        raise NotImplementedError

    def cancel(self, id: str) -> Order:
        """Cancel an open order and the exits that wait for it; one that was cancelled stays so.

        Raises NotFoundError for an order that is not, InputError for one that ended otherwise.
        """
        raise NotImplementedError

    def cancel_all(self) -> tuple[Order, ...]:
        """Every order that was open, cancelled."""
        raise NotImplementedError

    def stop(self, *, flatten: bool, reason: str, by: str) -> Account:
        """Emergency stop: cancels everything, halts the account and, with `flatten`, sells what is
        held at the next open. It stays halted, over restarts too, until `reset_guard`."""
        raise NotImplementedError

    def reset_guard(self, *, by: str) -> Account:
        """Back to ACTIVE, whatever had tripped; the highest equity begins anew.

        Raises InputError while the ledger does not reconcile.
        """
        raise NotImplementedError

    def switch(self, *, mode: Mode | None, profile: str | None, by: str) -> Account:
        """Another mode, another strategy profile; None leaves it.

        Raises InputError for a profile that is none.
        """
        raise NotImplementedError

    def move_cash(self, amount: float, note: str) -> Account:
        """A deposit, or a withdrawal where `amount` is negative.

        Raises InputError for no amount and for more than there is in cash.
        """
        raise NotImplementedError

    def reset(self, capital: float, note: str) -> Account:
        """A new beginning with `capital`: orders cancelled, positions taken out of the book at
        their last price, cash moved to `capital`. All of it is recorded, nothing is erased."""
        raise NotImplementedError

    def suggestions(self) -> tuple[Order, ...]:
        """What AUTO would place now for the newest decisions, whatever the mode; not recorded."""
        raise NotImplementedError

    def quote(self, symbol: str) -> tuple[float, datetime]:
        """Last close as traded, and when it was known.

        Raises UnknownSymbolError where there is none.
        """
        raise NotImplementedError

    def reconcile(self) -> tuple[str, ...]:
        """Rebuild the account from its entries and compare: every difference in words. Any halts
        the account."""
        raise NotImplementedError
