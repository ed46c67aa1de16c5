"""The account service, through which pages and the command line act on a paper account.

Promises that every change is one transaction of entries and events, that a refused change leaves
nothing behind, and that a request is carried out once, however often it arrives. Leaves out what a
cycle does to the account (`cycle_orders.py`), which tickets may become orders
(`trading/orders/tickets.py`) and reading the results (`storage/accounts/blotter.py`).
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
    AccountEntry,
    AccountEvent,
    AccountSettingsChanged,
    CashTransferred,
    OrderClosed,
    TradingMode,
)
from domain.trading.orders import Amendment, Order, OrderPreview, OrderSource, OrderStatus, Ticket
from domain.trading.transactions import ClientRequest, TransactionResult
from orchestrator.account.latest_prices import LatestPrices
from orchestrator.account.store import AccountChange, AccountStore, TradingRules
from trading.orders import manual_orders
from trading.orders.confirmation_tokens import TOKEN_LIFETIME, sign_token, verify_token
from trading.orders.tickets import amend_order, preview_ticket
from trading.pre_trade.checks import MarketSnapshot, require_passed, run_checks

TimeSource = Callable[[], datetime]
SuggestOrders = Callable[[Account], tuple[Order, ...]]

MAX_CASH_TRANSFER = 1e12
"""Largest cash transfer: above it floats lose cents."""
MAX_KEY_LENGTH = 100


class AccountService:
    """The account of one market and run. Times are the run's own: in a replay they lie in the past.

    `rules` gives the rules of a profile. `secret` signs confirmation tokens, which expire by the
    `wall_clock`. `suggest_orders` gives the orders that the newest decisions would place. `notify`
    is called after a change was recorded.
    """

    def __init__(
        self,
        account_store: AccountStore,
        prices: LatestPrices,
        rules: Callable[[str], TradingRules],
        *,
        secret: bytes,
        now: TimeSource,
        suggest_orders: SuggestOrders,
        wall_clock: TimeSource = lambda: datetime.now(UTC),
        notify: Callable[[], None] = lambda: None,
    ) -> None:
        self._account_store = account_store
        self._prices = prices
        self._rules = rules
        name = f"{account_store.market} {account_store.run}"
        self._sign_token = partial(sign_token, account=name, secret=secret)
        self._confirm_token = partial(verify_token, account=name, secret=secret)
        self._now = now
        self._suggest_orders = suggest_orders
        self._wall_clock = wall_clock
        self._notify = notify

    def account(self) -> Account:
        """Return the account now; open it with the configured capital if it is not open yet."""
        return self._account_store.account() or self._transact(lambda _: ()).account

    def rules(self, profile: str) -> TradingRules:
        """Return the trading rules under a strategy profile; InputError for an unknown one."""
        return self._rules(profile)

    def rules_in_force(self) -> TradingRules:
        """Return the trading rules under the account's profile."""
        return self._rules(self.account().profile)

    def preview(self, ticket: Ticket) -> OrderPreview:
        """Preview an order: its effect, each rule it was checked against and, if all pass, a token
        that confirms it for 15 seconds.

        Raises InputError for a ticket that cannot be an order (quantity zero or not a number, a
        price off tick, a crossed bracket), UnknownSymbolError for a symbol without prices.
        """
        account = self.account()
        market, rules = self._prices_and_rules(account, ticket.symbol)
        result = preview_ticket(ticket, account, market, rules.trading, rules.committee.sizing)
        expires_at = self._wall_clock() + TOKEN_LIFETIME
        passed = all(check.passed for check in result.checks)
        confirmation_token = self._sign_token(ticket, market.price, expires_at) if passed else None
        return replace(result, confirmation_token=confirmation_token, expires_at=expires_at)

    def place(self, ticket: Ticket, *, confirmation_token: str, key: str) -> Order:
        """Place a previewed order. The same `key` with the same ticket returns the same order.

        Raises InputError for a token that has expired or belongs to another ticket, for a failed
        check and for a key that was used for another ticket.
        """
        _require_valid_key(key)

        def change(account: Account) -> Sequence[AccountEvent | AccountEntry]:
            price = self._confirm_token(confirmation_token, ticket, self._wall_clock())
            market, rules = self._prices_and_rules(account, ticket.symbol)
            if market.price != price:
                raise InputError(
                    f"{ticket.symbol} closed at {market.price:g} since the preview, which was at "
                    f"{price:g}. Preview the order again."
                )
            require_passed(
                run_checks(ticket, account, market, rules.trading, rules.committee.sizing)
            )
            return manual_orders.place(account, ticket, key=key, at=market.now)

        digest = hashlib.sha256(canonical_bytes(ticket)).hexdigest()
        placed = self._transact(change, ClientRequest(key, digest)).order
        assert placed is not None  # noqa: S101 a request is answered with its order
        return placed

    def amend(self, id: str, amendment: Amendment) -> Order:
        """Give an open order new terms, which apply from the next bar.

        Raises NotFoundError for an order that does not exist, InputError for one that has ended and
        for terms it cannot have.
        """

        def change(account: Account) -> Sequence[AccountEvent | AccountEntry]:
            order = self._find_order(account, id)
            market, rules = self._prices_and_rules(account, order.symbol)
            new = amend_order(
                order, amendment, account, market, rules.trading, rules.committee.sizing
            )
            return manual_orders.amend(account, new, market.now)

        return self._transact(change).account.orders[id]

    def cancel(self, id: str) -> Order:
        """Cancel an open order and the exits that wait for it; do nothing if it is cancelled
        already.

        Raises NotFoundError for an order that does not exist, InputError for one that ended
        otherwise.
        """

        def change(account: Account) -> Sequence[AccountEvent | AccountEntry]:
            order = self._find_order(account, id)
            if order.is_open:
                return manual_orders.cancel(account, id, self._now())
            if order.status is OrderStatus.CANCELLED:
                return ()
            raise InputError(f"Order {id} is {order.status} and cannot be cancelled any more.")

        self._transact(change)
        return self._account_store.blotter.order(id).order

    def cancel_all(self) -> tuple[Order, ...]:
        """Cancel every open order and return them."""
        result = self._transact(lambda account: manual_orders.cancel_all(account, self._now()))
        ended = [
            entry.event.order_id for entry in result.entries if isinstance(entry.event, OrderClosed)
        ]
        return tuple(self._account_store.blotter.order(id).order for id in ended)

    def emergency_stop(self, *, flatten: bool, reason: str, by: str) -> Account:
        """Cancel every order, halt the account and, with `flatten`, close all positions at the next
        open. It stays halted, over restarts too, until `resume_trading`."""

        return self._transact(
            lambda account: manual_orders.emergency_stop(
                account, flatten=flatten, reason=reason, by=by, at=self._now()
            )
        ).account

    def resume_trading(self, *, by: str) -> Account:
        """Make the account active again, whichever breaker had tripped; peak equity starts from
        now.

        Raises InputError while the ledger does not reconcile.
        """
        if differences := self._account_store.reconciliation_differences():
            raise InputError(
                f"The account does not reconcile and stays halted: {'; '.join(differences)}. "
                "`quorum audit --verify` says more; restore the database from a backup."
            )

        return self._transact(
            lambda account: manual_orders.resume_trading(account, by=by, at=self._now())
        ).account

    def update_settings(self, *, mode: TradingMode | None, profile: str | None, by: str) -> Account:
        """Set another mode or strategy profile; None keeps the present one. The committee's orders
        are cancelled if its decisions are no longer carried out.

        Raises InputError for an unknown profile.
        """
        if profile is not None:
            self._rules(profile)

        def change(account: Account) -> Sequence[AccountEvent | AccountEntry]:
            new = AccountSettingsChanged(mode or account.mode, profile or account.profile, by)
            if (new.mode, new.profile) == (account.mode, account.profile):
                return ()
            cancelled: list[AccountEvent] = []
            if new.mode is not TradingMode.AUTO:
                reason = f"the mode is now {new.mode}"
                cancelled = [
                    OrderClosed(order.id, OrderStatus.CANCELLED, reason)
                    for order in account.orders.values()
                    if order.source is OrderSource.COMMITTEE
                ]
            return [*cancelled, new]

        return self._transact(change).account

    def transfer_cash(self, amount: float, note: str) -> Account:
        """Deposit `amount`, or withdraw it if negative.

        Raises InputError for an amount of zero and for a withdrawal larger than the cash.
        """
        if not (math.isfinite(amount) and 0.0 < abs(amount) <= MAX_CASH_TRANSFER):
            raise InputError(
                f"{amount:g} cannot be moved. Give an amount up to {MAX_CASH_TRANSFER:g}."
            )

        def change(account: Account) -> Sequence[AccountEvent | AccountEntry]:
            if account.cash + amount < 0.0:
                raise InputError(
                    f"{-amount:,.2f} {account.currency} cannot be withdrawn: there are "
                    f"{account.cash:,.2f} in cash. Withdraw no more, or sell something first."
                )
            return [CashTransferred(amount, note)]

        return self._transact(change).account

    def reset(self, capital: float, note: str) -> Account:
        """Start again with `capital`: cancel orders, remove positions and reset all sums. The log
        records it and keeps what came before."""
        if not 1.0 <= capital <= MAX_CASH_TRANSFER:
            raise InputError(
                f"An account cannot begin with {capital:g}. Give 1 to {MAX_CASH_TRANSFER:g}."
            )
        return self._transact(
            lambda account: manual_orders.reset_account(account, capital, note, self._now())
        ).account

    def suggestions(self) -> tuple[Order, ...]:
        """Return the orders that AUTO would place now for the newest decisions, whatever the mode;
        nothing is recorded."""
        return self._suggest_orders(self.account())

    def last_price(self, symbol: str) -> tuple[float, datetime]:
        """Return the last close as traded, and when it was known.

        Raises UnknownSymbolError if there is none.
        """
        market = self._prices.get(symbol, self._now())
        return market.price, market.priced_at

    def reconcile(self) -> tuple[str, ...]:
        """Rebuild the account from its entries and return every difference in words. Any difference
        halts the account."""
        differences = self._account_store.reconcile()
        if differences:
            self._notify()
        return differences

    def _prices_and_rules(
        self, account: Account, symbol: str
    ) -> tuple[MarketSnapshot, TradingRules]:
        """Return the symbol's prices now, and the rules in force."""
        return self._prices.get(symbol, self._now()), self._rules(account.profile)

    def _find_order(self, account: Account, id: str) -> Order:
        """Return an order, open or ended. Raises NotFoundError if there is none."""
        return account.orders.get(id) or self._account_store.blotter.order(id).order

    def _transact(
        self, change: AccountChange, request: ClientRequest | None = None
    ) -> TransactionResult:
        result = self._account_store.transact(self._now(), change, request)
        if result.events:
            self._notify()
        return result


def _require_valid_key(key: str) -> None:
    printable = key.isascii() and key.isprintable() and " " not in key
    if not printable or not 0 < len(key) <= MAX_KEY_LENGTH:
        raise InputError(
            f"{key[:40]!r} is no idempotency key. Give 1 to {MAX_KEY_LENGTH} printable ASCII "
            "characters without a space, such as a UUID."
        )
