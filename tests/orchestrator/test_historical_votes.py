"""What was decided with another version of an agent comes out the same with that version."""

from functools import partial

import pytest

from agents.registry import AgentSettings
from agents.registry import build as build_registered
from orchestrator.cycle import run_cycles
from orchestrator.parity.checker import day_of
from orchestrator.parity.historical_votes import vote_as_then
from orchestrator.parity.receipt_verification import verify
from orchestrator.team.local_team import LocalTeam
from storage.journal import panel_archive
from storage.journal.decision_records import Records
from storage.journal.panel_archive import Archive
from tests.orchestrator.account_fixtures import day_of_tests
from tests.orchestrator.market_fixtures import AGENTS, COINS, closes_after, desk
from tests.orchestrator.random_panels import random_panel
from tests.orchestrator.sample_agents import Momentum, build
from tests.orchestrator.test_parity import examiner

BARS = {"A": 3, "B": 30}
BEGUN = 150


def build_as(name, version=None):
    """The `rl` agent looks back further in its version B; B is the one of today."""
    if name != "rl":
        return build(name)
    agent = Momentum(name, bars=BARS[version or "B"])
    agent.version = version or "B"
    return agent


def build_today(name, version=None):
    return build_as(name)


@pytest.fixture
def played(database):
    """Three cycles with version A, three with B; the decisions of each."""
    trader, decided = desk(database, day=day_of_tests(database)), []
    for bars, version in enumerate("AAABBB", start=BEGUN):
        team = LocalTeam(AGENTS, partial(build_as, version=version))
        [held] = run_cycles(trader, team, COINS, closes_after(bars), only_new=True)
        decided.append(held.cycle.decisions)
    return decided


def test_a_receipt_is_verified_by_the_version_of_then(database, played):
    def check(decision, build):
        return verify(
            decision.receipt, Records(database), Archive(database), build, panel_archive.digest
        )

    for decisions in (played[0], played[-1]):
        assert check(decisions[0], build_as).same
    assert not check(played[0][0], build_today).same


def test_paper_days_around_a_replacement_come_out_as_they_were(database, played):
    days = day_of(closes_after(BEGUN)), day_of(closes_after(BEGUN + 5))
    found = examiner(database, build=build_as).compare(*days)
    assert found.differences == ()
    assert found.cycles == 6


def test_without_the_version_of_then_the_difference_is_explained_by_it(database, played):
    days = day_of(closes_after(BEGUN)), day_of(closes_after(BEGUN + 5))
    votes = [
        each
        for each in examiner(database, build=build_today).compare(*days).differences
        if each.kind == "vote"
    ]
    assert {each.at for each in votes} == {closes_after(BEGUN + day) for day in range(3)}
    assert {each.cause for each in votes} == {"the agent was version A then and is B now"}


def test_every_row_is_voted_on_by_its_own_version():
    panel = random_panel()
    since = len(panel.known_at) - 6
    seat = {version: [{"name": "rl", "version": version}] for version in ("A", "B", "")}
    cycles = [(), seat["A"], seat[""], seat["B"], (), seat["A"]]
    voted = vote_as_then(panel, since, "rl", cycles, build_as)
    assert voted.versions == ("A", "A", "A", "B", "B", "A")
    for row, version in enumerate(voted.versions):
        own = build_as("rl", version).vote(panel, since)
        assert voted.ballot.votes.log_odds[row].tobytes() == own.log_odds[row].tobytes()
        for column in range(len(panel.symbols)):
            reason = voted.ballot.votes.abstained_because(row, column)
            assert reason == own.abstained_because(row, column)


def test_the_policy_of_a_version_is_found_among_those_that_are_kept(tmp_path):
    shipped = build_registered("rl", AgentSettings())
    gone = AgentSettings(rl_policy=tmp_path / "nothing")
    for version in (shipped.version, f"walk-forward {shipped.version}+0123abcd"):
        found = build_registered("rl", gone, version=version, models=tmp_path)
        assert found.version == shipped.version
    other = build_registered("rl", AgentSettings(), version="rl/3+0123456789ab", models=tmp_path)
    assert other.version == shipped.version
