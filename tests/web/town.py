"""A small real house: the demo market in a SQLite file, real agents, committee and receipts.

Nothing is faked but the clocks: `TownEngine` runs a cycle when told to, and `now` and `wall` are
the times of the market and of the quotes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agents.registry import AGENTS as REGISTERED
from agents.registry import AgentSettings, build
from domain.events import EngineState
from domain.record import Record
from domain.timeframe import Timeframe
from domain.votes import Agent
from market.demo import DemoProvider
from orchestrator.book import AccountSettings, Book, Rules
from orchestrator.committee import CommitteeSettings
from orchestrator.cycle import Desk, Minutes, run_cycles
from orchestrator.floor import Floor
from orchestrator.local_team import LocalTeam
from orchestrator.prices import Prices
from orchestrator.receipt import Verification, verify
from orchestrator.status import EngineStatus
from orchestrator.team import AgentHealth
from research.lab.home import HomeMarket
from storage import archive
from storage.accounts import Accounts
from storage.blotter import Blotter
from storage.database import Database
from storage.journal import Journal
from storage.library import SqlLibrary
from storage.records import Records
from storage.watchlist import Watchlist
from tests.orchestrator.agents_for_tests import Momentum
from tests.web.laboratory import Laboratory
from tests.web.workshop import Workshop
from trading.costs import CostSettings
from trading.ledger import apply
from trading.limits import LimitSettings, TradingSettings
from trading.profiles import profile
from web.bell import Bell
from web.house import House, RayDashboard

SYMBOLS = ("AAPL", "MSFT", "NVDA", "JPM", "XOM", "SPY", "GLD", "BTC-USD")
AGENTS = ("technical", "news", "fundamental", "risk", "rl")
START = datetime(2022, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 3, 15, 22, tzinfo=UTC)
TOKEN = "a-secret-token"


@dataclass
class Step:
    what: str
    done: int
    total: int


class TownEngine:
    """An engine moved by hand, over the real journal's state."""

    def __init__(self, town: "Town") -> None:
        self._town = town
        self.step: Step | None = None
        self.runs = 0
        self.error: str | None = None

    @property
    def state(self) -> EngineState:
        return self._stored()[0]

    def progress(self) -> Step | None:
        return self.step

    def status(self) -> EngineStatus:
        state, reason = self._stored()
        return EngineStatus(
            state=state, reason=reason, error=self.error, last=NOW, next=None, finished=False,
            missing=("TSLA",), seconds={"panel": 0.25, "vote": 0.5},
        )  # fmt: skip

    def health(self) -> Sequence[AgentHealth]:
        return self._town.team.health()

    def pause(self) -> None:
        self._set(EngineState.PAUSED)

    def resume(self) -> None:
        self._set(EngineState.RUNNING)

    def halt(self, reason: str) -> None:
        self._set(EngineState.HALTED, reason)

    def run_now(self) -> None:
        self.runs += 1

    def _stored(self) -> tuple[EngineState, str | None]:
        return self._town.journal.engine_state("demo", self._town.run)

    def _set(self, state: EngineState, reason: str | None = None) -> None:
        self._town.journal.set_engine_state("demo", self._town.run, state, reason)


class Town:
    """One home folder. `open` it as often as a server would be restarted on it."""

    def __init__(
        self,
        folder: Path,
        symbols: Sequence[str] = SYMBOLS,
        run: str = "live",
        agents: Sequence[str] = AGENTS,
    ) -> None:
        self.database = Database(f"sqlite:///{folder / 'quorum.db'}")
        self.database.migrate()
        self.library = SqlLibrary(self.database)
        self.journal = Journal(self.database)
        self.records = Records(self.database)
        self.watchlist = Watchlist(self.database, symbols)
        self.team = LocalTeam(agents, _agent)
        self.agents = tuple(agents)
        self.costs = CostSettings()
        self.engine = TownEngine(self)
        self.bell = Bell()
        self.workshop = Workshop(folder / "backtests")
        self.laboratory = Laboratory(
            folder,
            self.database,
            HomeMarket(
                library=self.library, name="demo", simulated=True, timeframe=Timeframe.D1,
                watched=self.watchlist.symbols, now=lambda: self.now,
            ),
        )  # fmt: skip
        self.run = run
        self.trains = True
        self.now = NOW
        self.wall: datetime | None = None
        self.desk = Desk(
            market="demo", run=run, simulated=True, timeframe=Timeframe.D1, horizon=5,
            settings=CommitteeSettings(), library=self.library, journal=self.journal,
            digest_of=archive.digest,
        )  # fmt: skip

    def fill(self, now: datetime = NOW) -> None:
        """Bars, headlines and filings of the demo market, as known by `now`."""
        provider = DemoProvider(7, lambda: now)
        with self.library.transaction():
            for symbol in self.watchlist.symbols():
                bars = provider.bars(symbol, Timeframe.D1, START, now)
                self.library.put_bars("demo", symbol, Timeframe.D1, bars)
                self.library.put_news("demo", symbol, provider.news(symbol, START, now))
                self.library.put_filings("demo", symbol, provider.filings(symbol))
                self.library.put_earnings("demo", symbol, provider.earnings(symbol))

    def decide(self, as_of: datetime = NOW) -> tuple[Minutes, ...]:
        """One real cycle for each calendar, recorded; the bell is rung."""
        held = run_cycles(self.desk, self.team, self.watchlist.symbols(), as_of)
        self.bell.ring()
        return held

    def decide_days(self, days: int, until: datetime = NOW) -> None:
        for back in range(days - 1, -1, -1):
            self.decide(until - timedelta(days=back))

    def house(self) -> House:
        return House(
            version="0.1.0",
            market="demo",
            run=self.run,
            simulated=True,
            timeframe=Timeframe.D1,
            agents=self.agents,
            journal=self.journal,
            records=self.records,
            library=self.library,
            watchlist=self.watchlist,
            watched=self.watchlist.symbols,
            engine=self.engine,
            verify=self.verify,
            floor=self.floor(),
            blotter=Blotter(self.database, "demo", self.run),
            rules=self.rules,
            clock=lambda: self.now,
            bell=self.bell,
            record=self.record,
            backtests=self.workshop,
            lab=self.laboratory.open(trains=self.trains),
            committee=self.desk.settings,
            horizon=self.desk.horizon,
            ray_dashboard=lambda: RayDashboard("http://127.0.0.1:8265", TOKEN),
        )

    def floor(self) -> Floor:
        """Where this run's paper account trades; its present is that of the town."""
        blotter = Blotter(self.database, "demo", self.run)
        return Floor(
            Book(
                "demo",
                self.run,
                Accounts(self.database, apply),
                blotter,
                AccountSettings(),
                lambda: NOW,
            ),
            Prices(self.library, "demo", Timeframe.D1),
            self.rules,
            secret=b"of the town",
            now=lambda: self.now,
            suggest=lambda _: (),
            wall=lambda: self.wall or datetime.now(UTC),
            publish=self.bell.ring,
        )

    def rules(self, name: str) -> Rules:
        known, settings = profile(name), self.desk.settings
        return Rules(
            TradingSettings(costs=self.costs, limits=known.limit(LimitSettings())),
            settings.model_copy(update={"sizing": known.size(settings.sizing)}),
        )

    def record(self) -> Record:
        """This run's record, over all calendars."""
        read = self.records.record("demo", self.run, Timeframe.D1, 5, self.agents)
        return Record(**{field.name: getattr(read, field.name) for field in fields(Record)})

    def verify(self, receipt: str) -> Verification:
        return verify(receipt, self.records, archive.Archive(self.database), _agent, archive.digest)


def _agent(name: str, version: str | None = None) -> Agent:
    """A registered agent; any other name rides a momentum of its own."""
    if name not in REGISTERED:
        return Momentum(name)
    return build(name, AgentSettings(news_model="lexicon"), version=version)
