"""What surrounds every page: navigation, market and engine labels, looks, the stream to open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

from litestar import Request

from domain.events import EngineState
from web import formatting
from web.services import House

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
class Item:
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
    """What kind of market this is, where it is none of today: `replay` says which days are
    played and `now` how far it is. The stream keeps the one of the house (`id` banner) up to
    date; a page on another market has one of its own."""

    simulated: bool
    replay: str
    now: datetime | None
    id: str = "banner"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the figures of a page come from, if not from the house's own market."""

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
    scene: str
    banner: Banner
    symbols: tuple[str, ...]
    version: str
    navigation: tuple[Item, ...]
    topics: tuple[str, ...]
    symbol: str
    cursor: str

    @property
    def stream_id(self) -> str:
        return formatting.slug("-".join((*self.topics, self.symbol)))

    @property
    def stream_url(self) -> str:
        asked = {"topics": ",".join(self.topics), "symbol": self.symbol, "since": self.cursor}
        return "/stream?" + urlencode({name: value for name, value in asked.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """What every page's context begins with."""

    template: ClassVar[str]
    shell: Shell
    engine: EngineView


def build_shell(
    house: House,
    request: WebRequest,
    title: str,
    *,
    topics: Sequence[str] = (),
    symbol: str = "",
    origin: Origin | None = None,
) -> Shell:
    path = request.url.path
    banner = banner_of(house, _now(house))
    if origin is not None:
        banner = Banner(origin.simulated, "", None, "origin-banner")
    return Shell(
        title=title,
        path=path if request.method == "GET" else "/",
        theme=theme_of(request),
        palette="safe" if request.cookies.get("palette") == "safe" else "default",
        scene=scene(house) if origin is None else _scene_of(origin),
        banner=banner,
        symbols=tuple(house.watched()),
        version=house.version,
        navigation=tuple(
            Item(label, url, icon, path == url or (url != "/" and path.startswith(f"{url}/")))
            for label, url, icon in PAGES
        ),
        topics=tuple(topics),
        symbol=symbol,
        cursor=cursor(house),
    )


def banner_of(house: House, now: datetime | None) -> Banner:
    played = house.run.removeprefix("replay ").replace(" ", " to ", 1) if house.replay else ""
    return Banner(house.simulated, played, now if house.replay else None)


def _now(house: House) -> datetime | None:
    """How far a replay is."""
    newest = house.records.feed(house.market, house.run, 1) if house.replay else ()
    return newest[0].as_of if newest else None


def cursor(house: House) -> str:
    """The id of the newest event: `{epoch}-{seq}`."""
    return f"{house.journal.epoch}-{house.journal.last_seq()}"


def scene(house: House) -> str:
    if house.simulated:
        return "SIMULATED"
    return "REPLAY" if house.replay else house.market.upper()


def _scene_of(origin: Origin) -> str:
    return "SIMULATED" if origin.simulated else origin.market.upper()


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
