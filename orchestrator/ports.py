"""What the orchestrator needs of storage: protocols, so that it can be tested without a database.

`storage/` implements them; see there for what each promises.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domain.decision import Cycle, Decision
from domain.events import EngineState, Event, EventKind
from domain.instants import Times
from domain.panel import Floats, Panel
from domain.settlement import LearnerState, PendingDecision, SettlementBatch, SettlementKey
from domain.trading.account import Account, AccountEntry, AccountEvent
from domain.trading.orders import Order
from domain.trading.transactions import AccountCommand, ClientRequest, TransactionResult


class UnitOfWork(Protocol):
    """What is written in one transaction: all of it, or nothing on an exception. `record` returns
    the cycle's events, none if it is recorded already."""

    def record(
        self, cycle: Cycle, panel: Panel, inputs: Mapping[str, Any]
    ) -> tuple[Event, ...]: ...


class Journal(Protocol):
    """See `storage/journal/sql_journal.py`."""

    def unit_of_work(self) -> AbstractContextManager[UnitOfWork]: ...
    def append(
        self, kind: EventKind, run: str, symbol: str | None, payload: Mapping[str, Any]
    ) -> Event: ...
    def engine_state(self, market: str, run: str) -> tuple[EngineState, str | None]: ...
    def set_engine_state(
        self, market: str, run: str, state: EngineState, reason: str | None = None
    ) -> Event | None: ...
    def cursor(self, market: str, run: str, calendar: str) -> datetime | None: ...
    def previous_targets(
        self, market: str, run: str, before: datetime | None = None
    ) -> dict[str, float]: ...
    def pending(self, key: SettlementKey, until: datetime) -> tuple[PendingDecision, ...]: ...
    def unsettled_symbols(self, market: str, run: str, since: datetime) -> tuple[str, ...]: ...
    def learner_state(self, key: SettlementKey, by: datetime) -> LearnerState | None: ...
    def settle(self, batch: SettlementBatch) -> tuple[Event, ...]: ...


class AccountLog(Protocol):
    """See `storage/accounts/account_log.py`. `uow` is what
    `Journal.unit_of_work` opens."""

    def account(self, market: str, run: str) -> Account | None: ...
    def transact(
        self,
        market: str,
        run: str,
        at: datetime,
        command: AccountCommand,
        *,
        request: ClientRequest | None = None,
    ) -> TransactionResult: ...
    def transact_within(
        self,
        uow: Any,
        market: str,
        run: str,
        at: datetime,
        command: AccountCommand,
        *,
        request: ClientRequest | None = None,
    ) -> TransactionResult: ...


class HasOrder(Protocol):
    @property
    def order(self) -> Order: ...


class AccountCurve(Protocol):
    """Columns (K,) of the rows of bars that an account has processed, in order of `times`;
    `numbers` are those of the log's entries that recorded them."""

    @property
    def times(self) -> Times: ...
    @property
    def equity(self) -> Floats: ...
    @property
    def exposure(self) -> Floats: ...
    @property
    def numbers(self) -> NDArray[np.int64]: ...


class Blotter(Protocol):
    """See `storage/accounts/blotter.py`. `order` raises NotFoundError."""

    def curve(self) -> AccountCurve: ...
    def order(self, id: str) -> HasOrder: ...
    def account_entries(self, *kinds: type[AccountEvent]) -> tuple[AccountEntry, ...]: ...


class HasDecision(Protocol):
    @property
    def decision(self) -> Decision: ...
    @property
    def digest(self) -> str: ...


class HasCycleInputs(Protocol):
    """The inputs of a cycle. `panel` is a manifest that the archive can load."""

    @property
    def panel(self) -> Any: ...
    @property
    def values(self) -> Mapping[str, Any]: ...


class HasDatedDecision(HasDecision, Protocol):
    @property
    def as_of(self) -> datetime: ...


class DecisionRecords(Protocol):
    """See `storage/journal/decision_records.py`; the methods that take a receipt raise
    NotFoundError."""

    def decisions_between(
        self, market: str, run: str, after: datetime, until: datetime
    ) -> Sequence[HasDatedDecision]: ...
    def decision(self, receipt: str) -> HasDecision: ...
    def inputs(self, receipt: str) -> HasCycleInputs: ...


class PanelArchive(Protocol):
    """See `storage/journal/panel_archive.py`. Raises VerificationError for a damaged panel."""

    def load(self, manifest: Any) -> Panel: ...
