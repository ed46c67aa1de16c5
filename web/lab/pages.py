"""The RL lab: the active model, training runs, and the actions on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from domain.errors import InputError
from research.report.tables import LabelledValue
from web.http.forms import ListForm, require_confirmation
from web.http.responses import html_response, safe_redirect_path, see_other
from web.injection import Injected
from web.lab import components, training_form
from web.lab.active_model import active_model_facts
from web.lab.components import ActiveModelView
from web.lab.model_views import DriftLine, ModelLine
from web.lab.run_views import RunLine, RunView
from web.lab.score_views import SCORE_HEADS
from web.lab.training_form import TrainingFormData, TrainingForms
from web.live.notifier import Notifier
from web.live.score_cache import ScoreCache
from web.number_input import NumberStyle
from web.render import Renderer
from web.services import LabService
from web.shell import DataSource, PageContext, ShellBuilder, WebRequest

LAB_PAGE = "the RL lab's page"
TOPICS = ("lab-runs", "lab-models", "record")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPage(PageContext):
    """`facts` are of the RL agent's record, `drift` of its inputs. `can_train` says whether a run
    can be started here; `labels`, `choices` and `algorithms` belong to the form, `show_advanced` is
    true where one of its folded fields was refused."""

    template: ClassVar[str] = "lab/lab.html"
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
    template: ClassVar[str] = "lab/run.html"
    run: RunView


@get("/lab", include_in_schema=False, sync_to_thread=True)
def lab(
    request: WebRequest,
    training_forms: Injected[TrainingForms],
    lab: Injected[LabService],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    score_cache: Injected[ScoreCache],
) -> Response[Any]:
    return html_response(
        renderer,
        _page(
            request,
            lab,
            shell_builder,
            score_cache,
            training_forms.default(),
        ),
    )


@post("/lab/runs", include_in_schema=False, sync_to_thread=True)
def start_run(
    request: WebRequest,
    training_forms: Injected[TrainingForms],
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    score_cache: Injected[ScoreCache],
    style: NamedDependency[NumberStyle],
    data: ListForm,
) -> Response[Any]:
    """Start a run, or show the form again with each refusal next to its field."""
    form = training_form.read_form(data)
    try:
        lab.start(*training_forms.parse(form, style))
    except InputError as refusal:
        page = _page(
            request, lab, shell_builder, score_cache, training_form.with_errors(form, refusal)
        )
        return html_response(renderer, page, refusal.status)
    notifier.notify()
    return see_other("/lab")


@get("/lab/runs/{id:str}", include_in_schema=False, sync_to_thread=True)
def run(
    request: WebRequest,
    lab: Injected[LabService],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    id: FromPath[str],
) -> Response[Any]:
    view = components.run_view(lab, components.find_run(lab, id))
    return html_response(
        renderer,
        RunPage(
            shell=shell_builder.build(
                request,
                view.line.label,
                topics=("lab-run",),
                data_source=DataSource(view.line.data, view.line.simulated),
            ),
            run=view,
        ),
    )


@post("/lab/runs/{id:str}/{move:str}", include_in_schema=False, sync_to_thread=True)
def post_run_action(
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    id: FromPath[str],
    move: FromPath[str],
    data: ListForm,
) -> Response[Any]:
    components.apply_run_action(lab, id, move)
    notifier.notify()
    return see_other(safe_redirect_path(str(data.get("back", "")), "/lab"))


@post("/lab/runs/{id:str}/delete", include_in_schema=False, sync_to_thread=True)
def delete_run(
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    id: FromPath[str],
    data: ListForm,
) -> Response[Any]:
    require_confirmation(data, "Deleting", LAB_PAGE)
    lab.delete_run(id)
    notifier.notify()
    return see_other("/lab")


def _page(
    request: WebRequest,
    lab: LabService,
    shell_builder: ShellBuilder,
    score_cache: ScoreCache,
    form: TrainingFormData,
) -> LabPage:
    shell = shell_builder.build(request, "RL lab", topics=TOPICS)
    active_model = components.active_model_view(lab)
    return LabPage(
        shell=shell,
        active_model=active_model,
        facts=active_model_facts(score_cache.current()),
        drift=components.load_drift_lines(lab, active_model.model.id),
        **components.run_list_context(lab, lab.runs()),
        models=components.model_lines(lab),
        heads=SCORE_HEADS,
        can_train=lab.can_train,
        form=form,
        show_advanced=bool(training_form.ADVANCED_FIELDS & set(form.errors)),
    )
