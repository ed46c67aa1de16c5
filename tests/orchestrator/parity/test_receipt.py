from dataclasses import replace

import pytest
from sqlalchemy import text

from domain.errors import NotFoundError
from orchestrator.cycle import run_cycles
from orchestrator.parity.receipt_verification import verify_receipt
from orchestrator.team.local_team import LocalTeam
from storage.journal import panel_archive
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.panel_archive import SqlPanelArchive
from tests.orchestrator.market_fixtures import AGENTS, COINS, close_of_bar, run_context
from tests.orchestrator.sample_agents import MomentumAgent, build_agent


def check(database, receipt, build=build_agent):
    return verify_receipt(
        receipt,
        SqlDecisionRecords(database),
        SqlPanelArchive(database),
        build,
        panel_archive.panel_digest,
    )


@pytest.fixture
def receipt(database, local_team):
    for bars in range(150, 156):
        (result,) = run_cycles(run_context(database), local_team, COINS, close_of_bar(bars))
    return result.cycle.decisions[1].receipt


def test_a_decision_computed_again_is_the_same_to_the_byte(database, receipt):
    assert check(database, receipt).same


def test_a_decision_made_without_an_agent_is_verified_without_it(database):
    broken = LocalTeam(AGENTS, lambda name: 1 / 0 if name == "news" else build_agent(name))
    (result,) = run_cycles(run_context(database), broken, COINS, close_of_bar(150))
    assert check(database, result.cycle.decisions[0].receipt).same


def test_a_changed_agent_is_named_with_both_versions(database, receipt):
    def newer(name, version):
        agent = build_agent(name)
        if name == "rl":
            agent = MomentumAgent("rl", bars=20)
            agent.version = "2"
        return agent

    differences = check(database, receipt, newer).differences
    assert "agent rl was version 1 then and is 2 now" in differences
    assert any(difference.startswith("the vote of rl was") for difference in differences)


def test_a_decision_tampered_with_is_found_out(database, receipt):
    class TamperedRecords(SqlDecisionRecords):
        def decision(self, receipt):
            recorded = super().decision(receipt)
            return replace(recorded, decision=replace(recorded.decision, target_weight=0.9))

    verification = verify_receipt(
        receipt,
        TamperedRecords(database),
        SqlPanelArchive(database),
        build_agent,
        panel_archive.panel_digest,
    )
    assert not verification.same
    assert verification.differences[0].startswith("target_weight was 0.9 and is")


def test_a_damaged_panel_is_a_difference_and_not_a_crash(database, receipt):
    with database.writing() as connection:
        connection.execute(text("DELETE FROM chunk"))
    assert not check(database, receipt).same


def test_a_receipt_that_does_not_exist_is_not_found(database):
    with pytest.raises(NotFoundError):
        check(database, "AAPL-20200302-000000000000")
