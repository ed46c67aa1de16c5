"""The RL lab: training runs, models, and which of them is active."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from litestar import delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from envs.training.run_folder import RunState, StageProgress
from storage.models.model_registry import SHIPPED
from web.injection import Injected
from web.lab import components, training_form
from web.lab.schemas import (
    DriftOut,
    HeldOutEquityOut,
    LabDriftOut,
    LabModelDetailOut,
    LabModelOut,
    LabModelsOut,
    LabProgressOut,
    LabRunActionOut,
    LabRunDetailOut,
    LabRunIn,
    LabRunOut,
    LabRunsOut,
    LabStartedOut,
)
from web.lab.training_form import TrainingFormData, TrainingForms
from web.live.notifier import Notifier
from web.number_input import write_number
from web.schemas import market_fields, to_schema
from web.services import LabService, ServedRun

PROMOTED_BY = "over the API"
"""Who promoted a model, as the promotion log stores it."""


@get("/lab/runs", sync_to_thread=True)
def runs(served_run: Injected[ServedRun], lab: Injected[LabService]) -> LabRunsOut:
    """Return the training runs, newest first."""
    return _runs_out(served_run, lab)


@post("/lab/runs", sync_to_thread=True, status_code=202)
def start(
    served_run: Injected[ServedRun],
    training_forms: Injected[TrainingForms],
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    data: JSONBody[LabRunIn],
) -> LabStartedOut:
    """Start a training run in a Ray worker; follow it in the list. Refused where this server runs
    without Ray."""
    id = lab.start(*training_forms.parse(_form_from_json(training_forms, data)))
    notifier.notify()
    return LabStartedOut(id=id, **market_fields(served_run))


@get("/lab/runs/{id:str}", sync_to_thread=True)
def run(
    served_run: Injected[ServedRun], lab: Injected[LabService], id: FromPath[str]
) -> LabRunDetailOut:
    """Return one run: its state, its validation scores by stage, its held-out equity."""
    state = components.find_run(lab, id)
    folder = lab.run(id)
    progress, held_out = folder.progress(), folder.held_out()
    model = components.model_id_of_run(lab, state)
    return LabRunDetailOut(
        training=_run_out(state),
        progress=_progress_out(progress),
        held_out=to_schema(held_out, HeldOutEquityOut) if held_out else None,
        model=model if model in lab.models() else None,
        **market_fields(served_run),
    )


@post("/lab/runs/{id:str}/{move:str}", sync_to_thread=True, status_code=200)
def post_run_action(
    served_run: Injected[ServedRun],
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    id: FromPath[str],
    move: FromPath[str],
) -> LabRunActionOut:
    """Apply an action to a run: `stop`, `resume`, or `keep` its policy as a model. Stopping a run
    that has ended changes nothing."""
    model = components.apply_run_action(lab, id, move)
    notifier.notify()
    return LabRunActionOut(
        training=_run_out(components.find_run(lab, id)), model=model, **market_fields(served_run)
    )


@delete("/lab/runs/{id:str}", sync_to_thread=True, status_code=200)
def delete_run(
    served_run: Injected[ServedRun],
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    id: FromPath[str],
) -> LabRunsOut:
    """Delete a run that has ended; a model kept from it stays."""
    lab.delete_run(id)
    notifier.notify()
    return _runs_out(served_run, lab)


@get("/lab/models", sync_to_thread=True)
def models(served_run: Injected[ServedRun], lab: Injected[LabService]) -> LabModelsOut:
    """Return the models, newest first and the built-in policy last, and which one is active."""
    return _models_out(served_run, lab)


@get("/lab/models/{id:str}", sync_to_thread=True)
def model(
    served_run: Injected[ServedRun], lab: Injected[LabService], id: FromPath[str]
) -> LabModelDetailOut:
    """Return one model with its manifest."""
    components.find_model(lab, id)
    model_out = _model_out(lab, id, components.runs_by_model(lab))
    return LabModelDetailOut(model=model_out, **market_fields(served_run))


@get("/lab/models/{id:str}/drift", sync_to_thread=True)
def drift(
    served_run: Injected[ServedRun], lab: Injected[LabService], id: FromPath[str]
) -> LabDriftOut:
    """Return how far the model's current inputs have drifted from its training data."""
    components.find_model(lab, id)
    drift_out = tuple(to_schema(each, DriftOut) for each in lab.drift(id))
    return LabDriftOut(model=id, drift=drift_out, **market_fields(served_run))


@post("/lab/models/{id:str}/promote", sync_to_thread=True, status_code=200)
def promote(
    served_run: Injected[ServedRun],
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    id: FromPath[str],
) -> LabModelsOut:
    """Make the model active from the next cycle on. If its files are refused, the active model
    stays."""
    lab.promote(id, PROMOTED_BY)
    notifier.notify()
    return _models_out(served_run, lab)


@post("/lab/roll-back", sync_to_thread=True, status_code=200)
def roll_back(
    served_run: Injected[ServedRun],
    notifier: Injected[Notifier],
    lab: Injected[LabService],
) -> LabModelsOut:
    """Make the model active again that was active before the last promotion."""
    lab.roll_back(PROMOTED_BY)
    notifier.notify()
    return _models_out(served_run, lab)


@delete("/lab/models/{id:str}", sync_to_thread=True, status_code=200)
def delete_model(
    served_run: Injected[ServedRun],
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    id: FromPath[str],
    voted: FromQuery[bool] = False,
) -> LabModelsOut:
    """Delete a model; the active one is refused. One that was ever active is deleted only with
    `voted`, because its decisions cannot be verified afterwards."""
    lab.delete_model(id, voted=voted)
    notifier.notify()
    return _models_out(served_run, lab)


def _runs_out(served_run: ServedRun, lab: LabService) -> LabRunsOut:
    return LabRunsOut(
        trains=lab.can_train,
        runs=tuple(map(_run_out, lab.runs())),
        **market_fields(served_run),
    )


def _run_out(state: RunState) -> LabRunOut:
    return to_schema(state, LabRunOut, invented=state.simulated)


def _progress_out(progress: StageProgress) -> LabProgressOut:
    return to_schema(
        progress,
        LabProgressOut,
        scores={
            name: tuple(value if isfinite(value) else None for value in values)
            for name, values in progress.scores.items()
        },
    )


def _models_out(served_run: ServedRun, lab: LabService) -> LabModelsOut:
    by_model = components.runs_by_model(lab)
    ids = [id for id in lab.models() if id != SHIPPED]
    return LabModelsOut(
        seated=lab.active_model(),
        former=lab.previous_model(),
        models=tuple(_model_out(lab, id, by_model) for id in (*ids, SHIPPED)),
        **market_fields(served_run),
    )


def _model_out(lab: LabService, id: str, by_model: Mapping[str, str]) -> LabModelOut:
    line, policy = components.load_model_line(lab, id, by_model)
    return LabModelOut(
        id=id,
        seated=line.active,
        manifest=policy.manifest.model_dump() if policy else None,
        members=dict(policy.tempers()) if policy else {},
        refused=line.load_error,
        run=by_model.get(id),
    )


def _form_from_json(forms: TrainingForms, data: LabRunIn) -> TrainingFormData:
    """Return the default form with the given values filled in as if they had been typed."""
    given = {name: getattr(data, name) for name in training_form.FIELD_NAMES}
    values = {name: _form_text(name, value) for name, value in given.items() if value is not None}
    return replace(forms.default(), **values)


def _form_text(name: str, value: Any) -> Any:
    if name == "algo":
        return tuple(value)
    if isinstance(value, float):
        return write_number(value)
    return " ".join(value) if name == "symbols" else str(value)
