"""Training: a planted signal is learnt, the same run gives the same bytes, errors are told."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from rich.console import Console

from envs.learning.evaluation import Judge, chosen
from envs.market_data import History
from envs.observation import FEATURES
from envs.policies.policy import MANIFEST, TENSORS, load_policy
from envs.train import Arguments, learn, main, train
from trading.costs import CostSettings

SMALL = Arguments(
    steps=4_096, seeds=1, episode=60, copies=4,
    train_until=date(2020, 1, 1), validate_until=date(2022, 12, 31),
)  # fmt: skip
ACTIONS = ("flat", "long")


def planted_market(seed: int, strength: float, rows: int = 600) -> History:
    """Four symbols whose next day is, in daily volatilities, `strength` times the first feature."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(size=(rows, 4, len(FEATURES)))
    moves = np.zeros((rows, 4))
    moves[1:] = 0.01 * (strength * seen[:-1, :, 0] + rng.normal(size=(rows - 1, 4)))
    close = 100 * np.exp(np.cumsum(moves, axis=0))
    opens = np.vstack([close[:1], close[:-1]])
    dates = np.arange(rows).astype("datetime64[D]").astype("datetime64[us]")
    return History(("A", "B", "C", "D"), dates, opens, close, seen, "")


def test_a_planted_signal_is_learnt_and_pays_on_time_not_seen():
    market = planted_market(0, strength=1.0)
    arguments = replace(SMALL, steps=24_576, copies=2)
    costs = CostSettings()
    network = learn(market, range(0, 400), costs, arguments, 0, lambda _: None)
    rest = range(400, 600)
    judge = Judge(market, rest, costs)
    ours = judge.returns(chosen(network, ACTIONS, market.observation[400:])).sum()
    best = judge.returns((market.observation[400:, :, 0] > 0).astype(float)).sum()
    hold = judge.returns(np.ones((200, 4))).sum()
    assert ours > 0.8 * best
    assert ours > hold + 0.2


def test_the_numpy_policy_is_the_policy_that_torch_trained():
    import torch
    from stable_baselines3 import PPO

    from envs.policies.policy import Network
    from envs.trading_env import TradingEnv
    from envs.train import layers_of

    market = planted_market(1, strength=0.0, rows=100)
    env = TradingEnv(market, market.observation.astype(np.float32), range(0, 100), bars=20)
    model = PPO(
        "MlpPolicy", env, policy_kwargs={"net_arch": [16, 16], "activation_fn": torch.nn.ReLU}
    )
    network = Network(np.zeros(len(FEATURES)), np.ones(len(FEATURES)), layers_of(model))
    seen = np.random.default_rng(0).normal(size=(500, len(FEATURES)))
    policy = model.policy.double()
    with torch.no_grad():
        hidden = policy.mlp_extractor.policy_net(torch.from_numpy(seen))
        theirs = policy.action_net(hidden).numpy()
    assert np.abs(network.logits(seen) - theirs).max() < 1e-6


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    train(replace(SMALL, out=folder), Console(quiet=True))
    return folder


def test_a_run_leaves_a_policy_that_loads_and_says_where_it_comes_from(run):
    manifest = load_policy(run).manifest
    assert manifest.data == "simulated, seed 7"
    assert manifest.arguments["steps"] == 4_096
    assert manifest.periods["train"][1] < "2020-01-01" < manifest.periods["validation"][0]
    assert {"policy", "seed 0", "buy and hold", "flat"} < set(manifest.scores)
    assert "Brier skill over the base rate" in manifest.scores["policy"]


def test_the_same_command_gives_the_same_bytes(run, tmp_path):
    train(replace(SMALL, out=tmp_path), Console(quiet=True))
    for name in (TENSORS, MANIFEST):
        assert (tmp_path / name).read_bytes() == (run / name).read_bytes()


def test_a_missing_file_ends_the_command_with_the_exit_code_of_bad_input(capsys, tmp_path):
    assert main(["--bars", str(tmp_path / "none.csv"), "--out", str(tmp_path)]) == 2
    assert "does not exist" in " ".join(capsys.readouterr().out.split())


def test_the_help_has_a_sentence_for_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert "--half-spread-bps" in said
    assert said.count("(default:") == len(Arguments.__dataclass_fields__)
