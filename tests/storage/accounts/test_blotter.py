"""Orders, fills, the curve, the log and round trips of an account are read as written."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from domain.account_json import account_event_from_json
from domain.errors import InputError, NotFoundError
from domain.trading.account import AccountReset, CashTransferred, OrderSubmitted, SplitApplied
from domain.trading.orders import OrderSource, OrderStatus, Side
from storage.accounts.account_log import SqlAccountLog
from storage.accounts.blotter import AuditEntry, BlotterOrder, SqlBlotter
from storage.database import Database
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
from tests.storage.samples import day


@pytest.fixture
def paper(database: Database) -> SqlAccountLog:
    return account_log(database)


@pytest.fixture
def blotter(database: Database) -> SqlBlotter:
    return SqlBlotter(database, *ACCOUNT)


def ids(lines: tuple[BlotterOrder, ...]) -> list[str]:
    return [line.order.id for line in lines]


def test_an_account_that_was_never_opened_has_nothing(blotter: SqlBlotter) -> None:
    assert blotter.orders() == blotter.fills() == blotter.entries() == blotter.round_trips() == ()
    assert blotter.lots() == {}
    assert len(blotter.curve().times) == 0
    with pytest.raises(NotFoundError, match="There is no closed trade '1-2'"):
        blotter.annotate("1-2", "", ())


def test_orders_are_found_by_what_they_are(paper: SqlAccountLog, blotter: SqlBlotter) -> None:
    left = active_account(paper)
    assert ids(blotter.orders()) == ["o6", "o5", "o4", "o3", "o2", "o1"]
    assert ids(blotter.orders(open_only=True)) == ["o6", "o5", "o4", "o3"]
    assert ids(blotter.orders(symbols=["AAPL"])) == ["o6", "o4", "o1"]
    assert ids(blotter.orders(symbols=["AAPL", "XOM"])) == ["o6", "o4", "o3", "o1"]
    assert ids(blotter.orders(status=OrderStatus.FILLED)) == ["o2", "o1"]
    assert ids(blotter.orders(source=OrderSource.COMMITTEE)) == []
    assert ids(blotter.orders(symbols=["MSFT"], open_only=True, source=OrderSource.MANUAL)) == [
        "o5"
    ]
    assert {line.order.id: line.order for line in blotter.orders(open_only=True)} == left.orders
    second = blotter.order("o2")
    assert (second.order.status, second.order.filled) == (OrderStatus.FILLED, 10.0)
    assert second.order.average_price == pytest.approx((4 * 250.3 + 6 * 249.7) / 10)
    assert (second.number, second.updated_at) == (4, day(2))
    assert blotter.order("o5").order.best_price == 251.0
    assert blotter.order("o3").updated_at == day(0)


def test_an_order_that_is_not_there_is_not_found(paper: SqlAccountLog, blotter: SqlBlotter) -> None:
    active_account(paper)
    for id in ("o9", "", "\x00", "'; DROP TABLE orders", "\ud800", "Ä" * 999):
        with pytest.raises(NotFoundError, match=r"There is no order .* in the paper account of"):
            blotter.order(id)
        assert blotter.fills(order=id) == ()


def test_pages_follow_one_another_while_new_orders_come(
    paper: SqlAccountLog, blotter: SqlBlotter
) -> None:
    open_account(paper)
    for number in range(7):
        place(paper, order(number))
    first = blotter.orders(limit=3)
    place(paper, order(7))
    second = blotter.orders(limit=3, before=first[-1].number)
    third = blotter.orders(limit=3, before=second[-1].number)
    assert ids(first + second + third) == ["o6", "o5", "o4", "o3", "o2", "o1", "o0"]
    assert ids(blotter.orders(before=10**30, limit=1)) == ["o7"]
    assert blotter.orders(before=-(10**30)) == ()


def test_fills_are_found_by_order_symbol_and_time(
    paper: SqlAccountLog, blotter: SqlBlotter
) -> None:
    active_account(paper)
    last, middle, first = blotter.fills()
    assert (last.symbol, last.units, last.price, last.at) == ("MSFT", 6.0, 249.7, day(2))
    assert (middle.units, middle.commission, middle.slippage, middle.charged) == (
        4.0,
        0.1,
        0.3,
        0.02,
    )
    assert (first.order, first.moment, first.source) == ("o1", "open", OrderSource.MANUAL)
    assert blotter.fills(order="o2") == blotter.fills(symbol="MSFT") == (last, middle)
    assert blotter.fills(before=last.number, limit=1) == (middle,)
    assert blotter.fills(since=day(2)) == (last,)
    assert blotter.fills(until=day(2)) == (middle, first)
    assert blotter.fills(since=day(1), until=day(2) + timedelta(1), symbol="AAPL") == (first,)


def test_the_curve_is_what_the_account_came_to_at_each_row_to_the_last_bit(
    paper: SqlAccountLog, blotter: SqlBlotter
) -> None:
    open_account(paper)
    place(paper, order())
    odd = 1.0 / 3.0 + 1e-9
    paper.transact(
        *ACCOUNT, day(1), append_command(fill(order(), 10.0, odd), closed_bar(99_999.9, AAPL=odd))
    )
    cash = paper.transact(*ACCOUNT, day(2), append_command(closed_bar(0.0, AAPL=0.1))).account.cash
    curve = blotter.curve()
    assert curve.times.dtype == np.dtype("datetime64[us]")
    assert curve.times.astype(np.int64).tolist() == [
        int(day(k).timestamp() * 1_000_000) for k in (1, 2)
    ]
    assert curve.equity.tolist() == [99_999.9, 0.0]
    assert curve.cash.tolist() == [cash, cash]
    assert curve.exposure[0] == 10.0 * odd / 99_999.9
    assert np.isnan(curve.exposure[1])


def test_a_price_that_is_missing_leaves_the_exposure_unknown(
    paper: SqlAccountLog, blotter: SqlBlotter
) -> None:
    open_account(paper)
    place(paper, order(1, "XOM"))
    paper.transact(*ACCOUNT, day(1), append_command(fill(order(1, "XOM")), closed_bar(AAPL=1.0)))
    assert blotter.curve().exposure.tolist() == [pytest.approx(10 * 100.1 / CAPITAL)]


def test_the_log_is_read_from_its_beginning_in_pieces(
    paper: SqlAccountLog, blotter: SqlBlotter
) -> None:
    active_account(paper)
    pieces: list[AuditEntry] = []
    while piece := blotter.entries(pieces[-1].number if pieces else 0, limit=5):
        pieces.extend(piece)
    assert [line.number for line in pieces] == list(range(1, 14))
    assert pieces[0].kind == "opened"
    assert pieces[0].at == day(0) < pieces[0].recorded_at
    assert account_event_from_json(pieces[2].kind, pieces[2].body) == OrderSubmitted(order())
    assert len({line.digest for line in pieces}) == 13
    assert blotter.entries(after=10**30) == ()


def test_entries_of_a_kind_are_read_alone(paper: SqlAccountLog, blotter: SqlBlotter) -> None:
    active_account(paper)
    paper.transact(*ACCOUNT, day(3), append_command(CashTransferred(-5.0, "rent")))
    transfers = blotter.account_entries(CashTransferred, AccountReset)
    assert [entry.event for entry in transfers] == [
        CashTransferred(CAPITAL, ""),
        CashTransferred(-5.0, "rent"),
    ]
    assert [entry.number for entry in transfers] == [2, 14]


def test_round_trips_close_oldest_lots_first_and_carry_their_notes(
    paper: SqlAccountLog, blotter: SqlBlotter, database: Database
) -> None:
    open_account(paper)
    buys = [order(1, receipt="AAPL-1"), order(2)]
    sell = order(3, side=Side.SELL, quantity=30.0)
    paper.transact(*ACCOUNT, day(0), append_command(*map(OrderSubmitted, [*buys, sell])))
    paper.transact(
        *ACCOUNT, day(1), append_command(fill(buys[0], 10.0, 100.0), fill(buys[1], 10.0, 110.0))
    )
    paper.transact(*ACCOUNT, day(2), append_command(SplitApplied("AAPL", 2.0)))
    assert [lot.quantity for lot in blotter.lots()["AAPL"]] == [20.0, 20.0]
    assert blotter.round_trips() == ()
    paper.transact(*ACCOUNT, day(3), append_command(fill(sell, 30.0, 60.0)))
    first, second = blotter.round_trips()
    assert (first.quantity, first.entry_price, first.exit_price, first.receipt) == (
        20.0,
        50.0,
        60.0,
        "AAPL-1",
    )
    assert (second.quantity, second.entry_price, second.closed_at) == (10.0, 55.0, day(3))
    assert [lot.quantity for lot in blotter.lots()["AAPL"]] == [10.0]

    blotter.annotate(first.id, "zu früh\x00 \ud800 <b>", ["Gap", " earnings ", "Gap", ""])
    blotter.annotate(second.id, "", ["later"])
    blotter.annotate(second.id, "better", [])
    annotated = SqlBlotter(database, *ACCOUNT).round_trips()
    assert (annotated[0].note, annotated[0].tags) == ("zu früh\x00 \ud800 <b>", ("Gap", "earnings"))
    assert (annotated[1].note, annotated[1].tags) == ("better", ())
    assert blotter.round_trips() == annotated


def test_a_note_that_is_too_long_is_refused(paper: SqlAccountLog, blotter: SqlBlotter) -> None:
    open_account(paper)
    sell = order(2, side=Side.SELL)
    paper.transact(*ACCOUNT, day(0), append_command(OrderSubmitted(order()), OrderSubmitted(sell)))
    paper.transact(*ACCOUNT, day(1), append_command(fill(order()), fill(sell)))
    (trip,) = blotter.round_trips()
    with pytest.raises(InputError, match="has 4,001 characters; 4,000 are kept"):
        blotter.annotate(trip.id, "x" * 4001, ())
    with pytest.raises(InputError, match="21 tags were given; a trade has up to 20"):
        blotter.annotate(trip.id, "", [str(number) for number in range(21)])
    with pytest.raises(InputError, match="longer than 40 characters"):
        blotter.annotate(trip.id, "", ["x" * 41])
    assert blotter.round_trips() == (trip,)


def test_a_blotter_sees_what_another_process_wrote(
    paper: SqlAccountLog, blotter: SqlBlotter, url: str
) -> None:
    open_account(paper)
    sell = order(2, side=Side.SELL)
    paper.transact(*ACCOUNT, day(0), append_command(OrderSubmitted(order()), OrderSubmitted(sell)))
    assert blotter.round_trips() == ()
    other = Database(url)
    account_log(other).transact(*ACCOUNT, day(1), append_command(fill(order()), fill(sell)))
    other.close()
    assert len(blotter.round_trips()) == 1


def test_accounts_do_not_mix(paper: SqlAccountLog, database: Database) -> None:
    active_account(paper)
    open_account(paper, ("files", "replay"))
    other = SqlBlotter(database, "files", "replay")
    assert other.orders() == other.fills() == ()
    assert len(other.entries()) == 2
    with pytest.raises(NotFoundError):
        other.order("o1")


def test_every_query_is_answered_from_its_index(sqlite: Database) -> None:
    active_account(account_log(sqlite))
    blotter = SqlBlotter(sqlite, *ACCOUNT)
    queries: list[tuple[Callable[[], object], str]] = [
        (lambda: blotter.orders(before=9), "orders (account=? AND number<?)"),
        (lambda: blotter.orders(symbols=["XOM"]), "orders (account=? AND symbol=?)"),
        (lambda: blotter.orders(status=OrderStatus.FILLED), "orders (account=? AND status=?)"),
        (lambda: blotter.orders(source=OrderSource.EXIT), "orders (account=? AND source=?)"),
        (lambda: blotter.orders(open_only=True), "orders (account=? AND status=?)"),
        (lambda: blotter.order("o1"), "orders (account=? AND id=?)"),
        (lambda: blotter.fills(before=9, since=day(0)), "fill (account=? AND number<?)"),
        (lambda: blotter.fills(symbol="XOM"), "fill (account=? AND symbol=?)"),
        (lambda: blotter.fills(order="o1"), "fill (account=? AND order=?)"),
        (lambda: blotter.curve(), "mark (account=?)"),
        (lambda: blotter.entries(3), "entry (account=? AND number>?)"),
        (
            lambda: blotter.account_entries(CashTransferred),
            "entry (account=? AND kind=? AND number>?)",
        ),
        (lambda: blotter.round_trips(), "entry (account=? AND kind=? AND number>?)"),
    ]
    for query, expected in queries:
        with plans(sqlite) as planned:
            query()
        searched = {re.sub(r"SEARCH (\w+) USING.*\(", r"\1 (", step) for step in planned}
        assert expected in searched, searched
        assert not any(step.startswith("SCAN") for step in planned), planned


@contextmanager
def plans(database: Database) -> Iterator[list[str]]:
    """Steps in which SQLite answers what is read meanwhile."""
    planned: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
            planned.extend(step[3] for step in plan.fetchall())

    with database.reading() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", explain)
    yield planned
    event.remove(engine, "before_cursor_execute", explain)
