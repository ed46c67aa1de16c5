import math
from dataclasses import replace

import pytest

from domain.errors import InputError, NotFoundError, UnknownSymbolError
from domain.trading.account import TradingMode, TradingState
from domain.trading.orders import Amendment, OrderStatus, OrderType, Side, TimeInForce
from storage.accounts.account_tables import AccountEntryRow
from storage.tables import table
from tests.orchestrator.account_fixtures import (
    account_service,
    account_store,
    buy_ticket,
    clock_after,
)


@pytest.fixture
def clock():
    return clock_after(150)


@pytest.fixture
def service(database, clock):
    return account_service(database, clock)


def place_confirmed(service, ticket, key="a"):
    return service.place(
        ticket, confirmation_token=service.preview(ticket).confirmation_token, key=key
    )


def test_an_account_opens_itself_with_the_configured_capital(database, clock):
    account = account_service(database, clock, capital=5000.0, mode=TradingMode.SUGGEST).account()
    assert (account.cash, account.deposited, account.mode) == (5000.0, 5000.0, TradingMode.SUGGEST)
    assert account_service(database, clock).account() == account


def test_what_was_previewed_is_placed_once_however_often_it_is_confirmed(service):
    preview = service.preview(buy_ticket(2.0))
    assert all(check.passed for check in preview.checks)
    first = service.place(preview.ticket, confirmation_token=preview.confirmation_token, key="mine")
    assert (
        service.place(preview.ticket, confirmation_token=preview.confirmation_token, key="mine")
        == first
    )
    assert list(service.account().orders.values()) == [first]


def test_a_key_serves_one_order_only(service):
    place_confirmed(service, buy_ticket(2.0), "mine")
    with pytest.raises(InputError, match="was used for another order"):
        place_confirmed(service, buy_ticket(3.0), "mine")


def test_no_key_collides_with_those_of_the_exits_of_a_bracket(service):
    for key in ("a-stop", "a-profit", "o5-stop"):
        place_confirmed(service, buy_ticket(1.0), key)
    place_confirmed(service, buy_ticket(1.0, stop_loss=50.0), "a")
    keys = [order.key for order in service.account().orders.values()]
    assert len(set(keys)) == len(keys) == 5
    for taken in (keys[-1], "committee BTC-USD 2023-06-01T00:00:00Z"):
        with pytest.raises(InputError, match="without a space"):
            place_confirmed(service, buy_ticket(1.0), taken)


def test_a_placed_order_stays_placed_though_its_token_has_expired_since(service, clock):
    preview = service.preview(buy_ticket())
    order = service.place(preview.ticket, confirmation_token=preview.confirmation_token, key="mine")
    clock.advance(3600)
    assert (
        service.place(preview.ticket, confirmation_token=preview.confirmation_token, key="mine")
        == order
    )


def test_a_token_holds_for_fifteen_seconds(service, clock):
    preview = service.preview(buy_ticket())
    clock.advance(15.5)
    with pytest.raises(InputError, match="expired"):
        service.place(preview.ticket, confirmation_token=preview.confirmation_token, key="late")
    assert service.account().orders == {}


def test_a_token_is_of_one_ticket(service):
    preview = service.preview(buy_ticket(1.0))
    with pytest.raises(InputError, match="not of this order"):
        service.place(buy_ticket(100.0), confirmation_token=preview.confirmation_token, key="other")


def test_a_token_does_not_outlive_the_bar_it_was_priced_at(service, clock):
    preview = service.preview(buy_ticket())
    clock.market_time = clock_after(151).market_time
    with pytest.raises(InputError, match="Preview the order again"):
        service.place(preview.ticket, confirmation_token=preview.confirmation_token, key="moved")


@pytest.mark.parametrize("quantity", [0.0, -1.0, math.nan, 1e308])
def test_what_is_no_quantity_is_no_order(service, quantity):
    with pytest.raises(InputError):
        service.preview(buy_ticket(quantity))


def test_an_order_over_cash_gets_no_token_and_shows_what_would_be_accepted(service):
    preview = service.preview(buy_ticket(1e5))
    assert preview.confirmation_token is None
    assert any("Give at most" in check.reason for check in preview.checks if not check.passed)


def test_a_symbol_without_prices_has_none(service):
    with pytest.raises(UnknownSymbolError):
        service.preview(buy_ticket(symbol="ZZZZ"))


@pytest.mark.parametrize("key", ["", "x" * 101, "a\nb", "ü"])
def test_a_key_is_short_and_printable(service, key):
    with pytest.raises(InputError, match="idempotency key"):
        place_confirmed(service, buy_ticket(), key)


def test_an_order_is_amended_while_it_is_open(service, clock):
    price, _ = service.last_price("BTC-USD")
    limit = round(price * 0.9, 2)
    order = place_confirmed(
        service,
        buy_ticket(
            1.0, order_type=OrderType.LIMIT, limit_price=limit, time_in_force=TimeInForce.GTC
        ),
    )
    changed = service.amend(order.id, Amendment(quantity=2.0))
    assert (changed.quantity, changed.limit_price) == (2.0, limit)
    service.cancel(order.id)
    with pytest.raises(InputError, match="cancelled"):
        service.amend(order.id, Amendment(quantity=3.0))


def test_a_cancelled_order_stays_cancelled_and_an_unknown_one_is_not_found(service):
    order = place_confirmed(service, buy_ticket())
    assert service.cancel(order.id).status is OrderStatus.CANCELLED
    assert service.cancel(order.id).status is OrderStatus.CANCELLED
    with pytest.raises(NotFoundError):
        service.cancel("nobody's")


def test_all_open_orders_are_cancelled_at_once(service):
    placed = [place_confirmed(service, buy_ticket(n), str(n)) for n in (1.0, 2.0)]
    assert [order.id for order in service.cancel_all()] == [order.id for order in placed]
    assert service.account().orders == {}
    assert service.cancel_all() == ()


def test_an_emergency_stop_outlives_the_process_and_ends_by_hand(database, service, clock):
    place_confirmed(service, buy_ticket())
    service.emergency_stop(flatten=False, reason="it smells of smoke", by="a test")
    again = account_service(database, clock)
    risk = again.account().risk
    assert (risk.trading_state, risk.reason, risk.by) == (
        TradingState.HALTED, "emergency stop: it smells of smoke", "a test",
    )  # fmt: skip
    assert again.account().orders == {}
    assert again.preview(buy_ticket()).confirmation_token is None
    assert again.resume_trading(by="a test").risk.trading_state is TradingState.ACTIVE
    assert again.preview(buy_ticket()).confirmation_token is not None


def test_cash_moves_in_and_out_but_not_beyond_what_there_is(service):
    assert service.transfer_cash(500.0, "more").cash == 100_500.0
    account = service.transfer_cash(-100_500.0, "all of it")
    assert (account.cash, account.deposited) == (0.0, 0.0)
    for amount in (-1.0, 0.0, math.nan, math.inf, 1e308):
        with pytest.raises(InputError):
            service.transfer_cash(amount, "")


def test_a_reset_starts_again_and_keeps_the_past(service):
    place_confirmed(service, buy_ticket())
    before = service.account().entry_count
    account = service.reset(7000.0, "once more")
    assert (account.cash, account.orders, dict(account.positions)) == (7000.0, {}, {})
    assert account.entry_count > before
    with pytest.raises(InputError):
        service.reset(0.0, "")


def test_profiles_are_known_by_name_and_change_the_limits(service):
    roomy = service.preview(buy_ticket(150.0))
    account = service.update_settings(mode=None, profile="conservative", by="a test")
    assert account.profile == "conservative"
    strict = service.preview(buy_ticket(150.0))
    failed = [{c.name for c in preview.checks if not c.passed} for preview in (roomy, strict)]
    assert "position limit" in failed[1] - failed[0]
    with pytest.raises(InputError, match="conservative"):
        service.update_settings(mode=None, profile="reckless", by="a test")


def test_switching_to_what_it_is_already_is_nothing(service):
    before = service.account().entry_count
    assert (
        service.update_settings(mode=TradingMode.AUTO, profile="balanced", by="a test").entry_count
        == before
    )


def test_an_account_that_reconciles_is_left_alone(service):
    place_confirmed(service, buy_ticket())
    number = service.account().entry_count
    assert service.reconcile() == ()
    assert service.account().entry_count == number


def test_what_happens_while_the_log_is_read_is_no_difference(database, service):
    service.account()
    store = account_store(database)

    class SlowBlotter:
        """Reads the log so slowly that somebody moves cash meanwhile."""

        def account_entries(self, *kinds):
            service.transfer_cash(5.0, "meanwhile")
            return store.blotter.account_entries(*kinds)

    assert replace(store, blotter=SlowBlotter()).reconcile() == ()
    assert service.account().risk.trading_state is TradingState.ACTIVE


def test_a_log_that_was_tampered_with_is_reported_and_nothing_is_traded(database, service, clock):
    place_confirmed(service, buy_ticket())
    with database.writing() as connection:
        rows = table(AccountEntryRow)
        connection.execute(
            rows.update().where(rows.c.number == 2).values(body='{"amount": 1e9, "note": ""}')
        )
    again = account_service(database, clock)
    assert any("broken" in difference for difference in again.reconcile())
    with pytest.raises(InputError, match="does not reconcile"):
        again.resume_trading(by="a test")


def test_accounts_of_two_runs_do_not_mix(database, clock):
    live, replay = account_service(database, clock), account_service(database, clock, "replay x y")
    place_confirmed(live, buy_ticket())
    assert replay.account().orders == {}
    assert account_store(database, "replay x y").account() == replay.account()


def test_selling_what_is_not_held_is_refused_while_shorting_is_off(service):
    sale = replace(buy_ticket(), side=Side.SELL)
    assert service.preview(sale).confirmation_token is None
