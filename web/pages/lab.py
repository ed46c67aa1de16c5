"""The RL lab: the active model, training runs, and what can be done with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from domain.errors import InputError
from research.report.tables import LabelledValue
from web.agents.score_cache import ScoreCache
from web.lab import components, training_form
from web.lab.active_model import active_model_facts
from web.lab.components import ActiveModelView
from web.lab.model_views import DriftLine, ModelLine
from web.lab.run_views import RunLine, RunView
from web.lab.score_views import SCORE_HEADS
from web.lab.training_form import TrainingFormData
from web.number_input import NumberStyle
from web.pages.responses import html_response, safe_redirect_path, see_other
from web.render import Renderer
from web.services import AppServices
from web.shell import DataSource, PageContext, WebRequest, build_shell, engine_view

TOPICS = ("lab-runs", "lab-models", "record")
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPage(PageContext):
    """`facts` are of the RL agent's record, `drift` of what it sees. `can_train` where a run can be
    started here; `labels`, `choices` and `algorithms` are of the form, `show_advanced` where one of
    its folded fields was refused."""

    template: ClassVar[str] = "pages/lab.html"
    active_model: ActiveModelView
    facts: tuple[LabelledValue, ...]
    drift: tuple[DriftLine, ...]
    runs: tuple[RunLine, ...]
    more_runs: int
    models: tuple[ModelLine, ...]
    heads: tuple[LabelledValue, ...]
    can_train: bool
    form: TrainingFormData
    show_advanced: bool
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
    services: NamedDependency[AppServices],
    renderer: NamedDependency[Renderer],
    score_cache: NamedDependency[ScoreCache],
) -> Response[Any]:
    return html_response(
        renderer, _page(request, services, score_cache, training_form.default_form(services))
    )


@post("/lab/runs", include_in_schema=False, sync_to_thread=True)
def start_run(
    request: WebRequest,
    services: NamedDependency[AppServices],
    renderer: NamedDependency[Renderer],
    score_cache: NamedDependency[ScoreCache],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    """Starts it, or shows the form again with each refusal beside its field."""
    form = training_form.read_form(data)
    try:
        services.lab.start(*training_form.parse_form(services, form, style))
    except InputError as refusal:
        page = _page(request, services, score_cache, training_form.with_errors(form, refusal))
        return html_response(renderer, page, refusal.status)
    services.notifier.notify()
    return see_other("/lab")


@get("/lab/runs/{id:str}", include_in_schema=False, sync_to_thread=True)
def run(
    request: WebRequest,
    services: NamedDependency[AppServices],
    renderer: NamedDependency[Renderer],
    id: FromPath[str],
) -> Response[Any]:
    view = components.run_view(services, components.find_run(services, id))
    return html_response(
        renderer,
        RunPage(
            shell=build_shell(
                services,
                request,
                view.line.label,
                topics=("lab-run",),
                data_source=DataSource(view.line.data, view.line.simulated),
            ),
            engine=engine_view(services.engine.state),
            run=view,
        ),
    )


@post("/lab/runs/{id:str}/{move:str}", include_in_schema=False, sync_to_thread=True)
def post_run_action(
    services: NamedDependency[AppServices], id: FromPath[str], move: FromPath[str], data: Form
) -> Response[Any]:
    components.apply_run_action(services, id, move)
    services.notifier.notify()
    return see_other(safe_redirect_path(str(data.get("back", "")), "/lab"))


@post("/lab/runs/{id:str}/delete", include_in_schema=False, sync_to_thread=True)
def delete_run(
    services: NamedDependency[AppServices], id: FromPath[str], data: Form
) -> Response[Any]:
    require_confirmation(data, "Deleting")
    services.lab.delete_run(id)
    services.notifier.notify()
    return see_other("/lab")


def require_confirmation(data: Mapping[str, Any], what: str) -> None:
    """Raises InputError where nobody was asked twice."""
    if data.get("sure") != "yes":
        raise InputError(f"{what} was not confirmed. Use the dialog on the RL lab's page.")


def _page(
    request: WebRequest, services: AppServices, score_cache: ScoreCache, form: TrainingFormData
) -> LabPage:
    shell = build_shell(services, request, "RL lab", topics=TOPICS)
    active_model = components.active_model_view(services)
    return LabPage(
        shell=shell,
        engine=engine_view(services.engine.state),
        active_model=active_model,
        facts=active_model_facts(score_cache.current()),
        drift=components.load_drift_lines(services, active_model.model.id),
        **components.run_list_context(services, services.lab.runs()),
        models=components.model_lines(services),
        heads=SCORE_HEADS,
        can_train=services.lab.can_train,
        form=form,
        show_advanced=bool(training_form.ADVANCED_FIELDS & set(form.errors)),
    )
