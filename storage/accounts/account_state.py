"""An account as it stands: its last snapshot, or what was seen of it before, and the entries since.

Promises that every entry applied on the way is one that its chain vouches for, and that what was
seen before is used only if it is part of the log that is there now.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select
from sqlmodel import col

from domain.errors import VerificationError
from domain.trading.account import Account, Entry
from domain.trading.account_json import account_from_json
from storage.accounts import account_tables as tables
from storage.accounts import hash_chain
from storage.accounts.hash_chain import Link

Apply = Callable[[Account | None, Entry], Account]
"""The account after an entry; None is the one that is not opened yet."""

_HEAD = (
    select(col(tables.Account.id), col(tables.Account.number), col(tables.Account.digest))
    .where(col(tables.Account.market) == bindparam("market"))
    .where(col(tables.Account.run) == bindparam("run"))
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The account `id` with the number and the digest of its last entry; None, 0 and the chain's
    root before the first."""

    id: int
    number: int
    digest: str
    account: Account | None

    def after(self, link: Link, apply: Apply) -> "Standing":
        """Raises VerificationError for a link that does not follow."""
        if link.number != self.number + 1 or not link.follows(self.digest):
            raise broken(self.number + 1)
        return Standing(self.id, link.number, link.digest, apply(self.account, link.entry()))


def stand(
    connection: Connection, market: str, run: str, apply: Apply, known: Standing | None
) -> Standing | None:
    """The account of a market and run; None if there is none. `known` is what was seen of it.

    Raises VerificationError where an entry since then is missing or was altered.
    """
    head = connection.execute(_HEAD, {"market": market, "run": run}).first()
    if head is None:
        return None
    id, number, digest = head
    standing = known
    if standing is None or not _part_of(connection, standing, id, number, digest):
        standing = _from_snapshot(connection, id, market, run)
    if standing.number < number:
        for link in hash_chain.links(connection, id, standing.number, number):
            standing = standing.after(link, apply)
    if (standing.number, standing.digest) != (number, digest):
        raise broken(standing.number + 1)
    return standing


def broken(number: int) -> VerificationError:
    return VerificationError(
        f"The log of the paper account is broken at entry {number}: it is missing or was altered."
        " Nothing is traded on it. `quorum audit --verify` says more; restore the database from a"
        " backup."
    )


def _part_of(connection: Connection, known: Standing, id: int, number: int, digest: str) -> bool:
    """Whether the log that ends there contains it: another transaction may have been rolled back,
    and a database restored."""
    if known.id != id or known.number > number:
        return False
    if known.number < number:
        digest = hash_chain.digest_of(connection, id, known.number)
    return known.digest == digest


def _from_snapshot(connection: Connection, id: int, market: str, run: str) -> Standing:
    taken = tables.Snapshot
    query = select(col(taken.number), col(taken.body)).where(col(taken.account) == id)
    found = connection.execute(query).first()
    if found is None:
        return Standing(id, 0, hash_chain.root(market, run), None)
    digest = hash_chain.digest_of(connection, id, found.number)
    return Standing(id, found.number, digest, account_from_json(json.loads(found.body)))
