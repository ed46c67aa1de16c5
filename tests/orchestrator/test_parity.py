from datetime import timedelta

import pytest

from domain.errors import NotFoundError
from domain.timeframe import Timeframe
from domain.trading.account import Mode
from orchestrator.cycle import run_cycles
from orchestrator.parity.checker import Examiner, day_of
from orchestrator.team.local_team import LocalTeam
from storage.journal.decision_records import Records
from storage.journal.panel_archive import Archive
from storage.journal.sql_journal import Journal
from tests.orchestrator.account_fixtures import at_bar, book_of, buy, day_of_tests, floor_of
from tests.orchestrator.market_fixtures import AGENTS, COINS, closes_after, desk
from tests.orchestrator.sample_agents import build

BEGUN, DAYS = 120, 65


def examiner(database, **changed) -> Examiner:
    return Examiner(
        **{
            "day": day_of_tests(database),
            "previous": lambda before: Journal(database).previous_targets("files", "live", before),
            "records": Records(database),
            "archive": Archive(database),
            "build": build,
            "horizon": 5,
            "simulated": False,
            **changed,
        }
    )


def played(database, days=DAYS, team=None):
    """So many days of live cycles from bar `BEGUN` on; gives the first and the last date."""
    trader = desk(database, day=day_of_tests(database))
    team = team or LocalTeam(AGENTS, build)
    for bars in range(BEGUN, BEGUN + days):
        run_cycles(trader, team, COINS, closes_after(bars), only_new=True)
    return day_of(closes_after(BEGUN)), day_of(closes_after(BEGUN + days - 1))


def kinds(found):
    return {difference.kind for difference in found.differences}


def test_sixty_five_paper_days_come_out_as_a_backtest_makes_them(database):
    found = examiner(database).compare(*played(database))
    assert found.differences == ()
    assert (found.days, found.cycles) == (DAYS, DAYS)
    assert found.votes == DAYS * len(COINS) * len(AGENTS)
    assert found.orders > 20
    assert found.fills > 20


def test_one_day_can_be_asked_for_and_another_run_or_time_is_not_found(database):
    first, _ = played(database, 3)
    assert examiner(database).compare(first, first).days == 1
    with pytest.raises(NotFoundError):
        examiner(database).compare(first - timedelta(days=9), first - timedelta(days=5))


def test_a_bar_that_is_revised_since_is_named_as_the_cause(database):
    first, last = played(database, 8)
    library = desk(database).library
    bars = library.bars("files", "BTC-USD", Timeframe.D1)
    bars.loc[BEGUN + 3, ["close", "adj_close", "high"]] *= 1.1
    library.put_bars("files", "BTC-USD", Timeframe.D1, bars, replace=True)
    found = examiner(database).compare(first, last)
    assert "vote" in kinds(found)
    assert any("a bar was revised" in difference.cause for difference in found.differences)
    assert all("unexplained" not in difference.cause for difference in found.differences)
    assert min(each.at for each in found.differences) == closes_after(BEGUN + 4)


def test_an_agent_that_failed_live_is_named_as_the_cause(database):
    team = LocalTeam(AGENTS, lambda name: 1 / 0 if name == "technical" else build(name))
    found = examiner(database).compare(*played(database, 3, team))
    votes = [each for each in found.differences if each.kind == "vote"]
    assert len(votes) == 3 * len(COINS)
    assert all("could not vote then" in difference.cause for difference in votes)


def test_an_order_by_hand_is_a_difference_of_its_day_alone(database):
    played(database, 4)
    clock = at_bar(BEGUN + 3)
    clock.at += timedelta(hours=1)
    floor = floor_of(database, clock)
    ticket = buy(5.0)
    order = floor.place(ticket, quote=floor.preview(ticket).quote, key="mine")
    first, last = played(database, 9)
    assert book_of(database).blotter.order(order.id).order.filled == 5.0
    found = examiner(database).compare(first, last)
    assert [(each.kind, each.at) for each in found.differences] == [("order", clock.at)]
    assert "a manual order: buy 5.0 BTC-USD" in found.differences[0].cause


def test_orders_that_the_mode_held_back_are_told(database):
    floor_of(database, at_bar(BEGUN), mode=Mode.OBSERVE).account()
    found = examiner(database).compare(*played(database, 2))
    assert kinds(found) <= {"order", "fill"}
    assert all("the mode was observe" in difference.cause for difference in found.differences)


def test_settings_that_were_changed_since_are_named(database):
    first, last = played(database, 4)
    found = examiner(
        database, day=day_of_tests(database, buy_edge=0.4, strong_buy_edge=0.45)
    ).compare(first, last)
    told = [each.cause for each in found.differences if each.kind == "decision"]
    assert told
    assert all("committee.buy_edge was 0.002 and is 0.4" in cause for cause in told)


def test_a_bar_on_which_no_cycle_was_held_is_told(database):
    played(database, 2)
    trader = desk(database, day=day_of_tests(database))
    run_cycles(trader, LocalTeam(AGENTS, build), COINS, closes_after(BEGUN + 4))
    first, last = day_of(closes_after(BEGUN)), day_of(closes_after(BEGUN + 4))
    found = examiner(database).compare(first, last)
    assert any("no cycle was held" in difference.cause for difference in found.differences)
