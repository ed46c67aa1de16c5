import os
import signal
import socket
import threading
import time
from functools import partial

import numpy as np
import pytest

from agents import registry
from domain.errors import ConfigurationError
from orchestrator.team.local_team import LocalTeam
from orchestrator.team.ray_session import RaySession
from orchestrator.team.ray_team import RayTeam
from tests.orchestrator.random_panels import random_panel
from tests.orchestrator.sample_agents import build_agent, build_fault_injecting

AGENTS = ("technical", "news", "fundamental", "risk", "rl")
PANEL = random_panel()
LAST = len(PANEL.known_at) - 1


@pytest.fixture(scope="module")
def team(ray_session, tmp_path_factory):
    team = RayTeam(ray_session, AGENTS, build_agent, home=tmp_path_factory.mktemp("team"))
    yield team
    team.stop_actors()


@pytest.fixture
def fault_folder(tmp_path):
    folder = tmp_path / "faults"
    folder.mkdir()
    return folder


@pytest.fixture
def faulty_team(ray_session, tmp_path, fault_folder):
    """Two agents; the test makes 'wild' fail and leaves 'calm' in peace."""
    team = RayTeam(
        ray_session,
        ("calm", "wild"),
        partial(build_fault_injecting, folder=fault_folder),
        home=tmp_path,
        timeout=6,
    )
    yield team
    team.stop_actors()


def faulty_result(results):
    calm, faulty = results
    assert calm.votes is not None, calm.failure
    return faulty


def recovered_result(team):
    """The wild agent's result once it votes again; fails after some cycles."""
    for _ in range(10):
        result = faulty_result(team.vote(PANEL, LAST))
        if result.votes is not None:
            return result
    raise AssertionError(f"did not heal: {result.failure}")


@pytest.mark.parametrize("since", [0, LAST])
def test_votes_through_ray_equal_those_in_process_to_the_last_bit(team, since):
    there = team.vote(PANEL, since)
    here = LocalTeam(AGENTS, build_agent).vote(PANEL, since)
    assert [result.agent for result in there] == list(AGENTS)
    for remote, local in zip(there, here, strict=True):
        assert remote.failure is None
        assert remote.votes.log_odds.tobytes() == local.votes.log_odds.tobytes()
        assert remote.votes.cap.tobytes() == local.votes.cap.tobytes()
        assert remote.votes.reasons(0, 0) == local.votes.reasons(0, 0)


def test_agents_run_in_processes_of_their_own_under_names_of_their_own(team, ray_session):
    pids = {health.pid for health in team.health()}
    assert len(pids) == len(AGENTS)
    assert os.getpid() not in pids
    names = {actor["name"] for actor in ray_session.ray.util.list_named_actors(all_namespaces=True)}
    assert {f"quorum-{agent}" for agent in AGENTS} <= names


def test_health_shows_state_version_and_time(team):
    team.vote(PANEL, LAST)
    for health in team.health():
        assert (health.state, health.version, health.failure) == ("ready", "1", None)
        assert 0.0 < health.seconds < 30.0


def test_an_exception_is_that_agents_failure_alone_and_passes(faulty_team, fault_folder):
    (fault_folder / "wild").write_text("crash")
    failed = faulty_result(faulty_team.vote(PANEL, LAST))
    assert failed.failure == "crashed: RuntimeError: the numbers do not add up"
    assert faulty_team.health()[1].state == "failing"
    (fault_folder / "wild").write_text("")
    assert faulty_result(faulty_team.vote(PANEL, LAST)).votes is not None
    assert faulty_team.health()[1].restarts == 0


def test_an_answer_to_another_question_is_a_failure(faulty_team, fault_folder):
    (fault_folder / "wild").write_text("lie")
    assert "other bars" in faulty_result(faulty_team.vote(PANEL, LAST)).failure


def test_a_hanging_agent_abstains_in_time_is_replaced_and_heals(faulty_team, fault_folder):
    (fault_folder / "wild").write_text("hang")
    started = time.monotonic()
    hung = faulty_result(faulty_team.vote(PANEL, LAST))
    assert time.monotonic() - started < 9
    assert hung.failure == "no answer within 6 s; restarting"
    (fault_folder / "wild").write_text("")
    assert recovered_result(faulty_team).votes is not None
    assert faulty_team.health()[1].restarts == 1


def test_a_process_killed_in_the_middle_of_a_vote_abstains_and_heals(faulty_team, fault_folder):
    (fault_folder / "wild").write_text("slow")
    pid = faulty_team.health()[1].pid
    threading.Timer(0.5, os.kill, (pid, signal.SIGKILL)).start()
    assert faulty_result(faulty_team.vote(PANEL, LAST)).failure == "crashed: its process died"
    (fault_folder / "wild").write_text("")
    assert recovered_result(faulty_team).votes is not None
    health = faulty_team.health()[1]
    assert (health.state, health.restarts) == ("ready", 1)
    assert health.pid not in (None, pid)


def test_an_agent_that_dies_at_every_vote_never_stops_healing(faulty_team, fault_folder):
    for _ in range(3):
        (fault_folder / "wild").write_text("die")
        assert faulty_result(faulty_team.vote(PANEL, LAST)).failure == "crashed: its process died"
        (fault_folder / "wild").write_text("")
        assert recovered_result(faulty_team).votes is not None


def test_the_panel_reaches_the_actors_as_it_is(team):
    wide = random_panel(bars=500, symbols=50, seed=4)
    remote = team.vote(wide, 499)
    local = LocalTeam(AGENTS, build_agent).vote(wide, 499)
    assert all(
        np.array_equal(a.votes.log_odds, b.votes.log_odds)
        for a, b in zip(remote, local, strict=True)
    )


def test_two_homes_have_namespaces_of_their_own(ray_session, team, tmp_path):
    other = RayTeam(ray_session, ("news",), build_agent, home=tmp_path)
    actors = ray_session.ray.util.list_named_actors(all_namespaces=True)
    homes = {actor["namespace"] for actor in actors if actor["name"] == "quorum-news"}
    other.stop_actors()
    assert len(homes) == 2


def test_an_agent_that_cannot_be_built_says_why_before_the_first_vote(ray_session, tmp_path):
    damaged = partial(registry.build, settings=registry.AgentSettings(rl_policy=tmp_path))
    team = RayTeam(ray_session, ("risk", "rl"), damaged, home=tmp_path)
    for _ in range(300):  # a crowded machine starts them slowly
        risk, rl = team.health()
        if "starting" not in {risk.state, rl.state}:
            break
        time.sleep(0.2)
    team.stop_actors()
    assert (risk.state, risk.failure) == ("ready", None)
    assert rl.state == "failing"
    assert f"The policy in {tmp_path} is refused" in rl.failure


def test_a_ray_that_does_not_start_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(ConfigurationError, match=r"Ray could not start \(.*--in-process"):
        RaySession.local(tmp_path, object_store_mb=1)


def test_ray_keeps_quiet_when_a_process_dies(faulty_team, fault_folder, capfd):
    (fault_folder / "wild").write_text("die")
    assert faulty_result(faulty_team.vote(PANEL, LAST)).failure == "crashed: its process died"
    (fault_folder / "wild").write_text("")
    recovered_result(faulty_team)
    assert capfd.readouterr() == ("", "")


def test_an_address_where_nothing_listens_is_refused_by_name_and_in_time():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    started = time.monotonic()
    with pytest.raises(ConfigurationError, match=f"Nothing answers at {address}.*ray start"):
        RaySession.join(address)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("address", ["somewhere", "ray://host:1", "host:", ":1"])
def test_an_address_of_another_form_is_refused(address):
    with pytest.raises(ConfigurationError, match="host:port"):
        RaySession.join(address)


def test_the_registered_agents_give_the_same_votes_and_reasons_in_their_actors(
    ray_session, tmp_path
):
    team = RayTeam(ray_session, AGENTS, _build_registered, home=tmp_path, timeout=60)
    there = team.vote(PANEL, LAST)
    team.stop_actors()
    here = LocalTeam(AGENTS, _build_registered).vote(PANEL, LAST)
    for remote, local in zip(there, here, strict=True):
        assert remote.failure is None
        assert remote.votes.log_odds.tobytes() == local.votes.log_odds.tobytes()
        assert remote.votes.cap.tobytes() == local.votes.cap.tobytes()
        for column in range(len(PANEL.symbols)):
            assert remote.votes.reasons(0, column) == local.votes.reasons(0, column)


def _build_registered(name):
    return registry.build(name, registry.AgentSettings(news_model="lexicon"))
