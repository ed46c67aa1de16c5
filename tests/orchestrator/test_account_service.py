import math
from dataclasses import replace

import pytest

from domain.errors import InputError, NotFoundError, UnknownSymbolError
from domain.trading.account import Mode, Standing
from domain.trading.orders import Amendment, Kind, Side, Status, Term
from storage.accounts.account_tables import Entry as EntryRow
from storage.tables import table
from tests.orchestrator.account_fixtures import at_bar, book_of, buy, floor_of


@pytest.fixture
def clock():
    return at_bar(150)


@pytest.fixture
def floor(database, clock):
    return floor_of(database, clock)


def confirmed(floor, ticket, key="a"):
    return floor.place(ticket, quote=floor.preview(ticket).quote, key=key)


def test_an_account_opens_itself_with_the_configured_capital(database, clock):
    account = floor_of(database, clock, capital=5000.0, mode=Mode.SUGGEST).account()
    assert (account.cash, account.deposited, account.mode) == (5000.0, 5000.0, Mode.SUGGEST)
    assert floor_of(database, clock).account() == account


def test_what_was_previewed_is_placed_once_however_often_it_is_confirmed(floor):
    shown = floor.preview(buy(2.0))
    assert all(check.passed for check in shown.checks)
    first = floor.place(shown.ticket, quote=shown.quote, key="mine")
    assert floor.place(shown.ticket, quote=shown.quote, key="mine") == first
    assert list(floor.account().orders.values()) == [first]


def test_a_key_serves_one_order_only(floor):
    confirmed(floor, buy(2.0), "mine")
    with pytest.raises(InputError, match="was used for another order"):
        confirmed(floor, buy(3.0), "mine")


def test_no_key_stands_in_the_way_of_the_exits_of_a_bracket(floor):
    for key in ("a-stop", "a-profit", "o5-stop"):
        confirmed(floor, buy(1.0), key)
    confirmed(floor, buy(1.0, stop_loss=50.0), "a")
    keys = [order.key for order in floor.account().orders.values()]
    assert len(set(keys)) == len(keys) == 5
    for taken in (keys[-1], "committee BTC-USD 2023-06-01T00:00:00Z"):
        with pytest.raises(InputError, match="without a space"):
            confirmed(floor, buy(1.0), taken)


def test_a_placed_order_stays_placed_though_its_quote_has_expired_since(floor, clock):
    shown = floor.preview(buy())
    order = floor.place(shown.ticket, quote=shown.quote, key="mine")
    clock.pass_(3600)
    assert floor.place(shown.ticket, quote=shown.quote, key="mine") == order


def test_a_quote_holds_for_fifteen_seconds(floor, clock):
    shown = floor.preview(buy())
    clock.pass_(15.5)
    with pytest.raises(InputError, match="expired"):
        floor.place(shown.ticket, quote=shown.quote, key="late")
    assert floor.account().orders == {}


def test_a_quote_is_of_one_ticket(floor):
    shown = floor.preview(buy(1.0))
    with pytest.raises(InputError, match="not of this order"):
        floor.place(buy(100.0), quote=shown.quote, key="other")


def test_a_quote_does_not_outlive_the_bar_it_was_priced_at(floor, clock):
    shown = floor.preview(buy())
    clock.at = at_bar(151).at
    with pytest.raises(InputError, match="Preview the order again"):
        floor.place(shown.ticket, quote=shown.quote, key="moved")


@pytest.mark.parametrize("quantity", [0.0, -1.0, math.nan, 1e308])
def test_what_is_no_quantity_is_no_order(floor, quantity):
    with pytest.raises(InputError):
        floor.preview(buy(quantity))


def test_an_order_over_cash_gets_no_quote_and_is_told_what_would_be_accepted(floor):
    shown = floor.preview(buy(1e5))
    assert shown.quote is None
    assert any("Give at most" in check.why for check in shown.checks if not check.passed)


def test_a_symbol_without_prices_has_none(floor):
    with pytest.raises(UnknownSymbolError):
        floor.preview(buy(symbol="ZZZZ"))


@pytest.mark.parametrize("key", ["", "x" * 101, "a\nb", "ü"])
def test_a_key_is_short_and_printable(floor, key):
    with pytest.raises(InputError, match="idempotency key"):
        confirmed(floor, buy(), key)


def test_an_order_is_amended_while_it_is_open(floor, clock):
    price, _ = floor.quote("BTC-USD")
    limit = round(price * 0.9, 2)
    order = confirmed(floor, buy(1.0, kind=Kind.LIMIT, limit=limit, term=Term.GTC))
    changed = floor.amend(order.id, Amendment(quantity=2.0))
    assert (changed.quantity, changed.limit) == (2.0, limit)
    floor.cancel(order.id)
    with pytest.raises(InputError, match="cancelled"):
        floor.amend(order.id, Amendment(quantity=3.0))


def test_a_cancelled_order_stays_cancelled_and_an_unknown_one_is_not_found(floor):
    order = confirmed(floor, buy())
    assert floor.cancel(order.id).status is Status.CANCELLED
    assert floor.cancel(order.id).status is Status.CANCELLED
    with pytest.raises(NotFoundError):
        floor.cancel("nobody's")


def test_all_open_orders_are_cancelled_at_once(floor):
    placed = [confirmed(floor, buy(n), str(n)) for n in (1.0, 2.0)]
    assert [order.id for order in floor.cancel_all()] == [order.id for order in placed]
    assert floor.account().orders == {}
    assert floor.cancel_all() == ()


def test_an_emergency_stop_outlives_the_process_and_ends_by_hand(database, floor, clock):
    confirmed(floor, buy())
    floor.stop(flatten=False, reason="it smells of smoke", by="a test")
    again = floor_of(database, clock)
    guard = again.account().guard
    assert (guard.standing, guard.reason, guard.by) == (
        Standing.HALTED, "emergency stop: it smells of smoke", "a test",
    )  # fmt: skip
    assert again.account().orders == {}
    assert again.preview(buy()).quote is None
    assert again.reset_guard(by="a test").guard.standing is Standing.ACTIVE
    assert again.preview(buy()).quote is not None


def test_cash_moves_in_and_out_but_not_beyond_what_there_is(floor):
    assert floor.move_cash(500.0, "more").cash == 100_500.0
    account = floor.move_cash(-100_500.0, "all of it")
    assert (account.cash, account.deposited) == (0.0, 0.0)
    for amount in (-1.0, 0.0, math.nan, math.inf, 1e308):
        with pytest.raises(InputError):
            floor.move_cash(amount, "")


def test_a_reset_begins_anew_and_keeps_the_past(floor):
    confirmed(floor, buy())
    before = floor.account().number
    account = floor.reset(7000.0, "once more")
    assert (account.cash, account.orders, dict(account.positions)) == (7000.0, {}, {})
    assert account.number > before
    with pytest.raises(InputError):
        floor.reset(0.0, "")


def test_profiles_are_known_by_name_and_change_the_limits(floor):
    roomy = floor.preview(buy(150.0))
    account = floor.switch(mode=None, profile="conservative", by="a test")
    assert account.profile == "conservative"
    strict = floor.preview(buy(150.0))
    failed = [{c.name for c in shown.checks if not c.passed} for shown in (roomy, strict)]
    assert "position limit" in failed[1] - failed[0]
    with pytest.raises(InputError, match="conservative"):
        floor.switch(mode=None, profile="reckless", by="a test")


def test_switching_to_what_it_is_already_is_nothing(floor):
    before = floor.account().number
    assert floor.switch(mode=Mode.AUTO, profile="balanced", by="a test").number == before


def test_an_account_that_reconciles_is_left_alone(floor):
    confirmed(floor, buy())
    number = floor.account().number
    assert floor.reconcile() == ()
    assert floor.account().number == number


def test_what_happens_while_the_log_is_read_is_no_difference(database, floor):
    floor.account()
    book = book_of(database)

    class Slow:
        """Reads the log so slowly that somebody moves cash meanwhile."""

        def happenings(self, *kinds):
            floor.move_cash(5.0, "meanwhile")
            return book.blotter.happenings(*kinds)

    assert replace(book, blotter=Slow()).reconcile() == ()
    assert floor.account().guard.standing is Standing.ACTIVE


def test_a_log_that_was_tampered_with_is_told_and_nothing_is_traded(database, floor, clock):
    confirmed(floor, buy())
    with database.writing() as connection:
        rows = table(EntryRow)
        connection.execute(
            rows.update().where(rows.c.number == 2).values(body='{"amount": 1e9, "note": ""}')
        )
    again = floor_of(database, clock)
    assert any("broken" in told for told in again.reconcile())
    with pytest.raises(InputError, match="does not reconcile"):
        again.reset_guard(by="a test")


def test_accounts_of_two_runs_do_not_mix(database, clock):
    live, replay = floor_of(database, clock), floor_of(database, clock, "replay x y")
    confirmed(live, buy())
    assert replay.account().orders == {}
    assert book_of(database, "replay x y").account() == replay.account()


def test_selling_what_is_not_held_is_refused_while_shorting_is_off(floor):
    sale = replace(buy(), side=Side.SELL)
    assert floor.preview(sale).quote is None
