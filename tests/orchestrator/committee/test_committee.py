import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from domain.canonical import canonical_bytes, decision_from_json, to_json
from domain.decision import Action, QualityVerdict
from orchestrator.committee.decisions import decide, what_if
from orchestrator.committee.learned_weights import Influence, equal_influence
from orchestrator.committee.pooling import (
    CommitteeSettings,
    action_codes,
    collect_votes,
    net_edge,
    pool_votes,
    settings_from_record,
)
from orchestrator.committee.targets import (
    TargetInputs,
    decide_row,
    decide_rows,
    merge_calendars,
    target_inputs,
)
from orchestrator.team.base import AgentVoteResult
from orchestrator.team.local_team import LocalTeam
from tests.orchestrator.random_panels import random_panel
from tests.orchestrator.sample_agents import build_agent
from trading.sizing.correlation import CorrelationGroups

AGENTS = ("technical", "news", "fundamental", "risk", "rl")
SETTINGS = CommitteeSettings()
PANEL = random_panel()
TEAM = LocalTeam(AGENTS, build_agent)


def decisions(
    panel=PANEL, vote_results=None, verdicts=(), previous=None, rules=SETTINGS, influence=None
):
    vote_results = vote_results or TEAM.vote(panel, len(panel.known_at) - 1)
    return decide(
        panel, verdicts, vote_results, previous=previous or {},
        influence=influence or equal_influence(len(AGENTS)), settings=rules, digest="ab" * 32,
    )  # fmt: skip


def votes_without(*missing: str, panel=PANEL):
    results = TEAM.vote(panel, len(panel.known_at) - 1)
    return [
        AgentVoteResult(b.agent, None, "crashed: x", 0.0) if b.agent in missing else b
        for b in results
    ]


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


def test_that_costs_leave_nothing_is_written_without_a_signed_zero():
    costly = decisions(rules=CommitteeSettings(round_trip_cost=0.09))
    assert all(decision.edge == 0.0 for decision in costly)
    for decision in costly:
        assert "costs leave nothing of that" in decision.why
        assert "0.00 points" not in decision.why


def test_symbols_are_ranked_by_edge_from_one():
    ranked = sorted(decisions(), key=lambda decision: decision.rank)
    assert [decision.rank for decision in ranked] == [1, 2, 3, 4]
    assert all(a.edge >= b.edge for a, b in pairwise(ranked))


def test_below_the_quorum_nothing_is_opened_and_no_probability_is_given():
    decided = decisions(vote_results=votes_without("news", "rl", "technical"), previous={"S1": 0.1})
    assert {decision.action for decision in decided} == {Action.HOLD}
    assert all(decision.p_up is None and decision.rank is None for decision in decided)
    assert [decision.target_weight for decision in decided] == [0.0, 0.1, 0.0, 0.0]
    assert "2 of 5 agents voted and 3 are needed" in decided[0].why


def test_without_the_risk_agent_exposure_only_shrinks_and_says_so():
    eager = CommitteeSettings(buy_edge=1e-6, strong_buy_edge=1e-5, round_trip_cost=0.0)
    decided = decisions(vote_results=votes_without("risk"), previous={"S0": 0.01}, rules=eager)
    bought = [d for d in decided if d.action in (Action.BUY, Action.STRONG_BUY)]
    assert bought
    for decision in bought:
        assert decision.target_weight <= (0.01 if decision.symbol == "S0" else 0.0)
        assert "risk missing" in {limit.name for limit in decision.limits}


def test_a_failed_agent_is_a_recorded_abstention_with_its_reason():
    vote = decisions(vote_results=votes_without("news"))[0].votes[1]
    assert (vote.agent, vote.p_up, vote.weight) == ("news", None, 0.0)
    assert vote.abstained_because == "crashed: x"


def test_a_blocked_symbol_is_held_shrunk_by_caps_and_shown_with_its_finding():
    results = TEAM.vote(PANEL, len(PANEL.known_at) - 1)
    risk = results[3]
    tight = replace(risk, votes=replace(risk.votes, cap=np.full((1, 4), 0.05)))
    verdicts = [QualityVerdict("S2", ("last bar is 9 days old",))]
    decided = decisions(
        vote_results=(*results[:3], tight, results[4]), verdicts=verdicts, previous={"S2": 0.2}
    )[2]
    assert (decided.action, decided.p_up, decided.rank, decided.target_weight) == (
        Action.HOLD,
        None,
        None,
        0.05,
    )
    assert decided.why == "Held as it is: last bar is 9 days old."
    assert decided.limits[0].why == "the risk agent accepts at most 5.0% of equity"


def test_a_veto_is_named_as_one():
    results = TEAM.vote(PANEL, len(PANEL.known_at) - 1)
    veto = replace(results[3], votes=replace(results[3].votes, cap=np.zeros((1, 4))))
    loyal = CommitteeSettings(sell_edge=0.4, strong_sell_edge=0.4)
    decided = decisions(
        vote_results=(*results[:3], veto, results[4]), previous={"S0": 0.2, "S1": 0.2}, rules=loyal
    )
    assert all(decision.target_weight == 0.0 for decision in decided)
    reasons = {limit.why for decision in decided for limit in decision.limits}
    assert reasons == {"the risk agent vetoes any holding"}


def test_the_why_names_the_strongest_evidence_but_never_the_base_rate():
    for decision in decisions():
        assert decision.why.count("\n") == 0
        assert "strongest: return" in decision.why
        assert "base rate" not in decision.why


def test_all_rows_at_once_agree_with_live_cycles_bar_by_bar():
    since, end = 120, 140
    whole = PANEL.head(end)
    pooled = pool_votes(
        collect_votes(whole, TEAM.vote(whole, since), since), equal_influence(len(AGENTS)), SETTINGS
    )
    rows = target_inputs(pooled, np.zeros((end - since, 4), bool))
    codes, targets = decide_rows(rows, np.zeros(4), SETTINGS)
    previous: dict[str, float] = {}
    for row in range(since, end):
        decided = decisions(PANEL.head(row + 1), previous=previous)
        previous = {decision.symbol: decision.target_weight for decision in decided}
        assert list(previous.values()) == targets[row - since].tolist()
        assert [list(Action)[2 - code] for code in codes[row - since]] == [
            d.action for d in decided
        ]


EAGER = CommitteeSettings(
    buy_edge=1e-6, strong_buy_edge=1e-5, round_trip_cost=0.0, sell_edge=0.4, strong_sell_edge=0.4,
    minimum_probability=0.0, sizing={"sector_limit": 0.4, "correlated_limit": 0.3},
)  # fmt: skip
"""Buys nearly everything, so that limits apply."""


def concentrated_panel():
    """Three symbols of one sector, of which two are correlated, an index and one of no sector;
    all rise at the end."""
    walk = random_panel(symbols=5, seed=8)
    close = walk.close * 1.02 ** np.maximum(np.arange(200) - 185, 0)[:, np.newaxis]
    close[:, 1] = close[:, 0] * (1.0 + 0.002 * np.sin(np.arange(len(close))))
    names = ("AAPL", "MSFT", "NVDA", "^VIX", "NOBODY")
    return replace(walk, symbols=names, close=close)


def test_live_cycles_are_limited_as_many_rows_are_and_say_by_what():
    panel, since, end = concentrated_panel(), 150, 190
    whole = panel.head(end)
    pooled = pool_votes(
        collect_votes(whole, TEAM.vote(whole, since), since), equal_influence(len(AGENTS)), EAGER
    )
    _, targets = decide_rows(
        target_inputs(pooled, np.zeros((end - since, 5), bool)), np.zeros(5), EAGER
    )
    previous: dict[str, float] = {}
    explanations: dict[str, str] = {}
    for row in range(since, end):
        decided = decisions(panel.head(row + 1), previous=previous, rules=EAGER)
        previous = {decision.symbol: decision.target_weight for decision in decided}
        assert list(previous.values()) == targets[row - since].tolist()
        assert sum(list(previous.values())[:3]) <= 0.4
        assert previous["AAPL"] + previous["MSFT"] <= 0.3
        assert previous["^VIX"] == 0.0
        explanations |= {
            f"{decision.symbol} {limit.name}": limit.why
            for decision in decided
            for limit in decision.limits
        }
    assert explanations["AAPL sector limit"] == "information technology may take 40% of equity"
    assert explanations["AAPL correlation limit"] == (
        "what moves together (a correlation above 0.8: MSFT) may take 30% of equity"
    )
    assert explanations["^VIX not bought"].endswith("voted on and not bought (index)")
    assert "NOBODY sector limit" not in explanations


def test_a_buy_whose_sector_is_not_known_says_that_no_sector_limit_applies():
    bought = {
        d.symbol: d.why for d in decisions(concentrated_panel(), rules=EAGER) if d.target_weight
    }
    assert bought["NOBODY"].endswith("; its sector is not known, so no sector limit applies.")
    assert "sector" not in bought["AAPL"]


def test_a_chance_below_the_minimum_opens_nothing_and_says_so():
    rules = EAGER.model_copy(update={"minimum_probability": 0.9})
    decided = decisions(concentrated_panel(), rules=rules)
    assert all(decision.target_weight == 0.0 for decision in decided)
    [why] = {limit.why for d in decided for limit in d.limits if limit.name == "probability"}
    assert why == "a gain must have a chance of 90% for anything new"


def test_a_record_older_than_a_limit_is_recomputed_without_it():
    old = EAGER.model_dump(mode="json", exclude={"minimum_probability"})
    old["sizing"] = {"kelly_fraction": 0.25, "position_limit": 0.25, "gross_limit": 1.0}
    decided = decisions(concentrated_panel(), rules=settings_from_record(old))
    weights = {decision.symbol: decision.target_weight for decision in decided}
    assert weights["AAPL"] + weights["MSFT"] + weights["NVDA"] > 0.5
    assert weights["^VIX"] > 0.0
    assert {limit.name for d in decided for limit in d.limits} <= {"cap", "position limit",
                                                                "gross limit"}  # fmt: skip
    assert not any("sector" in decision.why for decision in decided)
    assert settings_from_record(EAGER.model_dump(mode="json")) == EAGER


@given(st.floats(-0.4, 0.4), st.floats(0.001, 0.5), st.floats(0, 0.05))
def test_cost_shrinks_an_edge_towards_zero_and_never_turns_it(edge, volatility, cost):
    remaining = float(net_edge(np.array([edge]), np.array([volatility]), cost)[0])
    assert abs(remaining) <= abs(edge)
    assert remaining * edge >= 0.0


def test_an_edge_without_a_known_volatility_is_worth_nothing():
    assert net_edge(np.array([0.2]), np.array([np.nan]), 0.001)[0] == 0.0


@settings(max_examples=50)
@given(st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=8).map(sorted))
def test_a_larger_edge_never_gives_a_lesser_action(edges):
    assert (np.diff(action_codes(np.array(edges), SETTINGS)) >= 0).all()


def test_thresholds_that_contradict_each_other_are_refused():
    with pytest.raises(ValidationError, match="cannot be smaller"):
        CommitteeSettings(buy_edge=0.05)


LEANING = Influence(np.array([[0.4, 0.1, 0.1, 0.3, 0.1]]), np.array([[0.5, 1.0, 2.0, 1.0, 0.0]]))
"""Weights and trust that differ from agent to agent."""


def free_of_cost(**rules):
    return CommitteeSettings(round_trip_cost=0.0, **rules)


def test_an_agent_that_is_half_trusted_counts_with_half_its_evidence():
    decided = decisions(influence=LEANING)
    for decision in decided:
        usual = math.log(decision.base_rate / (1.0 - decision.base_rate))
        pooled = sum(v.weight * (usual + v.trust * (v.log_odds - usual)) for v in decision.votes)
        assert math.isclose(decision.p_up, 1.0 / (1.0 + math.exp(-pooled)), rel_tol=1e-12)
        assert [vote.trust for vote in decision.votes] == LEANING.trust[0].tolist()


def test_influence_may_change_from_row_to_row():
    since = 180
    votes = collect_votes(PANEL, TEAM.vote(PANEL, since), since)
    steady = pool_votes(votes, LEANING, SETTINGS)
    rows = len(PANEL.known_at) - since
    changing = Influence(
        np.repeat(LEANING.weights, rows, axis=0), np.repeat(LEANING.trust, rows, axis=0)
    )
    changing.weights[:5], changing.trust[:5] = 0.2, 1.0
    mixed = pool_votes(votes, changing, SETTINGS)
    assert np.array_equal(mixed.p_up[5:], steady.p_up[5:])
    assert np.array_equal(mixed.p_up[:5], pool_votes(votes, equal_influence(5), SETTINGS).p_up[:5])


def test_without_an_agent_a_decision_is_what_the_others_would_have_decided():
    rules = free_of_cost()
    for missing in AGENTS:
        real = decisions(vote_results=votes_without(missing), rules=rules)
        for decision, other in zip(decisions(rules=rules), real, strict=True):
            outcome = what_if(decision, rules, without=missing)
            assert math.isclose(outcome.p_up, other.p_up, rel_tol=1e-12)
            assert math.isclose(outcome.edge, other.edge, rel_tol=1e-9)
            assert outcome.action is other.action


def test_with_equal_weights_a_decision_is_what_equals_would_have_decided():
    equals = Influence(equal_influence(5).weights, LEANING.trust)
    for decision, other in zip(
        decisions(influence=LEANING), decisions(influence=equals), strict=True
    ):
        outcome = what_if(decision, SETTINGS, equal_weights=True)
        assert math.isclose(outcome.p_up, other.p_up, rel_tol=1e-12)
        if decision.edge != 0.0:
            assert math.isclose(outcome.edge, other.edge, rel_tol=1e-9, abs_tol=1e-12)
            assert outcome.action is other.action


def test_an_edge_is_unknown_where_the_record_does_not_show_the_cost():
    costly = CommitteeSettings(round_trip_cost=0.09)
    for decision in decisions(rules=costly):
        outcome = [what_if(decision, costly, without=agent) for agent in AGENTS]
        assert all(one.p_up is not None for one in outcome)
        assert {one.edge for one in outcome} <= {None, 0.0, -0.0}
        assert {one.action for one in outcome} <= {None, Action.HOLD}
        assert None in {one.edge for one in outcome}


def test_below_the_quorum_the_others_open_nothing():
    short = decisions(vote_results=votes_without("news", "rl"))[0]
    outcome = what_if(short, SETTINGS, without="technical")
    assert (outcome.p_up, outcome.edge, outcome.action) == (
        None,
        None,
        Action.HOLD,
    )


FLOATS = st.floats(-0.2, 0.2) | st.just(np.nan)
GRID = (8, 5)


def many_inputs():
    flags = arrays(np.bool_, GRID)
    return st.builds(
        TargetInputs,
        edge=arrays(np.float64, GRID, elements=FLOATS),
        p_up=arrays(np.float64, GRID, elements=st.floats(0.3, 0.7)),
        volatility=arrays(np.float64, GRID, elements=st.floats(0.0, 0.2) | st.just(np.nan)),
        cap=arrays(np.float64, GRID, elements=st.floats(0.0, 1.0)),
        voters=arrays(np.int64, GRID, elements=st.integers(0, 5)),
        has_risk_forecast=flags,
        blocked=flags,
        present=flags,
        same_instant=st.just(np.zeros(8, bool)),
        symbols=st.just(("AAPL", "MSFT", "NVDA", "JPM", "^VIX")),
        horizons_per_year=st.just(np.full(5, 50.4)),
        correlation_groups=st.builds(
            lambda pairs, index: CorrelationGroups(pairs | pairs.transpose(0, 2, 1), index),
            arrays(np.bool_, (2, 5, 5)),
            arrays(np.int32, (8,), elements=st.integers(0, 1)),
        ),
    )


@settings(deadline=None)
@given(many_inputs())
def test_every_row_of_many_is_what_it_would_be_live(inputs):
    codes, targets = decide_rows(inputs, np.zeros(5), SETTINGS)
    previous = np.zeros(5)
    for row in range(GRID[0]):
        row_decision = decide_row(inputs, row, previous, SETTINGS)
        previous = row_decision.target
        assert np.array_equal(codes[row], row_decision.action)
        assert np.array_equal(targets[row], row_decision.target)


def test_two_calendars_merged_are_the_live_cycles_of_each():
    """Coins every row, stocks every second one, the gross limit shared between them."""
    rules = CommitteeSettings(
        buy_edge=1e-6, strong_buy_edge=1e-5, round_trip_cost=0.0, sell_edge=0.2,
        strong_sell_edge=0.2, sizing={"gross_limit": 0.3},
    )  # fmt: skip
    shares = random_panel(symbols=3, seed=5)
    shares = replace(shares, symbols=("A", "B", "C"), known_at=shares.known_at + LATER)
    since, influence = 180, equal_influence(len(AGENTS))
    parts = [
        target_inputs(
            pool_votes(collect_votes(panel, TEAM.vote(panel, since), since), influence, rules),
            blocked,
        )
        for panel, blocked in ((PANEL, np.zeros((20, 4), bool)), (shares, np.zeros((20, 3), bool)))
    ]
    rows = (np.arange(0, 40, 2), np.arange(1, 40, 2))
    both = merge_calendars(parts, rows, (slice(0, 4), slice(4, 7)), np.zeros(40, bool))
    _, targets = decide_rows(both, np.zeros(7), rules)
    previous: dict[str, float] = {}
    applied = set()
    for row in range(40):
        panel = (PANEL, shares)[row % 2].head(since + row // 2 + 1)
        decided = decisions(panel, previous=previous, rules=rules)
        previous |= {decision.symbol: decision.target_weight for decision in decided}
        applied |= {limit.name for decision in decided for limit in decision.limits}
        current = [previous.get(symbol, 0.0) for symbol in (*PANEL.symbols, *shares.symbols)]
        assert targets[row].tolist() == current
    assert "gross limit" in applied


LATER = np.timedelta64(3, "h")
