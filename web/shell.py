"""What surrounds every page: navigation, market and engine labels, looks, the stream to open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

from litestar import Request

from domain.events import EngineState
from web import formatting
from web.services import AppServices

Theme = Literal["auto", "light", "dark"]
Palette = Literal["default", "safe"]
WebRequest = Request[Any, Any, Any]

PAGES = (
    ("Overview", "/", "layout-dashboard"),
    ("Portfolio", "/portfolio", "wallet"),
    ("Orders", "/orders", "list-ordered"),
    ("Trades", "/trades", "history"),
    ("Insights", "/insights", "brain-circuit"),
    ("Decisions", "/decisions", "list-checks"),
    ("Agents", "/agents", "users"),
    ("Backtests", "/backtests", "chart-line"),
    ("RL lab", "/lab", "flask-conical"),
    ("Engine", "/engine", "cpu"),
)


@dataclass(frozen=True, slots=True)
class NavItem:
    label: str
    url: str
    icon: str
    current: bool


@dataclass(frozen=True, slots=True)
class EngineView:
    state: str
    word: str
    icon: str
    tone: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Banner:
    """What kind of market this is, where it is none of today: `replay` says which days are played
    and `now` how far it is. The stream keeps the one of the served market (`id` banner) up to date;
    a page on another market has one of its own."""

    simulated: bool
    replay: str
    now: datetime | None
    id: str = "banner"


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where the figures of a page come from, if not from the served market."""

    market: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class Shell:
    """`topics` empty means that the page opens no stream. `cursor` is read before anything else,
    so that nothing can happen between what the page shows and what its stream brings."""

    title: str
    path: str
    theme: Theme
    palette: Palette
    environment: str
    banner: Banner
    symbols: tuple[str, ...]
    version: str
    navigation: tuple[NavItem, ...]
    topics: tuple[str, ...]
    symbol: str
    cursor: str

    @property
    def stream_id(self) -> str:
        return formatting.slug("-".join((*self.topics, self.symbol)))

    @property
    def stream_url(self) -> str:
        query = {"topics": ",".join(self.topics), "symbol": self.symbol, "since": self.cursor}
        return "/stream?" + urlencode({name: value for name, value in query.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """What every page's context begins with."""

    template: ClassVar[str]
    shell: Shell
    engine: EngineView


def build_shell(
    services: AppServices,
    request: WebRequest,
    title: str,
    *,
    topics: Sequence[str] = (),
    symbol: str = "",
    data_source: DataSource | None = None,
) -> Shell:
    path = request.url.path
    banner = build_banner(services, _replay_position(services))
    if data_source is not None:
        banner = Banner(data_source.simulated, "", None, "origin-banner")
    return Shell(
        title=title,
        path=path if request.method == "GET" else "/",
        theme=theme_of(request),
        palette="safe" if request.cookies.get("palette") == "safe" else "default",
        environment=environment_label(services)
        if data_source is None
        else _source_label(data_source),
        banner=banner,
        symbols=tuple(services.watched_symbols()),
        version=services.version,
        navigation=tuple(
            NavItem(label, url, icon, path == url or (url != "/" and path.startswith(f"{url}/")))
            for label, url, icon in PAGES
        ),
        topics=tuple(topics),
        symbol=symbol,
        cursor=stream_cursor(services),
    )


def build_banner(services: AppServices, now: datetime | None) -> Banner:
    replayed_days = (
        services.run.removeprefix("replay ").replace(" ", " to ", 1) if services.replay else ""
    )
    return Banner(services.simulated, replayed_days, now if services.replay else None)


def _replay_position(services: AppServices) -> datetime | None:
    """How far a replay is."""
    newest = services.records.feed(services.market, services.run, 1) if services.replay else ()
    return newest[0].as_of if newest else None


def stream_cursor(services: AppServices) -> str:
    """The id of the newest event: `{epoch}-{seq}`."""
    return f"{services.journal.epoch}-{services.journal.last_seq()}"


def environment_label(services: AppServices) -> str:
    if services.simulated:
        return "SIMULATED"
    return "REPLAY" if services.replay else services.market.upper()


def _source_label(source: DataSource) -> str:
    return "SIMULATED" if source.simulated else source.market.upper()


def theme_of(request: WebRequest) -> Theme:
    match request.cookies.get("theme"):
        case "light":
            return "light"
        case "dark":
            return "dark"
        case _:
            return "auto"


_ENGINE = {
    EngineState.RUNNING: (
        "Running", "circle-check", "up", "A cycle runs at each new bar of the watchlist."
    ),
    EngineState.PAUSED: (
        "Paused", "pause", "warn", "No cycle starts by itself; one can still be run by hand."
    ),
    EngineState.HALTED: (
        "Halted", "octagon-x", "down", "Nothing is decided until somebody resumes the engine."
    ),
}  # fmt: skip


def engine_view(state: EngineState) -> EngineView:
    return EngineView(state.value, *_ENGINE[state])
