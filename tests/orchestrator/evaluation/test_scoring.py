import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter
from sklearn.metrics import brier_score_loss, log_loss

from domain.canonical import to_json
from domain.record import ForecastRecord
from domain.votes import sigmoid
from orchestrator.committee.learned_weights import Influence, equal_influence
from orchestrator.committee.pooling import CommitteeSettings, collect_votes, pool_votes
from orchestrator.evaluation.forward_returns import forward_returns, forward_returns_over
from orchestrator.evaluation.quantile_scores import benchmark_quantiles
from orchestrator.evaluation.scorecards import ScoreInputs, ScoreSlices, scorecards
from orchestrator.evaluation.scoring import build_record, score_record
from orchestrator.team.base import AgentVoteResult
from quant.base_rate import base_rate
from quant.base_rate import log_odds as log_odds_of
from quant.bootstrap_ratios import draw_bootstrap
from quant.pooling import pool
from tests.orchestrator.random_panels import random_panel
from tests.orchestrator.sample_agents import MomentumAgent

SINCE = 50


@pytest.fixture(scope="module")
def panel():
    return random_panel(bars=400, symbols=6, seed=4)


@pytest.fixture(scope="module")
def record(panel):
    """A seer, who knows what comes, a fool, who believes the opposite, a guesser who often
    abstains, and an echo of the base rate."""
    rng = np.random.default_rng(0)
    base = log_odds_of(base_rate(panel.open, panel.horizon)[SINCE:])
    change = forward_returns(panel, SINCE).change
    comes = np.nan_to_num(10.0 * change)
    guess = np.where(rng.random(base.shape) < 0.6, np.nan, rng.normal(0, 0.2, base.shape))
    return make_record(panel, [base + comes, base - comes, base + guess, base])


def make_record(panel, log_odds, agents=("seer", "fool", "guesser", "echo"), **changes):
    log_odds = np.stack(log_odds)
    rows = log_odds.shape[1]
    weights = np.full((rows, len(log_odds)), 1.0 / len(log_odds))
    fields = {
        "agents": agents,
        "symbols": panel.symbols,
        "known_at": panel.known_at[-rows:],
        "horizon": panel.horizon,
        "log_odds": log_odds,
        "pooled": pool(log_odds, weights.T).log_odds,
        "base_rate": base_rate(panel.open, panel.horizon)[-rows:],
        "weights": weights,
        "trust": np.ones_like(weights),
        "quantile_5": np.full(log_odds.shape[1:], np.nan),
        "change": forward_returns(panel, len(panel.known_at) - rows).change,
        "regime": np.zeros(rows, np.int32),
        "receipts": {},
    }
    return ForecastRecord(**{**fields, **changes})


@pytest.fixture(scope="module")
def scores(record):
    return score_record(record)


def forecaster_named(scores, name):
    return next(each for each in scores.forecasters if each.name == name)


def test_a_record_is_made_of_a_panel_its_votes_and_what_they_add_up_to(panel):
    votes = MomentumAgent("a").vote(panel, SINCE)
    results = [AgentVoteResult("a", votes, None, 0.0), AgentVoteResult("b", None, "crashed", 0.0)]
    influence = equal_influence(2)
    pooled = pool_votes(collect_votes(panel, results, SINCE), influence, CommitteeSettings())
    record = build_record(panel, results, pooled, influence, SINCE)
    assert record.agents == ("a", "b")
    assert np.array_equal(record.log_odds[0], votes.log_odds)
    assert np.isnan(record.log_odds[1]).all()
    assert record.pooled is pooled.pool.log_odds
    assert record.weights.shape == record.trust.shape == (350, 2)
    assert np.array_equal(record.change, forward_returns(panel, SINCE).change, equal_nan=True)
    scored = score_record(record)
    assert forecaster_named(scored, "a").overall.coverage == 1.0
    assert forecaster_named(scored, "b").overall.coverage == 0.0


def test_overall_scores_are_those_of_scikit_learn_over_all_settled_votes(record, scores):
    for agent, log_odds in zip(record.agents, record.log_odds, strict=True):
        overall = forecaster_named(scores, agent).overall
        there = ~np.isnan(log_odds) & ~np.isnan(record.change)
        up, p_up = record.change[there] > 0, sigmoid(log_odds[there])
        base = record.base_rate[there]
        brier, usual = brier_score_loss(up, p_up), brier_score_loss(up, base)
        assert overall.settled == overall.brier.n == there.sum()
        assert overall.votes == (~np.isnan(log_odds)).sum()
        assert overall.coverage == pytest.approx((~np.isnan(log_odds)).mean())
        assert overall.brier.value == pytest.approx(brier)
        assert overall.brier_skill.value == pytest.approx(1.0 - brier / usual)
        skill = 1.0 - log_loss(up, p_up) / log_loss(up, base)
        assert overall.log_skill.value == pytest.approx(skill)


def test_the_seer_is_seen_and_so_is_the_fool(scores):
    seer, fool = forecaster_named(scores, "seer").overall, forecaster_named(scores, "fool").overall
    assert seer.hit_rate.value == 1.0
    assert fool.hit_rate.value == 0.0
    assert seer.brier_skill.low > 0.0 > fool.brier_skill.high
    assert seer.rank_ic.value == pytest.approx(1.0)
    assert fool.rank_ic.value == pytest.approx(-1.0)
    assert seer.time_ic.value == pytest.approx(1.0)
    assert seer.relative_hit_rate.value == 1.0
    assert fool.relative_ic.value == pytest.approx(-1.0)


@pytest.mark.parametrize("name", ["seer", "fool"])
def test_no_interval_of_a_correlation_leaves_its_range(scores, name):
    forecaster = forecaster_named(scores, name)
    for card in (forecaster.overall, *forecaster.by_symbol, *forecaster.by_period):
        for estimate in (card.time_ic, card.relative_ic, card.rank_ic):
            if estimate.low is not None:
                assert -1.0 <= estimate.low <= estimate.high <= 1.0


def test_an_echo_of_the_base_rate_knows_nothing_and_calls_nothing(scores):
    echo = forecaster_named(scores, "echo").overall
    assert echo.brier_skill.value == echo.log_skill.value == 0.0
    assert (echo.hit_rate.value, echo.hit_rate.n) == (None, 0)
    assert echo.relative_hit_rate.value is None
    assert (echo.rank_ic.value, echo.rank_ic.n) == (None, 0)


def test_slices_add_up_to_the_whole(scores):
    for each in scores.forecasters:
        for slices in (each.by_symbol, each.by_regime, each.by_period):
            assert sum(card.settled for card in slices) == each.overall.settled
            loss = sum(card.brier.value * card.brier.n for card in slices if card.brier.n)
            assert loss == pytest.approx(each.overall.brier.value * each.overall.brier.n)
    months = [card.name for card in forecaster_named(scores, "seer").by_period]
    assert months[:2] == ["2020-02", "2020-03"]


def test_a_record_of_years_is_sliced_by_the_year(panel):
    base = log_odds_of(base_rate(panel.open, panel.horizon))
    yearly = replace(
        make_record(panel, [base], agents=("echo",)),
        known_at=panel.known_at[0] + np.arange(400) * np.timedelta64(2, "D"),
    )
    assert [c.name for c in score_record(yearly).forecasters[0].by_period] == [
        "2020",
        "2021",
        "2022",
    ]


def test_relative_hits_are_the_plain_definition(record, scores):
    log_odds, right, calls = record.log_odds[2], 0, 0
    evidence = log_odds - log_odds_of(record.base_rate)
    for row in range(len(log_odds)):
        settled = np.flatnonzero(~np.isnan(record.change[row]))
        voted = [n for n in settled if not np.isnan(log_odds[row, n])]
        for n in voted:
            leans = evidence[row, n] - np.median(evidence[row, voted])
            beats = record.change[row, n] - np.median(record.change[row, settled])
            if abs(leans) > 1e-9 and beats != 0:
                calls += 1
                right += (leans > 0) == (beats > 0)
    rate = forecaster_named(scores, "guesser").overall.relative_hit_rate
    assert (rate.n, rate.value) == (calls, pytest.approx(right / calls))


def test_regret_adds_up_the_log_score_and_an_abstention_is_the_base_rate(record, scores):
    there = ~np.isnan(record.change)
    up, base = record.change > 0, log_odds_of(record.base_rate)

    def gained(log_odds):
        filled = np.where(np.isnan(log_odds), base, log_odds)
        loss = [np.logaddexp(0.0, np.where(up, -each, each)) for each in (base, filled)]
        return np.cumsum(np.where(there, loss[0] - loss[1], 0.0).sum(axis=1))

    rivals = {rival.name: rival for rival in scores.regret.rivals}
    assert list(rivals) == ["committee", *record.agents, "equal weights", "base rate"]
    last = scores.regret.at[-1]
    assert last.replace(tzinfo=None) == record.known_at[there.any(axis=1)][-1].item()
    for name, log_odds in (("committee", record.pooled), ("guesser", record.log_odds[2])):
        count = len(rivals[name].gained)
        assert rivals[name].gained == pytest.approx(gained(log_odds)[:count], abs=1e-9)
    assert rivals["equal weights"].gained == rivals["committee"].gained
    assert set(rivals["base rate"].gained) == {0.0}
    assert scores.regret.best_agent == "seer"
    assert rivals["seer"].committee_ahead.high < 0.0 < rivals["fool"].committee_ahead.low


def test_earned_weights_stand_beside_those_in_force(record):
    rows = len(record.known_at)
    earned = Influence(np.tile([1.0, 0.0, 0.0, 0.0], (rows, 1)), np.ones((rows, 4)))
    rivals = {r.name: r for r in score_record(record, learned=earned).regret.rivals}
    assert rivals["earned weights"].gain == rivals["seer"].gain


def test_leaving_an_agent_out_shows_what_it_was_worth(record, scores):
    worth = {each.agent: each.value for each in scores.marginal}
    assert worth["seer"].low > 0.0 > worth["fool"].high
    there = ~np.isnan(record.change)
    up = record.change[there] > 0
    without = pool(record.log_odds[1:], np.ones(3)).log_odds[there]
    lost = log_loss(up, sigmoid(without)) - log_loss(up, sigmoid(record.pooled[there]))
    assert worth["seer"].value == pytest.approx(lost)
    assert worth["seer"].n == there.sum()


def test_best_and_worst_calls_are_named_with_their_receipts(record):
    linked = {(row, column): f"R{row}-{column}" for row in range(345) for column in range(6)}
    fool = forecaster_named(score_record(replace(record, receipts=linked)), "fool")
    assert fool.best == ()
    assert len(fool.worst) == 5
    worst = fool.worst[0]
    row, column = map(int, worst.receipt[1:].split("-"))
    assert worst.symbol == record.symbols[column]
    assert worst.change == record.change[row, column]
    assert worst.gain == min(call.gain for call in fool.worst)
    assert abs(worst.change) == pytest.approx(np.nanmax(np.abs(record.change)), rel=0.3)


def test_evidence_decays_over_other_horizons(panel, record):
    changes = {bars: forward_returns_over(panel, SINCE, bars) for bars in (1, 5, 20)}
    decay = forecaster_named(score_record(record, changes=changes), "seer").decay
    assert [each.horizon for each in decay] == [1, 5, 20]
    assert decay[1].rank_ic.value == pytest.approx(1.0)
    assert 0.1 < decay[0].rank_ic.value < 0.8
    assert 0.1 < decay[2].time_ic.value < 0.8


def test_the_tail_is_scored_beside_its_rivals_on_the_same_cells(panel, record):
    forecast = np.full(record.change.shape, np.nanquantile(record.change, 0.05))
    forecast[:10] = np.nan
    rivals = benchmark_quantiles(panel, SINCE)
    tail = score_record(replace(record, quantile_5=forecast), quantile_benchmarks=rivals).tail
    assert tail.breaches.value == pytest.approx(0.05, abs=0.01)
    assert [rival.name for rival in tail.rivals] == list(rivals)
    historical, normal = tail.rivals
    assert historical.pinball.n < normal.pinball.n == tail.pinball.n
    assert normal.saved.value == pytest.approx(normal.pinball.value - tail.pinball.value)
    assert normal.skill.value == pytest.approx(normal.saved.value / normal.pinball.value)
    assert [each.symbol for each in tail.by_symbol] == list(record.symbols)
    settled = int((~np.isnan(record.change[10:, 0])).sum())
    assert tail.by_symbol[0].n == -(-settled // 6)


def test_what_is_not_settled_is_not_scored(record):
    young = replace(record, change=np.where(np.arange(350)[:, None] < 20, record.change, np.nan))
    overall = forecaster_named(score_record(young), "seer").overall
    assert (overall.votes, overall.settled) == (2100, 120)
    assert overall.brier.value is not None
    assert overall.brier.low is None


@pytest.mark.parametrize("rows", [0, 1, 350])
def test_a_record_with_nothing_settled_scores_nothing_and_breaks_nothing(record, rows):
    fields = ("pooled", "base_rate", "weights", "trust", "quantile_5", "known_at", "regime")
    empty = replace(
        record,
        log_odds=record.log_odds[:, :rows],
        change=np.full((rows, 6), np.nan),
        **{name: getattr(record, name)[:rows] for name in fields},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score_record(
            empty, changes={1: empty.change}, quantile_benchmarks={"none": empty.change}
        )
    for each in scores.forecasters:
        assert each.overall.brier_skill.value is None
        assert each.overall.brier_skill.n == 0
        assert each.calibration.bins == each.best == ()
    assert scores.regret.best_agent is None
    assert scores.regret.at == ()
    json.dumps(to_json(scores), allow_nan=False)


def test_scores_are_plain_json_and_the_same_whenever_they_are_drawn(record, scores):
    text = json.dumps(to_json(scores), allow_nan=False)
    assert text == json.dumps(to_json(score_record(record)))
    assert text != json.dumps(to_json(score_record(record, seed=1)))


def test_intervals_hold_the_truth_about_nine_times_in_ten():
    """Evidence that lasts and knows nothing, outcomes that overlap."""
    covered = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        moves = rng.normal(0.0, 0.02, (506, 8)) + rng.normal(0.0, 0.01, (506, 1))
        change = np.stack([moves[row + 1 : row + 6].sum(axis=0) for row in range(500)])
        log_odds = lfilter([1.0], [1.0, -0.8], rng.normal(0.0, 0.1, (500, 8)), axis=0)
        cells = ScoreInputs(np.full((500, 8), 0.5), change)
        parts = ScoreSlices((), (), np.zeros((0, 500)), tuple("abcdefgh"))
        card, *_ = scorecards("null", log_odds, cells, parts, draw_bootstrap(500, 12.0, seed))
        for figure, nothing in (
            (card.hit_edge, 0.0), (card.rank_ic, 0.0), (card.time_ic, 0.0),
            (card.relative_hit_rate, 0.5),
        ):  # fmt: skip
            covered.append(figure.low <= nothing <= figure.high)
    assert 0.82 < np.mean(covered) < 0.96
