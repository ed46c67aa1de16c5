"""Runs that a page would start: real folders, real workers, a real end of the server."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from domain.errors import ConfigurationError, InputError, NotFoundError, StorageError
from envs.market_data import MarketHistory, history
from envs.simulated import simulate
from envs.training.arguments import TrainingArguments
from envs.training.events import RunEvaluated
from envs.training.run import run_training
from envs.training.run_folder import RunFolder, RunState
from orchestrator.team.ray_session import RaySession
from research.lab.bars import load_bars, save_bars
from research.lab.runs import create_run, run_states
from research.lab.training_jobs import MAX_RUNNING, TrainingJobs

ARGUMENTS = TrainingArguments(
    seeds=1, steps=600, stages=3, patience=3, copies=8, episode=60,
    train_until=date(2007, 6, 30), validate_until=date(2008, 1, 31),
)  # fmt: skip
ENDLESS = replace(ARGUMENTS, algo=("a2c",), batch=64, steps=10**6, stages=10**4, patience=10**4)


@pytest.fixture(scope="module")
def market() -> MarketHistory:
    return history(simulate(7, symbols=2, days=700), "small", simulated=True)


class JobsHarness:
    """What a server has of the runs: the jobs, what they finished, how often they moved."""

    def __init__(self, home: Path, session: RaySession | None) -> None:
        self.runs = home / "rl" / "runs"
        self.session = session
        self.finished: list[tuple[bytes, bytes]] = []
        self.moves = 0
        self.jobs = TrainingJobs(
            home,
            lambda: self.session,
            on_policy=lambda *files: self.finished.append(files),
            on_change=self._on_change,
        )

    def _on_change(self) -> None:
        self.moves += 1

    def state(self, run: str) -> RunState:
        return next(state for state in self.jobs.states() if state.id == run)

    def wait_for(self, run: str, condition: Callable[[RunState], bool]) -> RunState:
        for _ in range(4800):
            if condition(state := self.state(run)):
                return state
            time.sleep(0.05)
        raise AssertionError(self.state(run))

    def wait_until_learning(self, run: str) -> RunState:
        """Once a stage of it is kept."""
        return self.wait_for(run, lambda state: state.done > 0)

    def wait_until_ended(self, run: str) -> RunState:
        return self.wait_for(run, lambda state: state.state != "running")


def workers() -> set[int]:
    """Processes of this session that train."""
    processes = psutil.Process().children(recursive=True)
    return {each.pid for each in processes if "_TrainingActor.learn" in " ".join(each.cmdline())}


@pytest.fixture
def server(tmp_path: Path, ray_session: RaySession) -> Iterator[JobsHarness]:
    server = JobsHarness(tmp_path, ray_session)
    yield server
    server.jobs.close()


def test_a_run_is_kept_stage_by_stage_and_ends_with_a_policy(
    server: JobsHarness, market: MarketHistory
) -> None:
    run = server.jobs.start(ARGUMENTS, lambda: market)
    state = server.wait_until_ended(run)
    assert (state.state, state.done, state.error) == ("done", 600, "")
    assert (state.data, state.simulated) == ("small", True)
    folder = RunFolder.open(server.runs / run)
    assert len(folder.progress().steps) == 3
    policy = folder.policy()
    assert policy
    [(tensors, manifest)] = server.finished
    assert (policy / "policy.safetensors").read_bytes() == tensors
    assert (policy / "manifest.json").read_bytes() == manifest
    with pytest.raises(InputError, match="is done"):
        server.jobs.resume(run)
    server.jobs.close()
    assert server.moves >= 5
    assert not (server.runs / run / "bars.npz").exists()


def test_a_cancelled_run_stops_says_so_and_its_place_is_free(
    server: JobsHarness, market: MarketHistory
) -> None:
    runs = [server.jobs.start(ENDLESS, lambda: market) for _ in range(MAX_RUNNING)]
    with pytest.raises(InputError, match="as many as may"):
        server.jobs.start(ENDLESS, lambda: market)
    for run in runs:
        server.wait_until_learning(run)
    both = workers()
    server.jobs.cancel(runs[0])
    assert server.wait_until_ended(runs[0]).state == "cancelled"
    assert sum(has_ended(pid, seconds=2.0) for pid in both) == 1
    server.jobs.cancel(runs[0])
    assert server.state(runs[0]).state == "cancelled"
    assert server.state(runs[1]).state == "running"
    server.jobs.cancel(runs[1])
    server.wait_until_ended(runs[1])
    server.jobs.cancel(server.jobs.start(ENDLESS, lambda: market))


def test_a_killed_worker_is_an_interruption_and_the_run_comes_to_the_same_bytes(
    server: JobsHarness, market: MarketHistory
) -> None:
    longer = replace(ARGUMENTS, steps=6_000, stages=30, patience=30)
    run = server.jobs.start(longer, lambda: market)
    server.wait_until_learning(run)
    os.kill(workers().pop(), signal.SIGKILL)
    state = server.wait_until_ended(run)
    assert state.state == "interrupted"
    assert 0 < state.done < state.total
    assert "Its process ended" in state.error
    server.jobs.resume(run)
    assert server.wait_until_ended(run).state == "done"
    judged = list(run_training(longer, market, {}))[-1]
    assert isinstance(judged, RunEvaluated)
    assert server.finished[0][0] == judged.tensors


def test_a_server_that_ends_leaves_runs_to_go_on_with(
    tmp_path: Path, ray_session: RaySession, market: MarketHistory
) -> None:
    first, second = JobsHarness(tmp_path, ray_session), JobsHarness(tmp_path, ray_session)
    run = first.jobs.start(ENDLESS, lambda: market)
    before = first.wait_until_learning(run)
    with pytest.raises(InputError, match="another process"):
        second.jobs.cancel(run)
    with pytest.raises(InputError, match="goes on already"):
        second.jobs.resume(run)
    pids = workers()
    first.jobs.close()
    assert second.state(run).state == "interrupted"
    assert all(map(has_ended, pids))
    with pytest.raises(InputError, match="stopping"):
        first.jobs.start(ARGUMENTS, lambda: market)
    second.jobs.resume(run)
    second.wait_for(run, lambda state: state.done > before.done)
    second.jobs.close()


def test_what_cannot_be_trained_is_refused_before_anything_is_kept(
    server: JobsHarness, market: MarketHistory
) -> None:
    with pytest.raises(InputError, match="gamma") as refused:
        server.jobs.start(replace(ARGUMENTS, gamma=2.0), lambda: market)
    assert refused.value.field == "gamma"
    late = replace(ARGUMENTS, train_until=date(2030, 1, 1), validate_until=date(2031, 1, 1))
    with pytest.raises(InputError, match="No bars are left"):
        server.jobs.start(late, lambda: market)
    assert server.jobs.states() == ()
    assert not list(server.runs.glob("*"))


def test_runs_that_begin_at_once_have_folders_of_their_own(
    tmp_path: Path, market: MarketHistory
) -> None:
    with ThreadPoolExecutor(8) as at_once:
        begun = list(
            at_once.map(lambda _: create_run(tmp_path / "runs", ARGUMENTS, market), range(8))
        )
    assert len({folder.path for folder in begun}) == 8
    assert len(run_states(tmp_path / "runs")) == 8


def test_nothing_is_started_before_ray_is_there(tmp_path: Path, market: MarketHistory) -> None:
    with pytest.raises(InputError, match="not there yet"):
        JobsHarness(tmp_path, None).jobs.start(ARGUMENTS, lambda: market)


@pytest.mark.parametrize("run", ["", "..", "../../etc", "20200101-000000-ppo", "a" * 200])
def test_a_run_that_does_not_exist_is_not_found(server: JobsHarness, run: str) -> None:
    for act in (server.jobs.cancel, server.jobs.resume):
        with pytest.raises(NotFoundError):
            act(run)


def test_a_damaged_run_is_shown_as_failed_with_its_reason(server: JobsHarness) -> None:
    (server.runs / "odd").mkdir(parents=True)
    (server.runs / "odd" / "run.json").write_text("{")
    [state] = server.jobs.states()
    assert (state.id, state.state) == ("odd", "failed")
    assert "damaged" in state.error


def test_a_policy_that_cannot_be_kept_leaves_its_run_to_be_gone_on_with(
    tmp_path: Path, ray_session: RaySession, market: MarketHistory
) -> None:
    full = True

    def keep(*_: Any) -> None:
        if full:
            raise StorageError("The disk is full.")

    server = JobsHarness(tmp_path, ray_session)
    server.jobs = TrainingJobs(
        tmp_path, lambda: ray_session, on_policy=keep, on_change=server._on_change
    )
    run = server.jobs.start(ARGUMENTS, lambda: market)
    state = server.wait_until_ended(run)
    assert (state.state, state.error) == ("interrupted", "The disk is full.")
    full = False
    server.jobs.resume(run)
    assert server.wait_until_ended(run).state == "done"


def test_kept_bars_are_read_as_they_were_written_and_nothing_else_is(
    tmp_path: Path, market: MarketHistory
) -> None:
    path = tmp_path / "bars.npz"
    save_bars(path, market)
    read = load_bars(path)
    assert (read.name, read.simulated, read.digest) == ("small", True, market.digest)
    assert read.symbols == market.symbols
    assert read.observation.tobytes() == market.observation.tobytes()
    for name in ("known_at", "open", "volatility", "dividend"):
        assert np.array_equal(
            getattr(read.bar_matrix, name), getattr(market.bar_matrix, name), equal_nan=True
        )
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_bars(path)
    with pytest.raises(NotFoundError, match="not kept"):
        load_bars(tmp_path / "none.npz")
    with pytest.raises(StorageError, match="Make room"):
        save_bars(tmp_path / "nowhere" / "bars.npz", market)


def has_ended(pid: int, seconds: float = 10.0) -> bool:
    """Within seconds; a process that ended but was not waited for yet counts."""
    for _ in range(int(seconds / 0.05)):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False
