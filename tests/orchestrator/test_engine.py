import time
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import ConfigurationError, InputError, StorageError
from domain.events import EngineState, EventKind
from domain.timeframe import Timeframe
from orchestrator.clocks import LiveClock, PacedClock
from orchestrator.engine import Engine
from orchestrator.retry import MAX_TRIES
from orchestrator.team.local_team import LocalTeam
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.sql_journal import SqlJournal
from storage.market_data.sql_store import SqlMarketDataStore
from tests.orchestrator.market_fixtures import AGENTS, COINS, close_of_bar, run_context
from tests.orchestrator.sample_agents import build_agent


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def make(database):
    """Engines over bars 150 to 160; all are stopped at the end."""
    engines = []

    def make_engine(
        first=149,
        last=160,
        clock=None,
        open_team=None,
        context_changes=(),
        watched=lambda: COINS,
        **more,
    ):
        days = {"start": close_of_bar(first), "end": close_of_bar(last)}
        engine = Engine(
            run_context(database, **dict(context_changes)),
            clock or PacedClock(lambda: COINS, Timeframe.D1, **days),
            watched,
            open_team or (lambda on_progress: LocalTeam(AGENTS, build_agent)),
            first_pause=0.01,
            **more,
        )
        engines.append(engine)
        return engine

    yield make_engine
    for engine in engines:
        engine.stop()


def bars_decided(database):
    history = SqlDecisionRecords(database).history("files", "live", COINS[0], 100)
    return [recorded.as_of for recorded in reversed(history)]


def days(first, last):
    return [close_of_bar(day) for day in range(first, last + 1)]


def test_every_bar_is_decided_once_and_in_order(make, database):
    published = []
    engine = make(notify=lambda: published.append(1))
    engine.start()
    assert engine.join(20)
    assert bars_decided(database) == days(150, 160)
    assert len(published) == 11
    assert engine.status().last == close_of_bar(160)
    assert engine.progress() is None


def test_an_engine_started_again_goes_on_where_the_last_one_stopped(make, database):
    make(last=153).start()
    wait_until(lambda: len(bars_decided(database)) == 4)
    again = make(last=156)
    again.start()
    assert again.join(20)
    assert bars_decided(database) == days(150, 156)


def test_a_paused_engine_stays_paused_over_a_restart_and_can_be_stepped(make, database):
    make().pause()
    engine = make()
    engine.start()
    time.sleep(0.3)
    assert engine.state is EngineState.PAUSED
    assert bars_decided(database) == []
    engine.run_now()
    wait_until(lambda: bars_decided(database) == days(150, 150))
    engine.resume()
    assert engine.join(20)
    assert bars_decided(database) == days(150, 160)


def test_a_halted_engine_refuses_to_step_and_says_why_also_after_a_restart(make):
    make().halt("the numbers look wrong")
    engine = make()
    assert engine.status().reason == "the numbers look wrong"
    with pytest.raises(InputError, match="Resume it"):
        engine.run_now()
    engine.resume()
    assert engine.status().reason is None


def test_a_replay_neither_inherits_nor_changes_the_state_of_the_live_engine(make):
    live = make()
    live.pause()
    replay = make(context_changes={"run": "replay 2023-06-01 2023-06-11"})
    assert replay.state is EngineState.RUNNING
    replay.halt("seen enough")
    assert make().state is EngineState.PAUSED


def test_an_error_in_a_cycle_is_recorded_shown_and_overcome(make, database):
    errors_to_come = [RuntimeError("the disk sneezed"), RuntimeError("the disk sneezed")]

    def refresh(symbols, now, on_progress):
        if errors_to_come:
            raise errors_to_come.pop()

    engine = make(refresh=refresh)
    engine.start()
    assert engine.join(20)
    assert bars_decided(database) == days(150, 160)
    errors = [
        event.payload["error"]
        for event in SqlJournal(database).events_after(0)
        if event.kind is EventKind.ENGINE_CHANGED
    ]
    assert errors == ["RuntimeError: the disk sneezed", None]
    assert engine.status().error is None


def test_an_error_that_stays_is_shown_and_recorded_once_whatever_its_numbers(make, database):
    tries = []

    def open_team(on_progress):
        tries.append(1)
        raise ConfigurationError(f"Ray could not start in session_{len(tries)}. Free memory.")

    engine = make(open_team=open_team)
    engine.start()
    wait_until(lambda: len(tries) > 3)
    assert "Free memory" in engine.status().error
    assert engine.progress() is None
    (recorded,) = SqlJournal(database).events_after(0)
    assert recorded.payload == {
        "market": "files",
        "run": "live",
        "state": "running",
        "previous": "running",
        "reason": None,
        "error": "Ray could not start in session_1. Free memory.",
    }


def test_a_symbol_that_is_dropped_is_fetched_until_its_decisions_are_settled(make, database):
    requested, watched = {}, list(COINS)

    def refresh(symbols, now, on_progress):
        requested[now] = set(symbols)
        if now == close_of_bar(151):
            watched.remove(COINS[1])

    engine = make(watched=lambda: watched, last=162, refresh=refresh)
    engine.start()
    assert engine.join(20)
    dropped = [now for now, symbols in requested.items() if COINS[1] not in symbols]
    assert dropped == days(158, 162)


def test_without_a_single_bar_the_engine_says_what_the_provider_said(make, database):
    now = close_of_bar(150)

    def refresh(symbols, at, on_progress):
        SqlMarketDataStore(database).record_fetch(
            "empty", COINS[0], "bars 1d", now, "Nobody answers."
        )

    engine = make(context_changes={"market": "empty"}, refresh=refresh)
    engine.start()
    wait_until(lambda: engine.status().error)
    assert "There are no bars yet of BTC-USD, ETH-USD. Nobody answers." in engine.status().error
    assert "--market demo" in engine.status().error
    assert engine.status().missing == COINS


def test_a_bar_that_is_a_little_late_is_waited_for_without_an_alarm(make, database):
    class LateBarClock(PacedClock):
        expects_late_bars = True

    clock = LateBarClock(lambda: COINS, Timeframe.D1, close_of_bar(199))
    engine = make(clock=clock, refresh=lambda *_: None)
    engine.start()
    wait_until(lambda: "have not arrived yet" in getattr(engine.progress(), "what", ""))
    assert engine.status().error is None
    assert bars_decided(database) == [close_of_bar(200)]
    wait_until(lambda: engine.status().error)


def test_a_bar_that_fails_for_ever_does_not_stop_a_replay(make, database):
    def refresh(symbols, now, on_progress):
        if now == close_of_bar(152):
            raise RuntimeError("this day is cursed")

    engine = make(refresh=refresh)
    engine.start()
    assert engine.join(20)
    assert bars_decided(database) == days(150, 151) + days(153, 160)


def test_a_bar_is_waited_for_while_the_database_is_gone(make, database):
    errors_to_come = [StorageError("the database does not answer") for _ in range(MAX_TRIES + 2)]

    def refresh(symbols, now, on_progress):
        if now == close_of_bar(152) and errors_to_come:
            raise errors_to_come.pop()

    engine = make(refresh=refresh)
    engine.start()
    assert engine.join(20)
    assert bars_decided(database) == days(150, 160)


def test_an_agent_in_trouble_is_an_event_and_so_is_its_recovery(make, database):
    class FailingTeam(LocalTeam):
        def vote(self, panel, since):
            broken = panel.known_at[-1].item().replace(tzinfo=UTC) == close_of_bar(152)
            self._built.pop("rl", None)
            self._build = (lambda name: 1 / 0) if broken else build_agent
            return super().vote(panel, since)

    engine = make(open_team=lambda on_progress: FailingTeam(AGENTS, build_agent))
    engine.start()
    assert engine.join(20)
    recorded = [
        e for e in SqlJournal(database).events_after(0) if e.kind is EventKind.AGENT_CHANGED
    ]
    assert [event.payload["state"] for event in recorded] == ["failing", "ready"]


def test_stopping_does_not_wait_for_the_next_bar(make):
    clock = PacedClock(lambda: COINS, Timeframe.D1, close_of_bar(149), seconds_per_bar=600)
    engine = make(clock=clock)
    engine.start()
    wait_until(lambda: engine.status().last is not None)
    started = time.monotonic()
    engine.stop()
    assert time.monotonic() - started < 2


def live_clock(now, symbols=("AAPL", "BTC-USD")):
    return LiveClock(lambda: symbols, Timeframe.D1, now=lambda: now)


def test_the_live_clock_takes_the_newest_close_and_then_waits_for_the_next():
    friday = datetime(2024, 3, 1, 22, 0, tzinfo=UTC)
    clock = live_clock(friday)
    close = datetime(2024, 3, 1, 21, 0, tzinfo=UTC)
    midnight = datetime(2024, 3, 2, 0, 0, tzinfo=UTC)
    assert clock.next_instant(None) == close
    assert clock.next_instant(close) == midnight
    assert (
        clock.seconds_until(midnight, close, 5.0) == timedelta(hours=2, seconds=60).total_seconds()
    )
    assert clock.immediate_instant(close) == friday


def test_the_live_clock_does_not_make_up_for_what_nobody_saw():
    clock = live_clock(datetime(2024, 3, 6, 22, 0, tzinfo=UTC))
    assert clock.next_instant(datetime(2024, 2, 1, tzinfo=UTC)) == datetime(
        2024, 3, 6, 21, tzinfo=UTC
    )


def test_a_paced_clock_leaves_out_what_the_cycle_itself_took():
    clock = PacedClock(lambda: COINS, Timeframe.D1, close_of_bar(1), seconds_per_day=2.0)
    assert clock.seconds_until(close_of_bar(5), close_of_bar(3), 1.5) == 2.5
    assert clock.seconds_until(close_of_bar(5), close_of_bar(3), 99.0) == 0.0
