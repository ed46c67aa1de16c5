"""A training run in a real worker of a real Ray; what it learns is small, not pretended."""

import os
from dataclasses import replace
from datetime import date

import pytest

from domain.errors import InputError
from envs.market_data import history
from envs.simulated import simulate
from envs.training.arguments import TrainingArguments
from envs.training.run import run_training
from orchestrator.team.ray_training import RayTrainingWorker, WorkerLostError

ARGUMENTS = TrainingArguments(
    seeds=1, steps=600, stages=3, patience=3, copies=8, episode=60,
    train_until=date(2007, 6, 30), validate_until=date(2008, 1, 31),
)  # fmt: skip
ENDLESS = replace(ARGUMENTS, algo=("a2c",), batch=64, steps=10**6, stages=10**4, patience=10**4)
NAMESPACE = "quorum-test-training"


@pytest.fixture(scope="module")
def market():
    return history(simulate(7, symbols=2, days=700), "small", simulated=True)


@pytest.fixture(scope="module")
def local_events(market):
    """The same run in this process."""
    return list(run_training(ARGUMENTS, market, {}))


def actor_pid(session, name):
    """Of the actor `name`."""
    return session.ray.get(session.ray.get_actor(name, NAMESPACE).pid.remote())


def test_a_run_in_a_worker_yields_what_it_yields_here_to_the_last_byte(
    ray_session, market, local_events
):
    there = list(RayTrainingWorker(ray_session, "same", NAMESPACE).train(ARGUMENTS, market, {}))
    assert there[-1] == local_events[-1]
    assert [_without_times(event) for event in there[:-1]] == [
        _without_times(event) for event in local_events[:-1]
    ]


def test_a_worker_bears_the_runs_name_and_yields_to_those_who_vote(ray_session, market):
    training = RayTrainingWorker(ray_session, "named", NAMESPACE)
    pid = actor_pid(ray_session, "quorum-training-named")
    assert pid != os.getpid()
    assert os.getpriority(os.PRIO_PROCESS, pid) >= min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    training.stop()


def test_a_worker_that_is_stopped_is_an_interruption_and_keeps_what_it_reported(
    ray_session, market
):
    training = RayTrainingWorker(ray_session, "stopped", NAMESPACE)
    events = training.train(ENDLESS, market, {})
    assert next(events).member == "a2c-0"
    training.stop()
    with pytest.raises(WorkerLostError, match="Go on with the run"):
        for _ in events:
            pass


def test_what_cannot_be_trained_is_refused_as_it_is_here(ray_session, market):
    late = replace(ARGUMENTS, train_until=date(2030, 1, 1), validate_until=date(2031, 1, 1))
    training = RayTrainingWorker(ray_session, "refused", NAMESPACE)
    with pytest.raises(InputError, match="No bars are left"):
        list(training.train(late, market, {}))


def _without_times(event):
    """All of it but the time that it took."""
    return event.member, event.steps, str(event.scores), event.checkpoint, event.ended
