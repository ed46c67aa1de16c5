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
from web.account.components import guard_of
from web.components import dashboard_views
from web.live.latest_state import Board
from web.pages.responses import html, see_other
from web.render import Renderer
from web.services import Engine, House, RayDashboard
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.trading_state import GuardView

TOPICS = ("engine", "agents", "progress", "guard")
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
MOVES = ("pause", "resume", "halt", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePage(PageContext):
    template: ClassVar[str] = "pages/engine.html"
    facts: tuple[dashboard_views.Fact, ...]
    guard: GuardView
    progress: dashboard_views.ProgressView | None
    agents_health: tuple[dashboard_views.AgentLine, ...]
    watchlist: tuple[str, ...]
    has_ray: bool


@get("/engine", include_in_schema=False, sync_to_thread=True)
def engine(
    request: WebRequest, house: NamedDependency[House], renderer: NamedDependency[Renderer]
) -> Response[Any]:
    shell = build_shell(house, request, "Engine", topics=TOPICS)
    status, first = house.engine.status(), not Board(house).latest
    return html(
        renderer,
        EnginePage(
            shell=shell,
            engine=engine_view(status.state),
            facts=dashboard_views.engine_facts(status),
            guard=guard_of(house),
            progress=dashboard_views.progress_view(status, house.engine.progress(), first),
            agents_health=dashboard_views.agent_lines(house.engine.health()),
            watchlist=tuple(house.watchlist.symbols()),
            has_ray=house.ray_dashboard() is not None,
        ),
    )


@post("/engine/{move:str}", include_in_schema=False, sync_to_thread=True)
def move_engine(house: NamedDependency[House], move: FromPath[str], data: Form) -> Redirect:
    if move == "halt" and data.get("sure") != "yes":
        raise InputError("Halting was not confirmed. Use the dialog on the engine's page.")
    turn(house.engine, move, data.get("reason", ""), "on the engine's page")
    house.bell.ring()
    return see_other("/engine")


def turn(engine: Engine, move: str, reason: str, where: str) -> None:
    """Pause, resume, halt or run; `reason` and `where` say why and where it was halted.

    Raises NotFoundError for any other move.
    """
    match move:
        case "pause":
            engine.pause()
        case "resume":
            engine.resume()
        case "halt":
            why = formatting.line(reason, dashboard_views.LONGEST_REASON).strip()
            engine.halt(f"{why} (halted {where})" if why else f"Halted {where}")
        case "run":
            engine.run_now()
        case _:
            raise NotFoundError(
                f"The engine has no switch {move[:40]!r}. It has {', '.join(MOVES)}."
            )


@post("/watchlist", include_in_schema=False, sync_to_thread=True)
def watch(house: NamedDependency[House], data: Form) -> Redirect:
    house.watchlist.add(parse_symbol(data.get("symbol", "")))
    house.bell.ring()
    return see_other("/engine")


@post("/watchlist/remove", include_in_schema=False, sync_to_thread=True)
def unwatch(house: NamedDependency[House], data: Form) -> Redirect:
    house.watchlist.remove(parse_symbol(data.get("symbol", "")))
    house.bell.ring()
    return see_other("/engine")


@get("/ray", include_in_schema=False, sync_to_thread=False)
def ray(request: WebRequest, house: NamedDependency[House]) -> Redirect:
    """Opens Ray's own pages: its token travels as a cookie that scripts cannot read. Cookies belong
    to a host's name, so the redirect keeps the name under which this page was asked."""
    dashboard = house.ray_dashboard()
    if dashboard is None:
        raise NotFoundError("The agents run in this process, so there is no Ray dashboard.")
    token = Cookie(
        "ray-authentication-token", value=dashboard.token, httponly=True, samesite="strict"
    )
    address = urlsplit(dashboard.url)._replace(netloc=f"{request.url.hostname}:{_port(dashboard)}")
    return Redirect(urlunsplit(address), status_code=303, cookies=[token])


def _port(dashboard: RayDashboard) -> int:
    return urlsplit(dashboard.url).port or 8265
