"""Backtests: the form that starts one, those under way, those that are kept."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from domain.errors import InputError
from web import backtest_form, formatting
from web.backtest_form import Typed
from web.number_input import NumberStyle
from web.pages.responses import html, see_other
from web.render import Renderer
from web.services import House
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.backtests import HEADS, JobLine, ResultLine, job_lines, result_lines

TOPICS = ("backtests", "results")
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class Voter:
    name: str
    label: str
    icon: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestsPage(PageContext):
    template: ClassVar[str] = "pages/backtests.html"
    form: Typed
    voters: tuple[Voter, ...]
    jobs: tuple[JobLine, ...]
    results: tuple[ResultLine, ...]
    heads: tuple[str, ...]


@get("/backtests", include_in_schema=False, sync_to_thread=True)
def backtests(
    request: WebRequest, house: NamedDependency[House], renderer: NamedDependency[Renderer]
) -> Response[Any]:
    return html(renderer, _page(request, house, backtest_form.usual(house)))


@post("/backtests", include_in_schema=False, sync_to_thread=True)
def start_backtest(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    """Starts it, or shows the form again with what was typed and what was refused."""
    form = backtest_form.typed({name: _listed(value) for name, value in data.items()})
    try:
        house.backtests.start(backtest_form.asked(house, form, style))
    except InputError as refusal:
        page = _page(request, house, backtest_form.refused(form, str(refusal)))
        return html(renderer, page, refusal.status)
    house.bell.ring()
    return see_other("/backtests")


@post("/backtests/jobs/{job:str}/cancel", include_in_schema=False, sync_to_thread=True)
def cancel_backtest(house: NamedDependency[House], job: FromPath[str]) -> Response[Any]:
    house.backtests.cancel(job)
    house.bell.ring()
    return see_other("/backtests")


@post("/backtests/{id:str}/delete", include_in_schema=False, sync_to_thread=True)
def delete_backtest(house: NamedDependency[House], id: FromPath[str]) -> Response[Any]:
    house.backtests.delete(id)
    house.bell.ring()
    return see_other("/backtests")


def _page(request: WebRequest, house: House, form: Typed) -> BacktestsPage:
    kept = house.backtests
    return BacktestsPage(
        shell=build_shell(house, request, "Backtests", topics=TOPICS),
        engine=engine_view(house.engine.state),
        form=form,
        voters=tuple(
            Voter(
                name, formatting.agent_label(name), formatting.agent_icon(name), name in form.agents
            )
            for name in house.agents
        ),
        jobs=job_lines(kept.jobs()),
        results=result_lines(kept.results()),
        heads=HEADS,
    )


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
