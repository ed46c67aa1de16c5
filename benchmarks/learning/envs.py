"""Steps a second of environments: ours, others', and baselines that only step.

`python -m benchmarks envs [engine=TEXT] [repeats=15]`: the environments of `env_peers.py` on one
simulated market, episodes of 252 bars, random actions, in one process and on one core. Each is
warmed up with an episode and then measured in turn for a fraction of a second, so that other load
on the machine affects all of them; the figure is the best of the rounds, by the clock and by
processor time. `engine` selects those whose name contains it.
"""

import time
import warnings
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

from benchmarks.support.env_baselines import EPISODE, build_market
from benchmarks.support.env_peers import EnvEngine, engines


def run(engine: str = "", repeats: str = "15") -> dict[str, Any]:
    """Return steps a second, and multiples of our scalar environment's."""
    missing: list[str] = []
    taken: dict[EnvEngine, list[tuple[float, float]]] = {}
    with warnings.catch_warnings(), redirect_stderr(StringIO()):  # what peers print when imported
        available = list(engines(build_market()))
    for each in available:
        if isinstance(each, str):
            missing.append(each)
        elif engine in each.name:
            each.run_steps(EPISODE + 1)
            taken[each] = []
    for _ in range(int(repeats)):
        for each, rounds in taken.items():
            rounds.append(_timed(each))
    figures: dict[str, Any] = {}
    for each, rounds in taken.items():
        wall, processor = (round(max(rates)) for rates in zip(*rounds, strict=True))
        figures[f"{each.name}, steps a second"] = wall
        figures[f"{each.name}, steps a second of processor time"] = processor
        if each.differs:
            figures[f"{each.name}, differs"] = each.differs
    return figures | {
        f"{name}": "not installed (see docs/trust/performance.md)" for name in missing
    }


def _timed(engine: EnvEngine) -> tuple[float, float]:
    """Return steps a second by the clock and by processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    steps = engine.run_steps(engine.steps)
    return steps / (time.perf_counter() - clock), steps / (time.process_time() - processor)
