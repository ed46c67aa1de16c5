"""A model is replaced between two cycles, or the old one stays."""

import time

import pytest

from domain.errors import ConfigurationError
from domain.events import EventKind
from domain.timeframe import Timeframe
from orchestrator.clocks import PacedClock
from orchestrator.engine import Engine
from orchestrator.team.local_team import LocalTeam
from orchestrator.team.model_rollout import ModelRollout
from orchestrator.team.ray_team import RayTeam
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.sql_journal import SqlJournal
from tests.orchestrator.market_fixtures import AGENTS, COINS, close_of_bar, run_context
from tests.orchestrator.random_panels import random_panel
from tests.orchestrator.sample_agents import MomentumAgent, build_agent

PANEL = random_panel()
LAST = len(PANEL.known_at) - 1


def build_newer(name):
    agent = MomentumAgent(name, bars=30)
    agent.version = "2"
    return agent


def build_nothing(name):
    raise ConfigurationError(f"The policy of {name} is refused: it is no policy.")


def build_versioned(name, version):
    if version == "damaged":
        return build_nothing(name)
    agent = build_agent(name)
    agent.version = version
    return agent


@pytest.fixture(params=["local", "ray"])
def team(request, tmp_path):
    """Two agents, `rl` and `news`, in this process or in actors."""
    if request.param == "local":
        yield LocalTeam(("news", "rl"), build_agent)
        return
    session = request.getfixturevalue("ray_session")
    team = RayTeam(session, ("news", "rl"), build_agent, home=tmp_path)
    yield team
    team.stop_actors()


def versions(team):
    return [result.votes.version for result in team.vote(PANEL, LAST)]


def test_the_new_one_votes_from_then_on_and_nobody_else_is_touched(team):
    news = team.health()[0].pid
    assert versions(team) == ["1", "1"]
    assert team.replace_agent("rl", build_newer) is None
    assert versions(team) == ["1", "2"]
    assert [each.agent for each in team.vote(PANEL, LAST)] == ["news", "rl"]
    health = team.health()
    assert (health[0].pid, health[1].version, health[1].restarts) == (news, "2", 0)
    assert health[1].failure is None
    expected = build_newer("rl").vote(PANEL, LAST)
    assert team.vote(PANEL, LAST)[1].votes.log_odds.tobytes() == expected.log_odds.tobytes()


def test_one_that_cannot_be_built_leaves_the_old_one_where_it_is(team):
    pid = team.health()[1].pid
    assert (
        team.replace_agent("rl", build_nothing) == "The policy of rl is refused: it is no policy."
    )
    assert versions(team) == ["1", "1"]
    health = team.health()[1]
    assert (health.pid, health.state, health.failure) == (pid, "ready", None)


def test_one_that_could_not_be_built_before_can_be_used_later(tmp_path):
    team = LocalTeam(("rl",), build_nothing)
    assert team.health()[0].state == "failing"
    assert team.replace_agent("rl", build_newer) is None
    assert team.health()[0].state == "ready"
    assert versions(team) == ["2"]


def live_actors(session):
    states = session.ray.util.list_named_actors(all_namespaces=True)
    return {(actor["namespace"], actor["name"]) for actor in states}


def test_no_actor_is_left_behind(ray_session, tmp_path):
    before = live_actors(ray_session)
    team = RayTeam(ray_session, ("rl",), build_agent, home=tmp_path)
    for make in (build_newer, build_nothing):
        team.replace_agent("rl", make)
    assert actors_left(ray_session, before, left=1)
    team.stop_actors()
    assert actors_left(ray_session, before, left=0)


def actors_left(session, before, left):
    """Whether so many actors more than `before` are left, once Ray has let go of the others."""
    for _ in range(100):
        if len(live_actors(session) - before) == left:
            return True
        time.sleep(0.1)
    return False


class DesiredModelByBar:
    """Names the desired model, bar by bar."""

    def __init__(self, database, by_bar):
        self._records, self._by_bar = SqlDecisionRecords(database), by_bar

    def __call__(self):
        decided = len(self._records.history("files", "live", COINS[0], 100))
        return self._by_bar[min(decided, len(self._by_bar) - 1)]


def factory_for(version):
    def make(name):
        return build_versioned(name, version) if name == "rl" else build_agent(name)

    return make


@pytest.fixture
def run_with_models(database):
    """Runs bars 150 to 155 with the model desired after each; the engine and the versions of the
    rl agent's votes."""
    engines = []

    def run(*by_bar):
        model_rollout = ModelRollout("rl", DesiredModelByBar(database, by_bar), factory_for)
        days = {"start": close_of_bar(149), "end": close_of_bar(155)}
        engine = Engine(
            run_context(database),
            PacedClock(lambda: COINS, Timeframe.D1, **days),
            lambda: COINS,
            lambda tell: LocalTeam(AGENTS, model_rollout.initial_factory()),
            model_rollout=model_rollout,
            first_pause=0.01,
        )
        engines.append(engine)
        engine.start()
        assert engine.join(20)
        history = SqlDecisionRecords(database).history("files", "live", COINS[0], 100)
        votes = [
            next(vote for vote in each.decision.votes if vote.agent == "rl")
            for each in reversed(history)
        ]
        return engine, [vote.version for vote in votes]

    yield run
    for engine in engines:
        engine.stop()


def test_the_model_desired_by_then_votes_in_the_next_cycle(run_with_models, database):
    engine, voted = run_with_models("A", "A", "B", "B", "A")
    assert voted == ["A", "A", "B", "B", "A", "A"]
    recorded = [
        e for e in SqlJournal(database).events_after(0) if e.kind is EventKind.AGENT_CHANGED
    ]
    assert [event.payload["agent"] for event in recorded] == ["rl", "rl"]
    assert engine.status().error is None


def test_what_cannot_be_used_leaves_the_old_one_voting_and_says_so(run_with_models, database):
    engine, voted = run_with_models("A", "damaged")
    assert voted == ["A"] * 6
    recorded = [
        e for e in SqlJournal(database).events_after(0) if e.kind is EventKind.AGENT_CHANGED
    ]
    assert len(recorded) == 1  # and not at every cycle
    assert recorded[0].payload["state"] == "ready"
    failure = recorded[0].payload["failure"]
    assert failure.startswith(
        "damaged was not made active, so the former model votes on: The policy of rl is refused"
    )
    health = next(each for each in engine.health() if each.agent == "rl")
    assert (health.version, health.failure) == ("A", recorded[0].payload["failure"])


def test_the_error_is_over_when_a_sound_model_is_desired(run_with_models):
    engine, voted = run_with_models("A", "damaged", "damaged", "B")
    assert voted == ["A", "A", "A", "B", "B", "B"]
    assert all(each.failure is None for each in engine.health())
