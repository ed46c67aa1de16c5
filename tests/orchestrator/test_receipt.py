from dataclasses import replace

import pytest
from sqlalchemy import text

from domain.errors import NotFoundError
from orchestrator.cycle import run_cycles
from orchestrator.parity.receipt_verification import verify
from orchestrator.team.local_team import LocalTeam
from storage.journal import panel_archive
from storage.journal.decision_records import Records
from storage.journal.panel_archive import Archive
from tests.orchestrator.market_fixtures import AGENTS, COINS, closes_after, desk
from tests.orchestrator.sample_agents import Momentum, build


def check(database, receipt, build=build):
    return verify(receipt, Records(database), Archive(database), build, panel_archive.digest)


@pytest.fixture
def receipt(database, local_team):
    for bars in range(150, 156):
        (held,) = run_cycles(desk(database), local_team, COINS, closes_after(bars))
    return held.cycle.decisions[1].receipt


def test_a_decision_computed_again_is_the_same_to_the_byte(database, receipt):
    assert check(database, receipt).same


def test_a_decision_made_without_an_agent_is_verified_without_it(database):
    broken = LocalTeam(AGENTS, lambda name: 1 / 0 if name == "news" else build(name))
    (held,) = run_cycles(desk(database), broken, COINS, closes_after(150))
    assert check(database, held.cycle.decisions[0].receipt).same


def test_a_changed_agent_is_named_with_both_versions(database, receipt):
    def newer(name, version):
        agent = build(name)
        if name == "rl":
            agent = Momentum("rl", bars=20)
            agent.version = "2"
        return agent

    differences = check(database, receipt, newer).differences
    assert "agent rl was version 1 then and is 2 now" in differences
    assert any(difference.startswith("the vote of rl was") for difference in differences)


def test_a_decision_tampered_with_is_found_out(database, receipt):
    class Tampered(Records):
        def decision(self, receipt):
            recorded = super().decision(receipt)
            return replace(recorded, decision=replace(recorded.decision, target_weight=0.9))

    found = verify(receipt, Tampered(database), Archive(database), build, panel_archive.digest)
    assert not found.same
    assert found.differences[0].startswith("target_weight was 0.9 and is")


def test_a_damaged_panel_is_a_difference_and_not_a_crash(database, receipt):
    with database.writing() as connection:
        connection.execute(text("DELETE FROM chunk"))
    assert not check(database, receipt).same


def test_a_receipt_that_does_not_exist_is_not_found(database):
    with pytest.raises(NotFoundError):
        check(database, "AAPL-20200302-000000000000")
