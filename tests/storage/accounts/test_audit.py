"""Whatever somebody does to the log, or to what is kept beside it, is found and reported."""

import re

import pytest
from sqlalchemy import text

from domain.errors import NotFoundError, VerificationError
from storage.accounts.account_log import SNAPSHOT_EVERY
from storage.accounts.audit import AccountAudit
from storage.database import Database
from tests.storage.accounts.account_fixtures import (
    ACCOUNT,
    CAPITAL,
    account_log,
    active_account,
    append_command,
    closed_bar,
    open_account,
    order,
    place,
)
from tests.storage.samples import day
from trading.account import ledger

OTHER = ("files", "live, with a snapshot")
AT = "WHERE account = :id AND number ="
COLUMNS = "account, number, at, recorded_at, kind, body, digest"

LOG = {
    "a price": (
        [f"UPDATE entry SET body = replace(body, '100.1', '100.2') {AT} 9"],
        r"^Entry 9 \(filled\) was altered, moved or put in",
    ),
    "a time": ([f"UPDATE entry SET at = at + 1 {AT} 1"], r"^Entry 1 \(opened\) was altered"),
    "when it came": ([f"UPDATE entry SET recorded_at = 0 {AT} 13"], r"^Entry 13 .*altered"),
    "a kind": ([f"UPDATE entry SET kind = 'order placed' {AT} 12"], r"^Entry 12 .*altered"),
    "a digest": ([f"UPDATE entry SET digest = '00' {AT} 7"], r"^Entry 7 .*altered"),
    "deleted": ([f"DELETE FROM entry {AT} 6"], r"^Entry 6 is missing: after 5 comes 7"),
    "deleted first": ([f"DELETE FROM entry {AT} 1"], r"^Entry 1 is missing: after 0 comes 2"),
    "deleted last": ([f"DELETE FROM entry {AT} 13"], r"^The log ends with entry 12, .* has 13"),
    "put in": (
        [f"INSERT INTO entry SELECT {COLUMNS.replace('number', '14')} FROM entry {AT} 13"],
        r"^Entry 14 .*put in",
    ),
    "moved": (
        [
            f"UPDATE entry SET number = 99 {AT} 3",
            f"UPDATE entry SET number = 3 {AT} 4",
            f"UPDATE entry SET number = 4 {AT} 99",
        ],
        r"^Entry 3 \(order placed\) was altered, moved",
    ),
    "the number": (
        ["UPDATE account SET number = 12 WHERE id = :id"],
        r"^The log goes on to entry 13, but the account has 12",
    ),
    "the head": (
        ["UPDATE account SET digest = '00' WHERE id = :id"],
        r"^The account's digest is not that of its last entry, 13",
    ),
    "whose it is": (
        ["UPDATE account SET run = run || '!' WHERE id = :id"],
        r"^Entry 1 .*altered, moved or put in",
    ),
}
READ_MODELS = {
    "a status": (
        [f"UPDATE orders SET status = 'working' {AT} 3"],
        r"^The order of entry 3 does not follow: status is working, not filled\.",
    ),
    "an order's body": (
        [f"UPDATE orders SET body = replace(body, '10', '11') {AT} 5"],
        r"^The order of entry 5 does not follow: its body says something else",
    ),
    "an order is gone": ([f"DELETE FROM orders {AT} 4"], r"^The order of entry 4 is missing"),
    "a fill": (
        [f"UPDATE fill SET units = 5 {AT} 12"],
        r"^The fill of entry 12 does not follow: units is 5\.0, not 6\.0",
    ),
    "a fill more": (
        [f"UPDATE fill SET number = 99 {AT} 12"],
        r"^The fill of entry 99 is kept, but that entry makes none",
    ),
    "a mark by one bit": (
        [f"UPDATE mark SET equity = 99000.00000000001 {AT} 11"],
        r"^The mark of entry 11 .*equity is 99000\.0+1, not 99000\.0",
    ),
    "many": (
        ["UPDATE orders SET source = 'committee' WHERE account = :id"],
        r"^The order of entry 3 .*source is committee, not manual",
    ),
}


@pytest.fixture
def audit(database: Database) -> AccountAudit:
    return AccountAudit(database, ledger.apply)


def tamper(database: Database, where: tuple[str, str], *statements: str) -> None:
    with database.writing() as connection:
        find = text("SELECT id FROM account WHERE market = :market AND run = :run")
        here = {"market": where[0], "run": where[1]}
        id = connection.execute(find, here).scalar_one()
        for statement in statements:
            done = connection.execute(text(statement), {"id": id})
            assert done.rowcount > 0, statement


def test_what_was_written_verifies(database: Database, audit: AccountAudit) -> None:
    active_account(account_log(database))
    open_account(account_log(database), OTHER)
    assert audit.accounts() == (ACCOUNT, OTHER)
    assert audit.verify(*ACCOUNT) == audit.verify(*OTHER) == ()
    with pytest.raises(NotFoundError, match="There is no paper account of yahoo, live"):
        audit.verify("yahoo", "live")


def test_a_log_that_was_tampered_with_is_reported(database: Database, audit: AccountAudit) -> None:
    """Each way on an account of its own: the others still verify."""
    for tampering, (statements, message) in LOG.items():
        active_account(account_log(database), ("files", tampering))
        tamper(database, ("files", tampering), *statements)
        run = f"{tampering}!" if tampering == "whose it is" else tampering
        (difference,) = audit.verify("files", run)
        assert re.search(message, difference), (tampering, difference)
    active_account(account_log(database))
    assert audit.verify(*ACCOUNT) == ()


def test_what_does_not_follow_from_the_log_is_reported(
    database: Database, audit: AccountAudit
) -> None:
    for tampering, (statements, message) in READ_MODELS.items():
        active_account(account_log(database), ("files", tampering))
        tamper(database, ("files", tampering), *statements)
        differences = audit.verify("files", tampering)
        assert re.search(message, differences[0]), (tampering, differences)
    assert len(audit.verify("files", "a status")) == 1
    *_, last = audit.verify("files", "many")
    assert last == "1 more differences of orders."


def test_a_snapshot_that_is_not_what_the_entries_make_is_reported(
    database: Database, audit: AccountAudit
) -> None:
    paper = account_log(database)
    open_account(paper)
    bars = [
        closed_bar(CAPITAL + number, AAPL=1.0 / (number + 3)) for number in range(SNAPSHOT_EVERY)
    ]
    paper.transact(*ACCOUNT, day(1), append_command(*bars))
    assert audit.verify(*ACCOUNT) == ()
    tamper(
        database,
        ACCOUNT,
        "UPDATE snapshot SET body = replace(body, '100000', '100001') WHERE account = :id",
    )
    assert audit.verify(*ACCOUNT) == ("The snapshot is not what the 502 entries up to it make.",)
    tamper(database, ACCOUNT, "UPDATE snapshot SET body = 'nonsense' WHERE account = :id")
    assert audit.verify(*ACCOUNT)[0].startswith("The snapshot cannot be read: ")
    tamper(database, ACCOUNT, "UPDATE snapshot SET number = 503 WHERE account = :id")
    assert audit.verify(*ACCOUNT) == ("The snapshot is of entry 503, which is not there.",)
    tamper(database, ACCOUNT, "DELETE FROM snapshot WHERE account = :id")
    assert audit.verify(*ACCOUNT) == ()  # it can be made again


def test_nothing_is_recorded_on_a_broken_log(database: Database) -> None:
    paper = account_log(database)
    active_account(paper)
    tamper(database, ACCOUNT, f"UPDATE entry SET body = replace(body, '250.3', '25.3') {AT} 10")
    with pytest.raises(VerificationError, match=r"broken at entry 10.*quorum audit --verify"):
        place(account_log(database), order(7))
    with pytest.raises(VerificationError, match="broken at entry 10"):
        account_log(database).account(*ACCOUNT)


def test_an_entry_that_cannot_follow_is_reported_though_its_chain_is_whole(
    database: Database,
) -> None:
    """As from a program that knows kinds of entries which this one does not."""
    active_account(account_log(database))

    def older(account: object, entry: object) -> object:
        made = ledger.apply(account, entry)  # type: ignore[arg-type]
        if made.entry_count == 8:
            raise VerificationError("'order put off' is no kind of entry")
        return made

    (difference,) = AccountAudit(database, older).verify(*ACCOUNT)  # type: ignore[arg-type]
    assert difference == (
        "Entry 8 (order placed) cannot follow the ones before it: 'order put off' is no kind of"
        " entry"
    )
