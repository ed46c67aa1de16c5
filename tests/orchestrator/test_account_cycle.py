from dataclasses import fields

import pytest

from domain.events import EngineState
from domain.timeframe import Timeframe
from domain.trading.account import Mode, Standing
from domain.trading.orders import Source, Status
from orchestrator.account.cycle_orders import TradingDay
from orchestrator.clocks import PacedClock
from orchestrator.cycle import run_cycles
from orchestrator.engine import Engine
from orchestrator.team.local_team import LocalTeam
from storage.accounts.account_tables import Entry as EntryRow
from storage.journal.decision_records import Records
from storage.journal.sql_journal import Journal
from storage.tables import table
from tests.orchestrator.account_fixtures import at_bar, book_of, buy, day_of_tests, floor_of
from tests.orchestrator.market_fixtures import AGENTS, COINS, FIRST, closes_after, desk
from tests.orchestrator.sample_agents import build


class PowerCutError(Exception):
    pass


class FailingJournal(Journal):
    """Dies within the transaction of a cycle, after everything was written to it."""

    def record(self, cycle, panel, inputs, then=None):
        def die(pen):
            then(pen)
            raise PowerCutError

        return super().record(cycle, panel, inputs, die)


@pytest.fixture
def trader(database):
    return desk(database, day=day_of_tests(database))


def play(trader, team, *bars):
    for bar in bars:
        run_cycles(trader, team, COINS, closes_after(bar), only_new=True)


def orders(database, run="live"):
    return [line.order for line in book_of(database, run).blotter.orders(limit=500)]


def test_orders_follow_decisions_and_fill_at_the_next_open(database, trader, local_team):
    play(trader, local_team, 135, 136)
    bought = [order for order in orders(database) if order.placed_at == closes_after(135)]
    assert bought
    assert all(order.source is Source.COMMITTEE for order in bought)
    assert all(order.status is Status.FILLED for order in bought)
    receipts = {recorded.decision.receipt for recorded in
                Records(database).decided("files", "live", FIRST, closes_after(135))}  # fmt: skip
    assert {order.receipt for order in bought} <= receipts


def test_a_cycle_that_dies_as_it_is_recorded_leaves_no_order_and_is_made_up_for(
    database, trader, local_team
):
    play(trader, local_team, 135, 136)
    dying = desk(database, day=day_of_tests(database), journal=FailingJournal(database))
    with pytest.raises(PowerCutError):
        play(dying, local_team, 137)
    assert not [order for order in orders(database) if order.placed_at == closes_after(137)]
    play(desk(database, day=day_of_tests(database)), local_team, 137, 138)
    cut = book_of(database).account()
    whole = desk(database, "undisturbed", day=day_of_tests(database, "undisturbed"))
    play(whole, local_team, 135, 136, 137, 138)
    other = book_of(database, "undisturbed").account()
    assert (cut.cash, cut.positions, cut.marks) == (other.cash, other.positions, other.marks)


def test_a_cycle_held_again_places_nothing_and_meets_nothing_again(database, trader, local_team):
    play(trader, local_team, 135, 136)
    number = book_of(database).account().number
    run_cycles(trader, local_team, COINS, closes_after(136))
    assert book_of(database).account().number == number


def test_bars_missed_while_nobody_looked_are_met_in_their_order(database, trader, local_team):
    play(trader, local_team, 135)
    play(trader, local_team, 140)
    marks = book_of(database).blotter.curve().times
    assert len(marks) == len(set(marks))
    assert all(marks[:-1] < marks[1:])
    assert book_of(database).account().marks["BTC-USD"].at == closes_after(140)


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.SUGGEST])
def test_without_the_automatic_mode_nothing_is_ordered(database, trader, local_team, mode):
    floor_of(database, at_bar(135), mode=mode).account()
    play(trader, local_team, 135, 136)
    assert orders(database) == []


def test_what_would_be_ordered_is_suggested(database, trader, local_team):
    floor_of(database, at_bar(135), mode=Mode.SUGGEST).account()
    play(trader, local_team, 135)
    suggested = trader.day.suggestions(book_of(database).account())
    automatic = desk(database, "other", day=day_of_tests(database, "other"))
    play(automatic, local_team, 135)
    placed = [(order.symbol, order.side, order.quantity) for order in orders(database, "other")]
    assert sorted((o.symbol, o.side, o.quantity) for o in suggested) == sorted(placed)
    assert placed


def test_the_profile_in_force_is_in_the_receipt(database, trader, local_team):
    floor_of(database, at_bar(135), profile="conservative").account()
    (held,) = run_cycles(trader, local_team, COINS, closes_after(135))
    assert held.inputs["committee"]["sizing"]["position_limit"] == 0.1
    assert "meet" in held.seconds


def test_what_is_held_is_met_though_it_is_no_longer_followed(database, trader, local_team):
    play(trader, local_team, 135, 136)
    account = book_of(database).account()
    assert account.positions
    for symbol in account.positions:
        others = [each for each in COINS if each != symbol]
        run_cycles(trader, local_team, others, closes_after(137), only_new=True)
        assert book_of(database).account().marks[symbol].at == closes_after(137)


def test_an_emergency_stop_sells_at_the_next_open_and_nothing_is_bought_after(
    database, trader, local_team
):
    play(trader, local_team, 135, 136)
    assert book_of(database).account().positions
    floor_of(database, at_bar(136)).stop(flatten=True, reason="", by="a test")
    play(trader, local_team, 137, 138)
    account = book_of(database).account()
    assert account.positions == {}
    assert account.guard.standing is Standing.HALTED
    late = [order for order in orders(database) if order.placed_at > closes_after(136)]
    assert late == []


def test_a_manual_order_fills_at_the_next_open_after_it(database, trader, local_team):
    floor = floor_of(database, at_bar(135), mode=Mode.OBSERVE)
    floor.account()
    play(trader, local_team, 135)
    ticket = buy(3.0)
    order = floor.place(ticket, quote=floor.preview(ticket).quote, key="mine")
    play(trader, local_team, 136)
    assert book_of(database).account().positions["BTC-USD"].units == 3.0
    assert book_of(database).blotter.fills(order=order.id)[0].at == closes_after(135)


def test_an_engine_trades_nothing_on_an_account_that_does_not_reconcile(
    database, trader, local_team
):
    play(trader, local_team, 135, 136)
    with database.writing() as connection:
        rows, richer = table(EntryRow), '{"amount": 1e9, "note": ""}'
        connection.execute(rows.update().where(rows.c.number == 2).values(body=richer))
    again = desk(database, day=day_of_tests(database))
    clock = PacedClock(lambda: COINS, Timeframe.D1, closes_after(136), closes_after(139))
    engine = Engine(again, clock, lambda: COINS, lambda _: LocalTeam(AGENTS, build))
    engine.start()
    try:
        while engine.state is EngineState.RUNNING and not engine.join(0.05):
            pass
    finally:
        engine.stop()
    assert engine.state is EngineState.HALTED
    assert "does not reconcile" in (engine.status().reason or "")
    assert Journal(database).cursor("files", "live", "24/7") == closes_after(136)


def test_an_order_placed_while_the_bars_are_read_is_no_fault(database):
    clock, day = at_bar(150), day_of_tests(database)
    floor = floor_of(database, clock)
    followed = [symbol for symbol in COINS if symbol != "BTC-USD"]

    class Slow(TradingDay):
        """Reads its bars so slowly that somebody orders something else meanwhile."""

        def tape(self, account, symbols, as_of):
            shown = floor.preview(buy())
            floor.place(shown.ticket, quote=shown.quote, key="meanwhile")
            return super().tape(account, symbols, as_of)

    slow = Slow(**{field.name: getattr(day, field.name) for field in fields(day)})
    assert "BTC-USD" in slow.meet(followed, clock.at).symbols
    assert set(followed) <= floor.account().marks.keys()
