"""What the orchestrator asks of storage: protocols, so that it can be tested without a database.

`storage/` implements them; see there for the promises behind each.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from domain.decision import Cycle, Decision
from domain.events import EngineState, Event, EventKind
from domain.panel import Panel
from domain.settlement import Lesson, Line, Pending, Settlement
from domain.trading.account import Account, Entry, Happening
from domain.trading.orders import Order
from domain.trading.transactions import Act, Booked, Request


class Journal(Protocol):
    """See `storage/journal/sql_journal.py`."""

    def record(
        self,
        cycle: Cycle,
        panel: Panel,
        inputs: Mapping[str, Any],
        then: Callable[[Any], Sequence[Event]] | None = None,
    ) -> tuple[Event, ...]: ...
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
    def pending(self, line: Line, until: datetime) -> tuple[Pending, ...]: ...
    def awaited(self, market: str, run: str, since: datetime) -> tuple[str, ...]: ...
    def lesson(self, line: Line, by: datetime) -> Lesson | None: ...
    def settle(self, settlement: Settlement) -> tuple[Event, ...]: ...


class Accounts(Protocol):
    """See `storage/accounts/account_log.py`. `pen` is what `Journal.record` hands to `then`."""

    def account(self, market: str, run: str) -> Account | None: ...
    def transact(
        self, market: str, run: str, at: datetime, act: Act, *, request: Request | None = None
    ) -> Booked: ...
    def book(
        self,
        pen: Any,
        market: str,
        run: str,
        at: datetime,
        act: Act,
        *,
        request: Request | None = None,
    ) -> Booked: ...


class OrderLine(Protocol):
    @property
    def order(self) -> Order: ...


class Blotter(Protocol):
    """See `storage/accounts/blotter.py`. `order` raises NotFoundError."""

    def order(self, id: str) -> OrderLine: ...
    def happenings(self, *kinds: type[Happening]) -> tuple[Entry, ...]: ...


class Recorded(Protocol):
    @property
    def decision(self) -> Decision: ...
    @property
    def digest(self) -> str: ...


class Inputs(Protocol):
    """What a cycle was computed from. `panel` is the manifest the archive understands."""

    @property
    def panel(self) -> Any: ...
    @property
    def values(self) -> Mapping[str, Any]: ...


class Dated(Recorded, Protocol):
    @property
    def as_of(self) -> datetime: ...


class Records(Protocol):
    """See `storage/journal/decision_records.py`; those of one receipt raise NotFoundError."""

    def decided(
        self, market: str, run: str, after: datetime, until: datetime
    ) -> Sequence[Dated]: ...
    def decision(self, receipt: str) -> Recorded: ...
    def inputs(self, receipt: str) -> Inputs: ...


class Archive(Protocol):
    """See `storage/journal/panel_archive.py`. Raises VerificationError for a panel that is
    damaged."""

    def load(self, manifest: Any) -> Panel: ...
