"""A run: the same bytes wherever it was interrupted, and what cannot be learnt from is refused."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import safetensors.numpy

from domain.errors import ConfigurationError, InputError
from envs.market_data import MarketHistory, history
from envs.observation import OBSERVATION_VERSION
from envs.policies.ensemble import MEMBER_REGIMES
from envs.policies.files import decode_policy
from envs.policies.policy import Member, Policy
from envs.simulated import simulate
from envs.training.algorithms import Learner, output_kind
from envs.training.arguments import TrainingArguments
from envs.training.events import HeldOutPaths, RunEvaluated, StageCompleted, TrainingEvent
from envs.training.run import build_context, run_training

MARKET = history(simulate(7, symbols=3, days=700), "simulated, seed 7", simulated=True)
SMALL = TrainingArguments(
    steps=512, stages=4, patience=4, seeds=1, episode=40, copies=8, batch=64,
    train_until=date(2007, 6, 29), validate_until=date(2007, 12, 31),
)  # fmt: skip
FIVE = [
    ("ppo", "flat-long"), ("a2c", "short-share"), ("dqn", "short-flat-long"), ("sac", "share"),
    ("td3", "short-share"),
]  # fmt: skip


def run(
    arguments: TrainingArguments, checkpoints: dict[str, bytes] | None = None, stages: int = 100
):
    """Events, and the checkpoints after `stages` of them."""
    checkpoints, events = dict(checkpoints or {}), []
    for event in run_training(arguments, MARKET, checkpoints):
        events.append(event)
        if isinstance(event, StageCompleted):
            checkpoints[event.member] = event.checkpoint
        if len(events) == stages:
            break
    return events, checkpoints


def policy_of(events: list[TrainingEvent]) -> Policy:
    last = events[-1]
    assert isinstance(last, RunEvaluated)
    return decode_policy(last.tensors, last.manifest, "memory")


@pytest.fixture(scope="module")
def two():
    """A run of two algorithms whose votes are selected by regime."""
    return run(replace(SMALL, algo=("ppo", "dqn"), select="regimes"))[0]


@pytest.mark.parametrize(("algo", "actions"), FIVE)
def test_a_run_that_is_gone_on_with_gives_the_bytes_of_an_undisturbed_one(algo, actions):
    arguments = replace(SMALL, algo=(algo,), actions=actions)
    uninterrupted, _ = run(arguments)
    before, checkpoints = run(arguments, stages=2)
    after, _ = run(arguments, checkpoints)
    assert [each.checkpoint for each in (*before, *after[:-1])] == [
        each.checkpoint for each in uninterrupted[:-1]
    ]
    assert after[-1].tensors == uninterrupted[-1].tensors
    assert after[-1].held_out == uninterrupted[-1].held_out


@pytest.mark.parametrize(("algo", "actions"), FIVE)
def test_the_plain_network_is_the_policy_that_was_trained(algo, actions):
    import torch

    arguments = replace(SMALL, algo=(algo,), actions=actions)
    ground = build_context(arguments, MARKET)
    learner = Learner(algo, 3, arguments, MARKET, ground.observations, ground.periods.train)
    learner.learn(1, 256, lambda steps: None)
    kind, squash = output_kind(algo, arguments.settings)
    member = Member(algo, 3, kind, arguments.actions, learner.network, 1.0, squash)
    x = np.random.default_rng(0).normal(size=(300, 11)).astype(np.float32)
    with torch.no_grad():
        chosen, _ = learner._model.predict(x, deterministic=True)
    shares = {"flat-long": (0.0, 1.0), "short-flat-long": (-1.0, 0.0, 1.0)}.get(actions)
    expected = chosen[:, 0] if shares is None else np.array(shares)[chosen]
    wrong = np.abs(member.share(x.astype(np.float64)) - expected) > 1e-5
    assert wrong.mean() < 0.01  # a tie may fall the other way in single precision


def test_each_seed_learns_its_own_and_the_same_one_again():
    first, again = (run(SMALL, stages=1)[0][0].checkpoint for _ in range(2))
    other = run(replace(SMALL, seed=1), stages=1)[0][0].checkpoint
    assert first == again
    assert first != other


def test_stages_follow_one_another_member_by_member_and_end(two):
    stages = [event for event in two if isinstance(event, StageCompleted)]
    assert [(each.member, each.number) for each in stages] == [("ppo-0", 1)] * 4 + [
        ("dqn-0", 2)
    ] * 4
    assert [each.ended for each in stages] == [False, False, False, True] * 2
    assert [each.steps for each in stages] == [128, 256, 384, 512] * 2
    assert set(stages[0].scores) == {"Sharpe ratio", "growth a year", "episode reward", "loss"}


def test_the_policy_says_where_it_comes_from_and_what_it_was_worth(two):
    policy = policy_of(two)
    manifest = policy.manifest
    assert [member.name for member in policy.members] == ["ppo-0", "dqn-0"]
    assert policy.weights.shape == (len(MEMBER_REGIMES), 2)
    assert (manifest.data, manifest.simulated) == ("simulated, seed 7", True)
    assert manifest.data_digest == MARKET.digest
    assert manifest.arguments["algo"] == "ppo dqn"
    assert manifest.periods["train"][1] <= "2007-06-29" < manifest.periods["validation"][0]
    assert {"policy", "ppo-0", "dqn-0", "buy and hold", "flat"} < set(manifest.scores)
    assert "Brier skill over the base rate" in manifest.scores["policy"]
    assert "Sharpe ratio" not in manifest.scores["flat"]  # there is none, and no zero instead


def test_held_out_equity_begins_at_one_for_all_and_flat_stays_there(two):
    held_out = HeldOutPaths.decode(two[-1].held_out, "memory")
    paths = [held_out.ensemble, *held_out.members.values(), *held_out.benchmarks.values()]
    assert {len(path) for path in paths} == {len(held_out.dates)}
    assert {path[0] for path in paths} == {1.0}
    assert set(held_out.benchmarks["flat"]) == {1.0}
    assert len(held_out.dates) <= 500
    assert held_out.dates[0] >= "2008-01-01"


def test_nothing_of_the_test_period_reaches_what_is_learnt_and_chosen(two):
    later = MARKET.dates >= np.datetime64("2008-01-01")
    noise = np.random.default_rng(0).normal(size=MARKET.observation.shape)
    other = replace(MARKET, observation=np.where(later[:, None, None], noise, MARKET.observation))
    arguments = replace(SMALL, algo=("ppo", "dqn"), select="regimes")
    events = list(run_training(arguments, other, {}))
    assert events[-1].tensors == two[-1].tensors
    assert events[-1].held_out != two[-1].held_out


def test_a_member_stops_where_validation_gets_no_better_and_keeps_its_best():
    arguments = replace(SMALL, steps=2_048, stages=16, patience=2)
    events, checkpoints = run(arguments)
    scores = [event.scores["Sharpe ratio"] for event in events[:-1]]
    merits = [0.0 if np.isnan(score) else score for score in scores]
    best = int(np.argmax(merits))
    assert len(scores) < 16
    assert len(scores) == best + 1 + 2
    assert events[-2].ended
    point = safetensors.numpy.load(checkpoints["ppo-0"])
    assert point["best"][0] == merits[best]
    assert not any(name.startswith("learner/") for name in point)


def test_members_that_have_ended_are_not_trained_again():
    events, checkpoints = run(SMALL)
    again, _ = run(SMALL, checkpoints)
    assert len(again) == 1
    assert again[0].tensors == events[-1].tensors


def refused(checkpoint: bytes, arguments: TrainingArguments = SMALL) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        next(run_training(arguments, MARKET, {"ppo-0": checkpoint}))
    assert "checkpoints/ppo-0.safetensors" in str(refusal.value)
    assert "Delete the file" in str(refusal.value)
    return str(refusal.value)


def test_a_checkpoint_that_is_not_this_runs_is_refused_with_its_reason():
    checkpoint = run(SMALL, stages=1)[1]["ppo-0"]
    for cut in (0, 7, 100, len(checkpoint) - 1):
        assert "truncated or damaged" in refused(checkpoint[:cut])
    assert "another run" in refused(checkpoint, replace(SMALL, gamma=0.5))
    tensors = safetensors.numpy.load(checkpoint)
    tensors["observation_version"] = np.array([OBSERVATION_VERSION + 1])
    assert f"version {OBSERVATION_VERSION + 1}" in refused(safetensors.numpy.save(tensors))
    del tensors["learner/counters"]
    tensors["observation_version"] = np.array([OBSERVATION_VERSION])
    assert "does not fit" in refused(safetensors.numpy.save(tensors))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_until": date(2030, 1, 1), "validate_until": date(2031, 1, 1)}, "No bars are left"),
        ({"train_until": date(2006, 2, 1)}, "No bars are left for the train period"),
        ({"episode": 400}, "An episode of 400 bars needs 401 rows"),
        ({"commission_bps": -1.0}, "commission_bps is -1.0"),
        ({"algo": ("sac",)}, "sac cannot learn flat-long"),
    ],
)
def test_what_cannot_be_learnt_is_refused_before_anything_is(changes, message):
    with pytest.raises(InputError, match=message):
        next(run_training(replace(SMALL, **changes), MARKET, {}))


def test_a_market_of_which_nothing_can_be_seen_is_refused():
    still = simulate(7, symbols=1, days=700).assign(open=5.0, high=5.0, low=5.0, close=5.0)
    blind: MarketHistory = history(still, "one price")
    with pytest.raises(InputError, match="Nothing can be seen in the training period"):
        next(run_training(SMALL, blind, {}))


def test_the_held_out_paths_are_plain_json(two):
    assert set(json.loads(two[-1].held_out)) == {"dates", "ensemble", "members", "benchmarks"}
