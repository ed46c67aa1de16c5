"""Models of the RL lab: one, several side by side, and which of them has the RL agent's seat."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from domain.errors import InputError
from envs.policies.policy import Policy
from research.report.tables import Grid
from web.lab import components
from web.lab.model_views import DriftLine, ModelLine, ModelView, compared, model_view
from web.pages.lab import Form, confirmed
from web.pages.responses import html, see_other
from web.render import Renderer
from web.services import House
from web.shell import Origin, PageContext, WebRequest, build_shell, engine_view

BY = "on the RL lab's page"
"""Who promoted, as the record of promotions has it."""
FEWEST, MOST = 2, 6
"""Models that are compared at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage(PageContext):
    """`view` is None for a model whose files are refused."""

    template: ClassVar[str] = "pages/lab_model.html"
    model: ModelLine
    view: ModelView | None
    drift: tuple[DriftLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePage(PageContext):
    """`equity` is a figure in HTML, '' where the models share no held-out days."""

    template: ClassVar[str] = "pages/lab_compare.html"
    models: tuple[ModelLine, ...]
    equity: str
    grids: tuple[Grid, ...]


@get("/lab/models/{id:str}", include_in_schema=False, sync_to_thread=True)
def model(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    id: FromPath[str],
) -> Response[Any]:
    line, policy = components.known_model(house, id)
    origin = Origin(line.data, line.simulated) if policy else None
    return html(
        renderer,
        ModelPage(
            shell=build_shell(house, request, line.name, topics=("shell",), origin=origin),
            engine=engine_view(house.engine.state),
            model=line,
            view=model_view(policy) if policy else None,
            drift=components.drift_of(house, id) if policy else (),
        ),
    )


@get("/lab/compare", include_in_schema=False, sync_to_thread=True)
def compare(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    models: FromQuery[list[str] | None] = None,
) -> Response[Any]:
    wanted = tuple(dict.fromkeys(id for part in models or () for id in part.split(",") if id))
    found = chosen(house, wanted)
    lines = tuple(line for line, _ in found.values())
    markets = {line.data for line in lines}
    market = markets.pop() if len(markets) == 1 else f"{len(markets)} markets"
    origin = Origin(market, all(line.simulated for line in lines))
    return html(
        renderer,
        ComparePage(
            shell=build_shell(house, request, "Models compared", topics=("shell",), origin=origin),
            engine=engine_view(house.engine.state),
            models=lines,
            equity=components.equity_of_models(house, wanted),
            grids=compared({line.name: policy for line, policy in found.values()}),
        ),
    )


@post("/lab/models/{id:str}/promote", include_in_schema=False, sync_to_thread=True)
def promote(house: NamedDependency[House], id: FromPath[str], data: Form) -> Response[Any]:
    confirmed(data, "The promotion")
    house.lab.promote(id, BY)
    house.bell.ring()
    return see_other("/lab")


@post("/lab/roll-back", include_in_schema=False, sync_to_thread=True)
def roll_back(house: NamedDependency[House], data: Form) -> Response[Any]:
    confirmed(data, "The roll back")
    house.lab.roll_back(BY)
    house.bell.ring()
    return see_other("/lab")


@post("/lab/models/{id:str}/delete", include_in_schema=False, sync_to_thread=True)
def delete_model(house: NamedDependency[House], id: FromPath[str], data: Form) -> Response[Any]:
    confirmed(data, "Deleting")
    house.lab.delete(id, voted=True)  # the dialog said what that means
    house.bell.ring()
    return see_other("/lab")


def chosen(house: House, ids: tuple[str, ...]) -> dict[str, tuple[ModelLine, Policy]]:
    """The models that are to be compared. Raises InputError for too few, too many or one whose
    files are refused, and NotFoundError."""
    if not FEWEST <= len(ids) <= MOST:
        raise InputError(
            f"{len(ids)} models were chosen. Choose {FEWEST} to {MOST} of those on /lab."
        )
    found = {}
    for id in ids:
        line, policy = components.known_model(house, id)
        if policy is None:
            raise InputError(line.broken)
        found[id] = (line, policy)
    return found
