"""The RL lab: who has the RL agent's seat, training runs, and what can be done with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from domain.errors import InputError
from research.sheet.grids import Fact
from web import lab_form, lab_parts
from web.house import House
from web.lab_form import Typed
from web.lab_parts import SeatView
from web.number_input import NumberStyle
from web.pages.reply import html, ours, see_other
from web.render import Renderer
from web.scored import Scored
from web.shell import Origin, PageContext, WebRequest, build_shell, engine_view
from web.views.lab import RunLine, RunView
from web.views.lab_models import DriftLine, ModelLine
from web.views.lab_scores import HEADS
from web.views.lab_seat import seat_facts

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
    labels: Mapping[str, str] = field(default_factory=lambda: lab_form.LABELS)
    choices: Mapping[str, Any] = field(default_factory=lambda: lab_form.CHOICES)
    algorithms: tuple[str, ...] = lab_form.ALGORITHMS


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
    return html(renderer, _page(request, house, scored, lab_form.usual(house)))


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
    form = lab_form.typed(data)
    try:
        house.lab.start(*lab_form.asked(house, form, style))
    except InputError as refusal:
        page = _page(request, house, scored, lab_form.refused(form, refusal))
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
    view = lab_parts.run_view(house, lab_parts.state_of(house, id))
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
    lab_parts.turn(house, id, move)
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
    seat = lab_parts.seat_view(house)
    return LabPage(
        shell=shell,
        engine=engine_view(house.engine.state),
        seat=seat,
        facts=seat_facts(scored.standing()),
        drift=lab_parts.drift_of(house, seat.model.id),
        **lab_parts.runs_names(house, house.lab.runs()),
        models=lab_parts.model_lines(house),
        heads=HEADS,
        trains=house.lab.trains,
        form=form,
        more_open=bool(lab_form.MORE & set(form.faults)),
    )
