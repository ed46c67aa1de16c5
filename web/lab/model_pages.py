"""Models of the RL lab: one, several compared, and the choice of the active one."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from domain.errors import InputError
from envs.policies.policy import Policy
from research.report.tables import FigureTable
from web.http.forms import ListForm, require_confirmation
from web.http.responses import html_response, see_other
from web.injection import Injected
from web.lab import components
from web.lab.model_views import DriftLine, ModelLine, ModelView, comparison_grids, model_view
from web.lab.pages import LAB_PAGE
from web.live.notifier import Notifier
from web.render import Renderer
from web.services import LabService
from web.shell import DataSource, PageContext, ShellBuilder, WebRequest

PROMOTED_BY = "on the RL lab's page"
"""Who promoted a model, as the promotion log stores it."""
MIN_COMPARED, MAX_COMPARED = 2, 6
"""Most models compared at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage(PageContext):
    """`view` is None for a model whose files are refused."""

    template: ClassVar[str] = "lab/model.html"
    model: ModelLine
    view: ModelView | None
    drift: tuple[DriftLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparePage(PageContext):
    """`equity` is a figure in HTML, '' where the models share no held-out days."""

    template: ClassVar[str] = "lab/compare.html"
    models: tuple[ModelLine, ...]
    equity: str
    grids: tuple[FigureTable, ...]


@get("/lab/models/{id:str}", include_in_schema=False, sync_to_thread=True)
def model(
    request: WebRequest,
    lab: Injected[LabService],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    id: FromPath[str],
) -> Response[Any]:
    line, policy = components.find_model(lab, id)
    origin = DataSource(line.data, line.simulated) if policy else None
    return html_response(
        renderer,
        ModelPage(
            shell=shell_builder.build(request, line.name, topics=("shell",), data_source=origin),
            model=line,
            view=model_view(policy) if policy else None,
            drift=components.load_drift_lines(lab, id) if policy else (),
        ),
    )


@get("/lab/compare", include_in_schema=False, sync_to_thread=True)
def compare(
    request: WebRequest,
    lab: Injected[LabService],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    models: FromQuery[list[str] | None] = None,
) -> Response[Any]:
    chosen = tuple(dict.fromkeys(id for part in models or () for id in part.split(",") if id))
    found = models_to_compare(lab, chosen)
    lines = tuple(line for line, _ in found.values())
    markets = {line.data for line in lines}
    market = markets.pop() if len(markets) == 1 else f"{len(markets)} markets"
    origin = DataSource(market, all(line.simulated for line in lines))
    return html_response(
        renderer,
        ModelComparePage(
            shell=shell_builder.build(
                request, "Models compared", topics=("shell",), data_source=origin
            ),
            models=lines,
            equity=components.overlaid_model_equity(lab, chosen),
            grids=comparison_grids({line.name: policy for line, policy in found.values()}),
        ),
    )


@post("/lab/models/{id:str}/promote", include_in_schema=False, sync_to_thread=True)
def promote(
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    id: FromPath[str],
    data: ListForm,
) -> Response[Any]:
    require_confirmation(data, "The promotion", LAB_PAGE)
    lab.promote(id, PROMOTED_BY)
    notifier.notify()
    return see_other("/lab")


@post("/lab/roll-back", include_in_schema=False, sync_to_thread=True)
def roll_back(
    notifier: Injected[Notifier], lab: Injected[LabService], data: ListForm
) -> Response[Any]:
    require_confirmation(data, "The roll back", LAB_PAGE)
    lab.roll_back(PROMOTED_BY)
    notifier.notify()
    return see_other("/lab")


@post("/lab/models/{id:str}/delete", include_in_schema=False, sync_to_thread=True)
def delete_model(
    notifier: Injected[Notifier],
    lab: Injected[LabService],
    id: FromPath[str],
    data: ListForm,
) -> Response[Any]:
    require_confirmation(data, "Deleting", LAB_PAGE)
    lab.delete_model(id, voted=True)  # the dialog said what that means
    notifier.notify()
    return see_other("/lab")


def models_to_compare(lab: LabService, ids: tuple[str, ...]) -> dict[str, tuple[ModelLine, Policy]]:
    """Return the models to compare. Raises InputError for too few, too many or one whose files are
    refused, and NotFoundError for an unknown one."""
    if not MIN_COMPARED <= len(ids) <= MAX_COMPARED:
        raise InputError(
            f"{len(ids)} models were chosen. Choose {MIN_COMPARED} to {MAX_COMPARED} of those on "
            "/lab."
        )
    found = {}
    for id in ids:
        line, policy = components.find_model(lab, id)
        if policy is None:
            raise InputError(line.load_error)
        found[id] = (line, policy)
    return found
