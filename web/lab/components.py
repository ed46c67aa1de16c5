"""What the RL lab's pages and the stream both draw: runs, models, the active model, one run in
full.

Promises that a run or a model with damaged files is shown as such and breaks nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from agents.registry import policy_agent
from domain.errors import NotFoundError, QuorumError
from domain.model_files import MANIFEST_FILE, TENSORS_FILE, model_id
from envs.policies.files import load_policy
from envs.policies.policy import Policy
from envs.training.run_folder import RunFolder, RunState
from research.lab.lab import CONFIGURED
from storage.models.model_registry import SHIPPED
from web.lab.figures import overlaid_equity
from web.lab.model_views import (
    DriftLine,
    ModelLine,
    drift_lines,
    model_line,
    origin_facts,
)
from web.lab.run_views import (
    RunLine,
    RunView,
    argument_facts,
    held_out_figure,
    learning_curve_figures,
    run_line,
)
from web.lab.score_views import scores_grid
from web.services import LabService

_T = TypeVar("_T")
BUILT_IN_NAMES = {SHIPPED: "The policy that ships", CONFIGURED: "The configured policy"}
RUN_ACTIONS = ("stop", "resume", "keep")
MAX_LISTED_RUNS, MAX_LISTED_MODELS = 40, 40
"""Those that a page lists; the API has all."""


@dataclass(frozen=True, slots=True)
class ActiveModelView:
    """The model that `agent` votes with; `rollback_target` is the one that a roll back would make
    active, '' for none."""

    agent: str
    model: ModelLine
    rollback_target: str


def run_list_context(lab: LabService, states: Sequence[RunState]) -> dict[str, Any]:
    """Return the template context of the list of runs: the newest of `states`, and how many more
    there are."""
    lines = run_lines(lab, states)
    return {"runs": lines, "more_runs": len(states) - len(lines)}


def run_lines(lab: LabService, states: Sequence[RunState]) -> tuple[RunLine, ...]:
    models = frozenset(lab.models())
    return tuple(
        run_line(
            state,
            can_train=lab.can_train,
            is_registered=model_id_of_run(lab, state) in models,
        )
        for state in states[:MAX_LISTED_RUNS]
    )


def model_lines(lab: LabService) -> tuple[ModelLine, ...]:
    """Return the models' lines, newest first and the built-in policy last."""
    runs = runs_by_model(lab)
    ids = [id for id in lab.models() if id != SHIPPED][:MAX_LISTED_MODELS]
    return tuple(load_model_line(lab, id, runs)[0] for id in (*ids, SHIPPED))


def active_model_view(lab: LabService) -> ActiveModelView:
    previous = lab.previous_model()
    rollback_target = "" if previous is None else model_name(previous)
    return ActiveModelView(
        policy_agent(),
        load_model_line(lab, lab.active_model(), {})[0],
        rollback_target,
    )


def load_model_line(
    lab: LabService, id: str, runs: Mapping[str, str]
) -> tuple[ModelLine, Policy | None]:
    """Load a model's line and its policy; `runs` maps a model to the run that it came from."""
    policy, load_error = _attempt(lambda: lab.policy(id))
    active = lab.active_model()
    run = f"/lab/runs/{runs[id]}" if id in runs else ""
    line = model_line(
        id,
        model_name(id),
        policy,
        load_error=load_error,
        active=id == active,
        pinned=active == CONFIGURED,
        is_local=id not in BUILT_IN_NAMES,
        run=run,
    )
    return line, policy


def model_name(id: str) -> str:
    return BUILT_IN_NAMES.get(id, f"Model {id}")


def run_view(lab: LabService, state: RunState) -> RunView:
    """Return one run in full; what cannot be read is named, and the rest is shown."""
    run, load_error = _attempt(lambda: lab.run(state.id))
    progress, held_out, policy, errors = None, None, None, [load_error]
    if run is not None:
        progress, progress_error = _attempt(run.progress)
        held_out, held_out_error = _attempt(run.held_out)
        policy, policy_error = _attempt(lambda: _load_run_policy(run))
        errors += [progress_error, held_out_error, policy_error]
    model = model_id_of_run(lab, state)
    (line,) = run_lines(lab, [state])
    return RunView(
        line=line,
        curves=learning_curve_figures(progress) if progress else (),
        equity=held_out_figure(held_out),
        scores=scores_grid(policy.manifest.scores) if policy else None,
        origin=origin_facts(policy.manifest) if policy else (),
        arguments=argument_facts(state.arguments),
        load_error=" ".join(
            dict.fromkeys(error for error in errors if error and error != line.error)
        ),
        model=f"/lab/models/{model}" if model in lab.models() else "",
    )


def find_run(lab: LabService, id: str) -> RunState:
    """Return the run's state. Raises NotFoundError where there is no such run."""
    found = next((state for state in lab.runs() if state.id == id), None)
    if found is None:
        raise NotFoundError(f"There is no training run {id[:60]!r}. /lab lists those that are.")
    return found


def find_model(lab: LabService, id: str) -> tuple[ModelLine, Policy | None]:
    """Return a model by its id. Raises NotFoundError where there is none."""
    if id not in (*lab.models(), lab.active_model()):
        raise NotFoundError(f"There is no model {id[:60]!r}. /lab lists those that are.")
    return load_model_line(lab, id, runs_by_model(lab))


def runs_by_model(lab: LabService) -> Mapping[str, str]:
    """Map each model to the id of the newest finished run that produced it."""
    return {model_id_of_run(lab, state): state.id for state in reversed(lab.runs())}


def apply_run_action(lab: LabService, id: str, action: str) -> str | None:
    """Stop or resume a run, or keep its policy and return the model's id.

    Raises NotFoundError for another action.
    """
    match action:
        case "stop":
            lab.stop(id)
        case "resume":
            lab.resume(id)
        case "keep":
            return lab.register_model(id)
        case _:
            raise NotFoundError(
                f"A training run has no switch {action[:40]!r}. It has {', '.join(RUN_ACTIONS)}."
            )
    return None


def load_drift_lines(lab: LabService, id: str) -> tuple[DriftLine, ...]:
    """Load the drift of the model's inputs; empty where it cannot be computed."""
    drift, _ = _attempt(lambda: lab.drift(id))
    return drift_lines(drift or ())


def overlaid_model_equity(lab: LabService, ids: Sequence[str]) -> str:
    """Draw the held-out equity of the models whose runs still exist; '' for fewer than two."""
    runs = runs_by_model(lab)
    held_out_by_model = {
        model_name(id): path
        for id in ids
        if id in runs and (path := _attempt(lab.run(runs[id]).held_out)[0])
    }
    return (
        overlaid_equity("equity", "Growth on the held-out years", held_out_by_model)
        if len(held_out_by_model) > 1
        else ""
    )


def model_id_of_run(lab: LabService, state: RunState) -> str:
    """Return the id that a finished run's policy has or would have as a model; '' for another
    run."""
    if state.state != "done":
        return ""
    folder, _ = _attempt(lambda: lab.run(state.id).policy())
    try:
        return _model_id(folder, (folder / MANIFEST_FILE).stat().st_mtime_ns) if folder else ""
    except OSError:
        return ""


@lru_cache(512)
def _model_id(folder: Path, modified_ns: int) -> str:  # noqa: ARG001 another writing, another id
    return model_id((folder / TENSORS_FILE).read_bytes(), (folder / MANIFEST_FILE).read_bytes())


def _load_run_policy(run: RunFolder) -> Policy | None:
    folder = run.policy()
    return load_policy(folder) if folder else None


def _attempt(read: Callable[[], _T]) -> tuple[_T | None, str]:
    """Return what `read` returns, or None and why it was refused."""
    try:
        return read(), ""
    except QuorumError as refusal:
        return None, str(refusal)
