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
    return ParityChecker(
        **{
            "day": account_cycle(database),
            "previous": lambda before: SqlJournal(database).previous_targets(
                "files", "live", before
            ),
            "records": SqlDecisionRecords(database),
            "archive": SqlPanelArchive(database),
            "build": build_agent,
            "horizon": 5,
            "simulated": False,
            **changed,
        }
    )


def play_days(database, days=DAYS, team=None):
    """So many days of live cycles from bar `BEGUN` on; gives the first and the last date."""
    context = run_context(database, day=account_cycle(database))
    team = team or LocalTeam(AGENTS, build_agent)
    for bars in range(FIRST_DAY, FIRST_DAY + days):
        run_cycles(context, team, COINS, close_of_bar(bars), only_new=True)
    return day_of(close_of_bar(FIRST_DAY)), day_of(close_of_bar(FIRST_DAY + days - 1))


def kinds(found):
    return {difference.kind for difference in found.differences}


def test_sixty_five_paper_days_come_out_as_a_backtest_makes_them(database):
    found = parity_checker(database).compare(*play_days(database))
    assert found.differences == ()
    assert (found.days, found.cycles) == (DAYS, DAYS)
    assert found.votes == DAYS * len(COINS) * len(AGENTS)
    assert found.orders > 20
    assert found.fills > 20


def test_one_day_can_be_asked_for_and_another_run_or_time_is_not_found(database):
    first, _ = play_days(database, 3)
    assert parity_checker(database).compare(first, first).days == 1
    with pytest.raises(NotFoundError):
        parity_checker(database).compare(first - timedelta(days=9), first - timedelta(days=5))


def test_a_bar_that_is_revised_since_is_named_as_the_cause(database):
    first, last = play_days(database, 8)
    library = run_context(database).store
    bars = library.bars("files", "BTC-USD", Timeframe.D1)
    bars.loc[FIRST_DAY + 3, ["close", "adj_close", "high"]] *= 1.1
    library.put_bars("files", "BTC-USD", Timeframe.D1, bars, replace=True)
    found = parity_checker(database).compare(first, last)
    assert "vote" in kinds(found)
    assert any("a bar was revised" in difference.cause for difference in found.differences)
    assert all("unexplained" not in difference.cause for difference in found.differences)
    assert min(each.at for each in found.differences) == close_of_bar(FIRST_DAY + 4)


def test_an_agent_that_failed_live_is_named_as_the_cause(database):
    team = LocalTeam(AGENTS, lambda name: 1 / 0 if name == "technical" else build_agent(name))
    found = parity_checker(database).compare(*play_days(database, 3, team))
    votes = [each for each in found.differences if each.kind == "vote"]
    assert len(votes) == 3 * len(COINS)
    assert all("could not vote then" in difference.cause for difference in votes)


def test_an_order_by_hand_is_a_difference_of_its_day_alone(database):
    play_days(database, 4)
    clock = clock_after(FIRST_DAY + 3)
    clock.market_time += timedelta(hours=1)
    floor = account_service(database, clock)
    ticket = buy_ticket(5.0)
    order = floor.place(
        ticket, confirmation_token=floor.preview(ticket).confirmation_token, key="mine"
    )
    first, last = play_days(database, 9)
    assert account_store(database).blotter.order(order.id).order.filled == 5.0
    found = parity_checker(database).compare(first, last)
    assert [(each.kind, each.at) for each in found.differences] == [("order", clock.market_time)]
    assert "a manual order: buy 5.0 BTC-USD" in found.differences[0].cause


def test_orders_that_the_mode_held_back_are_told(database):
    account_service(database, clock_after(FIRST_DAY), mode=TradingMode.OBSERVE).account()
    found = parity_checker(database).compare(*play_days(database, 2))
    assert kinds(found) <= {"order", "fill"}
    assert all("the mode was observe" in difference.cause for difference in found.differences)


def test_settings_that_were_changed_since_are_named(database):
    first, last = play_days(database, 4)
    found = parity_checker(
        database, day=account_cycle(database, buy_edge=0.4, strong_buy_edge=0.45)
    ).compare(first, last)
    told = [each.cause for each in found.differences if each.kind == "decision"]
    assert told
    assert all("committee.buy_edge was 0.002 and is 0.4" in cause for cause in told)


def test_a_bar_on_which_no_cycle_was_held_is_told(database):
    play_days(database, 2)
    trader = run_context(database, day=account_cycle(database))
    run_cycles(trader, LocalTeam(AGENTS, build_agent), COINS, close_of_bar(FIRST_DAY + 4))
    first, last = day_of(close_of_bar(FIRST_DAY)), day_of(close_of_bar(FIRST_DAY + 4))
    found = parity_checker(database).compare(first, last)
    assert any("no cycle was held" in difference.cause for difference in found.differences)
