"""Training as a command: killed and gone on with, refused without a trace, and it learns."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import fields

import numpy as np
import pytest

from envs.environments.synthetic_markets import planted_market
from envs.policies.files import decode_policy, load_policy
from envs.simulated import simulate
from envs.train import main, run_name
from envs.training.arguments import TrainingArguments
from envs.training.evaluation import SHARPE, Evaluator
from envs.training.run import run_training
from envs.training.run_folder import RunFolder

SMALL = (
    "--seeds", "1", "--steps", "4096", "--stages", "16", "--patience", "16", "--episode", "40",
    "--copies", "8", "--batch", "64", "--train-until", "2007-06-29",
    "--validate-until", "2007-12-31",
)  # fmt: skip


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    path = tmp_path_factory.mktemp("bars") / "bars.parquet"
    simulate(7, symbols=3, days=700).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def done(bars, tmp_path_factory):
    """A run's folder, never interrupted."""
    out = tmp_path_factory.mktemp("run") / "done"
    assert main(["--bars", str(bars), "--out", str(out), *SMALL]) == 0
    return out


def output_of(capsys) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_a_run_that_was_killed_goes_on_and_ends_in_the_same_bytes(bars, done, tmp_path, capsys):
    command = ["--bars", str(bars), "--out", str(tmp_path), *SMALL]
    process = subprocess.Popen(
        [sys.executable, "-m", "envs.train", *command], stdout=subprocess.DEVNULL
    )
    checkpoint = tmp_path / "checkpoints" / "ppo-0.safetensors"
    while not checkpoint.exists():
        assert process.poll() is None
        time.sleep(0.005)
    assert RunFolder.open(tmp_path).state().state == "running"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    state = RunFolder.open(tmp_path).state()
    assert state.state == "interrupted"
    assert state.done < state.total
    assert main(command) == 0
    assert "Sharpe ratio" in output_of(capsys)
    for name in ("policy/policy.safetensors", "held-out.json", "checkpoints/ppo-0.safetensors"):
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes()
    resumed, uninterrupted = (RunFolder.open(each).progress() for each in (tmp_path, done))
    assert resumed.steps == uninterrupted.steps
    assert resumed.scores.keys() == uninterrupted.scores.keys()


def test_the_same_command_once_more_trains_nothing_and_prints_the_result_again(bars, done, capsys):
    before = {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
    assert main(["--bars", str(bars), "--out", str(done), *SMALL]) == 0
    output = output_of(capsys)
    assert "This run was done before." in output
    assert "buy and hold" in output
    assert {path: path.read_bytes() for path in done.rglob("*") if path.is_file()} == before


def test_another_command_in_the_same_folder_is_refused_and_the_policy_kept(bars, done, capsys):
    policy = load_policy(done / "policy").manifest
    command = ["--bars", str(bars), "--out", str(done), *SMALL, "--gamma", "0.5"]
    assert main(command) == 2
    assert "gamma 0.8, and this one has 0.5" in output_of(capsys)
    assert load_policy(done / "policy").manifest == policy


def test_a_truncated_checkpoint_is_reported_with_its_file_and_what_to_do(bars, tmp_path, capsys):
    command = ["--bars", str(bars), "--out", str(tmp_path), *SMALL]
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "ppo-0.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0half")
    assert main(command) == 3
    output = output_of(capsys)
    assert "checkpoints/ppo-0.safetensors is refused: it is truncated or damaged" in output
    state = RunFolder.open(tmp_path).state()
    assert (state.state, "truncated" in state.error) == ("failed", True)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--bars", "none.csv"], 2, "none.csv does not exist"),
        (["--train-until", "2020-01-01"], 2, "would end before training"),
        (["--train-until", "2030-01-01", "--validate-until", "2031-01-01"], 2, "No bars are left"),
        (["--algo", "sac"], 2, "sac cannot learn flat-long"),
        (["--algo", "ppo", "ddpg"], 2, "The algorithms are ppo ddpg, but each of ppo, a2c"),
        (["--symbol", "SIM00,ACME"], 2, "The bars hold nothing of ACME"),
        (["--symbols", "$$"], 2, "'$$' is not a symbol"),
        (["--half-spread-bps", "-1"], 2, "half_spread_bps is -1.0"),
    ],
)
def test_what_cannot_be_trained_ends_with_the_code_of_bad_input_and_writes_nothing(
    options, code, message, tmp_path, capsys
):
    out = tmp_path / "run"
    assert main(["--out", str(out), *options]) == code
    assert message in output_of(capsys)
    assert not out.exists()


def test_the_help_has_a_sentence_for_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    output = output_of(capsys)
    assert "--half-spread-bps" in output
    assert output.count("(default:") == len(fields(TrainingArguments)) + 1
    assert "--symbol SYMBOL [SYMBOL ...]" in output


@pytest.mark.parametrize("option", ["--bars", "--out"])
def test_an_empty_path_is_refused_by_the_options_name(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([option, ""])
    assert f"argument {option}: A path is empty" in capsys.readouterr().err


def test_a_file_is_no_folder_of_a_run(bars, capsys):
    before = bars.read_bytes()
    assert main(["--bars", str(bars), "--out", str(bars), *SMALL]) == 2
    assert "is a file, no folder. Give another folder." in output_of(capsys)
    assert bars.read_bytes() == before


def test_a_planted_signal_is_learnt_and_pays_on_time_not_seen():
    toy = planted_market(0, rows=900)
    days = toy.market.dates.astype("datetime64[D]").tolist()
    arguments = TrainingArguments(
        steps=32_768, seeds=1, stages=2, episode=60, train_until=days[600], validate_until=days[750]
    )
    *_, last = run_training(arguments, toy.market, {})
    policy = decode_policy(last.tensors, last.manifest, "memory")
    rows = range(760, 900)
    evaluator = Evaluator(toy.market, rows, arguments.settings)
    seen = toy.market.observation[760:]
    shares = policy.share(policy.standardise(seen.reshape(-1, seen.shape[2])))
    trained = evaluator.point_estimates(shares.reshape(seen.shape[:2]))[SHARPE]
    best = evaluator.point_estimates(toy.best_weights[760:])[SHARPE]
    hold = evaluator.point_estimates(np.ones(seen.shape[:2]))[SHARPE]
    assert trained > 0.8 * best > hold


def test_a_run_has_the_name_that_release_0_1_0_gave_it() -> None:
    """So that the same command goes on in the same folder."""
    assert run_name(TrainingArguments()) == "ppo-86a1336e"
