"""Backtests: the form that starts one, those under way, those that are kept."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from domain.errors import InputError
from web import backtest_form, formatting
from web.backtest_form import BacktestFormData
from web.number_input import NumberStyle
from web.pages.responses import html_response, see_other
from web.render import Renderer
from web.services import AppServices
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.backtests import HEADS, JobLine, ResultLine, job_lines, result_lines

TOPICS = ("backtests", "results")
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class AgentOption:
    name: str
    label: str
    icon: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestsPage(PageContext):
    template: ClassVar[str] = "pages/backtests.html"
    form: BacktestFormData
    agent_options: tuple[AgentOption, ...]
    jobs: tuple[JobLine, ...]
    results: tuple[ResultLine, ...]
    heads: tuple[str, ...]


@get("/backtests", include_in_schema=False, sync_to_thread=True)
def backtests(
    request: WebRequest, services: NamedDependency[AppServices], renderer: NamedDependency[Renderer]
) -> Response[Any]:
    return html_response(renderer, _page(request, services, backtest_form.default_form(services)))


@post("/backtests", include_in_schema=False, sync_to_thread=True)
def start_backtest(
    request: WebRequest,
    services: NamedDependency[AppServices],
    renderer: NamedDependency[Renderer],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    """Starts it, or shows the form again with what was typed and what was refused."""
    form = backtest_form.read_form({name: _as_list(value) for name, value in data.items()})
    try:
        services.backtests.start(backtest_form.parse_form(services, form, style))
    except InputError as refusal:
        page = _page(request, services, backtest_form.with_error(form, str(refusal)))
        return html_response(renderer, page, refusal.status)
    services.notifier.notify()
    return see_other("/backtests")


@post("/backtests/jobs/{job:str}/cancel", include_in_schema=False, sync_to_thread=True)
def cancel_backtest(services: NamedDependency[AppServices], job: FromPath[str]) -> Response[Any]:
    services.backtests.cancel(job)
    services.notifier.notify()
    return see_other("/backtests")


@post("/backtests/{id:str}/delete", include_in_schema=False, sync_to_thread=True)
def delete_backtest(services: NamedDependency[AppServices], id: FromPath[str]) -> Response[Any]:
    services.backtests.delete(id)
    services.notifier.notify()
    return see_other("/backtests")


def _page(request: WebRequest, services: AppServices, form: BacktestFormData) -> BacktestsPage:
    backtest_service = services.backtests
    return BacktestsPage(
        shell=build_shell(services, request, "Backtests", topics=TOPICS),
        engine=engine_view(services.engine.state),
        form=form,
        agent_options=tuple(
            AgentOption(
                name, formatting.agent_label(name), formatting.agent_icon(name), name in form.agents
            )
            for name in services.agents
        ),
        jobs=job_lines(backtest_service.jobs()),
        results=result_lines(backtest_service.results()),
        heads=HEADS,
    )


def _as_list(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
