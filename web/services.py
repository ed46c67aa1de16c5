"""What the pages are built on: the parts of Quorum that they read and the few they may change.

Promises that web/ reaches the rest of Quorum through this value alone. A part with several
implementations (an engine may be live or a replay's) is a protocol of only what is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from domain.events import EngineState
from domain.instants import Times
from domain.panel import Floats
from domain.record import RunScope
from envs.policies.drift import FeatureDrift
from envs.policies.policy import Policy
from envs.training.arguments import TrainingArguments
from envs.training.run_folder import RunFolder, RunState
from market.store import MarketDataStore
from orchestrator.account.history import AccountHistoryReader
from orchestrator.account.service import AccountService
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.evaluation.record_scorer import RecordScorer
from orchestrator.status import EngineStatus
from orchestrator.team.base import AgentHealth
from research.backtest.jobs import BacktestJob
from research.backtest.request import BacktestRequest
from research.backtest.results import BacktestSummary
from storage.accounts.blotter import SqlBlotter
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.sql_journal import SqlJournal
from web.live.notifier import Notifier


class WatchlistEditor(Protocol):
    """The symbols that are decided on. `add` and `remove` do nothing where nothing would change."""

    def symbols(self) -> Sequence[str]: ...
    def add(self, symbol: str) -> object: ...
    def remove(self, symbol: str) -> object: ...


class CycleProgress(Protocol):
    """How far the engine is: `what` it does, `done` of `total` steps (total 0: unknown)."""

    @property
    def what(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...


class EngineControl(Protocol):
    """Controls the engine, which owns the clock. `progress` is None when no cycle is running."""

    @property
    def state(self) -> EngineState: ...
    def progress(self) -> CycleProgress | None: ...
    def status(self) -> EngineStatus: ...
    def health(self) -> Sequence[AgentHealth]: ...
    def pause(self) -> object: ...
    def resume(self) -> object: ...
    def halt(self, reason: str) -> object: ...
    def run_now(self) -> object: ...


class VerificationOutcome(Protocol):
    """The result of computing a stored decision again; `differences` are in words, empty if
    equal."""

    @property
    def same(self) -> bool: ...
    @property
    def differences(self) -> Sequence[str]: ...


class Backtests(Protocol):
    """The kept results, newest first, and the jobs that produce more.

    Raises NotFoundError for a result, a file or a job that does not exist; `start` raises
    InputError while the maximum number of jobs is running.
    """

    def results(self) -> Sequence[BacktestSummary]: ...
    def read(self, id: str) -> dict[str, Any]: ...
    def equity(self, id: str) -> tuple[Times, dict[str, Floats]]: ...
    def file(self, id: str, name: str) -> Path: ...
    def delete(self, id: str) -> object: ...
    def start(self, request: BacktestRequest) -> str: ...
    def jobs(self) -> Sequence[BacktestJob]: ...
    def cancel(self, id: str) -> object: ...


class LabService(Protocol):
    """The trained policies and the runs that they come from (`research/lab`). A model is named by
    its id; the built-in policy and one that a setting names have words for ids.

    `can_train` says whether runs can be started here. Raises NotFoundError for an unknown name,
    InputError for an action that is not possible, and ConfigurationError for damaged files; a
    refused promotion leaves the active model in place.
    """

    @property
    def can_train(self) -> bool: ...
    def runs(self) -> Sequence[RunState]: ...
    def run(self, id: str) -> RunFolder: ...
    def start(self, arguments: TrainingArguments, symbols: Sequence[str]) -> str: ...
    def stop(self, id: str) -> object: ...
    def resume(self, id: str) -> object: ...
    def register_model(self, id: str) -> str: ...
    def delete_run(self, id: str) -> object: ...
    def models(self) -> Sequence[str]: ...
    def policy(self, id: str) -> Policy: ...
    def active_model(self) -> str: ...
    def previous_model(self) -> str | None: ...
    def promote(self, id: str, by: str) -> object: ...
    def roll_back(self, by: str) -> object: ...
    def delete_model(self, id: str, *, voted: bool = False) -> object: ...
    def drift(self, id: str) -> Sequence[FeatureDrift]: ...


@dataclass(frozen=True, slots=True)
class RayDashboard:
    """The address of Ray's own pages, and the token that opens them. Whoever has it can run
    code."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRun(RunScope):
    """The run that one server shows. `agents` are the names of those that vote, `version` is that
    of the program."""

    agents: tuple[str, ...]
    version: str


WatchedSymbols = Callable[[], Sequence[str]]
"""The symbols that are decided on: of the watchlist, or those that a replay plays."""
Clock = Callable[[], datetime]
"""The present of the served run."""
VerifyReceipt = Callable[[str], VerificationOutcome]
FindRayDashboard = Callable[[], RayDashboard | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppServices:
    """Everything that an application is made of. Handlers and views never see this value: each
    names the services that it needs, and `injection.py` finds them here by their types.

    Whoever wrote to the journal or made progress calls `notifier`. `account_service` is where the
    run's paper account trades, `blotter` holds its orders, fills and trades; `committee` is as
    configured, under no profile. `allowed_hosts` are names under which a proxy in front may ask,
    beside the loopback ones.
    """

    served_run: ServedRun
    journal: SqlJournal
    records: SqlDecisionRecords
    store: MarketDataStore
    watchlist: WatchlistEditor
    watched_symbols: WatchedSymbols
    engine: EngineControl
    verify: VerifyReceipt
    account_service: AccountService
    blotter: SqlBlotter
    clock: Clock
    notifier: Notifier
    account_history: AccountHistoryReader
    record_scorer: RecordScorer
    backtests: Backtests
    lab: LabService
    committee: CommitteeSettings
    ray_dashboard: FindRayDashboard
    allowed_hosts: frozenset[str] = frozenset()
