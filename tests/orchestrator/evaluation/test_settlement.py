"""Decisions are settled when their outcome is complete, never before, and each with its own."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import EventKind
from domain.instants import to_datetime
from domain.settlement import PendingDecision, SettlementKey
from domain.timeframe import Timeframe
from orchestrator.committee.learned_weights import influence_by_row, learn, new_learner
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.cycle import prepare_panels, run_cycle, run_cycles
from orchestrator.evaluation.settlement import newest_due_close, settle_decisions
from orchestrator.parity.receipt_verification import verify_receipt
from orchestrator.team.local_team import LocalTeam
from storage.journal import panel_archive
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.panel_archive import SqlPanelArchive
from storage.journal.sql_journal import SqlJournal
from storage.market_data.sql_store import SqlMarketDataStore
from tests.orchestrator.market_fixtures import AGENTS, COINS, close_of_bar, run_context, store_bars
from tests.orchestrator.random_panels import random_panel
from tests.orchestrator.sample_agents import build_agent

KEY = SettlementKey("files", "live", "24/7", Timeframe.D1, 5)


def pending_decision(panel, row, symbol, horizon=5, seq=1):
    at = to_datetime(panel.known_at[row])
    return PendingDecision(seq, f"R{seq}", symbol, at, horizon, 0.55, 0.53, ())


def all_pending(panel, horizon):
    return [
        pending_decision(panel, row, symbol, horizon, seq=row * len(panel.symbols) + column)
        for row in range(len(panel.known_at))
        for column, symbol in enumerate(panel.symbols)
    ]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000), bars=st.integers(1, 25), horizon=st.integers(1, 7),
    holes=st.floats(0.0, 0.6),
)  # fmt: skip
def test_what_is_settled_is_the_return_over_the_symbols_own_bars_and_all_that_is_complete_is(
    seed, bars, horizon, holes
):
    panel = random_panel(bars, 3, seed)
    hole = np.random.default_rng(seed).random(panel.shape) < holes
    columns = {n: np.where(hole, np.nan, getattr(panel, n)) for n in ("open", "close")}
    panel = replace(panel, **columns)
    pending = all_pending(panel, horizon)
    settled = {o.decision.seq: o for o in settle_decisions([panel], pending)}
    for each in pending:
        row, column = divmod(each.seq, 3)
        own = np.flatnonzero(~hole[:, column])
        later = own[own > row]
        if hole[row, column] or len(later) <= horizon:
            assert each.seq not in settled
            continue
        entry, exit_ = later[0], later[horizon]
        plain = panel.open[exit_, column] / panel.open[entry, column] - 1.0
        assert settled[each.seq].change == plain
        assert settled[each.seq].entry_at == to_datetime(panel.known_at[entry])
        assert settled[each.seq].exit_at == to_datetime(panel.known_at[exit_])


def test_each_decision_is_settled_over_its_own_horizon():
    panel = random_panel(20, 1)
    short, long = pending_decision(panel, 3, "S0", 2, 1), pending_decision(panel, 3, "S0", 9, 2)
    first, second = settle_decisions([panel], [short, long])
    assert first.change == panel.open[6, 0] / panel.open[4, 0] - 1.0
    assert second.change == panel.open[13, 0] / panel.open[4, 0] - 1.0


def test_a_decision_on_a_bar_or_symbol_that_no_panel_has_stays_pending():
    panel = random_panel(20, 1)
    elsewhere = pending_decision(panel, 3, "S9")
    between = replace(
        pending_decision(panel, 3, "S0"), as_of=to_datetime(panel.known_at[3]) + timedelta(hours=1)
    )
    after = replace(
        pending_decision(panel, 3, "S0"), as_of=to_datetime(panel.known_at[-1]) + timedelta(days=1)
    )
    assert settle_decisions([panel], [elsewhere, between, after]) == ()


def test_a_panel_that_is_too_short_has_nothing_due():
    assert newest_due_close(random_panel(6, 1)) is None
    panel = random_panel(7, 1)
    assert newest_due_close(panel) == to_datetime(panel.known_at[0])


def settled_events(database):
    events = SqlJournal(database).events_after(0, 100_000)
    return [event for event in events if event.kind is EventKind.DECISION_SETTLED]


def run_all(database, team, first, last, run="live", symbols=COINS, **changed):
    for day in range(first, last + 1):
        run_cycles(run_context(database, run, **changed), team, symbols, close_of_bar(day))


@pytest.mark.parametrize("run", ["live", "replay 2023-06-01 2023-06-20"])
def test_every_decision_older_than_the_horizon_and_a_bar_is_settled_and_none_younger(
    database, local_team, run
):
    run_all(database, local_team, 150, 165, run)
    events = settled_events(database)
    settled = sorted((event.payload["as_of"], event.symbol) for event in events)
    due = [f"{close_of_bar(day):%Y-%m-%dT00:00:00Z}" for day in range(150, 160)]
    assert settled == [(day, coin) for day in due for coin in COINS]
    assert {event.run for event in events} == {run}
    waiting = SqlJournal(database).pending(replace(KEY, run=run), close_of_bar(999))
    assert len(waiting) == 6 * len(COINS)


def test_a_settled_decision_shows_what_was_forecast_and_its_outcome(database, local_team):
    run_all(database, local_team, 150, 156)
    (prepared,) = prepare_panels(run_context(database), COINS, close_of_bar(156))
    first = settled_events(database)[0].payload
    opens = prepared.panel.open[:, prepared.panel.symbols.index(COINS[0])]
    assert first["change"] == opens[155] / opens[150] - 1.0
    assert first["receipt"].startswith("BTC-USD-20230601")
    assert sorted(first["agents"]) == sorted(AGENTS)
    assert (first["market"], first["simulated"], first["horizon"]) == ("files", False, 5)


def test_what_nobody_settled_for_days_is_settled_as_it_would_have_been(database, local_team):
    run_all(database, local_team, 150, 170)
    run_all(database, local_team, 150, 153, run="short")
    run_all(database, local_team, 170, 170, run="short")
    changes = {}
    for event in settled_events(database):
        changes.setdefault((event.symbol, event.payload["as_of"]), []).append(
            event.payload["change"]
        )
    assert all(len(set(both)) == 1 for both in changes.values())
    assert sum(len(both) == 2 for both in changes.values()) == 4 * len(COINS)


def test_running_the_same_cycle_again_settles_nothing_again(database, local_team):
    run_all(database, local_team, 150, 160)
    before = SqlJournal(database).last_seq()
    run_all(database, local_team, 160, 160)
    assert SqlJournal(database).last_seq() == before


def test_a_symbol_that_is_no_longer_followed_is_settled_all_the_same(database, local_team):
    run_all(database, local_team, 150, 152)
    run_all(database, local_team, 153, 165, symbols=COINS[:1])
    of_the_other = [event for event in settled_events(database) if event.symbol == COINS[1]]
    assert len(of_the_other) == 3


def test_a_symbol_without_a_bar_is_not_waited_for_and_one_that_vanished_is(database, local_team):
    store = SqlMarketDataStore(database)
    store_bars(store, bars=152, symbols=("SOL-USD",))
    three = (*COINS, "SOL-USD")
    run_all(database, local_team, 150, 170, symbols=three)
    waiting = SqlJournal(database).pending(KEY, close_of_bar(160))
    assert {each.symbol for each in waiting} == {"SOL-USD"}
    assert [each.as_of for each in waiting] == [close_of_bar(day) for day in (150, 151, 152)]


def test_a_changed_horizon_leaves_older_decisions_their_own(database, local_team):
    run_all(database, local_team, 150, 152)
    run_all(database, local_team, 153, 160, horizon=2)
    horizons = {e.payload["as_of"][:10]: e.payload["horizon"] for e in settled_events(database)}
    assert [horizons[at] for at in sorted(horizons)] == [5] * 3 + [2] * 5


def test_a_decision_asked_for_by_hand_settles_the_earlier_ones_of_its_run(database, local_team):
    for day in (150, 180):
        for prepared in prepare_panels(run_context(database, "decide"), COINS, close_of_bar(day)):
            run_cycle(run_context(database, "decide"), local_team, prepared, previous={})
    assert len(settled_events(database)) == len(COINS)


LEARNING = CommitteeSettings(weighting="earned", calibrated=True)


def load_record(database, run="live"):
    return SqlDecisionRecords(database).record("files", run, Timeframe.D1, 5, AGENTS)


def test_the_learner_after_live_cycles_is_the_one_learnt_in_one_go_to_the_last_bit(
    database, local_team
):
    run_all(database, local_team, 150, 170, settings=LEARNING)
    state = SqlJournal(database).learner_state(KEY, close_of_bar(170))
    record = load_record(database)
    due = slice(0, 21 - 6)
    order = [record.symbols.index(coin) for coin in COINS]
    whole, learned = learn(
        new_learner(AGENTS), record.log_odds[:, due][..., order].copy(),
        record.base_rate[due][:, order], record.change[due][:, order],
    )  # fmt: skip
    assert state.as_of == close_of_bar(164)
    assert state.due_at == close_of_bar(170)
    assert state.memory == whole.to_json()
    assert (state.weights, state.trust) == (
        tuple(learned.weights[-1].tolist()), tuple(learned.trust[-1].tolist()),
    )  # fmt: skip


def test_a_run_decides_under_the_influence_that_a_backtest_of_its_votes_would_have(
    database, local_team
):
    run_all(database, local_team, 150, 175, settings=LEARNING)
    record = load_record(database)
    order = [record.symbols.index(coin) for coin in COINS]
    backtest = influence_by_row(
        record.log_odds[..., order], record.base_rate[:, order], record.change[:, order],
        "earned", True, 5,
    )  # fmt: skip
    assert record.weights.tobytes() == backtest.weights.tobytes()
    assert record.trust.tobytes() == backtest.trust.tobytes()
    assert (record.weights[-1] != 0.2).any()


def test_an_engine_that_was_down_for_days_learns_the_same_afterwards(database, local_team):
    for day in [*range(150, 156), 170]:
        run_all(database, local_team, day, day, run="gap")
    run_all(database, local_team, 150, 170)
    gap = SqlJournal(database).learner_state(replace(KEY, run="gap"), close_of_bar(170))
    steady = SqlJournal(database).learner_state(KEY, close_of_bar(161))
    assert gap == steady


def test_a_bar_decided_after_a_later_one_taught_is_settled_and_teaches_nothing(
    database, local_team
):
    run_all(database, local_team, 160, 166)
    state = SqlJournal(database).learner_state(KEY, close_of_bar(166))
    run_all(database, local_team, 150, 150)
    run_all(database, local_team, 166, 166)
    assert SqlJournal(database).learner_state(KEY, close_of_bar(166)) == state
    assert settled_events(database)[-1].payload["as_of"] == "2023-06-01T00:00:00Z"


def test_an_agent_that_joins_is_added_to_what_was_learnt(database, local_team):
    run_all(database, local_team, 150, 160, settings=LEARNING)
    team = LocalTeam(("newcomer", *AGENTS), build_agent)
    run_all(database, team, 161, 168, settings=LEARNING)
    history = SqlDecisionRecords(database).influence_history(KEY, ("newcomer", "risk"))
    assert np.isnan(history.weights[:5, 0]).all()
    assert not np.isnan(history.weights[:, 1]).any()
    assert history.weights[-1, 0] > 0.0


def test_a_decision_made_under_earned_influence_is_verified(database, local_team):
    run_all(database, local_team, 150, 165, settings=LEARNING)
    receipt = SqlDecisionRecords(database).latest("files", "live")[0].decision.receipt
    assert SqlDecisionRecords(database).inputs(receipt).values["agents"][0]["weight"] != 0.2
    again = verify_receipt(
        receipt,
        SqlDecisionRecords(database),
        SqlPanelArchive(database),
        build_agent,
        panel_archive.panel_digest,
    )
    assert again.same, again.differences
