from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import NotFoundError
from domain.timeframe import Timeframe
from domain.trading.account import TradingMode
from orchestrator.cycle import run_cycles
from orchestrator.parity.checker import ParityChecker, day_of
from orchestrator.team.local_team import LocalTeam
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.panel_archive import SqlPanelArchive
from storage.journal.sql_journal import SqlJournal
from tests.orchestrator.account_fixtures import (
    account_cycle,
    account_service,
    account_store,
    buy_ticket,
    clock_after,
)
from tests.orchestrator.market_fixtures import AGENTS, COINS, close_of_bar, run_context
from tests.orchestrator.sample_agents import build_agent

FIRST_DAY, DAYS = 120, 65


def parity_checker(database, **changed) -> ParityChecker:
    def previous_targets(before):
        return SqlJournal(database).previous_targets("files", "live", before)

    checker = ParityChecker(
        account_cycle=account_cycle(database),
        previous_targets=previous_targets,
        records=SqlDecisionRecords(database),
        archive=SqlPanelArchive(database),
        build=build_agent,
        horizon=5,
        simulated=False,
    )
    return replace(checker, **changed)


def play_days(database, days=DAYS, team=None):
    """So many days of live cycles from bar `FIRST_DAY` on; gives the first and the last date."""
    context = run_context(database, account_cycle=account_cycle(database))
    team = team or LocalTeam(AGENTS, build_agent)
    for bars in range(FIRST_DAY, FIRST_DAY + days):
        run_cycles(context, team, COINS, close_of_bar(bars), only_new=True)
    return day_of(close_of_bar(FIRST_DAY)), day_of(close_of_bar(FIRST_DAY + days - 1))


def kinds(report):
    return {difference.kind for difference in report.differences}


def test_sixty_five_paper_days_come_out_as_a_backtest_makes_them(database):
    report = parity_checker(database).compare(*play_days(database))
    assert report.differences == ()
    assert (report.days, report.cycles) == (DAYS, DAYS)
    assert report.votes == DAYS * len(COINS) * len(AGENTS)
    assert report.orders > 20
    assert report.fills > 20


def test_one_day_can_be_asked_for_and_another_run_or_time_is_not_found(database):
    first, _ = play_days(database, 3)
    assert parity_checker(database).compare(first, first).days == 1
    with pytest.raises(NotFoundError):
        parity_checker(database).compare(first - timedelta(days=9), first - timedelta(days=5))


def test_a_bar_that_is_revised_since_is_named_as_the_cause(database):
    first, last = play_days(database, 8)
    store = run_context(database).store
    bars = store.bars("files", "BTC-USD", Timeframe.D1)
    bars.loc[FIRST_DAY + 3, ["close", "adj_close", "high"]] *= 1.04
    store.put_bars("files", "BTC-USD", Timeframe.D1, bars, replace=True)
    report = parity_checker(database).compare(first, last)
    assert "vote" in kinds(report)
    assert any("a bar was revised" in difference.cause for difference in report.differences)
    assert all("unexplained" not in difference.cause for difference in report.differences)
    assert min(each.at for each in report.differences) == close_of_bar(FIRST_DAY + 4)


def test_an_agent_that_failed_live_is_named_as_the_cause(database):
    team = LocalTeam(AGENTS, lambda name: 1 / 0 if name == "technical" else build_agent(name))
    report = parity_checker(database).compare(*play_days(database, 3, team))
    votes = [each for each in report.differences if each.kind == "vote"]
    assert len(votes) == 3 * len(COINS)
    assert all("could not vote then" in difference.cause for difference in votes)


def test_an_order_by_hand_is_a_difference_of_its_day_alone(database):
    play_days(database, 4)
    clock = clock_after(FIRST_DAY + 3)
    clock.market_time += timedelta(hours=1)
    service = account_service(database, clock)
    ticket = buy_ticket(5.0)
    order = service.place(
        ticket, confirmation_token=service.preview(ticket).confirmation_token, key="mine"
    )
    first, last = play_days(database, 9)
    assert account_store(database).blotter.order(order.id).order.filled == 5.0
    report = parity_checker(database).compare(first, last)
    assert [(each.kind, each.at) for each in report.differences] == [("order", clock.market_time)]
    assert "a manual order: buy 5.0 BTC-USD" in report.differences[0].cause


def test_orders_that_the_mode_held_back_are_reported(database):
    account_service(database, clock_after(FIRST_DAY), mode=TradingMode.OBSERVE).account()
    report = parity_checker(database).compare(*play_days(database, 2))
    assert kinds(report) <= {"order", "fill"}
    assert all("the mode was observe" in difference.cause for difference in report.differences)


def test_settings_that_were_changed_since_are_named(database):
    first, last = play_days(database, 4)
    report = parity_checker(
        database, account_cycle=account_cycle(database, buy_edge=0.4, strong_buy_edge=0.45)
    ).compare(first, last)
    causes = [each.cause for each in report.differences if each.kind == "decision"]
    assert causes
    assert all("committee.buy_edge was 0.002 and is 0.4" in cause for cause in causes)


def test_a_bar_on_which_no_cycle_ran_is_reported(database):
    play_days(database, 2)
    context = run_context(database, account_cycle=account_cycle(database))
    run_cycles(context, LocalTeam(AGENTS, build_agent), COINS, close_of_bar(FIRST_DAY + 4))
    first, last = day_of(close_of_bar(FIRST_DAY)), day_of(close_of_bar(FIRST_DAY + 4))
    report = parity_checker(database).compare(first, last)
    assert any("no cycle was held" in difference.cause for difference in report.differences)
