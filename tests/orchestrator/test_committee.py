import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.canonical import canonical_bytes, decision_from_json, to_json
from domain.decision import Action, Verdict
from orchestrator.committee import (
    CommitteeSettings,
    action_codes,
    docket,
    fold,
    hear,
    net_edge,
    tally,
)
from orchestrator.decisions import decide
from orchestrator.influence import equal
from orchestrator.local_team import LocalTeam
from orchestrator.team import Ballot
from tests.orchestrator.agents_for_tests import build
from tests.orchestrator.panels_for_tests import random_panel

AGENTS = ("technical", "news", "fundamental", "risk", "rl")
SETTINGS = CommitteeSettings()
PANEL = random_panel()
TEAM = LocalTeam(AGENTS, build)


def decisions(panel=PANEL, ballots=None, verdicts=(), previous=None, rules=SETTINGS):
    ballots = ballots or TEAM.vote(panel, len(panel.known_at) - 1)
    return decide(
        panel, verdicts, ballots, previous=previous or {}, influence=equal(len(AGENTS)),
        settings=rules, digest="ab" * 32,
    )  # fmt: skip


def ballots_without(*missing: str, panel=PANEL):
    asked = TEAM.vote(panel, len(panel.known_at) - 1)
    return [Ballot(b.agent, None, "crashed: x", 0.0) if b.agent in missing else b for b in asked]


def test_a_decision_breaks_down_to_the_last_term():
    for decision in decisions():
        pooled = 0.0
        for vote in decision.votes:
            terms = 0.0
            for reason in vote.reasons:
                terms += reason.log_odds
            assert terms == vote.log_odds
            pooled += vote.weight * vote.log_odds
        assert decision.p_up == float(1.0 / (1.0 + np.exp(-np.array([pooled]))[0]))
        assert math.isclose(sum(vote.weight for vote in decision.votes), 1.0)


def test_a_decision_survives_its_canonical_form():
    for decision in decisions(previous={"S0": 0.2}):
        assert decision_from_json(to_json(decision)) == decision
        assert canonical_bytes(decision_from_json(to_json(decision))) == canonical_bytes(decision)


def test_that_costs_leave_nothing_is_told_without_a_signed_zero():
    dear = decisions(rules=CommitteeSettings(round_trip_cost=0.09))
    assert all(decision.edge == 0.0 for decision in dear)
    for decision in dear:
        assert "costs leave nothing of that" in decision.why
        assert "0.00 points" not in decision.why


def test_symbols_are_ranked_by_edge_from_one():
    ranked = sorted(decisions(), key=lambda decision: decision.rank)
    assert [decision.rank for decision in ranked] == [1, 2, 3, 4]
    assert all(a.edge >= b.edge for a, b in pairwise(ranked))


def test_below_the_quorum_nothing_is_opened_and_no_probability_is_given():
    made = decisions(ballots=ballots_without("news", "rl", "technical"), previous={"S1": 0.1})
    assert {decision.action for decision in made} == {Action.HOLD}
    assert all(decision.p_up is None and decision.rank is None for decision in made)
    assert [decision.target_weight for decision in made] == [0.0, 0.1, 0.0, 0.0]
    assert "2 of 5 agents voted and 3 are needed" in made[0].why


def test_without_the_risk_agent_exposure_only_shrinks_and_says_so():
    eager = CommitteeSettings(buy_edge=1e-6, strong_buy_edge=1e-5, round_trip_cost=0.0)
    made = decisions(ballots=ballots_without("risk"), previous={"S0": 0.01}, rules=eager)
    bought = [d for d in made if d.action in (Action.BUY, Action.STRONG_BUY)]
    assert bought
    for decision in bought:
        assert decision.target_weight <= (0.01 if decision.symbol == "S0" else 0.0)
        assert "risk missing" in {limit.name for limit in decision.limits}


def test_a_failed_agent_is_a_recorded_abstention_with_its_reason():
    vote = decisions(ballots=ballots_without("news"))[0].votes[1]
    assert (vote.agent, vote.p_up, vote.weight) == ("news", None, 0.0)
    assert vote.abstained_because == "crashed: x"


def test_a_blocked_symbol_is_held_shrunk_by_caps_and_shown_with_its_finding():
    ballots = TEAM.vote(PANEL, len(PANEL.known_at) - 1)
    risk = ballots[3]
    tight = replace(risk, votes=replace(risk.votes, cap=np.full((1, 4), 0.05)))
    verdicts = [Verdict("S2", ("last bar is 9 days old",))]
    made = decisions(
        ballots=(*ballots[:3], tight, ballots[4]), verdicts=verdicts, previous={"S2": 0.2}
    )[2]
    assert (made.action, made.p_up, made.rank, made.target_weight) == (
        Action.HOLD,
        None,
        None,
        0.05,
    )
    assert made.why == "Held as it is: last bar is 9 days old."
    assert made.limits[0].why == "the risk agent accepts at most 5.0% of equity"


def test_a_veto_is_named_as_one():
    ballots = TEAM.vote(PANEL, len(PANEL.known_at) - 1)
    veto = replace(ballots[3], votes=replace(ballots[3].votes, cap=np.zeros((1, 4))))
    loyal = CommitteeSettings(sell_edge=0.4, strong_sell_edge=0.4)
    made = decisions(
        ballots=(*ballots[:3], veto, ballots[4]), previous={"S0": 0.2, "S1": 0.2}, rules=loyal
    )
    assert all(decision.target_weight == 0.0 for decision in made)
    reasons = {limit.why for decision in made for limit in decision.limits}
    assert reasons == {"the risk agent vetoes any holding"}


def test_the_why_names_the_strongest_evidence_but_never_the_base_rate():
    for decision in decisions():
        assert decision.why.count("\n") == 0
        assert "strongest: return" in decision.why
        assert "base rate" not in decision.why


def test_the_fold_over_all_rows_agrees_with_live_cycles_bar_by_bar():
    since, end = 120, 140
    whole = PANEL.head(end)
    added = tally(hear(whole, TEAM.vote(whole, since), since), equal(len(AGENTS)), SETTINGS)
    rows = docket(added, np.zeros((end - since, 4), bool))
    codes, targets = fold(rows, np.zeros(4), SETTINGS)
    previous: dict[str, float] = {}
    for row in range(since, end):
        made = decisions(PANEL.head(row + 1), previous=previous)
        previous = {decision.symbol: decision.target_weight for decision in made}
        assert list(previous.values()) == targets[row - since].tolist()
        assert [list(Action)[2 - code] for code in codes[row - since]] == [d.action for d in made]


@given(st.floats(-0.4, 0.4), st.floats(0.001, 0.5), st.floats(0, 0.05))
def test_cost_shrinks_an_edge_towards_zero_and_never_turns_it(edge, volatility, cost):
    left = float(net_edge(np.array([edge]), np.array([volatility]), cost)[0])
    assert abs(left) <= abs(edge)
    assert left * edge >= 0.0


def test_an_edge_without_a_known_volatility_is_worth_nothing():
    assert net_edge(np.array([0.2]), np.array([np.nan]), 0.001)[0] == 0.0


@settings(max_examples=50)
@given(st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=8).map(sorted))
def test_a_larger_edge_never_gives_a_lesser_action(edges):
    assert (np.diff(action_codes(np.array(edges), SETTINGS)) >= 0).all()


def test_thresholds_that_contradict_each_other_are_refused():
    with pytest.raises(ValidationError, match="cannot be smaller"):
        CommitteeSettings(buy_edge=0.05)
