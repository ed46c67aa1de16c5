"""Runs and models for the pages of the RL lab: real folders and real files, with little in them."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import cast

import numpy as np
import pandas as pd

from domain.errors import InputError
from envs.market_data import MarketHistory, history
from envs.observation import FEATURES
from envs.policies.drift import build_reference
from envs.policies.files import encode_policy
from envs.policies.network import Network
from envs.policies.policy import Manifest, Member, Policy, Score
from envs.training.arguments import TrainingArguments
from envs.training.evaluation import GROWTH, SHARPE, SKILL
from envs.training.events import HeldOutPaths, RunEvaluated, StageCompleted
from envs.training.run_folder import RunFolder, RunState
from research.lab.lab import RLLab
from research.lab.runs import create_run, run_states
from research.lab.training_jobs import TrainingJobs
from wiring.home import Home
from wiring.research import make_lab, runs_folder
from wiring.stores import TimeSource

K = len(FEATURES)
BUSINESS_DAYS = 300
ARGUMENTS = TrainingArguments(
    algo=("ppo", "dqn"), seeds=2, steps=4_000, stages=4,
    train_until=date(2023, 6, 30), validate_until=date(2023, 12, 29),
)  # fmt: skip


class TrainingJobsStub:
    """Stands in for the workers of Ray: runs are begun as they are there, and change when a test
    says so. `started` has what was asked for."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.started: list[tuple[TrainingArguments, tuple[str, ...]]] = []
        self._locks: dict[str, ExitStack] = {}
        self._train: Callable[[RunFolder], None] | None = None

    def train_automatically(
        self, register: Callable[[bytes, bytes], object], changed: Callable[[], None]
    ) -> None:
        """From now on runs train by themselves, at the pace of a reader."""

        def train(folder: RunFolder) -> None:
            for stage in range(1, folder.arguments.stages + 1):
                time.sleep(1.5)
                record_stages(folder, stage, seed=stage)
                changed()
            register(*record_evaluation(folder, policy(arguments=folder.arguments)))
            self.unlock(folder.path.name)
            changed()

        self._train = lambda folder: Thread(target=train, args=[folder], daemon=True).start()

    def start(self, arguments: TrainingArguments, history: Callable[[], MarketHistory]) -> str:
        if len(self._locks) >= 2:
            raise InputError("2 trainings are running, which is as many as may. Wait for one.")
        market = history()
        folder = create_run(self.runs, arguments, market)
        self.started.append((arguments, market.symbols))
        self.lock(folder)
        if self._train:
            self._train(folder)
        return folder.path.name

    def lock(self, folder: RunFolder) -> None:
        self._locks[folder.path.name] = ExitStack()
        self._locks[folder.path.name].enter_context(folder.lock())

    def unlock(self, id: str) -> None:
        if id in self._locks:
            self._locks.pop(id).close()

    def cancel(self, id: str) -> None:
        RunFolder.open(self.runs / id).cancel()
        self.unlock(id)

    def resume(self, id: str) -> None:
        self.lock(RunFolder.open(self.runs / id))

    def states(self) -> Sequence[RunState]:
        return run_states(self.runs)


class LabFixture:
    """The RL lab of a demo app: everything is real but the workers. `lab` is the lab itself."""

    def __init__(self, home: Home, now: TimeSource) -> None:
        self.runs = runs_folder(home.settings)
        self.models = home.stores.models
        self.training_jobs = TrainingJobsStub(self.runs)
        self._home, self._now = home, now

    def lab(self) -> RLLab:
        training = cast(TrainingJobs, self.training_jobs)
        return make_lab(self._home, self._home.stores.watchlist.symbols, self._now, training)

    def run(self, id: str) -> RunFolder:
        return RunFolder.open(self.runs / id)

    def create_run(
        self,
        id: str,
        arguments: TrainingArguments | None = None,
        market_history: MarketHistory | None = None,
    ) -> RunFolder:
        """A run called `id` that nobody trains."""
        return RunFolder.create(
            self.runs / id, arguments or ARGUMENTS, market_history or training_history()
        )

    def finish_run(self, id: str, trained: Policy) -> str:
        """Ends the run with `trained`, which is kept as a model; its id."""
        model = self.models.add(*record_evaluation(self.run(id), trained))
        self.training_jobs.unlock(id)
        return model

    def add_model(self, trained: Policy) -> str:
        return self.models.add(*encode_policy(trained))


@cache
def training_history() -> MarketHistory:
    """Two symbols, enough to train on."""
    rng = np.random.default_rng(1)
    days = pd.bdate_range("2023-01-02", periods=BUSINESS_DAYS)
    bars = []
    for symbol in ("AAPL", "MSFT"):
        close = 100 * np.exp(rng.normal(0, 0.01, len(days)).cumsum())
        bars.append(
            pd.DataFrame(
                {"symbol": symbol, "date": days, "open": close, "high": close * 1.01,
                 "low": close * 0.99, "close": close, "volume": 1e6}
            )
        )  # fmt: skip
    return history(pd.concat(bars), "demo, 2 symbols", simulated=True)


def policy(seed: int = 0, *, arguments: TrainingArguments = ARGUMENTS, data: str = "demo",
           skill: tuple[float, float, float] = (-0.005, -0.010, -0.001),
           simulated: bool = True, parent: str | None = None) -> Policy:  # fmt: skip
    """A policy of random networks, with a manifest as a training writes it."""
    rng = np.random.default_rng(seed)

    def network(outputs: int) -> Network:
        sizes = (K, 4, outputs)
        return Network(
            tuple(
                (rng.normal(size=(a, b)) * 0.3, rng.normal(size=b) * 0.1)
                for a, b in pairwise(sizes)
            )
        )

    members = tuple(
        Member(algo, each, "values" if algo == "dqn" else "logits", arguments.actions,
               network(2), 0.1 * each)
        for algo, each in arguments.members
    )  # fmt: skip
    names = [member.name for member in members]
    scores: Mapping[str, dict[str, Score]] = {
        "policy": {**_scores(rng), SKILL: _score(*skill)},
        **{name: _scores(rng) for name in (*names, "buy and hold", "flat")},
    }
    return Policy(
        mean=np.zeros(K),
        scale=np.ones(K),
        members=members,
        weights=np.full((1, len(members)), 1 / len(members)),
        reference=build_reference(rng.normal(size=(500, K))),
        manifest=Manifest(
            data=data,
            simulated=simulated,
            data_digest="ab" * 32,
            code_version="0.1.0",
            periods={
                "train": ("2022-04-01", "2023-06-22"),
                "validation": ("2023-07-03", "2023-12-20"),
                "test": ("2024-01-02", "2024-03-15"),
            },
            arguments=arguments.to_json(),
            scores=dict(scores),
            parent=parent,
        ),
    )


def held_out(names: Sequence[str], seed: int = 0, days: int = 52) -> HeldOutPaths:
    """Paths of equity over `days` business days."""
    rng = np.random.default_rng(seed)
    dates = np.busday_offset(np.datetime64("2024-01-02"), np.arange(days), roll="forward")

    def path() -> tuple[float, ...]:
        steps = np.concatenate([[0.0], rng.normal(0.0005, 0.008, days - 1)])
        return tuple(np.exp(steps.cumsum()).tolist())

    benchmark_names = ("buy and hold", "flat", "random", "above its 50-bar average")
    benchmarks = {name: path() for name in benchmark_names} | {"flat": (1.0,) * days}
    return HeldOutPaths(
        tuple(map(str, dates)), path(), {name: path() for name in names}, benchmarks
    )


def record_stages(run: RunFolder, stages: int, seed: int = 0) -> None:
    """Keeps so many stages of each member, one after another, as a training does."""
    rng, arguments = np.random.default_rng(seed), run.arguments
    names = [f"{algo}-{each}" for algo, each in arguments.members]
    for number, name in enumerate(names, 1):
        for stage in range(1, stages + 1):
            better = 0.15 * stage + float(rng.normal(0.0, 0.2))
            run.record(
                StageCompleted(
                    name,
                    number,
                    len(names),
                    arguments.steps * stage // arguments.stages,
                    arguments.steps,
                    1.5,
                    {SHARPE: better, GROWTH: better / 10},
                    b"x",
                    stage == arguments.stages,
                )
            )


def record_evaluation(run: RunFolder, trained: Policy, seed: int = 0) -> tuple[bytes, bytes]:
    """Ends the run with `trained`; its two files."""
    tensors, manifest = encode_policy(trained)
    names = [member.name for member in trained.members]
    run.record(RunEvaluated(tensors, manifest, held_out(names, seed).encode()))
    return tensors, manifest


def _score(value: float, low: float, high: float) -> Score:
    return Score(value=value, low=low, high=high)


def _scores(rng: np.random.Generator) -> dict[str, Score]:
    def around(scale: float) -> Score:
        value = float(rng.normal()) * scale
        return _score(value, value - scale, value + scale)

    return {GROWTH: around(0.05), SHARPE: around(0.6), "Sharpe over buy and hold": around(0.4)}
