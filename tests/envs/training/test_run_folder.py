"""A run's folder: says how the run goes, loses nothing, and is one run's alone."""

import math
from dataclasses import replace

import pytest

from domain.errors import ConfigurationError, InputError, NotFoundError, StorageError
from envs.market_data import history
from envs.simulated import simulate
from envs.training.arguments import TrainingArguments
from envs.training.events import HeldOutPaths, RunEvaluated, StageCompleted
from envs.training.run_folder import RunFolder

MARKET = history(simulate(7, symbols=1, days=100), "simulated, seed 7", simulated=True)
ARGUMENTS = TrainingArguments(seeds=2, steps=1_000, stages=4)
HELD_OUT = HeldOutPaths(
    ("2020-01-01",), (1.0,), {"ppo-0": (1.0,), "ppo-1": (1.0,)}, {"flat": (1.0,)}
)
EVALUATED = RunEvaluated(b"tensors", b"manifest", HELD_OUT.encode())


def stage_completed(
    steps: int, seed: int = 0, *, ended: bool = False, sharpe: float = 1.5
) -> StageCompleted:
    scores = {"Sharpe ratio": sharpe, "loss": math.nan}
    return StageCompleted(
        f"ppo-{seed}", seed + 1, 2, steps, 1_000, 2.0, scores, f"{steps}".encode(), ended
    )


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path / "run", ARGUMENTS, MARKET)


def test_an_unlocked_run_is_interrupted_and_a_locked_one_is_running(folder):
    assert folder.state().state == "interrupted"
    with folder.lock():
        assert RunFolder.open(folder.path).state().state == "running"
    assert folder.state().state == "interrupted"


def test_the_state_has_the_arguments_the_progress_and_the_time_it_takes(folder):
    with folder.lock():
        assert folder.state().seconds_left is None
        folder.record(stage_completed(250))
        state = folder.state()
    assert (state.id, state.label) == ("run", "ppo x 2 seeds on simulated, seed 7")
    assert (state.what, state.done, state.total) == ("ppo-0, 1 of 2", 250, 2_000)
    assert state.seconds_left == pytest.approx(2.0 / 250 * 1_750)
    assert (state.data, state.simulated) == ("simulated, seed 7", True)
    assert state.arguments["steps"] == 1_000


def test_a_member_that_ended_early_counts_whole_once_the_next_has_begun(folder):
    with folder.lock():
        folder.record(stage_completed(500, ended=True))
        folder.record(stage_completed(250, seed=1))
        assert folder.state().done == 1_250


def test_progress_is_read_back_as_it_was_kept_and_the_last_checkpoint_with_it(folder):
    with folder.lock():
        for steps in (250, 500):
            folder.record(stage_completed(steps, sharpe=steps / 1_000))
    progress = RunFolder.open(folder.path).progress()
    assert progress.member == ("ppo-0", "ppo-0")
    assert progress.steps == (250, 500)
    assert progress.seconds == (2.0, 2.0)
    assert progress.scores["Sharpe ratio"] == (0.25, 0.5)
    assert all(math.isnan(loss) for loss in progress.scores["loss"])
    assert folder.checkpoints() == {"ppo-0": b"500"}


def test_a_stage_that_is_learnt_again_replaces_its_row(folder):
    with folder.lock():
        for steps in (250, 500, 250):
            folder.record(stage_completed(steps))
    assert folder.progress().steps == (250,)


def test_a_row_that_was_cut_off_is_not_read(folder):
    with folder.lock():
        folder.record(stage_completed(250))
    with (folder.path / "progress.csv").open("a") as file:
        file.write("ppo-0,50")
    assert folder.progress().steps == (250,)


def test_tensorboard_can_read_the_curves(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with folder.lock():
        for steps in (250, 500):
            folder.record(stage_completed(steps, sharpe=steps / 1_000))
    curves = EventAccumulator(str(folder.path / "tensorboard" / "ppo-0")).Reload()
    read = [(each.step, each.value) for each in curves.Scalars("Sharpe ratio")]
    assert read == [(250, 0.25), (500, 0.5)]


def test_nothing_is_there_to_vote_or_to_draw_before_the_run_is_done(folder):
    assert folder.policy() is None
    assert folder.held_out() is None
    with folder.lock():
        folder.record(EVALUATED)
    assert folder.state().state == "done"
    assert folder.held_out() == HELD_OUT
    path = folder.policy()
    assert (path / "policy.safetensors").read_bytes() == b"tensors"
    assert (path / "manifest.json").read_bytes() == b"manifest"


def test_a_run_that_failed_says_why_until_it_is_gone_on_with(folder):
    with folder.lock():
        folder.fail("The disk is full.")
    assert (folder.state().state, folder.state().error) == ("failed", "The disk is full.")
    with folder.lock():
        assert folder.state().state == "running"
        folder.cancel()
    assert folder.state().state == "cancelled"


def test_a_second_process_is_refused_while_one_holds_the_folder(folder):
    with (
        folder.lock(),
        pytest.raises(InputError, match="Another process is training into"),
        RunFolder.open(folder.path).lock(),
    ):
        pass


def test_the_same_command_finds_its_run_and_another_is_refused_by_its_difference(folder):
    assert RunFolder.create(folder.path, ARGUMENTS, MARKET).state() == folder.state()
    with pytest.raises(InputError, match=r"gamma 0\.8, and this one has 0\.5"):
        RunFolder.create(folder.path, replace(ARGUMENTS, gamma=0.5), MARKET)
    with pytest.raises(InputError, match="data"):
        RunFolder.create(folder.path, ARGUMENTS, replace(MARKET, digest="another"))


def test_a_folder_that_cannot_be_written_is_reported_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        RunFolder.create(tmp_path / "file" / "run", ARGUMENTS, MARKET)


def test_a_full_disk_leaves_what_was_kept(folder, monkeypatch):
    with folder.lock():
        folder.record(stage_completed(250))
        monkeypatch.setattr("os.fsync", _no_room)
        with pytest.raises(StorageError, match=r"No space left on device.*same command goes on"):
            folder.record(stage_completed(500))
    assert folder.checkpoints() == {"ppo-0": b"250"}
    assert not list(folder.path.rglob("*.new"))


def test_no_run_differs_from_a_damaged_one(tmp_path, folder):
    with pytest.raises(NotFoundError, match="holds no training run"):
        RunFolder.open(tmp_path / "none")
    text = (folder.path / "run.json").read_text()
    for broken in (text[:50], "{}", "[]", text.replace('"seeds": 2', '"seeds": "many"')):
        (folder.path / "run.json").write_text(broken)
        with pytest.raises(ConfigurationError, match=r"run\.json is damaged"):
            RunFolder.open(folder.path)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"dates": []}', HELD_OUT.encode()[:40]])
def test_paths_that_are_damaged_are_refused_by_the_name_of_their_file(content):
    with pytest.raises(ConfigurationError, match=r"held-out\.json does not hold equity paths"):
        HeldOutPaths.decode(content, "held-out.json")


def _no_room(_):
    raise OSError(28, "No space left on device")
