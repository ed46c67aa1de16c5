"""Backtests: the form that starts one, running jobs and kept results."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from domain.errors import InputError
from web import formatting
from web.backtests import backtest_form
from web.backtests.backtest_form import BacktestFormData, BacktestForms
from web.backtests.views import HEADS, JobLine, ResultLine, job_lines, result_lines
from web.http.forms import ListForm
from web.http.responses import html_response, see_other
from web.injection import Injected
from web.live.notifier import Notifier
from web.number_input import NumberStyle
from web.render import Renderer
from web.services import Backtests, ServedRun
from web.shell import PageContext, ShellBuilder, WebRequest

TOPICS = ("backtests", "results")


@dataclass(frozen=True, slots=True)
class AgentOption:
    name: str
    label: str
    icon: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestsPage(PageContext):
    template: ClassVar[str] = "backtests/backtests.html"
    form: BacktestFormData
    agent_options: tuple[AgentOption, ...]
    jobs: tuple[JobLine, ...]
    results: tuple[ResultLine, ...]
    heads: tuple[str, ...]


@get("/backtests", include_in_schema=False, sync_to_thread=True)
def backtests(
    request: WebRequest,
    served_run: Injected[ServedRun],
    backtest_forms: Injected[BacktestForms],
    backtests: Injected[Backtests],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
) -> Response[Any]:
    return html_response(
        renderer,
        _page(
            request,
            served_run,
            backtests,
            shell_builder,
            backtest_forms.default(),
        ),
    )


@post("/backtests", include_in_schema=False, sync_to_thread=True)
def start_backtest(
    request: WebRequest,
    served_run: Injected[ServedRun],
    backtest_forms: Injected[BacktestForms],
    notifier: Injected[Notifier],
    backtests: Injected[Backtests],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    style: NamedDependency[NumberStyle],
    data: ListForm,
) -> Response[Any]:
    """Start a backtest, or show the form again as typed with what was refused."""
    form = backtest_form.read_form({name: _as_list(value) for name, value in data.items()})
    try:
        backtests.start(backtest_forms.parse(form, style))
    except InputError as refusal:
        page = _page(
            request,
            served_run,
            backtests,
            shell_builder,
            backtest_form.with_error(form, str(refusal)),
        )
        return html_response(renderer, page, refusal.status)
    notifier.notify()
    return see_other("/backtests")


@post("/backtests/jobs/{job:str}/cancel", include_in_schema=False, sync_to_thread=True)
def cancel_backtest(
    notifier: Injected[Notifier], backtests: Injected[Backtests], job: FromPath[str]
) -> Response[Any]:
    backtests.cancel(job)
    notifier.notify()
    return see_other("/backtests")


@post("/backtests/{id:str}/delete", include_in_schema=False, sync_to_thread=True)
def delete_backtest(
    notifier: Injected[Notifier], backtests: Injected[Backtests], id: FromPath[str]
) -> Response[Any]:
    backtests.delete(id)
    notifier.notify()
    return see_other("/backtests")


def _page(
    request: WebRequest,
    served_run: ServedRun,
    backtests: Backtests,
    shell_builder: ShellBuilder,
    form: BacktestFormData,
) -> BacktestsPage:
    return BacktestsPage(
        shell=shell_builder.build(request, "Backtests", topics=TOPICS),
        form=form,
        agent_options=tuple(
            AgentOption(
                name, formatting.agent_label(name), formatting.agent_icon(name), name in form.agents
            )
            for name in served_run.agents
        ),
        jobs=job_lines(backtests.jobs()),
        results=result_lines(backtests.results()),
        heads=HEADS,
    )


def _as_list(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
