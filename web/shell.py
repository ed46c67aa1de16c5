"""What surrounds every page: navigation, market and engine labels, theme, the stream to open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

from litestar import Request

from domain.events import EngineState
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.sql_journal import SqlJournal
from web import formatting
from web.services import EngineControl, ServedRun, WatchedSymbols

Theme = Literal["auto", "light", "dark"]
Palette = Literal["default", "safe"]
WebRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A link of the main navigation; `icon` is a name in `assets.py`."""

    label: str
    url: str
    icon: str


Navigation = tuple[NavigationEntry, ...]


@dataclass(frozen=True, slots=True)
class NavItem:
    """A link as one page shows it; `current` if it leads to that page."""

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
    """Says what kind of market this is if it is not today's: `replay` says which days are played
    and `now` how far it is. The stream updates the banner of the served market (`id` banner); a
    page on another market has its own."""

    simulated: bool
    replay: str
    now: datetime | None
    id: str = "banner"


@dataclass(frozen=True, slots=True)
class DataSource:
    """The source of a page's figures, if it is not the served market."""

    market: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class Shell:
    """Empty `topics` mean that the page opens no stream. `cursor` is read before anything else, so
    that no event is lost between what the page shows and what its stream brings."""

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
    engine: EngineView

    @property
    def stream_id(self) -> str:
        return formatting.slug("-".join((*self.topics, self.symbol)))

    @property
    def stream_url(self) -> str:
        query = {"topics": ",".join(self.topics), "symbol": self.symbol, "since": self.cursor}
        return "/stream?" + urlencode({name: value for name, value in query.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """The fields that every page's context begins with."""

    template: ClassVar[str]
    shell: Shell


class ShellBuilder:
    """Builds the shell of every page of one application."""

    def __init__(
        self,
        served_run: ServedRun,
        journal: SqlJournal,
        records: SqlDecisionRecords,
        watched_symbols: WatchedSymbols,
        engine: EngineControl,
        navigation: Navigation,
    ) -> None:
        self._served_run, self._journal, self._records = served_run, journal, records
        self._watched_symbols, self._engine = watched_symbols, engine
        self._navigation = navigation

    def build(
        self,
        request: WebRequest,
        title: str,
        *,
        topics: Sequence[str] = (),
        symbol: str = "",
        data_source: DataSource | None = None,
    ) -> Shell:
        """Build the shell of one page; it opens a stream of `topics`, and of `symbol` if the page
        is of one."""
        cursor, path = stream_cursor(self._journal), request.url.path
        banner = build_banner(self._served_run, self._replay_position())
        environment = environment_label(self._served_run)
        if data_source is not None:
            banner = Banner(data_source.simulated, "", None, "origin-banner")
            environment = _source_label(data_source)
        return Shell(
            title=title,
            path=path if request.method == "GET" else "/",
            theme=theme_of(request),
            palette="safe" if request.cookies.get("palette") == "safe" else "default",
            environment=environment,
            banner=banner,
            symbols=tuple(self._watched_symbols()),
            version=self._served_run.version,
            navigation=tuple(_navigation_item(entry, path) for entry in self._navigation),
            topics=tuple(topics),
            symbol=symbol,
            cursor=cursor,
            engine=engine_view(self._engine.state),
        )

    def _replay_position(self) -> datetime | None:
        """Return the time that a replay has reached."""
        served = self._served_run
        newest = self._records.feed(served.market, served.run, 1) if served.is_replay else ()
        return newest[0].as_of if newest else None


def build_banner(served_run: ServedRun, now: datetime | None) -> Banner:
    replayed_days = (
        served_run.run.removeprefix("replay ").replace(" ", " to ", 1)
        if served_run.is_replay
        else ""
    )
    return Banner(served_run.simulated, replayed_days, now if served_run.is_replay else None)


def stream_cursor(journal: SqlJournal) -> str:
    """Return the id of the newest event: `{epoch}-{seq}`."""
    return f"{journal.epoch}-{journal.last_seq()}"


def environment_label(served_run: ServedRun) -> str:
    if served_run.simulated:
        return "SIMULATED"
    return "REPLAY" if served_run.is_replay else served_run.market.upper()


def _source_label(source: DataSource) -> str:
    return "SIMULATED" if source.simulated else source.market.upper()


def _navigation_item(entry: NavigationEntry, path: str) -> NavItem:
    current = path == entry.url or (entry.url != "/" and path.startswith(f"{entry.url}/"))
    return NavItem(entry.label, entry.url, entry.icon, current)


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
