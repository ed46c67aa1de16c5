"""Load an account: its last snapshot, or what this process has cached, and the entries since.

Promises that every entry applied is verified by the hash chain, and that a cached account is used
only if it is part of the present log.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select
from sqlmodel import col

from domain.account_json import account_from_json
from domain.errors import VerificationError
from domain.trading.account import Account, AccountEntry
from storage.accounts import account_tables as tables
from storage.accounts import hash_chain
from storage.accounts.hash_chain import ChainedEntry

ApplyEntry = Callable[[Account | None, AccountEntry], Account]
"""Returns the account after an entry; None is the account that is not opened yet."""

_HEAD = (
    select(col(tables.AccountRow.id), col(tables.AccountRow.number), col(tables.AccountRow.digest))
    .where(col(tables.AccountRow.market) == bindparam("market"))
    .where(col(tables.AccountRow.run) == bindparam("run"))
)


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """The account `id` with the number and the digest of its last entry; before the first entry,
    None, 0 and the chain's root."""

    id: int
    number: int
    digest: str
    account: Account | None

    def after(self, chained: ChainedEntry, apply: ApplyEntry) -> "StoredAccount":
        """Return the account after the next entry. Raises VerificationError for an entry that does
        not follow."""
        if chained.number != self.number + 1 or not chained.follows(self.digest):
            raise broken_chain_error(self.number + 1)
        return StoredAccount(
            self.id, chained.number, chained.digest, apply(self.account, chained.entry())
        )


def load_account(
    connection: Connection, market: str, run: str, apply: ApplyEntry, cached: StoredAccount | None
) -> StoredAccount | None:
    """Return the account of a market and run; None if there is none. `cached` is the account as
    this process last saw it.

    Raises VerificationError if an entry since then is missing or was altered.
    """
    head = connection.execute(_HEAD, {"market": market, "run": run}).first()
    if head is None:
        return None
    id, number, digest = head
    stored = cached
    if stored is None or not _is_part_of(connection, stored, id, number, digest):
        stored = _from_snapshot(connection, id, market, run)
    if stored.number < number:
        for chained in hash_chain.read_chain(connection, id, stored.number, number):
            stored = stored.after(chained, apply)
    if (stored.number, stored.digest) != (number, digest):
        raise broken_chain_error(stored.number + 1)
    return stored


def broken_chain_error(number: int) -> VerificationError:
    return VerificationError(
        f"The log of the paper account is broken at entry {number}: it is missing or was altered."
        " Nothing is traded on it. `quorum audit --verify` says more; restore the database from a"
        " backup."
    )


def _is_part_of(
    connection: Connection, cached: StoredAccount, id: int, number: int, digest: str
) -> bool:
    """Return whether the log that ends at `number` and `digest` contains the cached account: a
    transaction may have been rolled back, or a database restored."""
    if cached.id != id or cached.number > number:
        return False
    if cached.number < number:
        digest = hash_chain.stored_digest(connection, id, cached.number)
    return cached.digest == digest


def _from_snapshot(connection: Connection, id: int, market: str, run: str) -> StoredAccount:
    taken = tables.AccountSnapshotRow
    query = select(col(taken.number), col(taken.body)).where(col(taken.account) == id)
    found = connection.execute(query).first()
    if found is None:
        return StoredAccount(id, 0, hash_chain.genesis_digest(market, run), None)
    digest = hash_chain.stored_digest(connection, id, found.number)
    return StoredAccount(id, found.number, digest, account_from_json(json.loads(found.body)))
