"""A small real app: the demo market in a SQLite file, real agents, committee and receipts.

It is built as a server's is (`wiring/`). Nothing is faked but the clocks and what runs elsewhere:
`ManualEngine` runs a cycle when it is called, `market_time` is the time of the market and
`clock_time` that of the quotes, and backtests and trainings have no processes of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from agents.registry import AGENTS as REGISTERED
from agents.registry import AgentSettings
from domain.events import EngineState
from domain.record import ForecastRecord
from domain.timeframe import Timeframe
from domain.votes import Agent
from market.simulated.provider import DemoProvider
from orchestrator.account.service import AccountService
from orchestrator.account.store import TradingRules
from orchestrator.cycle import CycleResult, run_cycles
from orchestrator.status import EngineStatus
from orchestrator.team.base import AgentHealth
from orchestrator.team.local_team import LocalTeam
from research.lab.training_jobs import TrainingJobs
from settings import MarketSettings, Settings
from tests.orchestrator.sample_agents import MomentumAgent
from tests.web.backtest_stub import BacktestStub
from tests.web.lab_stub import LabFixture
from web.live.notifier import Notifier
from web.services import AppServices, RayDashboard
from wiring.account import make_account_service, trading_rules
from wiring.agents import agent_factory
from wiring.engine import EngineRun, live_run, make_run_context, replay_run
from wiring.home import Home, SimulatedClock
from wiring.market import LIVE_RUN, ActiveMarket
from wiring.server import make_services
from wiring.stores import make_stores

SYMBOLS = ("AAPL", "MSFT", "NVDA", "JPM", "XOM", "SPY", "GLD", "BTC-USD")
AGENTS = ("technical", "news", "fundamental", "risk", "rl")
START = datetime(2022, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 3, 15, 22, tzinfo=UTC)
TOKEN = "a-secret-token"


@dataclass
class EngineStep:
    what: str
    done: int
    total: int


class ManualEngine:
    """An engine that tests control, over the real journal's state."""

    def __init__(self, demo_app: "DemoApp") -> None:
        self._demo_app = demo_app
        self.step: EngineStep | None = None
        self.runs = 0
        self.error: str | None = None

    @property
    def state(self) -> EngineState:
        return self._stored()[0]

    def progress(self) -> EngineStep | None:
        return self.step

    def status(self) -> EngineStatus:
        state, reason = self._stored()
        return EngineStatus(
            state=state, reason=reason, error=self.error, last=NOW, next=None, finished=False,
            missing=("TSLA",), seconds={"panel": 0.25, "vote": 0.5},
        )  # fmt: skip

    def health(self) -> Sequence[AgentHealth]:
        return self._demo_app.team.health()

    def pause(self) -> None:
        self._set(EngineState.PAUSED)

    def resume(self) -> None:
        self._set(EngineState.RUNNING)

    def halt(self, reason: str) -> None:
        self._set(EngineState.HALTED, reason)

    def run_now(self) -> None:
        self.runs += 1

    def _stored(self) -> tuple[EngineState, str | None]:
        return self._demo_app.journal.engine_state("demo", self._demo_app.run)

    def _set(self, state: EngineState, reason: str | None = None) -> None:
        self._demo_app.journal.set_engine_state("demo", self._demo_app.run, state, reason)


class HomeSettings(Settings):
    """The settings of the home in `folder`, whatever home the environment names."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder


class DemoApp:
    """One home folder; `services` are made as often as a server would be restarted on it."""

    def __init__(
        self,
        folder: Path,
        symbols: Sequence[str] = SYMBOLS,
        run: str = LIVE_RUN,
        agents: Sequence[str] = AGENTS,
    ) -> None:
        self.settings: Settings = HomeSettings(
            folder=folder,
            market=MarketSettings(watchlist=list(symbols)),
            agents=AgentSettings(news_model="lexicon").model_copy(
                update={"enabled": tuple(agents)}  # which may be others than those that are known
            ),
        )
        self.stores = make_stores(self.settings)
        self.database = self.stores.database
        self.database.migrate()
        self.store, self.journal = self.stores.market_data, self.stores.journal
        self.records, self.watchlist = self.stores.records, self.stores.watchlist
        self.run = run
        self.agents = tuple(agents)
        self.team = LocalTeam(agents, self._agent)
        self.engine = ManualEngine(self)
        self.notifier = Notifier()
        self.backtests = BacktestStub(folder / "backtests")
        self.market_time = NOW
        self.clock_time: datetime | None = None
        self.can_train = True
        self.lab = LabFixture(self.home, self._now)

    @property
    def home(self) -> Home:
        """The home as a server would open it now; nothing is fetched."""
        market = ActiveMarket("demo", simulated=True, feed=None)
        return Home(self.settings, self.stores, market, SimulatedClock(self.market_time))

    def fetch_demo_data(self, now: datetime = NOW) -> None:
        """Bars, headlines and filings of the demo market, as known by `now`."""
        provider = DemoProvider(7, lambda: now)
        with self.store.transaction():
            for symbol in self.watchlist.symbols():
                bars = provider.bars(symbol, Timeframe.D1, START, now)
                self.store.put_bars("demo", symbol, Timeframe.D1, bars)
                self.store.put_news("demo", symbol, provider.news(symbol, START, now))
                self.store.put_filings("demo", symbol, provider.filings(symbol))
                self.store.put_earnings("demo", symbol, provider.earnings(symbol))

    def run_cycle(self, as_of: datetime = NOW) -> tuple[CycleResult, ...]:
        """One real cycle for each calendar, recorded; streams are notified."""
        context = make_run_context(self.home, self.run)
        results = run_cycles(context, self.team, self.watchlist.symbols(), as_of)
        self.notifier.notify()
        return results

    def run_daily_cycles(self, days: int, until: datetime = NOW) -> None:
        for back in range(days - 1, -1, -1):
            self.run_cycle(until - timedelta(days=back))

    def services(self) -> AppServices:
        services = make_services(
            self.home,
            self._engine_run(),
            engine=self.engine,
            notifier=self.notifier,
            backtests=self.backtests,
            training=cast(TrainingJobs, self.lab.training_jobs) if self.can_train else None,
            now=self._now,
            ray_dashboard=lambda: RayDashboard("http://127.0.0.1:8265", TOKEN),
        )
        return replace(
            services,
            account_service=self.account_service(),
            record_scorer=replace(services.record_scorer, load_record=lambda: self.load_record()),
        )

    def account_service(self) -> AccountService:
        """Where this run's paper account trades, at `market_time`."""
        return make_account_service(
            self.home,
            self._engine_run().account_cycle,
            self._now,
            notify=self.notifier.notify,
            wall_clock=lambda: self.clock_time or datetime.now(UTC),
        )

    def trading_rules(self, name: str) -> TradingRules:
        return trading_rules(self.settings, name)

    def load_record(self) -> ForecastRecord:
        """This run's record, over all calendars."""
        return self.records.record("demo", self.run, Timeframe.D1, 5, self.agents)

    def _engine_run(self) -> EngineRun:
        if self.run == LIVE_RUN:
            return live_run(self.home)
        symbols = self.watchlist.symbols()
        return replay_run(self.home, self.run, symbols, START, NOW, seconds_per_day=0.0)

    def _now(self) -> datetime:
        return self.market_time

    def _agent(self, name: str) -> Agent:
        """A registered agent; any other name votes by momentum."""
        if name not in REGISTERED:
            return MomentumAgent(name)
        return agent_factory(self.settings, self.stores)(name)
