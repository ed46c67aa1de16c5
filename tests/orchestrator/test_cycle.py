from orchestrator.cycle import digest_of_inputs, run_cycles
from orchestrator.team.local_team import LocalTeam
from orchestrator.team.ray_team import RayTeam
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.panel_archive import SqlPanelArchive
from tests.orchestrator.market_fixtures import AGENTS, COINS, close_of_bar, run_context
from tests.orchestrator.sample_agents import build_agent


def test_a_cycle_decides_every_symbol_and_is_recorded(database, local_team):
    (result,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(150))
    assert [decision.symbol for decision in result.cycle.decisions] == list(COINS)
    assert result.cycle.as_of == close_of_bar(150)
    latest = SqlDecisionRecords(database).latest("files", "live")
    assert tuple(recorded.decision for recorded in latest) == result.cycle.decisions
    assert set(result.seconds) == {"panel", "settle", "vote", "decide", "record"}


def test_the_same_cycle_again_is_the_same_and_records_nothing(database, local_team):
    (first,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(150))
    (again,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(150))
    assert again.cycle == first.cycle
    assert first.events
    assert again.events == ()


def test_a_bar_that_was_decided_is_not_news(database, local_team):
    run_cycles(run_context(database), local_team, COINS, close_of_bar(150))
    assert (
        run_cycles(run_context(database), local_team, COINS, close_of_bar(150), only_new=True) == ()
    )
    assert run_cycles(run_context(database), local_team, COINS, close_of_bar(151), only_new=True)


def test_a_cycle_starts_from_the_targets_of_the_one_before(database, local_team):
    (first,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(150))
    (second,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(151))
    targets = {d.symbol: d.target_weight for d in first.cycle.decisions if d.target_weight}
    assert second.inputs["previous"] == targets


def test_runs_do_not_mix(database, local_team):
    (live,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(150))
    (replay,) = run_cycles(
        run_context(database, "replay x y"), local_team, COINS, close_of_bar(150)
    )
    assert live.cycle.digest != replay.cycle.digest
    assert len(SqlDecisionRecords(database).runs("files")) == 2


def test_the_digest_is_of_the_inputs_and_they_name_the_panel(database, local_team):
    (result,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(150))
    stored = SqlDecisionRecords(database).inputs(result.cycle.decisions[0].receipt)
    assert stored.values == result.inputs
    assert digest_of_inputs(stored.values) == result.cycle.digest
    assert stored.panel.digest == result.inputs["panel"]
    assert SqlPanelArchive(database).load(stored.panel).symbols == COINS


def test_a_failed_agent_makes_another_cycle_than_a_healthy_one(database, local_team):
    (healthy,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(150))
    broken = LocalTeam(AGENTS, lambda name: 1 / 0 if name == "rl" else build_agent(name))
    (short,) = run_cycles(run_context(database), broken, COINS, close_of_bar(150))
    assert short.cycle.digest != healthy.cycle.digest
    assert short.inputs["agents"][4]["failure"] == "crashed: ZeroDivisionError: division by zero"


def test_a_cycle_through_ray_is_the_same_cycle(database, local_team, ray_session, tmp_path):
    team = RayTeam(ray_session, AGENTS, build_agent, home=tmp_path)
    (there,) = run_cycles(run_context(database), team, COINS, close_of_bar(150))
    team.stop_actors()
    (here,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(150))
    assert there.cycle == here.cycle
