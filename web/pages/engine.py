"""The engine: its state and switches, the agents, the watchlist, the way to Ray's dashboard."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath
from litestar.response import Redirect

from domain.errors import InputError, NotFoundError
from domain.symbols import parse_symbol
from web import formatting
from web.account.components import load_trading_state
from web.components import dashboard_views
from web.pages.responses import html_response, see_other
from web.render import Renderer
from web.services import AppServices, EngineControl, RayDashboard
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.state.latest_state import LatestState
from web.views.trading_state import TradingStateView

TOPICS = ("engine", "agents", "progress", "guard")
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
ENGINE_ACTIONS = ("pause", "resume", "halt", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePage(PageContext):
    template: ClassVar[str] = "pages/engine.html"
    facts: tuple[dashboard_views.EngineFact, ...]
    trading_state: TradingStateView
    progress: dashboard_views.ProgressView | None
    agents_health: tuple[dashboard_views.AgentHealthLine, ...]
    watchlist: tuple[str, ...]
    has_ray: bool


@get("/engine", include_in_schema=False, sync_to_thread=True)
def engine(
    request: WebRequest, services: NamedDependency[AppServices], renderer: NamedDependency[Renderer]
) -> Response[Any]:
    shell = build_shell(services, request, "Engine", topics=TOPICS)
    status, first = services.engine.status(), not LatestState(services).decisions
    return html_response(
        renderer,
        EnginePage(
            shell=shell,
            engine=engine_view(status.state),
            facts=dashboard_views.engine_facts(status),
            trading_state=load_trading_state(services),
            progress=dashboard_views.progress_view(status, services.engine.progress(), first),
            agents_health=dashboard_views.agent_health_lines(services.engine.health()),
            watchlist=tuple(services.watchlist.symbols()),
            has_ray=services.ray_dashboard() is not None,
        ),
    )


@post("/engine/{move:str}", include_in_schema=False, sync_to_thread=True)
def post_engine_action(
    services: NamedDependency[AppServices], move: FromPath[str], data: Form
) -> Redirect:
    if move == "halt" and data.get("sure") != "yes":
        raise InputError("Halting was not confirmed. Use the dialog on the engine's page.")
    apply_engine_action(services.engine, move, data.get("reason", ""), "on the engine's page")
    services.notifier.notify()
    return see_other("/engine")


def apply_engine_action(engine: EngineControl, action: str, reason: str, requested_by: str) -> None:
    """Pause, resume, halt or run; `reason` says why it was halted and `requested_by` by whom.

    Raises NotFoundError for any other action.
    """
    match action:
        case "pause":
            engine.pause()
        case "resume":
            engine.resume()
        case "halt":
            why = formatting.single_line(reason, dashboard_views.MAX_REASON_LENGTH).strip()
            engine.halt(f"{why} (halted {requested_by})" if why else f"Halted {requested_by}")
        case "run":
            engine.run_now()
        case _:
            raise NotFoundError(
                f"The engine has no switch {action[:40]!r}. It has {', '.join(ENGINE_ACTIONS)}."
            )


@post("/watchlist", include_in_schema=False, sync_to_thread=True)
def add_to_watchlist(services: NamedDependency[AppServices], data: Form) -> Redirect:
    services.watchlist.add(parse_symbol(data.get("symbol", "")))
    services.notifier.notify()
    return see_other("/engine")


@post("/watchlist/remove", include_in_schema=False, sync_to_thread=True)
def remove_from_watchlist(services: NamedDependency[AppServices], data: Form) -> Redirect:
    services.watchlist.remove(parse_symbol(data.get("symbol", "")))
    services.notifier.notify()
    return see_other("/engine")


@get("/ray", include_in_schema=False, sync_to_thread=False)
def open_ray_dashboard(request: WebRequest, services: NamedDependency[AppServices]) -> Redirect:
    """Opens Ray's own pages: its token travels as a cookie that scripts cannot read. Cookies belong
    to a host's name, so the redirect keeps the name under which this page was asked."""
    dashboard = services.ray_dashboard()
    if dashboard is None:
        raise NotFoundError("The agents run in this process, so there is no Ray dashboard.")
    token = Cookie(
        "ray-authentication-token", value=dashboard.token, httponly=True, samesite="strict"
    )
    address = urlsplit(dashboard.url)._replace(netloc=f"{request.url.hostname}:{_port(dashboard)}")
    return Redirect(urlunsplit(address), status_code=303, cookies=[token])


def _port(dashboard: RayDashboard) -> int:
    return urlsplit(dashboard.url).port or 8265
