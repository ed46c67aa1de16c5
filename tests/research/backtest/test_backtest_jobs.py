"""Jobs are real processes of the real command line."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from domain.errors import InputError, NotFoundError
from research.backtest.jobs import MAX_RUNNING, BacktestJob, BacktestJobs
from research.backtest.request import BacktestRequest, build_request
from research.backtest.results import BacktestStore

COMMAND = (sys.executable, "-m", "app", "backtest", "--request", "--market", "demo", "--json")


@pytest.fixture
def jobs(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BacktestJobs]:
    monkeypatch.setenv("QUORUM_HOME", str(demo_home))
    monkeypatch.setenv("QUORUM__AGENTS__NEWS_MODEL", "lexicon")
    running = BacktestJobs(COMMAND, lambda: None)
    yield running
    running.close()


def make_request(**changes: object) -> BacktestRequest:
    usual: dict[str, object] = {
        "market": "demo", "symbols": ("AAPL", "JPM"), "start": date(2023, 9, 1),
        "end": date(2024, 2, 1), "agents": ("technical",),
    }  # fmt: skip
    return build_request(**{**usual, **changes})


def wait_for(jobs: BacktestJobs, done: Callable[[BacktestJob], bool]) -> BacktestJob:
    """The newest job once it meets the condition."""
    for _ in range(1200):
        if done(jobs.jobs()[0]):
            return jobs.jobs()[0]
        time.sleep(0.05)
    raise AssertionError(jobs.jobs())


def test_a_job_reports_its_progress_and_ends_with_a_result(
    jobs: BacktestJobs, demo_home: Path
) -> None:
    jobs.start(make_request())
    stages = set()
    job = wait_for(jobs, lambda job: bool(stages.add(job.what)) or job.state != "running")
    assert job.state == "done", job.error
    assert any("votes" in what for what in stages)
    assert job.result_id in {each.id for each in BacktestStore(demo_home / "backtests").summaries()}


def test_a_cancelled_job_leaves_no_result(jobs: BacktestJobs, demo_home: Path) -> None:
    results = BacktestStore(demo_home / "backtests")
    before = results.summaries()
    identity = jobs.start(make_request())
    wait_for(jobs, lambda job: "votes" in job.what)
    jobs.cancel(identity)
    job = wait_for(jobs, lambda job: job.state != "running")
    assert (job.state, job.error, job.result_id) == ("cancelled", None, None)
    time.sleep(0.2)
    assert results.summaries() == before


def test_a_killed_job_leaves_no_result_and_says_that_it_died(
    jobs: BacktestJobs, demo_home: Path
) -> None:
    results = BacktestStore(demo_home / "backtests")
    before = results.summaries()
    identity = jobs.start(make_request())
    wait_for(jobs, lambda job: "votes" in job.what)
    os.kill(int(identity.split("-")[1]), signal.SIGKILL)
    job = wait_for(jobs, lambda job: job.state != "running")
    assert job.state == "failed"
    assert results.summaries() == before


def test_what_is_refused_has_the_message_of_the_command_line(jobs: BacktestJobs) -> None:
    jobs.start(make_request(symbols=("TSLA",)))
    job = wait_for(jobs, lambda job: job.state != "running")
    assert job.state == "failed"
    assert "TSLA" in (job.error or "")


def test_only_so_many_run_at_once(jobs: BacktestJobs) -> None:
    for _ in range(MAX_RUNNING):
        jobs.start(make_request())
    with pytest.raises(InputError, match="as many as may"):
        jobs.start(make_request())


def test_a_job_that_does_not_exist_cannot_be_cancelled(jobs: BacktestJobs) -> None:
    with pytest.raises(NotFoundError, match="job-0"):
        jobs.cancel("job-0")


def test_a_command_that_ends_before_its_request_has_failed() -> None:
    """A request longer than a pipe holds, so that a command that does not read it is noticed."""
    jobs = BacktestJobs((sys.executable, "-c", "raise SystemExit(3)"), lambda: None)
    jobs.start(make_request(symbols=tuple(f"S{number}" for number in range(20_000))))
    job = wait_for(jobs, lambda job: job.state != "running")
    assert job.state == "failed"
    assert "exit code 3" in str(job.error)
