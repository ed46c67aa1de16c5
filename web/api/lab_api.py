"""The RL lab: training runs, models, and which of them has the RL agent's seat."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from math import isfinite
from typing import Any

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from envs.training.run_folder import Progress, RunState
from storage.models.model_registry import SHIPPED
from web.api.lab_schemas import (
    DriftOut,
    HeldOutOut,
    LabDriftOut,
    LabModelOut,
    LabModelsOut,
    LabModelWholeOut,
    LabMovedOut,
    LabProgressOut,
    LabRunIn,
    LabRunOut,
    LabRunsOut,
    LabRunWholeOut,
    LabStartedOut,
)
from web.api.schemas import about
from web.lab import components, training_form
from web.lab.training_form import Typed
from web.number_input import write_number
from web.services import House

BY = "over the API"
"""Who promoted, as the record of promotions has it."""


@get("/lab/runs", sync_to_thread=True)
def runs(house: NamedDependency[House]) -> LabRunsOut:
    """Training runs, newest first."""
    return _runs(house)


@post("/lab/runs", sync_to_thread=True, status_code=202)
def start(house: NamedDependency[House], data: JSONBody[LabRunIn]) -> LabStartedOut:
    """Starts a training in a Ray worker; follow it in the list. Refused where this server runs
    without Ray."""
    id = house.lab.start(*training_form.asked(house, _typed(house, data)))
    house.bell.ring()
    return LabStartedOut(id=id, **about(house))


@get("/lab/runs/{id:str}", sync_to_thread=True)
def run(house: NamedDependency[House], id: FromPath[str]) -> LabRunWholeOut:
    """One run: how it stands, its validation scores by stage, its held-out equity."""
    state = components.state_of(house, id)
    folder = house.lab.run(id)
    progress, held = folder.progress(), folder.held_out()
    model = components.model_of(house, state)
    return LabRunWholeOut(
        training=_run(state),
        progress=_progress(progress),
        held_out=HeldOutOut(**asdict(held)) if held else None,
        model=model if model in house.lab.models() else None,
        **about(house),
    )


@post("/lab/runs/{id:str}/{move:str}", sync_to_thread=True, status_code=200)
def move_run(house: NamedDependency[House], id: FromPath[str], move: FromPath[str]) -> LabMovedOut:
    """`stop`, `resume`, or `keep` its policy as a model. A run that has ended stays as it is when
    it is stopped."""
    model = components.turn(house, id, move)
    house.bell.ring()
    return LabMovedOut(training=_run(components.state_of(house, id)), model=model, **about(house))


@delete("/lab/runs/{id:str}", sync_to_thread=True, status_code=200)
def delete_run(house: NamedDependency[House], id: FromPath[str]) -> LabRunsOut:
    """Deletes a run that has ended; a model that was kept of it stays."""
    house.lab.forget(id)
    house.bell.ring()
    return _runs(house)


@get("/lab/models", sync_to_thread=True)
def models(house: NamedDependency[House]) -> LabModelsOut:
    """Models, newest first, the policy that ships at the end; and which one is seated."""
    return _models(house)


@get("/lab/models/{id:str}", sync_to_thread=True)
def model(house: NamedDependency[House], id: FromPath[str]) -> LabModelWholeOut:
    """One model with its manifest."""
    components.known_model(house, id)
    told = _model(house, id, components.runs_by_model(house))
    return LabModelWholeOut(model=told, **about(house))


@get("/lab/models/{id:str}/drift", sync_to_thread=True)
def drift(house: NamedDependency[House], id: FromPath[str]) -> LabDriftOut:
    """How far what the model would see now has moved from what it was trained on."""
    components.known_model(house, id)
    told = tuple(DriftOut(**asdict(each)) for each in house.lab.drift(id))
    return LabDriftOut(model=id, drift=told, **about(house))


@post("/lab/models/{id:str}/promote", sync_to_thread=True, status_code=200)
def promote(house: NamedDependency[House], id: FromPath[str]) -> LabModelsOut:
    """Gives the model the seat from the next cycle on. One whose files are refused leaves the
    former seated."""
    house.lab.promote(id, BY)
    house.bell.ring()
    return _models(house)


@post("/lab/roll-back", sync_to_thread=True, status_code=200)
def roll_back(house: NamedDependency[House]) -> LabModelsOut:
    """Seats who had the seat before the present model was promoted."""
    house.lab.roll_back(BY)
    house.bell.ring()
    return _models(house)


@delete("/lab/models/{id:str}", sync_to_thread=True, status_code=200)
def delete_model(
    house: NamedDependency[House], id: FromPath[str], voted: FromQuery[bool] = False
) -> LabModelsOut:
    """Deletes a model; the one in the seat is refused. One that ever had it only goes with `voted`,
    for what it decided cannot be verified afterwards."""
    house.lab.delete(id, voted=voted)
    house.bell.ring()
    return _models(house)


def _runs(house: House) -> LabRunsOut:
    return LabRunsOut(
        trains=house.lab.trains, runs=tuple(map(_run, house.lab.runs())), **about(house)
    )


def _run(state: RunState) -> LabRunOut:
    told = asdict(state)
    invented = told.pop("simulated")
    return LabRunOut(**told, invented=invented)


def _progress(progress: Progress) -> LabProgressOut:
    return LabProgressOut(
        member=progress.member,
        steps=progress.steps,
        seconds=progress.seconds,
        scores={
            name: tuple(value if isfinite(value) else None for value in values)
            for name, values in progress.scores.items()
        },
    )


def _models(house: House) -> LabModelsOut:
    by_model = components.runs_by_model(house)
    ids = [id for id in house.lab.models() if id != SHIPPED]
    return LabModelsOut(
        seated=house.lab.seated(),
        former=house.lab.former(),
        models=tuple(_model(house, id, by_model) for id in (*ids, SHIPPED)),
        **about(house),
    )


def _model(house: House, id: str, by_model: Mapping[str, str]) -> LabModelOut:
    line, policy = components.line_of(house, id, by_model)
    return LabModelOut(
        id=id,
        seated=line.seated,
        manifest=policy.manifest.model_dump() if policy else None,
        members=dict(policy.tempers()) if policy else {},
        refused=line.broken,
        run=by_model.get(id),
    )


def _typed(house: House, data: LabRunIn) -> Typed:
    """The usual form with what was given in its place, as if it had been typed."""
    given = {name: getattr(data, name) for name in training_form.NAMES}
    told = {name: _text(name, value) for name, value in given.items() if value is not None}
    return replace(training_form.usual(house), **told)


def _text(name: str, value: Any) -> Any:
    if name == "algo":
        return tuple(value)
    if isinstance(value, float):
        return write_number(value)
    return " ".join(value) if name == "symbols" else str(value)
