"""Try many configurations and rank them: `python -m envs.sweep --help`.

Ray Tune trains them side by side over the arguments of `envs.train` and stops those that fall far
behind (ASHA). A configuration is scored on the validation period alone, by the mean over its
policies of the best Sharpe ratio so far; the test period is not looked at. The best of many looks
better than it is, so the number tried is told with the result and goes into the command that
trains it. The only file that imports `ray.tune`.

Leaves out which configurations are tried (`sweeps/search.py`) and what is kept of them
(`sweeps/trials.py`).
"""

import logging
import math
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console

from domain.errors import ConfigurationError, InputError, QuorumError
from envs.market_data import MarketHistory, copy_history
from envs.sweeps.cli import TrialCallback, build_parser, print_ranking, progress_bar
from envs.sweeps.search import draw_configurations, parse_search
from envs.sweeps.trials import SweepFolder, TrialStatus
from envs.train import load_market
from envs.training.arguments import TrainingArguments
from envs.training.member_training import train_member
from envs.training.options import arguments_from_options
from envs.training.run import build_context, ignore_steps

ROOT = Path(__file__).resolve().parents[1]
GRACE_PARTS = 5
"""No configuration is stopped in the first of this many parts of its stages."""
REDUCTION_FACTOR = 3
"""At each comparison the best one in this many continues."""
REACH_SECONDS = 5.0


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser(__doc__).parse_args(argv)
    console, stderr = Console(), Console(stderr=True)
    try:
        arguments = arguments_from_options(options)
        folder, market = prepare(
            arguments, options.search, options.trials, options.search_seed, options.out
        )
        if len(folder.trials) < options.trials:
            stderr.print(f"There are no more than {len(folder.trials)} different configurations.")
        with (
            _ray_session(options.address) as ray,
            progress_bar(stderr, arguments, folder) as on_trial,
        ):
            sweep(ray, arguments, market, folder, options.concurrent, on_trial)
    except QuorumError as error:
        stderr.print(str(error), style="red", markup=False, highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        stderr.print("Stopped. The same command goes on with what is left.")
        return 130
    print_ranking(console, arguments, folder)
    return 0 if folder.best else 1


def prepare(
    arguments: TrainingArguments, search: Sequence[str], trials: int, seed: int, out: Path
) -> tuple[SweepFolder, MarketHistory]:
    """Create or reopen the sweep's folder and load its bars.

    Raises InputError for what cannot be searched or trained; nothing is written then.
    """
    configurations = draw_configurations(arguments, parse_search(search), trials, seed)
    market = load_market(arguments)
    build_context(replace(arguments, **configurations[0]), market)
    plain = [
        {
            name: value
            for name, value in replace(arguments, **each).to_json().items()
            if name in each
        }
        for each in configurations
    ]
    same_by_digest = replace(arguments, bars=None, symbols=())
    config = {
        "arguments": {**same_by_digest.to_json(), "bars": market.digest},
        "data": market.name,
        "simulated": market.simulated,
        "search": list(search),
    }
    return SweepFolder.create(out, config, plain), market


def sweep(
    ray: ModuleType,
    arguments: TrainingArguments,
    market: MarketHistory,
    folder: SweepFolder,
    concurrent: int | None = None,
    on_trial: TrialCallback = lambda _: None,
) -> None:
    """Train the waiting configurations of `folder`, `concurrent` at once (None: as many as there
    are processors).

    Raises InputError where `concurrent` is not positive.
    """
    if concurrent is not None and concurrent < 1:
        raise InputError(f"--concurrent {concurrent} must be at least 1.", field="concurrent")
    waiting = {each.number: each.arguments(arguments) for each in folder.waiting}
    if not waiting:
        return
    _silence_tune()
    from ray import tune
    from ray.tune.schedulers import AsyncHyperBandScheduler

    processors = max(int(ray.cluster_resources().get("CPU", 1)), 1)
    trial = tune.with_parameters(_trainable(tune), configurations=waiting, market=market)
    with tempfile.TemporaryDirectory(prefix="quorum-sweep-") as scratch:
        tune.Tuner(
            tune.with_resources(trial, {"cpu": 1}),
            param_space={"number": tune.grid_search(list(waiting))},
            tune_config=tune.TuneConfig(
                metric="score",
                mode="max",
                scheduler=AsyncHyperBandScheduler(
                    max_t=arguments.stages,
                    grace_period=max(arguments.stages // GRACE_PARTS, 1),
                    reduction_factor=REDUCTION_FACTOR,
                ),
                max_concurrent_trials=min(concurrent or processors, processors),
                reuse_actors=True,  # importing torch anew takes seconds
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=scratch,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
                callbacks=[_result_recorder(tune, folder, on_trial)],
            ),
        ).fit()


def stage_scores(
    arguments: TrainingArguments, market: MarketHistory
) -> Iterator[tuple[float, bool]]:
    """Yield the validation score after each stage, and whether all policies have stopped learning.
    All policies finish a stage before any begins the next."""
    context = build_context(arguments, market)
    running = {
        number: train_member(context, algo, seed, number, None, ignore_steps)
        for number, (algo, seed) in enumerate(arguments.members, start=1)
    }
    best: dict[int, float] = {}
    while running:
        for number, stages in tuple(running.items()):
            event, point = next(stages)
            best[number] = point.best_score
            if event.ended:
                del running[number]
        yield math.fsum(best.values()) / len(best), not running


def _trainable(tune: ModuleType) -> Any:
    """Return the class that runs in a worker: one configuration after another, one stage of all
    policies per step."""

    class SweepTrainable(tune.Trainable):  # type: ignore[misc, name-defined]
        def setup(
            self,
            config: Mapping[str, Any],
            configurations: Mapping[int, TrainingArguments],
            market: MarketHistory,
        ) -> None:
            self._configurations, self._market = configurations, copy_history(market)
            self.reset_config(config)

        def reset_config(self, new_config: Mapping[str, Any]) -> bool:
            arguments = self._configurations[new_config["number"]]
            self._rounds = stage_scores(arguments, self._market)
            return True

        def step(self) -> Mapping[str, Any]:
            try:
                score, ended = next(self._rounds)
            except Exception as error:  # a failed configuration must not end the sweep
                text = " ".join(str(error).split())
                return {"error": text or type(error).__name__, "done": True}
            return {"score": score, "ended": ended, "done": ended}

    return SweepTrainable


def _result_recorder(tune: ModuleType, folder: SweepFolder, on_trial: TrialCallback) -> Any:
    """Return the callback that records, in this process, what the workers report."""

    class ResultRecorder(tune.Callback):  # type: ignore[misc, name-defined]
        def __init__(self, folder: SweepFolder, on_trial: TrialCallback) -> None:
            self._folder, self._on_trial = folder, on_trial
            self._latest = {each.number: each for each in folder.waiting}

        def __getstate__(self) -> dict[str, Any]:
            """Return no state: Tune writes a copy of its callbacks, which is never used, and a
            terminal display cannot be copied."""
            return {}

        def on_trial_result(self, trial: Any, result: Mapping[str, Any], **_: Any) -> None:
            trial_state = self._latest[trial.config["number"]]
            trial_state = replace(trial_state, seconds=float(result["time_total_s"]))
            if "score" in result:
                state: TrialStatus = "done" if result["ended"] else "stopped"
                trial_state = replace(
                    trial_state, scores=(*trial_state.scores, result["score"]), state=state
                )
            else:
                trial_state = replace(trial_state, error=result["error"], state="failed")
            self._latest[trial_state.number] = trial_state
            self._on_trial(trial_state)

        def on_trial_complete(self, trial: Any, **_: Any) -> None:
            trial_state = self._latest[trial.config["number"]]
            self._folder.record(trial_state)
            self._on_trial(trial_state)

        def on_trial_error(self, trial: Any, **_: Any) -> None:
            trial_state = self._latest[trial.config["number"]]
            self._folder.record(replace(trial_state, error="Its process died.", state="failed"))

    return ResultRecorder(folder, on_trial)


@contextmanager
def _ray_session(address: str | None) -> Iterator[ModuleType]:
    """Start a Ray of this process's own protected by a token, or connect to the cluster at
    `address`; shut down or disconnect at the end.

    Raises ConfigurationError where Ray does not start or the cluster does not answer.
    """
    if address:
        _check_reachable(address)
    else:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    if os.environ.get("RAY_AUTH_TOKEN"):
        os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_enable_worker_prestart"] = "0"  # noqa: SIM112 Ray spells it so
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray

    scratch = tempfile.mkdtemp(prefix="quorum-ray-")
    own: dict[str, Any] = {"include_dashboard": False, "_temp_dir": scratch}
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.WARNING,
            runtime_env={"env_vars": _worker_environment()},
            **({} if address else own),
        )
    except Exception as error:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)
        raise ConfigurationError(
            f"Ray {f'at {address} let nobody in' if address else 'could not start'}: {error}"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)


def _worker_environment() -> dict[str, str]:
    """Return the variables that give each worker one thread and the path of this program."""
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {"PYTHONPATH": os.pathsep.join(paths), **dict.fromkeys(threads, "1")}


def _check_reachable(address: str) -> None:
    """Check that something answers at `address`: Ray itself would wait much longer to connect."""
    host, _, port = address.rpartition(":")
    remedy = "Start it with `ray start --head`, or leave --address out to use a local one."
    if not host or not port.isdecimal() or "/" in host:
        raise ConfigurationError(f"--address {address!r} is not of the form host:port. {remedy}")
    try:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"Nothing answers at {address}: {error}. {remedy}") from error


def _silence_tune() -> None:
    """Silence Tune's own output: the sweep's folder holds everything it would print."""
    os.environ.update(
        RAY_AIR_NEW_OUTPUT="0",
        TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
        TUNE_DISABLE_SIGINT_HANDLER="1",
        TUNE_DISABLE_STRICT_METRIC_CHECKING="1",  # a configuration that failed has no score
    )
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)


if __name__ == "__main__":
    raise SystemExit(main())
