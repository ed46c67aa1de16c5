"""What the pages of the RL lab and the stream draw alike: runs, models, the seat, one run whole.

Promises that a run or a model whose files are damaged is shown as such and breaks nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from agents.registry import policy_agent
from domain.errors import NotFoundError, QuorumError
from domain.model_files import MANIFEST, TENSORS, model_id
from envs.policies.files import load_policy
from envs.policies.policy import Policy
from envs.training.run_folder import RunFolder, RunState
from research.lab.lab import CONFIGURED
from storage.models.model_registry import SHIPPED
from web.lab.figures import overlaid
from web.lab.model_views import (
    DriftLine,
    ModelLine,
    drift_lines,
    model_line,
    origin_facts,
)
from web.lab.run_views import RunLine, RunView, argument_facts, curves_of, equity_of, run_line
from web.lab.score_views import scores_grid
from web.services import House

_T = TypeVar("_T")
WORDS = {SHIPPED: "The policy that ships", CONFIGURED: "The configured policy"}
MOVES = ("stop", "resume", "keep")
MOST_RUNS, MOST_MODELS = 40, 40
"""Those that a page lists; the API has all."""


@dataclass(frozen=True, slots=True)
class SeatView:
    """The model that `agent` votes with; `back` is which would after a roll back, '' for none."""

    agent: str
    model: ModelLine
    back: str


def runs_names(house: House, states: Sequence[RunState]) -> dict[str, Any]:
    """What the list of runs is drawn from: the newest of `states`, and how many more there are."""
    lines = run_lines(house, states)
    return {"runs": lines, "more_runs": len(states) - len(lines)}


def run_lines(house: House, states: Sequence[RunState]) -> tuple[RunLine, ...]:
    models = frozenset(house.lab.models())
    return tuple(
        run_line(state, trains=house.lab.trains, kept=model_of(house, state) in models)
        for state in states[:MOST_RUNS]
    )


def model_lines(house: House) -> tuple[ModelLine, ...]:
    """Newest first, the policy that ships at the end."""
    runs = runs_by_model(house)
    ids = [id for id in house.lab.models() if id != SHIPPED][:MOST_MODELS]
    return tuple(line_of(house, id, runs)[0] for id in (*ids, SHIPPED))


def seat_view(house: House) -> SeatView:
    former = house.lab.former()
    back = "" if former is None else name_of(former)
    return SeatView(policy_agent(), line_of(house, house.lab.seated(), {})[0], back)


def line_of(house: House, id: str, runs: Mapping[str, str]) -> tuple[ModelLine, Policy | None]:
    """A model's line, and what its files hold; `runs` names runs by the model they came to."""
    policy, broken = _tried(lambda: house.lab.policy(id))
    seated = house.lab.seated()
    run = f"/lab/runs/{runs[id]}" if id in runs else ""
    line = model_line(
        id,
        name_of(id),
        policy,
        broken=broken,
        seated=id == seated,
        fixed=seated == CONFIGURED,
        kept=id not in WORDS,
        run=run,
    )
    return line, policy


def name_of(id: str) -> str:
    return WORDS.get(id, f"Model {id}")


def run_view(house: House, state: RunState) -> RunView:
    """The run whole; what of it cannot be read is said, and the rest is shown."""
    run, trouble = _tried(lambda: house.lab.run(state.id))
    progress, held, made, faults = None, None, None, [trouble]
    if run is not None:
        (progress, first), (held, second), (made, third) = (
            _tried(run.progress), _tried(run.held_out), _tried(lambda: _policy_of(run)),
        )  # fmt: skip
        faults += [first, second, third]
    model = model_of(house, state)
    (line,) = run_lines(house, [state])
    return RunView(
        line=line,
        curves=curves_of(progress) if progress else (),
        equity=equity_of(held),
        scores=scores_grid(made.manifest.scores) if made else None,
        origin=origin_facts(made.manifest) if made else (),
        arguments=argument_facts(state.arguments),
        trouble=" ".join(dict.fromkeys(fault for fault in faults if fault and fault != line.error)),
        model=f"/lab/models/{model}" if model in house.lab.models() else "",
    )


def state_of(house: House, id: str) -> RunState:
    """Raises NotFoundError where there is no such run."""
    found = next((state for state in house.lab.runs() if state.id == id), None)
    if found is None:
        raise NotFoundError(f"There is no training run {id[:60]!r}. /lab lists those that are.")
    return found


def known_model(house: House, id: str) -> tuple[ModelLine, Policy | None]:
    """A model by its id. Raises NotFoundError where there is none."""
    if id not in (*house.lab.models(), house.lab.seated()):
        raise NotFoundError(f"There is no model {id[:60]!r}. /lab lists those that are.")
    return line_of(house, id, runs_by_model(house))


def runs_by_model(house: House) -> Mapping[str, str]:
    """Ids of done runs, the newest of each model that they came to."""
    return {model_of(house, state): state.id for state in reversed(house.lab.runs())}


def turn(house: House, id: str, move: str) -> str | None:
    """Stop or resume a run, or keep its policy; then the model's id.

    Raises NotFoundError for another move.
    """
    match move:
        case "stop":
            house.lab.stop(id)
        case "resume":
            house.lab.resume(id)
        case "keep":
            return house.lab.keep(id)
        case _:
            raise NotFoundError(
                f"A training run has no switch {move[:40]!r}. It has {', '.join(MOVES)}."
            )
    return None


def drift_of(house: House, id: str) -> tuple[DriftLine, ...]:
    """Nothing where that cannot be told."""
    drift, _ = _tried(lambda: house.lab.drift(id))
    return drift_lines(drift or ())


def equity_of_models(house: House, ids: Sequence[str]) -> str:
    """Held-out equity of the models whose runs are still there; '' for fewer than two."""
    runs = runs_by_model(house)
    held = {
        name_of(id): path
        for id in ids
        if id in runs and (path := _tried(house.lab.run(runs[id]).held_out)[0])
    }
    return overlaid("equity", "Growth on the held-out years", held) if len(held) > 1 else ""


def model_of(house: House, state: RunState) -> str:
    """The id that a done run's policy has or would have as a model; '' for another run."""
    if state.state != "done":
        return ""
    folder, _ = _tried(lambda: house.lab.run(state.id).policy())
    try:
        return _id_of(folder, (folder / MANIFEST).stat().st_mtime_ns) if folder else ""
    except OSError:
        return ""


@lru_cache(512)
def _id_of(folder: Path, written: int) -> str:  # noqa: ARG001 another writing, another id
    return model_id((folder / TENSORS).read_bytes(), (folder / MANIFEST).read_bytes())


def _policy_of(run: RunFolder) -> Policy | None:
    folder = run.policy()
    return load_policy(folder) if folder else None


def _tried(read: Callable[[], _T]) -> tuple[_T | None, str]:
    """What was read, or None and why it was refused."""
    try:
        return read(), ""
    except QuorumError as refusal:
        return None, str(refusal)
