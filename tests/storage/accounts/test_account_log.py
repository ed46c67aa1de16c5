"""What happens to an account is stored as a whole, once, and read back as it was."""

import threading

import pytest
from sqlalchemy import text

from domain.errors import InputError
from domain.events import EventKind
from domain.trading.account import CashTransferred, OrderClosed, OrderSubmitted
from domain.trading.orders import OrderStatus
from domain.trading.transactions import ClientRequest
from storage.accounts.account_log import SNAPSHOT_EVERY, SqlAccountLog
from storage.database import Database
from storage.journal.sql_journal import SqlJournal
from tests.storage.accounts.account_fixtures import (
    ACCOUNT,
    CAPITAL,
    account_log,
    active_account,
    append_command,
    closed_bar,
    fill,
    open_account,
    order,
    place,
)
from tests.storage.samples import INPUTS, cycle, day, panel
from trading.account import ledger

PANEL = panel(20, events=5)
TABLES = ("entry", "orders", "fill", "mark")


@pytest.fixture
def paper(database: Database) -> SqlAccountLog:
    return account_log(database)


def counts(database: Database) -> dict[str, int]:
    with database.reading() as connection:
        return {
            table: int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
            for table in TABLES
        }


def test_an_account_is_read_back_as_it_was_left(paper: SqlAccountLog, database: Database) -> None:
    assert paper.account(*ACCOUNT) is None
    left = active_account(paper)
    assert paper.account(*ACCOUNT) == left
    assert account_log(database).account(*ACCOUNT) == left
    assert left.entry_count == 13
    assert counts(database) == {"entry": 13, "orders": 6, "fill": 3, "mark": 2}


def test_an_account_is_read_from_its_snapshot_and_the_entries_since(
    paper: SqlAccountLog, database: Database
) -> None:
    left = active_account(paper)
    for number in range(3):
        bars = [
            closed_bar(CAPITAL + 0.1 * k, AAPL=1.0 / (3.0 + k)) for k in range(SNAPSHOT_EVERY // 2)
        ]
        left = paper.transact(*ACCOUNT, day(number), append_command(*bars)).account
        assert account_log(database).account(*ACCOUNT) == paper.account(*ACCOUNT) == left
    with database.reading() as connection:
        taken = connection.execute(text("SELECT number FROM snapshot")).scalar_one()
    assert SNAPSHOT_EVERY <= taken < left.entry_count


def test_each_market_and_run_has_an_account_of_its_own(paper: SqlAccountLog) -> None:
    active_account(paper)
    other = open_account(paper, ("files", "replay 2024-01-01 2024-02-01")).account
    assert (other.entry_count, other.cash) == (2, CAPITAL)
    assert paper.account("yahoo", "live") is None


def test_nothing_has_happened_where_the_command_raises(
    paper: SqlAccountLog, database: Database
) -> None:
    left = active_account(paper)
    before, last = counts(database), SqlJournal(database).last_seq()

    def refuse(_: object) -> tuple[()]:
        raise InputError("no")

    with pytest.raises(InputError):
        paper.transact(*ACCOUNT, day(3), refuse)
    with pytest.raises(Exception, match="was placed already"):
        paper.transact(
            *ACCOUNT,
            day(3),
            append_command(OrderSubmitted(order(9)), OrderSubmitted(order(3, "XOM"))),
        )
    assert (counts(database), SqlJournal(database).last_seq()) == (before, last)
    assert paper.account(*ACCOUNT) == account_log(database).account(*ACCOUNT) == left
    assert paper.transact(*ACCOUNT, day(3), append_command()).events == ()
    assert SqlJournal(database).last_seq() == last


def test_an_account_must_be_opened_first(paper: SqlAccountLog, database: Database) -> None:
    with pytest.raises(Exception, match="first entry of an account opens it"):
        paper.transact(*ACCOUNT, day(0), append_command(CashTransferred(1.0, "")))
    with pytest.raises(ValueError, match="Nothing opened the account of files, live"):
        paper.transact(*ACCOUNT, day(0), append_command())
    assert paper.account(*ACCOUNT) is None
    assert counts(database)["entry"] == 0


def test_events_are_recorded_in_the_same_transaction(
    paper: SqlAccountLog, database: Database
) -> None:
    open_account(paper)
    place(paper, order())
    events = paper.transact(
        *ACCOUNT, day(1), append_command(fill(order()), closed_bar(99_998.0, AAPL=101.0))
    ).events
    assert SqlJournal(database).events_after(0)[-3:] == events
    filled, changed, account = events
    assert filled.kind is EventKind.ORDER_FILLED
    assert filled.payload["market"] == "files"
    assert filled.payload["units"] == 10.0
    assert (changed.kind, changed.symbol) == (EventKind.ORDER_CHANGED, "AAPL")
    assert (changed.payload["status"], changed.payload["average"]) == ("filled", 100.1)
    assert account.kind is EventKind.ACCOUNT_CHANGED
    assert account.payload == {
        "market": "files",
        "at": "2020-01-03T21:00:00Z",
        "number": 5,
        "equity": pytest.approx(CAPITAL + 10 * 0.9 - 0.12),
        "cash": pytest.approx(CAPITAL - 1001.12),
        "standing": "active",
        "mode": "auto",
    }


def test_a_request_is_carried_out_once_however_often_it_comes(
    paper: SqlAccountLog, database: Database
) -> None:
    open_account(paper)
    first = place(paper, order())
    paper.transact(
        *ACCOUNT,
        day(1),
        append_command(OrderClosed("o1", OrderStatus.CANCELLED, "changed my mind")),
    )
    last = SqlJournal(database).last_seq()
    again = place(paper, order(2, key="key 1"))
    assert first.order == order()
    assert again.order is not None
    assert (again.order.id, again.order.status) == ("o1", OrderStatus.CANCELLED)  # as it stands now
    assert (again.entries, again.events) == ((), ())
    assert SqlJournal(database).last_seq() == last
    with pytest.raises(InputError, match=r"'key 1' was used for another order: buy 10 AAPL"):
        place(paper, order(2, key="key 1"), "b")
    assert counts(database)["orders"] == 1


def test_a_request_must_place_the_order_it_is_for(paper: SqlAccountLog) -> None:
    open_account(paper)
    with pytest.raises(ValueError, match="None of the orders placed has the key 'mine'"):
        paper.transact(
            *ACCOUNT,
            day(0),
            append_command(OrderSubmitted(order())),
            request=ClientRequest("mine", "a"),
        )


def test_orders_of_a_cycle_exist_if_and_only_if_the_cycle_is_recorded(
    paper: SqlAccountLog, database: Database
) -> None:
    open_account(paper)
    journal, transactions = SqlJournal(database), []

    def record(then_fail: bool = False) -> int:
        with journal.unit_of_work() as uow:
            events = uow.record(cycle(), PANEL, INPUTS)
            if events:
                transactions.append(uow)
                events += paper.transact_within(
                    uow, *ACCOUNT, day(0), append_command(OrderSubmitted(order()))
                ).events
            if then_fail:
                raise KeyboardInterrupt
        return len(events)

    before = paper.account(*ACCOUNT)
    with pytest.raises(KeyboardInterrupt):
        record(then_fail=True)
    assert journal.cursor("demo", "live", "XNYS") is None
    assert paper.account(*ACCOUNT) == before
    assert record() == 13 + 2
    placed = paper.account(*ACCOUNT)
    assert placed is not None
    assert set(placed.orders) == {"o1"}
    assert record() == 0
    assert paper.account(*ACCOUNT) == placed
    assert len(transactions) == 2
    assert len(journal.events_after(0)) == journal.last_seq() == 1 + 13 + 2


def test_two_writers_take_turns_on_one_account(url: str, database: Database) -> None:
    open_account(account_log(database))
    together = threading.Barrier(2)
    failures: list[BaseException] = []

    def write(first: int) -> None:
        own = Database(url)
        try:
            mine = account_log(own)
            together.wait()
            for number in range(first, first + 20):
                place(mine, order(number))
        except BaseException as failure:
            failures.append(failure)
        finally:
            own.close()

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    left = account_log(database).account(*ACCOUNT)
    assert left is not None
    assert (left.entry_count, len(left.orders), left.order_count) == (42, 40, 40)
    assert SqlJournal(database).last_seq() == 1 + 40 * 2


def test_an_account_that_was_rolled_back_is_not_remembered(
    paper: SqlAccountLog, database: Database
) -> None:
    """The same number is given again to something else, here and in another process."""
    open_account(paper)
    journal = SqlJournal(database)

    def book_and_fail() -> None:
        with journal.unit_of_work() as uow:
            paper.transact_within(
                uow, *ACCOUNT, day(0), append_command(CashTransferred(5.0, "never"))
            )
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        book_and_fail()
    recorded = (
        account_log(database)
        .transact(*ACCOUNT, day(0), append_command(CashTransferred(7.0, "kept")))
        .account
    )
    assert paper.account(*ACCOUNT) == recorded
    assert ledger.equity(recorded) == CAPITAL + 7.0
