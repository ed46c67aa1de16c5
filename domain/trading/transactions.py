"""What is asked of a paper account in one transaction, and its result.

Spoken between the account service, which decides what happens, and storage, which records it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.events import Event
from domain.trading.account import Account, AccountEntry, AccountEvent
from domain.trading.orders import Order

AccountCommand = Callable[[Account | None], Sequence[AccountEvent | AccountEntry]]
"""Decides what happens to the account as it is (None: not opened yet); raises to refuse. An event
with a time of its own comes as the entry it becomes, numbered on from the account's."""


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A request under a key that its sender chose: `digest` is SHA-256 over its content, so that
    the same request is told from another one."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """The account after a transaction. `entries` and `events` are empty where nothing happened;
    `order` is the one of the request, placed now or before, None where there was no request."""

    account: Account
    entries: tuple[AccountEntry, ...]
    events: tuple[Event, ...]
    order: Order | None
