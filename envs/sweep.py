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
from envs.market_data import History, own_copy
from envs.sweeps.cli import Tell, bar, make_parser, report
from envs.sweeps.search import drawn, searched
from envs.sweeps.trials import SweepFolder, Word
from envs.train import market_of
from envs.training.arguments import Arguments
from envs.training.member_training import train
from envs.training.options import chosen_options
from envs.training.run import ground_of, nothing

ROOT = Path(__file__).resolve().parents[1]
LOOKS = 5
"""Nothing is stopped in the first of so many parts of its stages."""
KEPT = 3
"""At each look the best one in so many goes on."""
REACH_SECONDS = 5.0


def main(argv: Sequence[str] | None = None) -> int:
    asked = make_parser(__doc__).parse_args(argv)
    console, told = Console(), Console(stderr=True)
    try:
        arguments = chosen_options(asked)
        folder, market = prepare(
            arguments, asked.search, asked.trials, asked.search_seed, asked.out
        )
        if len(folder.tried) < asked.trials:
            told.print(f"There are no more than {len(folder.tried)} different configurations.")
        with _ray(asked.address) as ray, bar(told, arguments, folder) as tell:
            sweep(ray, arguments, market, folder, asked.concurrent, tell)
    except QuorumError as error:
        told.print(str(error), style="red", markup=False, highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        told.print("Stopped. The same command goes on with what is left.")
        return 130
    report(console, arguments, folder)
    return 0 if folder.best else 1


def prepare(
    arguments: Arguments, search: Sequence[str], trials: int, seed: int, out: Path
) -> tuple[SweepFolder, History]:
    """The sweep's folder, new or gone on with, and its bars.

    Raises InputError for what cannot be searched or trained; nothing is written then.
    """
    configurations = drawn(arguments, searched(search), trials, seed)
    market = market_of(arguments)
    ground_of(replace(arguments, **configurations[0]), market)
    plain = [
        {name: value for name, value in replace(arguments, **each).plain().items() if name in each}
        for each in configurations
    ]
    same_by_digest = replace(arguments, bars=None, symbols=())
    asked = {
        "arguments": {**same_by_digest.plain(), "bars": market.digest},
        "data": market.name,
        "simulated": market.simulated,
        "search": list(search),
    }
    return SweepFolder.create(out, asked, plain), market


def sweep(
    ray: ModuleType,
    arguments: Arguments,
    market: History,
    folder: SweepFolder,
    concurrent: int | None = None,
    tell: Tell = lambda _: None,
) -> None:
    """Try what is waiting in `folder`, `concurrent` at once (None: as many as there are
    processors).

    Raises InputError where `concurrent` is none.
    """
    if concurrent is not None and concurrent < 1:
        raise InputError(f"--concurrent {concurrent} must be at least 1.", field="concurrent")
    waiting = {each.number: each.arguments(arguments) for each in folder.waiting}
    if not waiting:
        return
    _quieten()
    from ray import tune
    from ray.tune.schedulers import AsyncHyperBandScheduler

    processors = max(int(ray.cluster_resources().get("CPU", 1)), 1)
    trial = tune.with_parameters(_trial(tune), configurations=waiting, market=market)
    with tempfile.TemporaryDirectory(prefix="quorum-sweep-") as scratch:
        tune.Tuner(
            tune.with_resources(trial, {"cpu": 1}),
            param_space={"number": tune.grid_search(list(waiting))},
            tune_config=tune.TuneConfig(
                metric="score",
                mode="max",
                scheduler=AsyncHyperBandScheduler(
                    max_t=arguments.stages,
                    grace_period=max(arguments.stages // LOOKS, 1),
                    reduction_factor=KEPT,
                ),
                max_concurrent_trials=min(concurrent or processors, processors),
                reuse_actors=True,  # each would import torch for seconds
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=scratch,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
                callbacks=[_keeper(tune, folder, tell)],
            ),
        ).fit()


def rounds(arguments: Arguments, market: History) -> Iterator[tuple[float, bool]]:
    """The validation score after each stage, and whether nothing more is learnt. All policies go
    through a stage before any begins the next."""
    ground = ground_of(arguments, market)
    going = {
        number: train(ground, algo, seed, number, None, nothing)
        for number, (algo, seed) in enumerate(arguments.members, start=1)
    }
    best: dict[int, float] = {}
    while going:
        for number, stages in tuple(going.items()):
            event, point = next(stages)
            best[number] = point.best
            if event.ended:
                del going[number]
        yield math.fsum(best.values()) / len(best), not going


def _trial(tune: ModuleType) -> Any:
    """What runs in a worker: one configuration after another, a round at each step."""

    class Trial(tune.Trainable):  # type: ignore[misc, name-defined]
        def setup(
            self,
            config: Mapping[str, Any],
            configurations: Mapping[int, Arguments],
            market: History,
        ) -> None:
            self._configurations, self._market = configurations, own_copy(market)
            self.reset_config(config)

        def reset_config(self, new_config: Mapping[str, Any]) -> bool:
            arguments = self._configurations[new_config["number"]]
            self._rounds = rounds(arguments, self._market)
            return True

        def step(self) -> Mapping[str, Any]:
            try:
                score, ended = next(self._rounds)
            except Exception as error:  # one configuration's fault is not the sweep's
                text = " ".join(str(error).split())
                return {"error": text or type(error).__name__, "done": True}
            return {"score": score, "ended": ended, "done": ended}

    return Trial


def _keeper(tune: ModuleType, folder: SweepFolder, tell: Tell) -> Any:
    """Keeps, in this process, what the workers report."""

    class Keeper(tune.Callback):  # type: ignore[misc, name-defined]
        def __init__(self, folder: SweepFolder, tell: Tell) -> None:
            self._folder, self._tell = folder, tell
            self._latest = {each.number: each for each in folder.waiting}

        def __getstate__(self) -> dict[str, Any]:
            """Nothing: Tune writes a copy of its callbacks, which is thrown away, and what is drawn
            on a terminal cannot be copied."""
            return {}

        def on_trial_result(self, trial: Any, result: Mapping[str, Any], **_: Any) -> None:
            tried = self._latest[trial.config["number"]]
            tried = replace(tried, seconds=float(result["time_total_s"]))
            if "score" in result:
                state: Word = "done" if result["ended"] else "stopped"
                tried = replace(tried, scores=(*tried.scores, result["score"]), state=state)
            else:
                tried = replace(tried, error=result["error"], state="failed")
            self._latest[tried.number] = tried
            self._tell(tried)

        def on_trial_complete(self, trial: Any, **_: Any) -> None:
            tried = self._latest[trial.config["number"]]
            self._folder.keep(tried)
            self._tell(tried)

        def on_trial_error(self, trial: Any, **_: Any) -> None:
            tried = self._latest[trial.config["number"]]
            self._folder.keep(replace(tried, error="Its process died.", state="failed"))

    return Keeper(folder, tell)


@contextmanager
def _ray(address: str | None) -> Iterator[ModuleType]:
    """A Ray of this process's own behind a token, or the cluster at `address`; left at the end.

    Raises ConfigurationError where it does not start or does not answer.
    """
    if address:
        _reach(address)
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
    """One thread a worker, and where to find the rooms."""
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {"PYTHONPATH": os.pathsep.join(paths), **dict.fromkeys(threads, "1")}


def _reach(address: str) -> None:
    """Make sure that something answers at `address`: Ray's own connecting would wait far longer."""
    host, _, port = address.rpartition(":")
    remedy = "Start it with `ray start --head`, or leave --address out to use a local one."
    if not host or not port.isdecimal() or "/" in host:
        raise ConfigurationError(f"--address {address!r} is not of the form host:port. {remedy}")
    try:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"Nothing answers at {address}: {error}. {remedy}") from error


def _quieten() -> None:
    """Tune talks much, and to no purpose here: what it would tell is in the folder."""
    os.environ.update(
        RAY_AIR_NEW_OUTPUT="0",
        TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
        TUNE_DISABLE_SIGINT_HANDLER="1",
        TUNE_DISABLE_STRICT_METRIC_CHECKING="1",  # a configuration that failed has no score
    )
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)


if __name__ == "__main__":
    raise SystemExit(main())
