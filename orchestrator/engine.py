"""The engine: owns the clock, holds a cycle at every bar, and can be paused, halted and stepped.

It lives in a thread of its own and is crash-only: starting is recovering, for everything it must
remember (its state, what was decided, what the account has seen) is in the database. It begins by
rebuilding the paper account from its log and halts where that does not agree. An error in one cycle
is recorded and shown, and the engine tries again, ever more patiently (`trouble.py`). Leaves out
what happens in a cycle (`cycle.py`), which bar is next (`clocks.py`) and how the stream is woken
(`publish`).
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from domain.errors import InputError, ProviderError, StorageError
from domain.events import EngineState, EventKind
from domain.symbols import calendar_of
from market.calendars import last_close
from market.provider import Progress as Tell
from orchestrator.clocks import Clock, Watched
from orchestrator.cycle import Desk, Minutes, run_cycles
from orchestrator.retry import FIRST_PAUSE, TRIES, LateError, Trouble
from orchestrator.status import EngineStatus, Progress
from orchestrator.team.base import AgentHealth, Team
from orchestrator.team.model_rollout import Seating

Refresh = Callable[[Sequence[str], datetime, Tell], object]
"""Brings what the symbols miss up to an instant into the library; a feed never raises for it."""

IDLE = 2.0
"""Seconds between looks at whether there is something to do again."""
AWAITED = timedelta(days=90)
"""How long the bars of a symbol that is no longer followed are asked for, so that what came of
the decisions on it is known."""

log = logging.getLogger(__name__)


class Engine:
    """`open_team` is called in the engine's thread, with a way to tell of its progress, so that
    pages can be served meanwhile. `seating` is of a seat that may be taken by another between two
    cycles. `publish` is called after something was recorded."""

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        watched: Watched,
        open_team: Callable[[Tell], Team],
        *,
        refresh: Refresh | None = None,
        seating: Seating | None = None,
        publish: Callable[[], None] = lambda: None,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._watched = watched
        self._open_team = open_team
        self._refresh = refresh
        self._seating = seating
        self._publish = publish
        self._trouble = Trouble(self._note_change, first_pause)
        self._wake = threading.Condition()
        self._stopping = False
        self._at_once = False
        self._state, self._reason = desk.journal.engine_state(desk.market, desk.run)
        self._progress: Progress | None = Progress("starting", 0, 0)
        self._cursor: datetime | None = None
        self._next: datetime | None = None
        self._finished = False
        self._missing: tuple[str, ...] = ()
        self._seconds: Mapping[str, float] = {}
        self._begun = time.monotonic()
        self._told: dict[str, str] = {}
        self.team: Team | None = None
        self._thread = threading.Thread(target=self._live, name="engine", daemon=True)

    @property
    def state(self) -> EngineState:
        return self._state

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 40.0) -> None:
        """Finish the cycle under way, let the agents go and end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the clock has no more bars (or the engine was stopped); whether it is so."""
        with self._wake:
            return self._wake.wait_for(lambda: self._finished or self._stopping, timeout)

    def pause(self) -> None:
        self._change(EngineState.PAUSED, None)

    def resume(self) -> None:
        self._change(EngineState.RUNNING, None)

    def halt(self, reason: str = "halted by hand") -> None:
        self._change(EngineState.HALTED, reason)

    def run_now(self) -> None:
        """Hold the next cycle at once, paused or not.

        Raises InputError while halted.
        """
        if self._state is EngineState.HALTED:
            raise InputError("The engine is halted. Resume it before asking for a cycle.")
        with self._wake:
            self._at_once = True
            self._wake.notify_all()

    def progress(self) -> Progress | None:
        """None when nothing is under way."""
        return self._progress

    def health(self) -> tuple[AgentHealth, ...]:
        """Empty until the team is there."""
        health = self.team.health() if self.team else ()
        return tuple(map(self._seating.told, health)) if self._seating else health

    def status(self) -> EngineStatus:
        return EngineStatus(
            state=self._state,
            reason=self._reason,
            error=self._trouble.error,
            last=self._cursor,
            next=self._next,
            finished=self._finished,
            missing=self._missing,
            seconds=self._seconds,
        )

    def _change(self, state: EngineState, reason: str | None) -> None:
        desk = self._desk
        changed = desk.journal.set_engine_state(desk.market, desk.run, state, reason)
        with self._wake:
            self._state, self._reason = state, reason
            self._wake.notify_all()
        if changed:
            self._publish()

    def _live(self) -> None:
        try:
            while not self._stopping:
                try:
                    self._step()
                except Exception as error:
                    self._stumble(error)
        finally:
            if self.team:
                self.team.close()
            with self._wake:
                self._stopping = True
                self._wake.notify_all()

    def _step(self) -> None:
        """Whatever is next: get ready, wait for the bar, hold its cycle."""
        if self.team is None:
            self.team = self._open_team(self._tell)
            self._tell_of_agents(self.team)
            self._cursor = self._recovered()
            self._check_account()
        self._progress = None
        self._next = self._clock.next(self._cursor)
        with self._wake:
            self._finished = self._next is None
            self._wake.notify_all()
        at_once = self._wait()
        instant = self._clock.at_once(self._cursor) if at_once else self._next
        if self._stopping or instant is None or not (at_once or self._may_run()):
            return
        self._begun = time.monotonic()
        self._hold(self.team, instant)
        self._cursor = instant
        self._trouble.over()

    def _wait(self) -> bool:
        """Sleep until the next bar, a command or the end; whether a cycle was asked for."""
        with self._wake:
            if not self._may_run() or self._next is None:
                self._wake.wait_for(lambda: self._stopping or self._at_once, IDLE)
            else:
                elapsed = time.monotonic() - self._begun
                seconds = self._clock.wait(self._next, self._cursor, elapsed)
                self._wake.wait_for(
                    lambda: self._stopping or self._at_once or not self._may_run(), seconds
                )
            asked, self._at_once = self._at_once, False
            return asked

    def _may_run(self) -> bool:
        return self._state is EngineState.RUNNING

    def _hold(self, team: Team, instant: datetime) -> None:
        symbols = tuple(self._watched())
        if self._refresh:
            self._refresh(self._asked_for(symbols, instant), instant, self._tell)
        stored = set(self._desk.library.symbols(self._desk.market, self._desk.timeframe))
        self._missing = tuple(symbol for symbol in symbols if symbol not in stored)
        present = [symbol for symbol in symbols if symbol in stored]
        if symbols and not present:
            raise self._nothing_of(symbols)
        self._renew(team)
        self._tell("agents are voting", 0, 0)
        held = run_cycles(self._desk, team, present, instant, only_new=True) if present else ()
        self._tell_of_agents(team)
        if held:
            self._seconds = _added(held)
            self._publish()
        if self._refresh and self._clock.patient:
            self._expect(present, instant)

    def _renew(self, team: Team) -> None:
        """Let another take the seat where another is wanted in it, and tell of it."""
        if self._seating and self._seating.renew(team):
            told = next(each for each in self.health() if each.agent == self._seating.agent)
            payload = {"agent": told.agent, "state": told.state, "failure": told.failure}
            self._note(EventKind.AGENT_CHANGED, payload)

    def _asked_for(self, symbols: Sequence[str], instant: datetime) -> tuple[str, ...]:
        """What is followed, what was until lately and has decisions to be settled, and what the
        account holds or has orders on."""
        desk = self._desk
        awaited = desk.journal.awaited(desk.market, desk.run, instant - AWAITED)
        traded = desk.day.concerned(desk.day.book.account()) if desk.day else ()
        return tuple(dict.fromkeys((*symbols, *awaited, *traded)))

    def _nothing_of(self, symbols: Sequence[str]) -> ProviderError:
        """Why nothing can be decided, and what would help."""
        desk, named = self._desk, ", ".join(symbols[:5]) + (", ..." if len(symbols) > 5 else "")
        text = f"There are no bars yet of {named}."
        if not self._refresh:
            return ProviderError(f"{text} Import some, or start with --market demo.")
        asked = (
            desk.library.fetched(desk.market, symbol, f"bars {desk.timeframe}")
            for symbol in symbols
        )
        why = next((fetch.error for fetch in asked if fetch and fetch.error), "None arrived.")
        return ProviderError(
            f"{text} {why} Check the network and the symbols; --market demo needs neither."
        )

    def _expect(self, symbols: Sequence[str], instant: datetime) -> None:
        """Raises LateError where a bar that has closed has not arrived yet."""
        desk = self._desk
        late = [
            calendar
            for calendar in dict.fromkeys(map(calendar_of, symbols))
            if (held := desk.journal.cursor(desk.market, desk.run, calendar)) is None
            or held < last_close(calendar, desk.timeframe, instant)
        ]
        if late:
            raise LateError(
                f"The bars of {', '.join(late)} that closed by {instant:%Y-%m-%d %H:%M} UTC have "
                "not arrived yet. They are asked for again."
            )

    def _recovered(self) -> datetime | None:
        """Where an earlier engine stopped: the calendar that is furthest behind decides."""
        desk = self._desk
        calendars = {calendar_of(symbol) for symbol in self._watched()}
        cursors = [desk.journal.cursor(desk.market, desk.run, name) for name in calendars]
        return min((cursor for cursor in cursors if cursor), default=None)

    def _check_account(self) -> None:
        """Nothing is traded on an account that is not what its log makes of it."""
        day = self._desk.day
        if day and (found := day.book.reconcile()):
            self.halt(f"The paper account does not reconcile: {'; '.join(found)}")

    def _stumble(self, error: Exception) -> None:
        """Rest after an error; where waiting cannot help, go on after a while. A database that is
        gone comes back, and a bar that was left out would not."""
        self._trouble.add(error)
        self._progress = None if self._trouble.error else Progress(str(error), 0, 0)
        hopeless = not (self._clock.patient or isinstance(error, StorageError))
        if self._trouble.tries >= TRIES and hopeless and self._next:
            self._cursor, self._trouble.tries = self._next, 0
        with self._wake:
            self._wake.wait_for(lambda: self._stopping or self._at_once, self._trouble.pause)

    def _note_change(self, error: str | None) -> None:
        state, reason = self._state, self._reason
        told = {"state": state, "previous": state, "reason": reason, "error": error}
        self._note(EventKind.ENGINE_CHANGED, {"run": self._desk.run, **told})

    def _tell(self, what: str, done: int, total: int) -> None:
        self._progress = Progress(what, done, total)

    def _tell_of_agents(self, team: Team) -> None:
        """An event for every agent that is doing better or worse than last time."""
        for agent in team.health():
            if agent.state != self._told.get(agent.agent, "ready"):
                payload = {"agent": agent.agent, "state": agent.state, "failure": agent.failure}
                self._note(EventKind.AGENT_CHANGED, payload)
            self._told[agent.agent] = agent.state

    def _note(self, kind: EventKind, payload: Mapping[str, object]) -> None:
        """Into the journal; a journal that fails must not stop the engine from trying again."""
        try:
            market = {"market": self._desk.market}
            self._desk.journal.append(kind, self._desk.run, None, {**market, **payload})
            self._publish()
        except Exception:
            log.exception("an event could not be recorded")


def _added(held: Sequence[Minutes]) -> dict[str, float]:
    stages: dict[str, float] = {}
    for minutes in held:
        for stage, seconds in minutes.seconds.items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    return stages
