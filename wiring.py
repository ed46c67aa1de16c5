"""The composition root: settings become the parts that the verbs and the server work with.

Everything is built here once and handed on as an argument. Nothing else in the house chooses an
implementation.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.registry import AGENTS, AgentSettings, build
from domain.errors import ConfigurationError, StorageError
from domain.symbols import ALWAYS_OPEN, asset_class, calendar_of
from domain.votes import Agent, Builder
from market.calendars import last_close
from market.feed import Feed
from market.provider import Provider
from orchestrator.book import Book, Rules
from orchestrator.cycle import Desk
from orchestrator.floor import Floor
from orchestrator.local_team import LocalTeam
from orchestrator.prices import Prices
from orchestrator.seating import Build, Seating
from orchestrator.team import Team
from orchestrator.trading_day import TradingDay
from settings import MarketName, Settings
from storage.accounts import Accounts
from storage.archive import Archive, digest
from storage.blotter import Blotter
from storage.database import Database
from storage.journal import Journal
from storage.library import SqlLibrary
from storage.models import SHIPPED, Models
from storage.records import Records
from storage.watchlist import Watchlist
from trading.ledger import apply
from trading.limits import TradingSettings
from trading.profiles import profile

if TYPE_CHECKING:  # heavy, and most verbs do without
    from orchestrator.parity import Examiner
    from research.backtest import Backtester
    from research.lab.jobs import TrainingJobs
    from research.lab.lab import Lab
    from research.results import Results

LIVE = "live"
"""The run of the engine's own cycles."""

PROGRAM = version("quorum-markets")

Say = Callable[[str], None]
Clock = Callable[[], datetime]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that is kept, over one database."""

    database: Database
    library: SqlLibrary
    journal: Journal
    accounts: Accounts
    archive: Archive
    records: Records
    watchlist: Watchlist
    models: Models


@dataclass(frozen=True, slots=True)
class Market:
    """The market in force. `feed` is None where nothing is fetched (imported files)."""

    name: str
    simulated: bool
    feed: Feed | None


@contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """The home's database, migrated; closed at the end.

    Raises StorageError where the home cannot be written or the database is newer than this program.
    """
    database = Database(settings.database.url or f"sqlite:///{settings.home / 'quorum.db'}")
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The home {settings.home} cannot be written: {error.strerror}. "
            "Free it, or set QUORUM_HOME to a folder that can be."
        ) from None
    try:
        database.migrate()
        yield Stores(
            database=database,
            library=SqlLibrary(database, settings.market.by_class),
            journal=Journal(database),
            accounts=Accounts(database, apply),
            archive=Archive(database),
            records=Records(database),
            watchlist=Watchlist(database, settings.market.watchlist),
            models=Models(database, models_folder(settings)),
        )
    finally:
        database.close()


def choose_market(settings: Settings, library: SqlLibrary, now: Clock, say: Say) -> Market:
    """The configured market; `auto` takes imported files, else Yahoo if it answers, else the demo.

    `now` is the demo's clock. Says aloud whatever it chose by itself. Raises ConfigurationError
    where only the demo is left beside classes of symbols that have a real market of their own.
    """
    asked = settings.market.provider
    name = _found_market(settings, library, say) if asked == "auto" else asked
    by_class = settings.market.by_class
    if name == "demo":
        provider = _demo(settings, now)
    elif "yahoo" in {name, *by_class.values()}:
        provider = _yahoo(settings)
    else:
        return Market("files", simulated=False, feed=None)

    def serves(symbol: str) -> bool:
        return by_class.get(asset_class(symbol), name) == provider.name

    feed = Feed(provider, library, settings.feed, serves)
    return Market(name, provider.simulated, feed)


def _found_market(settings: Settings, library: SqlLibrary, say: Say) -> MarketName:
    by_class = settings.market.by_class
    if any(asset_class(symbol) not in by_class for symbol in library.symbols("files")):
        say("Market: files, for this home holds imported history (--market yahoo for live data).")
        return "files"
    if _yahoo(settings).reachable():
        return "yahoo"
    if by_class:
        raise ConfigurationError(
            "Yahoo cannot be reached, and the simulated market cannot take its place beside "
            "market.by_class: simulated and real prices are never mixed. Remove by_class, or set "
            "market.provider to 'files' or 'yahoo'."
        )
    say(
        "Yahoo cannot be reached, so this is the SIMULATED demo market: invented prices, headlines "
        "and filings. Try `--market yahoo` when there is a network."
    )
    return "demo"


def _yahoo(settings: Settings) -> Any:
    from market.yahoo import YahooProvider

    return YahooProvider(settings.home / "cache" / "yahoo", settings.yahoo.url)


def _demo(settings: Settings, now: Clock) -> Provider:
    from market.demo import DemoProvider

    if settings.market.timeframe.intraday:
        raise ConfigurationError(
            f"The demo market has daily bars only, not {settings.market.timeframe}. Set "
            "market.timeframe to 1d, or choose another market."
        )
    return DemoProvider(settings.demo.seed, now)


def demo_present(journal: Journal) -> datetime:
    """Where the simulated clock stands: at the newest bar the engine held, else at its start."""
    from market.demo import PRESENT

    held = [journal.cursor("demo", LIVE, calendar) for calendar in ("XNYS", ALWAYS_OPEN)]
    return max([PRESENT, *(at for at in held if at)])


def make_desk(
    settings: Settings, stores: Stores, market: Market, run: str, day: TradingDay | None = None
) -> Desk:
    """Where the cycles of `run` are held, and traded on if it has a paper account."""
    return Desk(
        market=market.name,
        run=run,
        simulated=market.simulated,
        timeframe=settings.market.timeframe,
        horizon=settings.market.horizon,
        settings=settings.committee,
        library=stores.library,
        journal=stores.journal,
        digest_of=digest,
        day=day,
    )


def make_day(
    settings: Settings,
    stores: Stores,
    market: Market,
    run: str,
    begins: Clock,
) -> TradingDay:
    """The paper account of `run` through its cycles; one that is not opened yet `begins` then."""
    blotter = Blotter(stores.database, market.name, run)
    return TradingDay(
        book=Book(market.name, run, stores.accounts, blotter, settings.account, begins),
        library=stores.library,
        timeframe=settings.market.timeframe,
        rules=partial(rules_of, settings),
        latest=partial(stores.records.latest, market.name, run),
    )


def rules_of(settings: Settings, name: str) -> Rules:
    """What is in force under a strategy profile. Raises InputError for a name that is none."""
    known, sizing = profile(name), settings.committee.sizing
    return Rules(
        TradingSettings(costs=settings.costs, limits=known.limit(settings.limits)),
        settings.committee.model_copy(update={"sizing": known.size(sizing)}),
    )


def make_floor(
    settings: Settings,
    stores: Stores,
    day: TradingDay,
    now: Clock,
    publish: Callable[[], None] = lambda: None,
) -> Floor:
    """Where the paper account of `day` is traded on; `now` is its run's time."""
    return Floor(
        day.book,
        Prices(stores.library, day.book.market, day.timeframe),
        day.rules,
        secret=secret(settings.home, "quotes").encode(),
        now=now,
        suggest=day.suggestions,
        publish=publish,
    )


def make_examiner(settings: Settings, stores: Stores, market: Market, run: str) -> "Examiner":
    """Compares paper days of `run` with a backtest of them, its agents in this process."""
    from orchestrator.parity import Examiner

    return Examiner(
        day=make_day(settings, stores, market, run, utc_now),
        previous=partial(stores.journal.previous_targets, market.name, run),
        records=stores.records,
        archive=stores.archive,
        build=builder(settings, stores),
        horizon=settings.market.horizon,
        simulated=market.simulated,
    )


def newest_close(settings: Settings, stores: Stores, now: datetime) -> datetime:
    """By which every exchange of the watchlist has closed a bar: where a live account begins."""
    calendars = {calendar_of(symbol) for symbol in stores.watchlist.symbols()}
    closed = (last_close(calendar, settings.market.timeframe, now) for calendar in calendars)
    return min(closed, default=now)


def time_of(stores: Stores, market: Market, run: str) -> datetime:
    """The present of a run: the clock's, or of history where its record has got to."""
    if run == LIVE:
        return demo_present(stores.journal) if market.simulated else utc_now()
    calendars = stores.records.calendars(market.name, run)
    held = (stores.journal.cursor(market.name, run, calendar) for calendar in calendars)
    return max((at for at in held if at), default=utc_now())


def build_agents(settings: Settings, stores: Stores) -> list[Agent]:
    """Every registered agent, in this process."""
    return [build(name, agents_of(settings, stores)) for name in AGENTS]


def agents_of(settings: Settings, stores: Stores) -> AgentSettings:
    """As the agents vote from now on: with the policy that is promoted, unless another is
    configured."""
    return _with_model(settings, _promoted(settings, stores))


def builder(settings: Settings, stores: Stores) -> Builder:
    """Makes agents as they vote from now on, or as they were in a version that is named."""
    return _builder(settings, _promoted(settings, stores))


def make_seating(settings: Settings, stores: Stores) -> Seating:
    """The seat of the rl agent, for the policy that is promoted by the time of a cycle."""
    return Seating("rl", partial(_promoted, settings, stores), partial(_builder, settings))


def models_folder(settings: Settings) -> Path:
    """Where policies are kept."""
    return settings.home / "rl" / "models"


def runs_folder(settings: Settings) -> Path:
    """Where training runs are kept."""
    return settings.home / "rl" / "runs"


def _promoted(settings: Settings, stores: Stores) -> str:
    if settings.agents.rl_policy is not None:
        return "the configured policy"
    return stores.models.promoted() or SHIPPED


def _builder(settings: Settings, model: str) -> Builder:
    return partial(build, settings=_with_model(settings, model), models=models_folder(settings))


def _with_model(settings: Settings, model: str) -> AgentSettings:
    if settings.agents.rl_policy is not None or model == SHIPPED:
        return settings.agents
    return settings.agents.model_copy(update={"rl_policy": models_folder(settings) / model})


def make_team(
    settings: Settings, build: Build, *, in_process: bool, progress: Progress = lambda *_: None
) -> Team:
    """The registered agents, made by `build`, in this process or each in a Ray actor.

    Raises ConfigurationError where the configured Ray does not answer.
    """
    if in_process:
        return LocalTeam(tuple(AGENTS), build)
    from orchestrator.ray_session import RaySession
    from orchestrator.ray_team import RayTeam

    progress("starting Ray", 0, len(AGENTS))
    if settings.ray.address:
        session = RaySession.join(settings.ray.address)
    else:
        os.environ["RAY_AUTH_TOKEN"] = secret(settings.home, "ray-token")
        session = RaySession.local(
            settings.home,
            object_store_mb=settings.ray.object_store_mb,
            dashboard=settings.ray.dashboard,
        )
    return RayTeam(
        session,
        tuple(AGENTS),
        build,
        home=settings.home,
        timeout=settings.ray.timeout_seconds,
        progress=progress,
    )


def results_of(settings: Settings) -> "Results":
    """The backtests kept in this home."""
    from research.results import Results

    return Results(settings.home / "backtests")


def make_backtester(settings: Settings, stores: Stores) -> "Backtester":
    """Runs backtests on this home's history, its agents in this process."""
    from research.backtest import Backtester

    return Backtester(
        results_of(settings),
        stores.library,
        stores.database,
        builder(settings, stores),
        PROGRAM,
    )


def make_lab(
    settings: Settings,
    stores: Stores,
    market: Market,
    watched: Callable[[], Sequence[str]],
    now: Clock,
    training: "TrainingJobs | None" = None,
) -> "Lab":
    """The RL lab of this home; `training` runs what is started from it, None where nothing can
    be."""
    from agents.rl import SHIPPED as SHIPPED_POLICY
    from research.lab.home import HomeMarket
    from research.lab.lab import Lab, Seat

    def try_out(folder: Path) -> Agent:
        return build("rl", settings.agents.model_copy(update={"rl_policy": folder}))

    return Lab(
        stores.models,
        runs_folder(settings),
        Seat(SHIPPED_POLICY, settings.agents.rl_policy, try_out),
        HomeMarket(
            stores.library, market.name, market.simulated, settings.market.timeframe, watched, now
        ),
        training,
    )


def secret(home: Path, name: str) -> str:
    """The home's secret of that name, made at first use and readable by its owner only."""
    path = home / "secrets" / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text()
    except OSError as error:
        raise StorageError(
            f"The secret {path} cannot be kept: {error.strerror}. Make its folder writable and "
            "see that its disk has space."
        ) from None


def utc_now() -> datetime:
    return datetime.now(UTC)
