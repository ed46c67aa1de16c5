"""The RL lab: who has the RL agent's seat, training runs, and what can be done with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from domain.errors import InputError
from research.report.tables import Fact
from web.agents.score_cache import Scored
from web.lab import components, training_form
from web.lab.active_model import seat_facts
from web.lab.components import SeatView
from web.lab.model_views import DriftLine, ModelLine
from web.lab.run_views import RunLine, RunView
from web.lab.score_views import HEADS
from web.lab.training_form import Typed
from web.number_input import NumberStyle
from web.pages.responses import html, ours, see_other
from web.render import Renderer
from web.services import House
from web.shell import Origin, PageContext, WebRequest, build_shell, engine_view

TOPICS = ("lab-runs", "lab-models", "record")
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPage(PageContext):
    """`facts` are of the RL agent's record, `drift` of what it sees. `trains` where a run can be
    started here; `labels`, `choices` and `algorithms` are of the form, `more_open` where one of its
    folded fields was refused."""

    template: ClassVar[str] = "pages/lab.html"
    seat: SeatView
    facts: tuple[Fact, ...]
    drift: tuple[DriftLine, ...]
    runs: tuple[RunLine, ...]
    more_runs: int
    models: tuple[ModelLine, ...]
    heads: tuple[Fact, ...]
    trains: bool
    form: Typed
    more_open: bool
    labels: Mapping[str, str] = field(default_factory=lambda: training_form.LABELS)
    choices: Mapping[str, Any] = field(default_factory=lambda: training_form.CHOICES)
    algorithms: tuple[str, ...] = training_form.ALGORITHMS


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage(PageContext):
    template: ClassVar[str] = "pages/lab_run.html"
    run: RunView


@get("/lab", include_in_schema=False, sync_to_thread=True)
def lab(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    scored: NamedDependency[Scored],
) -> Response[Any]:
    return html(renderer, _page(request, house, scored, training_form.usual(house)))


@post("/lab/runs", include_in_schema=False, sync_to_thread=True)
def start_run(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    scored: NamedDependency[Scored],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    """Starts it, or shows the form again with each refusal beside its field."""
    form = training_form.typed(data)
    try:
        house.lab.start(*training_form.asked(house, form, style))
    except InputError as refusal:
        page = _page(request, house, scored, training_form.refused(form, refusal))
        return html(renderer, page, refusal.status)
    house.bell.ring()
    return see_other("/lab")


@get("/lab/runs/{id:str}", include_in_schema=False, sync_to_thread=True)
def run(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    id: FromPath[str],
) -> Response[Any]:
    view = components.run_view(house, components.state_of(house, id))
    return html(
        renderer,
        RunPage(
            shell=build_shell(
                house,
                request,
                view.line.label,
                topics=("lab-run",),
                origin=Origin(view.line.data, view.line.simulated),
            ),
            engine=engine_view(house.engine.state),
            run=view,
        ),
    )


@post("/lab/runs/{id:str}/{move:str}", include_in_schema=False, sync_to_thread=True)
def move_run(
    house: NamedDependency[House], id: FromPath[str], move: FromPath[str], data: Form
) -> Response[Any]:
    components.turn(house, id, move)
    house.bell.ring()
    return see_other(ours(str(data.get("back", "")), "/lab"))


@post("/lab/runs/{id:str}/delete", include_in_schema=False, sync_to_thread=True)
def delete_run(house: NamedDependency[House], id: FromPath[str], data: Form) -> Response[Any]:
    confirmed(data, "Deleting")
    house.lab.forget(id)
    house.bell.ring()
    return see_other("/lab")


def confirmed(data: Mapping[str, Any], what: str) -> None:
    """Raises InputError where nobody was asked twice."""
    if data.get("sure") != "yes":
        raise InputError(f"{what} was not confirmed. Use the dialog on the RL lab's page.")


def _page(request: WebRequest, house: House, scored: Scored, form: Typed) -> LabPage:
    shell = build_shell(house, request, "RL lab", topics=TOPICS)
    seat = components.seat_view(house)
    return LabPage(
        shell=shell,
        engine=engine_view(house.engine.state),
        seat=seat,
        facts=seat_facts(scored.standing()),
        drift=components.drift_of(house, seat.model.id),
        **components.runs_names(house, house.lab.runs()),
        models=components.model_lines(house),
        heads=HEADS,
        trains=house.lab.trains,
        form=form,
        more_open=bool(training_form.MORE & set(form.faults)),
    )
