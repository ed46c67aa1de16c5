"""The engine: its state and switches, the agents, the watchlist, the link to Ray's dashboard."""

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath
from litestar.response import Redirect

from domain.errors import NotFoundError
from domain.symbols import calendar_note, parse_symbol
from storage.journal.decision_records import SqlDecisionRecords
from web import formatting
from web.components.engine_status import (
    AgentHealthLine,
    ProgressView,
    agent_health_lines,
    progress_view,
)
from web.components.trading_state import TradingStateReader, TradingStateView
from web.engine.views import MAX_REASON_LENGTH, EngineFact, engine_facts
from web.http.forms import Form, require_confirmation
from web.http.responses import html_response, see_other
from web.injection import Injected
from web.live.latest_state import LatestState
from web.live.notifier import Notifier
from web.render import Renderer
from web.services import EngineControl, FindRayDashboard, RayDashboard, ServedRun, WatchlistEditor
from web.shell import PageContext, ShellBuilder, WebRequest

TOPICS = ("engine", "agents", "progress", "guard")
ENGINE_ACTIONS = ("pause", "resume", "halt", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePage(PageContext):
    template: ClassVar[str] = "engine/engine.html"
    facts: tuple[EngineFact, ...]
    trading_state: TradingStateView
    progress: ProgressView | None
    agents_health: tuple[AgentHealthLine, ...]
    watchlist: tuple[tuple[str, str | None], ...]
    has_ray: bool


@get("/engine", include_in_schema=False, sync_to_thread=True)
def engine(
    request: WebRequest,
    served_run: Injected[ServedRun],
    records: Injected[SqlDecisionRecords],
    watchlist: Injected[WatchlistEditor],
    engine: Injected[EngineControl],
    ray_dashboard: Injected[FindRayDashboard],
    trading_state_reader: Injected[TradingStateReader],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
) -> Response[Any]:
    shell = shell_builder.build(request, "Engine", topics=TOPICS)
    status, first = engine.status(), not LatestState(served_run, records).decisions
    return html_response(
        renderer,
        EnginePage(
            shell=shell,
            facts=engine_facts(status),
            trading_state=trading_state_reader.read(),
            progress=progress_view(status, engine.progress(), first),
            agents_health=agent_health_lines(engine.health()),
            watchlist=tuple((each, calendar_note(each)) for each in watchlist.symbols()),
            has_ray=ray_dashboard() is not None,
        ),
    )


@post("/engine/{move:str}", include_in_schema=False, sync_to_thread=True)
def post_engine_action(
    engine: Injected[EngineControl],
    notifier: Injected[Notifier],
    move: FromPath[str],
    data: Form,
) -> Redirect:
    if move == "halt":
        require_confirmation(data, "Halting", "the engine's page")
    apply_engine_action(engine, move, data.get("reason", ""), "on the engine's page")
    notifier.notify()
    return see_other("/engine")


def apply_engine_action(engine: EngineControl, action: str, reason: str, requested_by: str) -> None:
    """Pause, resume, halt or run; `reason` says why it was halted and `requested_by` who asked.

    Raises NotFoundError for any other action.
    """
    match action:
        case "pause":
            engine.pause()
        case "resume":
            engine.resume()
        case "halt":
            why = formatting.single_line(reason, MAX_REASON_LENGTH).strip()
            engine.halt(f"{why} (halted {requested_by})" if why else f"Halted {requested_by}")
        case "run":
            engine.run_now()
        case _:
            raise NotFoundError(
                f"The engine has no switch {action[:40]!r}. It has {', '.join(ENGINE_ACTIONS)}."
            )


@post("/watchlist", include_in_schema=False, sync_to_thread=True)
def add_to_watchlist(
    watchlist: Injected[WatchlistEditor], notifier: Injected[Notifier], data: Form
) -> Redirect:
    watchlist.add(parse_symbol(data.get("symbol", "")))
    notifier.notify()
    return see_other("/engine")


@post("/watchlist/remove", include_in_schema=False, sync_to_thread=True)
def remove_from_watchlist(
    watchlist: Injected[WatchlistEditor], notifier: Injected[Notifier], data: Form
) -> Redirect:
    watchlist.remove(data.get("symbol", ""))
    notifier.notify()
    return see_other("/engine")


@get("/ray", include_in_schema=False, sync_to_thread=False)
def open_ray_dashboard(request: WebRequest, ray_dashboard: Injected[FindRayDashboard]) -> Redirect:
    """Redirect to Ray's own pages, with its token in a cookie that scripts cannot read. Cookies
    belong to a host name, so the redirect keeps the name under which this page was requested."""
    dashboard = ray_dashboard()
    if dashboard is None:
        raise NotFoundError("The agents run in this process, so there is no Ray dashboard.")
    token = Cookie(
        "ray-authentication-token", value=dashboard.token, httponly=True, samesite="strict"
    )
    address = urlsplit(dashboard.url)._replace(netloc=f"{request.url.hostname}:{_port(dashboard)}")
    return Redirect(urlunsplit(address), status_code=303, cookies=[token])


def _port(dashboard: RayDashboard) -> int:
    return urlsplit(dashboard.url).port or 8265
