"""What the pages stand on: the parts of the house they read and the few they may move.

Promises that web/ reaches the rest of Quorum through this value alone. Protocols name what is
used, no more; `wiring.py` hands in the real parts and the tests real ones over a small database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pandas as pd

from domain.decision import Decision
from domain.events import EngineState, Event
from domain.timeframe import Timeframe
from web.bell import Bell


class Recorded(Protocol):
    """A decision as it was recorded. `as_of` is the close of its bar, `digest` its cycle's."""

    @property
    def decision(self) -> Decision: ...
    @property
    def as_of(self) -> datetime: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def market(self) -> str: ...
    @property
    def run(self) -> str: ...
    @property
    def simulated(self) -> bool: ...
    @property
    def timeframe(self) -> Timeframe: ...
    @property
    def digest(self) -> str: ...


class Records(Protocol):
    """Decisions of the past, newest first; `decision` raises NotFoundError."""

    def latest(self, market: str, run: str) -> Sequence[Recorded]: ...
    def decision(self, receipt: str) -> Recorded: ...
    def history(self, market: str, run: str, symbol: str, limit: int) -> Sequence[Recorded]: ...
    def feed(
        self, market: str, run: str, limit: int, before: str | None = None
    ) -> Sequence[Recorded]: ...
    def inputs(self, receipt: str) -> Mapping[str, Any]: ...


class Journal(Protocol):
    """What happened, in order. `events_after` gives at most `limit`, oldest first."""

    @property
    def epoch(self) -> str: ...
    def events_after(self, seq: int, limit: int) -> Sequence[Event]: ...
    def last_seq(self) -> int: ...


class Library(Protocol):
    """The market's facts; see `market/library.py`."""

    def symbols(self, market: str, timeframe: Timeframe | None = None) -> list[str]: ...
    def bars(
        self,
        market: str,
        symbol: str,
        timeframe: Timeframe,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame: ...
    def news(
        self,
        market: str,
        symbol: str,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame: ...
    def filings(
        self,
        market: str,
        symbol: str,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame: ...


class Watchlist(Protocol):
    def symbols(self) -> Sequence[str]: ...
    def add(self, symbol: str) -> object: ...
    def remove(self, symbol: str) -> object: ...


class Progress(Protocol):
    """How far the engine is: `what` it does, `done` of `total` steps (total 0: unknown)."""

    @property
    def what(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...


class AgentHealth(Protocol):
    """`state` in one word ('ready', 'starting', 'failing', ...), `note` in a sentence."""

    @property
    def agent(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def note(self) -> str: ...


class Engine(Protocol):
    """The owner of the clock. `progress` is None when nothing is under way."""

    @property
    def state(self) -> EngineState: ...
    def progress(self) -> Progress | None: ...
    def health(self) -> Sequence[AgentHealth]: ...
    def pause(self) -> object: ...
    def resume(self) -> object: ...
    def halt(self) -> object: ...
    def run_now(self) -> object: ...


class Verification(Protocol):
    """The outcome of computing a stored decision again; `differences` in words, empty if equal."""

    @property
    def receipt(self) -> str: ...
    @property
    def same(self) -> bool: ...
    @property
    def differences(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class RayDashboard:
    """Where Ray's own pages are, and the token that opens them. It means code execution."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything one server shows: one market and one run ('live' or 'replay FROM TO')."""

    version: str
    market: str
    run: str
    simulated: bool
    timeframe: Timeframe
    agents: tuple[str, ...]
    journal: Journal
    records: Records
    library: Library
    watchlist: Watchlist
    engine: Engine
    verify: Callable[[str], Verification]
    clock: Callable[[], datetime]
    bell: Bell
    ray_dashboard: RayDashboard | None = None
    hosts: frozenset[str] = frozenset()
    """Names under which a proxy in front may ask, beside the loopback ones."""

    @property
    def replay(self) -> bool:
        return self.run.startswith("replay")
