from contextlib import contextmanager
from dataclasses import fields

import pytest
from sqlalchemy import func, select

from domain.events import EngineState
from domain.timeframe import Timeframe
from domain.trading.account import TradingMode, TradingState
from domain.trading.orders import OrderSource, OrderStatus
from orchestrator.account.cycle_orders import AccountCycle
from orchestrator.clocks import PacedClock
from orchestrator.cycle import run_cycles
from orchestrator.engine import Engine
from orchestrator.team.local_team import LocalTeam
from storage.accounts.account_tables import AccountEntryRow
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.sql_journal import SqlJournal
from storage.tables import CycleRow, table
from tests.orchestrator.account_fixtures import (
    account_cycle,
    account_service,
    account_store,
    buy_ticket,
    clock_after,
)
from tests.orchestrator.market_fixtures import AGENTS, COINS, FIRST, close_of_bar, run_context
from tests.orchestrator.sample_agents import build_agent


class PowerLossError(Exception):
    pass


class FailingJournal(SqlJournal):
    """Dies within the transaction of a cycle, after everything was written to it."""

    @contextmanager
    def unit_of_work(self):
        cycles = select(func.count()).select_from(CycleRow)
        with super().unit_of_work() as uow:
            before = uow.connection.scalar(cycles)
            yield uow
            if uow.connection.scalar(cycles) > before:
                raise PowerLossError


@pytest.fixture
def context(database):
    return run_context(database, account_cycle=account_cycle(database))


def run_bars(context, team, *bars):
    for bar in bars:
        run_cycles(context, team, COINS, close_of_bar(bar), only_new=True)


def orders(database, run="live"):
    return [line.order for line in account_store(database, run).blotter.orders(limit=500)]


def test_orders_follow_decisions_and_fill_at_the_next_open(database, context, local_team):
    run_bars(context, local_team, 135, 136)
    bought = [order for order in orders(database) if order.submitted_at == close_of_bar(135)]
    assert bought
    assert all(order.source is OrderSource.COMMITTEE for order in bought)
    assert all(order.status is OrderStatus.FILLED for order in bought)
    receipts = {
        recorded.decision.receipt
        for recorded in SqlDecisionRecords(database).decisions_between(
            "files", "live", FIRST, close_of_bar(135)
        )
    }
    assert {order.receipt for order in bought} <= receipts


def test_a_cycle_that_dies_as_it_is_recorded_leaves_no_order_and_is_made_up_for(
    database, context, local_team
):
    run_bars(context, local_team, 135, 136)
    dying = run_context(
        database, account_cycle=account_cycle(database), journal=FailingJournal(database)
    )
    with pytest.raises(PowerLossError):
        run_bars(dying, local_team, 137)
    assert not [order for order in orders(database) if order.submitted_at == close_of_bar(137)]
    run_bars(run_context(database, account_cycle=account_cycle(database)), local_team, 137, 138)
    cut = account_store(database).account()
    whole = run_context(
        database, "undisturbed", account_cycle=account_cycle(database, "undisturbed")
    )
    run_bars(whole, local_team, 135, 136, 137, 138)
    other = account_store(database, "undisturbed").account()
    assert (cut.cash, cut.positions, cut.last_bars) == (
        other.cash,
        other.positions,
        other.last_bars,
    )


def test_a_cycle_held_again_places_nothing_and_meets_nothing_again(database, context, local_team):
    run_bars(context, local_team, 135, 136)
    number = account_store(database).account().entry_count
    run_cycles(context, local_team, COINS, close_of_bar(136))
    assert account_store(database).account().entry_count == number


def test_bars_missed_while_the_engine_was_down_are_processed_in_order(
    database, context, local_team
):
    run_bars(context, local_team, 135)
    run_bars(context, local_team, 140)
    times = account_store(database).blotter.curve().times
    assert len(times) == len(set(times))
    assert all(times[:-1] < times[1:])
    assert account_store(database).account().last_bars["BTC-USD"].at == close_of_bar(140)


@pytest.mark.parametrize("mode", [TradingMode.OBSERVE, TradingMode.SUGGEST])
def test_without_the_automatic_mode_nothing_is_ordered(database, context, local_team, mode):
    account_service(database, clock_after(135), mode=mode).account()
    run_bars(context, local_team, 135, 136)
    assert orders(database) == []


def test_what_would_be_ordered_is_suggested(database, context, local_team):
    account_service(database, clock_after(135), mode=TradingMode.SUGGEST).account()
    run_bars(context, local_team, 135)
    suggested = context.account_cycle.suggest_orders(account_store(database).account())
    automatic = run_context(database, "other", account_cycle=account_cycle(database, "other"))
    run_bars(automatic, local_team, 135)
    placed = [(order.symbol, order.side, order.quantity) for order in orders(database, "other")]
    assert sorted((o.symbol, o.side, o.quantity) for o in suggested) == sorted(placed)
    assert placed


def test_the_profile_in_force_is_in_the_receipt(database, context, local_team):
    account_service(database, clock_after(135), profile="conservative").account()
    (result,) = run_cycles(context, local_team, COINS, close_of_bar(135))
    assert result.inputs["committee"]["sizing"]["position_limit"] == 0.1
    assert "meet" in result.seconds


def test_bars_of_a_position_are_processed_though_it_is_no_longer_followed(
    database, context, local_team
):
    run_bars(context, local_team, 135, 136)
    account = account_store(database).account()
    assert account.positions
    for symbol in account.positions:
        others = [each for each in COINS if each != symbol]
        run_cycles(context, local_team, others, close_of_bar(137), only_new=True)
        assert account_store(database).account().last_bars[symbol].at == close_of_bar(137)


def test_an_emergency_stop_sells_at_the_next_open_and_nothing_is_bought_after(
    database, context, local_team
):
    run_bars(context, local_team, 135, 136)
    assert account_store(database).account().positions
    account_service(database, clock_after(136)).emergency_stop(flatten=True, reason="", by="a test")
    run_bars(context, local_team, 137, 138)
    account = account_store(database).account()
    assert account.positions == {}
    assert account.risk.trading_state is TradingState.HALTED
    late = [order for order in orders(database) if order.submitted_at > close_of_bar(136)]
    assert late == []


def test_a_manual_order_fills_at_the_next_open_after_it(database, context, local_team):
    service = account_service(database, clock_after(135), mode=TradingMode.OBSERVE)
    service.account()
    run_bars(context, local_team, 135)
    ticket = buy_ticket(3.0)
    order = service.place(
        ticket, confirmation_token=service.preview(ticket).confirmation_token, key="mine"
    )
    run_bars(context, local_team, 136)
    assert account_store(database).account().positions["BTC-USD"].quantity == 3.0
    assert account_store(database).blotter.fills(order=order.id)[0].at == close_of_bar(135)


def test_an_engine_trades_nothing_on_an_account_that_does_not_reconcile(
    database, context, local_team
):
    run_bars(context, local_team, 135, 136)
    with database.writing() as connection:
        rows, richer = table(AccountEntryRow), '{"amount": 1e9, "note": ""}'
        connection.execute(rows.update().where(rows.c.number == 2).values(body=richer))
    again = run_context(database, account_cycle=account_cycle(database))
    clock = PacedClock(lambda: COINS, Timeframe.D1, close_of_bar(136), close_of_bar(139))
    engine = Engine(again, clock, lambda: COINS, lambda _: LocalTeam(AGENTS, build_agent))
    engine.start()
    try:
        while engine.state is EngineState.RUNNING and not engine.join(0.05):
            pass
    finally:
        engine.stop()
    assert engine.state is EngineState.HALTED
    assert "does not reconcile" in (engine.status().reason or "")
    assert SqlJournal(database).cursor("files", "live", "24/7") == close_of_bar(136)


def test_an_order_placed_while_the_bars_are_read_is_no_fault(database):
    clock, day = clock_after(150), account_cycle(database)
    service = account_service(database, clock)
    followed = [symbol for symbol in COINS if symbol != "BTC-USD"]

    class SlowAccountCycle(AccountCycle):
        """Reads its bars so slowly that somebody orders something else meanwhile."""

        def load_bars(self, account, symbols, as_of):
            shown = service.preview(buy_ticket())
            service.place(
                shown.ticket, confirmation_token=shown.confirmation_token, key="meanwhile"
            )
            return super().load_bars(account, symbols, as_of)

    slow = SlowAccountCycle(**{field.name: getattr(day, field.name) for field in fields(day)})
    assert "BTC-USD" in slow.process_bars(followed, clock.market_time).symbols
    assert set(followed) <= service.account().last_bars.keys()
