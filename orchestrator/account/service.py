"""The floor: through this one value pages, command line and engine touch a paper account.

Promises that every change is one transaction of entries and events, that what is refused leaves
nothing behind, and that a request is carried out once, however often it comes. Leaves out what a
cycle does to the account (`trading_day.py`), which tickets may become orders
(`trading/orders/tickets.py`) and reading what became of them (`storage/accounts/blotter.py`).
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from domain.canonical import canonical_bytes
from domain.errors import InputError
from domain.trading.account import (
    Account,
    CashMoved,
    Entry,
    Happening,
    Mode,
    OrderEnded,
    Switched,
)
from domain.trading.orders import Amendment, Order, Preview, Source, Status, Ticket
from domain.trading.transactions import Booked, Request
from orchestrator.account.latest_prices import Prices
from orchestrator.account.store import Book, Change, Rules
from trading.orders import manual_orders
from trading.orders.confirmation_tokens import LIFE, confirmed, signed
from trading.orders.tickets import amended, preview
from trading.pre_trade.checks import Market, checks, demand

Clock = Callable[[], datetime]
Suggest = Callable[[Account], tuple[Order, ...]]

MOST = 1e12
"""Largest amount of cash that is moved at once: beyond it floats lose cents."""
LONGEST_KEY = 100


class Floor:
    """The account of one market and run. Times are the run's own: a replay's are of its past.

    `rules` are those of a profile. `secret` signs quotes, which expire by the clock on the `wall`.
    `suggest` says what the newest decisions would place. `publish` is called after something was
    recorded.
    """

    def __init__(
        self,
        book: Book,
        prices: Prices,
        rules: Callable[[str], Rules],
        *,
        secret: bytes,
        now: Clock,
        suggest: Suggest,
        wall: Clock = lambda: datetime.now(UTC),
        publish: Callable[[], None] = lambda: None,
    ) -> None:
        self._book = book
        self._prices = prices
        self._rules = rules
        name = f"{book.market} {book.run}"
        self._sign = partial(signed, account=name, secret=secret)
        self._confirm = partial(confirmed, account=name, secret=secret)
        self._now = now
        self._suggest = suggest
        self._wall = wall
        self._publish = publish

    def account(self) -> Account:
        """As it stands now; opened with the configured capital if it was not."""
        return self._book.account() or self._change(lambda _: ()).account

    def preview(self, ticket: Ticket) -> Preview:
        """What the order would do, each rule it was held against and, where all pass, a quote that
        confirms it for 15 seconds.

        Raises InputError for a ticket that is no order at all (quantity zero or not a number,
        a price off tick, a crossed bracket), UnknownSymbolError for a symbol without prices.
        """
        account = self.account()
        market, rules = self._at(account, ticket.symbol)
        shown = preview(ticket, account, market, rules.trading, rules.committee.sizing)
        expires_at = self._wall() + LIFE
        passed = all(check.passed for check in shown.checks)
        quote = self._sign(ticket, market.price, expires_at) if passed else None
        return replace(shown, quote=quote, expires_at=expires_at)

    def place(self, ticket: Ticket, *, quote: str, key: str) -> Order:
        """Place what was previewed. The same `key` with the same ticket again is the same order.

        Raises InputError for a quote that is stale or of another ticket, a failed check and a key
        that was used for another ticket.
        """
        _refuse_bad_key(key)

        def act(account: Account) -> Sequence[Happening | Entry]:
            price = self._confirm(quote, ticket, self._wall())
            market, rules = self._at(account, ticket.symbol)
            if market.price != price:
                raise InputError(
                    f"{ticket.symbol} closed at {market.price:g} since the preview, which was at "
                    f"{price:g}. Preview the order again."
                )
            demand(checks(ticket, account, market, rules.trading, rules.committee.sizing))
            return manual_orders.place(account, ticket, key=key, at=market.now)

        digest = hashlib.sha256(canonical_bytes(ticket)).hexdigest()
        placed = self._change(act, Request(key, digest)).order
        assert placed is not None  # noqa: S101 a request is answered with its order
        return placed

    def amend(self, id: str, amendment: Amendment) -> Order:
        """New terms of an open order, which trade from the next bar on.

        Raises NotFoundError for an order that is not, InputError for one that has ended and for
        terms it cannot have.
        """

        def act(account: Account) -> Sequence[Happening | Entry]:
            order = self._found(account, id)
            market, rules = self._at(account, order.symbol)
            new = amended(order, amendment, account, market, rules.trading, rules.committee.sizing)
            return manual_orders.amend(account, new, market.now)

        return self._change(act).account.orders[id]

    def cancel(self, id: str) -> Order:
        """Cancel an open order and the exits that wait for it; one that was cancelled stays so.

        Raises NotFoundError for an order that is not, InputError for one that ended otherwise.
        """

        def act(account: Account) -> Sequence[Happening | Entry]:
            order = self._found(account, id)
            if order.open:
                return manual_orders.cancel(account, id, self._now())
            if order.status is Status.CANCELLED:
                return ()
            raise InputError(f"Order {id} is {order.status} and cannot be cancelled any more.")

        self._change(act)
        return self._book.blotter.order(id).order

    def cancel_all(self) -> tuple[Order, ...]:
        """Every order that was open, cancelled."""
        booked = self._change(lambda account: manual_orders.cancel_all(account, self._now()))
        ended = [each.what.order for each in booked.entries if isinstance(each.what, OrderEnded)]
        return tuple(self._book.blotter.order(id).order for id in ended)

    def stop(self, *, flatten: bool, reason: str, by: str) -> Account:
        """Emergency stop: cancels everything, halts the account and, with `flatten`, sells what is
        held at the next open. It stays halted, over restarts too, until `reset_guard`."""

        return self._change(
            lambda account: manual_orders.emergency(
                account, flatten=flatten, reason=reason, by=by, at=self._now()
            )
        ).account

    def reset_guard(self, *, by: str) -> Account:
        """Back to ACTIVE, whatever had tripped; the highest equity begins anew.

        Raises InputError while the ledger does not reconcile.
        """
        if found := self._book.unreconciled():
            raise InputError(
                f"The account does not reconcile and stays halted: {'; '.join(found)}. "
                "`quorum audit --verify` says more; restore the database from a backup."
            )

        return self._change(
            lambda account: manual_orders.release(account, by=by, at=self._now())
        ).account

    def switch(self, *, mode: Mode | None, profile: str | None, by: str) -> Account:
        """Another mode, another strategy profile; None leaves it. What the committee has ordered
        is cancelled when its decisions are no longer carried out.

        Raises InputError for a profile that is none.
        """
        if profile is not None:
            self._rules(profile)

        def act(account: Account) -> Sequence[Happening | Entry]:
            new = Switched(mode or account.mode, profile or account.profile, by)
            if (new.mode, new.profile) == (account.mode, account.profile):
                return ()
            left: list[Happening] = []
            if new.mode is not Mode.AUTO:
                why = f"the mode is now {new.mode}"
                left = [
                    OrderEnded(order.id, Status.CANCELLED, why)
                    for order in account.orders.values()
                    if order.source is Source.COMMITTEE
                ]
            return [*left, new]

        return self._change(act).account

    def move_cash(self, amount: float, note: str) -> Account:
        """A deposit, or a withdrawal where `amount` is negative.

        Raises InputError for no amount and for more than there is in cash.
        """
        if not (math.isfinite(amount) and 0.0 < abs(amount) <= MOST):
            raise InputError(f"{amount:g} cannot be moved. Give an amount up to {MOST:g}.")

        def act(account: Account) -> Sequence[Happening | Entry]:
            if account.cash + amount < 0.0:
                raise InputError(
                    f"{-amount:,.2f} {account.currency} cannot be withdrawn: there are "
                    f"{account.cash:,.2f} in cash. Withdraw no more, or sell something first."
                )
            return [CashMoved(amount, note)]

        return self._change(act).account

    def reset(self, capital: float, note: str) -> Account:
        """A new beginning with `capital`: orders cancelled, positions taken out of the book and
        all sums begun anew. All of it is recorded, nothing is erased."""
        if not 1.0 <= capital <= MOST:
            raise InputError(f"An account cannot begin with {capital:g}. Give 1 to {MOST:g}.")
        return self._change(
            lambda account: manual_orders.reset(account, capital, note, self._now())
        ).account

    def suggestions(self) -> tuple[Order, ...]:
        """What AUTO would place now for the newest decisions, whatever the mode; not recorded."""
        return self._suggest(self.account())

    def quote(self, symbol: str) -> tuple[float, datetime]:
        """Last close as traded, and when it was known.

        Raises UnknownSymbolError where there is none.
        """
        market = self._prices.of(symbol, self._now())
        return market.price, market.priced_at

    def reconcile(self) -> tuple[str, ...]:
        """Rebuild the account from its entries and compare: every difference in words. Any halts
        the account."""
        found = self._book.reconcile()
        if found:
            self._publish()
        return found

    def _at(self, account: Account, symbol: str) -> tuple[Market, Rules]:
        """What is known of the symbol now, and the rules in force."""
        return self._prices.of(symbol, self._now()), self._rules(account.profile)

    def _found(self, account: Account, id: str) -> Order:
        """An order, open or ended. Raises NotFoundError."""
        return account.orders.get(id) or self._book.blotter.order(id).order

    def _change(self, change: Change, request: Request | None = None) -> Booked:
        booked = self._book.change(self._now(), change, request)
        if booked.events:
            self._publish()
        return booked


def _refuse_bad_key(key: str) -> None:
    if not (key.isascii() and key.isprintable() and " " not in key and 0 < len(key) <= LONGEST_KEY):
        raise InputError(
            f"{key[:40]!r} is no idempotency key. Give 1 to {LONGEST_KEY} printable ASCII "
            "characters without a space, such as a UUID."
        )
