"""What was decided with another version of an agent comes out the same with that version."""

from functools import partial

import pytest

from agents.registry import AgentSettings
from agents.registry import build as build_registered
from orchestrator.cycle import run_cycles
from orchestrator.parity.checker import day_of
from orchestrator.parity.historical_votes import vote_with_recorded_versions
from orchestrator.parity.receipt_verification import verify_receipt
from orchestrator.team.local_team import LocalTeam
from storage.journal import panel_archive
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.panel_archive import SqlPanelArchive
from tests.orchestrator.account_fixtures import account_cycle
from tests.orchestrator.market_fixtures import AGENTS, COINS, close_of_bar, run_context
from tests.orchestrator.parity.test_parity import parity_checker
from tests.orchestrator.random_panels import random_panel
from tests.orchestrator.sample_agents import MomentumAgent, build_agent

BARS = {"A": 3, "B": 30}
FIRST_BAR = 150


def build_version(name, version=None):
    """The `rl` agent looks back further in its version B; B is the one of today."""
    if name != "rl":
        return build_agent(name)
    agent = MomentumAgent(name, bars=BARS[version or "B"])
    agent.version = version or "B"
    return agent


def build_today(name, version=None):
    return build_version(name)


@pytest.fixture
def decisions_by_cycle(database):
    """Three cycles with version A, three with B; the decisions of each."""
    context, decided = run_context(database, account_cycle=account_cycle(database)), []
    for bars, version in enumerate("AAABBB", start=FIRST_BAR):
        team = LocalTeam(AGENTS, partial(build_version, version=version))
        [result] = run_cycles(context, team, COINS, close_of_bar(bars), only_new=True)
        decided.append(result.cycle.decisions)
    return decided


def test_a_receipt_is_verified_by_the_version_of_then(database, decisions_by_cycle):
    def check(decision, build):
        return verify_receipt(
            decision.receipt,
            SqlDecisionRecords(database),
            SqlPanelArchive(database),
            build,
            panel_archive.panel_digest,
        )

    for decisions in (decisions_by_cycle[0], decisions_by_cycle[-1]):
        assert check(decisions[0], build_version).same
    assert not check(decisions_by_cycle[0][0], build_today).same


def test_paper_days_around_a_replacement_come_out_as_they_were(database, decisions_by_cycle):
    days = day_of(close_of_bar(FIRST_BAR)), day_of(close_of_bar(FIRST_BAR + 5))
    report = parity_checker(database, build=build_version).compare(*days)
    assert report.differences == ()
    assert report.cycles == 6


def test_without_the_version_of_then_the_difference_is_explained_by_it(
    database, decisions_by_cycle
):
    days = day_of(close_of_bar(FIRST_BAR)), day_of(close_of_bar(FIRST_BAR + 5))
    votes = [
        each
        for each in parity_checker(database, build=build_today).compare(*days).differences
        if each.kind == "vote"
    ]
    assert {each.at for each in votes} == {close_of_bar(FIRST_BAR + day) for day in range(3)}
    assert {each.cause for each in votes} == {"the agent was version A then and is B now"}


def test_every_row_is_voted_on_by_its_own_version():
    panel = random_panel()
    since = len(panel.known_at) - 6
    agents = {version: [{"name": "rl", "version": version}] for version in ("A", "B", "")}
    cycles = [(), agents["A"], agents[""], agents["B"], (), agents["A"]]
    historical = vote_with_recorded_versions(panel, since, "rl", cycles, build_version)
    assert historical.versions == ("A", "A", "A", "B", "B", "A")
    for row, version in enumerate(historical.versions):
        own = build_version("rl", version).vote(panel, since)
        assert historical.result.votes.log_odds[row].tobytes() == own.log_odds[row].tobytes()
        for column in range(len(panel.symbols)):
            reason = historical.result.votes.abstention_reason(row, column)
            assert reason == own.abstention_reason(row, column)


def test_the_policy_of_a_version_is_found_among_those_that_are_kept(tmp_path):
    shipped = build_registered("rl", AgentSettings())
    gone = AgentSettings(rl_policy=tmp_path / "nothing")
    for version in (shipped.version, f"walk-forward {shipped.version}+0123abcd"):
        report = build_registered("rl", gone, version=version, models=tmp_path)
        assert report.version == shipped.version
    other = build_registered("rl", AgentSettings(), version="rl/3+0123456789ab", models=tmp_path)
    assert other.version == shipped.version
