"""A small real app: the demo market in a SQLite file, real agents, committee and receipts.

Nothing is faked but the clocks: `ManualEngine` runs a cycle when it is called, `market_time` is the
time of the market and `clock_time` that of the quotes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agents.registry import AGENTS as REGISTERED
from agents.registry import AgentSettings, build
from domain.events import EngineState
from domain.record import ForecastRecord
from domain.timeframe import Timeframe
from domain.votes import Agent
from market.simulated.provider import DemoProvider
from orchestrator.account.history import AccountHistoryReader
from orchestrator.account.latest_prices import LatestPrices
from orchestrator.account.service import AccountService
from orchestrator.account.store import AccountSettings, AccountStore, TradingRules
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.cycle import CycleResult, RunContext, run_cycles
from orchestrator.evaluation.record_scorer import RecordScorer
from orchestrator.parity.receipt_verification import ReceiptVerification, verify_receipt
from orchestrator.status import EngineStatus
from orchestrator.team.base import AgentHealth
from orchestrator.team.local_team import LocalTeam
from research.lab.training_data import StoredMarket
from storage.accounts.account_log import SqlAccountLog
from storage.accounts.blotter import SqlBlotter
from storage.database import Database
from storage.journal import panel_archive
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.sql_journal import SqlJournal
from storage.market_data.sql_store import SqlMarketDataStore
from storage.market_data.watchlist import SqlWatchlist
from tests.orchestrator.sample_agents import MomentumAgent
from tests.web.backtest_stub import BacktestStub
from tests.web.lab_stub import LabFixture
from trading.account.ledger import apply
from trading.costs import CostSettings
from trading.limits import LimitSettings, TradingSettings
from trading.sizing.profiles import profile_by_name
from web.live.notifier import Notifier
from web.services import AppServices, RayDashboard, ServedRun

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


class DemoApp:
    """One home folder; `services` are made as often as a server would be restarted on it."""

    def __init__(
        self,
        folder: Path,
        symbols: Sequence[str] = SYMBOLS,
        run: str = "live",
        agents: Sequence[str] = AGENTS,
    ) -> None:
        self.database = Database(f"sqlite:///{folder / 'quorum.db'}")
        self.database.migrate()
        self.store = SqlMarketDataStore(self.database)
        self.journal = SqlJournal(self.database)
        self.records = SqlDecisionRecords(self.database)
        self.watchlist = SqlWatchlist(self.database, symbols)
        self.team = LocalTeam(agents, _agent)
        self.agents = tuple(agents)
        self.costs = CostSettings()
        self.engine = ManualEngine(self)
        self.notifier = Notifier()
        self.backtests = BacktestStub(folder / "backtests")
        self.lab = LabFixture(
            folder,
            self.database,
            StoredMarket(
                store=self.store, name="demo", simulated=True, timeframe=Timeframe.D1,
                watched_symbols=self.watchlist.symbols, now=lambda: self.market_time,
            ),
        )  # fmt: skip
        self.run = run
        self.can_train = True
        self.market_time = NOW
        self.clock_time: datetime | None = None
        self.context = RunContext(
            market="demo", run=run, simulated=True, timeframe=Timeframe.D1, horizon=5,
            settings=CommitteeSettings(), store=self.store, journal=self.journal,
            digest_of=panel_archive.panel_digest,
        )  # fmt: skip

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
        results = run_cycles(self.context, self.team, self.watchlist.symbols(), as_of)
        self.notifier.notify()
        return results

    def run_daily_cycles(self, days: int, until: datetime = NOW) -> None:
        for back in range(days - 1, -1, -1):
            self.run_cycle(until - timedelta(days=back))

    def services(self) -> AppServices:
        served_run = ServedRun(
            market="demo",
            run=self.run,
            simulated=True,
            timeframe=Timeframe.D1,
            horizon=self.context.horizon,
            agents=self.agents,
            version="0.1.0",
        )
        blotter = SqlBlotter(self.database, "demo", self.run)
        return AppServices(
            served_run=served_run,
            journal=self.journal,
            records=self.records,
            store=self.store,
            watchlist=self.watchlist,
            watched_symbols=self.watchlist.symbols,
            engine=self.engine,
            verify=self.verify,
            account_service=self.account_service(),
            blotter=blotter,
            rules_of_profile=self.trading_rules,
            clock=lambda: self.market_time,
            notifier=self.notifier,
            account_history=AccountHistoryReader(
                served_run, self.store, blotter, self.watchlist.symbols
            ),
            record_scorer=RecordScorer(
                served_run,
                self.store,
                self.load_record,
                lambda: self.market_time,
                self.context.settings.calibrated,
            ),
            backtests=self.backtests,
            lab=self.lab.lab(can_train=self.can_train),
            committee=self.context.settings,
            ray_dashboard=lambda: RayDashboard("http://127.0.0.1:8265", TOKEN),
        )

    def account_service(self) -> AccountService:
        """Where this run's paper account trades, at `market_time`."""
        blotter = SqlBlotter(self.database, "demo", self.run)
        return AccountService(
            AccountStore(
                "demo",
                self.run,
                SqlAccountLog(self.database, apply),
                blotter,
                AccountSettings(),
                lambda: NOW,
            ),
            LatestPrices(self.store, "demo", Timeframe.D1),
            self.trading_rules,
            secret=b"of the demo app",
            now=lambda: self.market_time,
            suggest_orders=lambda _: (),
            wall_clock=lambda: self.clock_time or datetime.now(UTC),
            notify=self.notifier.notify,
        )

    def trading_rules(self, name: str) -> TradingRules:
        known, settings = profile_by_name(name), self.context.settings
        return TradingRules(
            TradingSettings(costs=self.costs, limits=known.apply_to_limits(LimitSettings())),
            settings.model_copy(update={"sizing": known.apply_to_sizing(settings.sizing)}),
        )

    def load_record(self) -> ForecastRecord:
        """This run's record, over all calendars."""
        read = self.records.record("demo", self.run, Timeframe.D1, 5, self.agents)
        return ForecastRecord(
            **{field.name: getattr(read, field.name) for field in fields(ForecastRecord)}
        )

    def verify(self, receipt: str) -> ReceiptVerification:
        return verify_receipt(
            receipt,
            self.records,
            panel_archive.SqlPanelArchive(self.database),
            _agent,
            panel_archive.panel_digest,
        )


def _agent(name: str, version: str | None = None) -> Agent:
    """A registered agent; any other name votes by momentum."""
    if name not in REGISTERED:
        return MomentumAgent(name)
    return build(name, AgentSettings(news_model="lexicon"), version=version)
