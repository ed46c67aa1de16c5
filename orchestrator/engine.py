"""The engine: owns the clock, runs a cycle at every bar, and can be paused, halted and stepped.

It runs in a thread of its own and is crash-only: a start is a recovery, because everything it must
remember (its state, the decisions, the bars that the account has processed) is in the database. It
begins by rebuilding the paper account from its log and halts if the two differ. An error in one
cycle is recorded and shown, and the engine tries again after longer and longer pauses (`retry.py`).
Leaves out what happens in a cycle (`cycle.py`), which bar is next (`clocks.py`) and how the stream
is notified (`notify`).
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
from market.provider import Progress
from orchestrator.clocks import Clock, WatchedSymbols
from orchestrator.cycle import CycleResult, RunContext, run_cycles
from orchestrator.retry import FIRST_PAUSE, MAX_TRIES, BarsLateError, RetryState
from orchestrator.status import EngineProgress, EngineStatus
from orchestrator.team.base import AgentHealth, Team
from orchestrator.team.model_rollout import ModelRollout

Refresh = Callable[[Sequence[str], datetime, Progress], object]
"""Fetches missing data of the symbols up to an instant into the store; a feed never raises for it.
"""

IDLE_SECONDS = 2.0
"""Seconds between checks for something to do."""
UNSETTLED_LOOKBACK = timedelta(days=90)
"""How long bars are still fetched for a symbol that is no longer followed, so that its decisions
can be settled."""

log = logging.getLogger(__name__)


class Engine:
    """Runs the cycles of one run. `open_team` is called in the engine's thread, with a callback for
    its progress, so that pages can be served meanwhile. `model_rollout` replaces an agent's model
    between two cycles. `notify` is called after something was recorded."""

    def __init__(
        self,
        context: RunContext,
        clock: Clock,
        watched: WatchedSymbols,
        open_team: Callable[[Progress], Team],
        *,
        refresh: Refresh | None = None,
        model_rollout: ModelRollout | None = None,
        notify: Callable[[], None] = lambda: None,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._context = context
        self._clock = clock
        self._watched = watched
        self._open_team = open_team
        self._refresh = refresh
        self._model_rollout = model_rollout
        self._notify = notify
        self._retry = RetryState(self._record_error, first_pause)
        self._condition = threading.Condition()
        self._stopping = False
        self._run_requested = False
        self._state, self._reason = context.journal.engine_state(context.market, context.run)
        self._progress: EngineProgress | None = EngineProgress("starting", 0, 0)
        self._cursor: datetime | None = None
        self._next: datetime | None = None
        self._finished = False
        self._missing: tuple[str, ...] = ()
        self._seconds: Mapping[str, float] = {}
        self._cycle_started = time.monotonic()
        self._reported_states: dict[str, str] = {}
        self.team: Team | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def state(self) -> EngineState:
        return self._state

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 40.0) -> None:
        """Finish the current cycle, close the team and end the thread."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the clock has no more bars or the engine was stopped. Return whether that
        happened within `timeout` seconds."""
        with self._condition:
            return self._condition.wait_for(lambda: self._finished or self._stopping, timeout)

    def pause(self) -> None:
        self._set_state(EngineState.PAUSED, None)

    def resume(self) -> None:
        self._set_state(EngineState.RUNNING, None)

    def halt(self, reason: str = "halted by hand") -> None:
        self._set_state(EngineState.HALTED, reason)

    def run_now(self) -> None:
        """Run the next cycle at once, paused or not.

        Raises InputError while halted.
        """
        if self._state is EngineState.HALTED:
            raise InputError("The engine is halted. Resume it before asking for a cycle.")
        with self._condition:
            self._run_requested = True
            self._condition.notify_all()

    def progress(self) -> EngineProgress | None:
        """What the engine is doing; None while it does nothing."""
        return self._progress

    def health(self) -> tuple[AgentHealth, ...]:
        """Health of each agent; empty until the team is there."""
        health = self.team.health() if self.team else ()
        return tuple(map(self._model_rollout.annotate, health)) if self._model_rollout else health

    def status(self) -> EngineStatus:
        return EngineStatus(
            state=self._state,
            reason=self._reason,
            error=self._retry.error,
            last=self._cursor,
            next=self._next,
            finished=self._finished,
            missing=self._missing,
            seconds=self._seconds,
        )

    def _set_state(self, state: EngineState, reason: str | None) -> None:
        context = self._context
        changed = context.journal.set_engine_state(context.market, context.run, state, reason)
        with self._condition:
            self._state, self._reason = state, reason
            self._condition.notify_all()
        if changed:
            self._notify()

    def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    self._step()
                except Exception as error:
                    self._handle_error(error)
        finally:
            if self.team:
                self.team.close()
            with self._condition:
                self._stopping = True
                self._condition.notify_all()

    def _step(self) -> None:
        """Do the next thing: open the team, wait for the bar, run its cycle."""
        if self.team is None:
            self.team = self._open_team(self._report_progress)
            self._report_agents(self.team)
            self._cursor = self._resume_point()
            self._check_account()
        self._progress = None
        self._next = self._clock.next_instant(self._cursor)
        with self._condition:
            self._finished = self._next is None
            self._condition.notify_all()
        run_requested = self._wait()
        instant = self._clock.immediate_instant(self._cursor) if run_requested else self._next
        if self._stopping or instant is None or not (run_requested or self._is_running()):
            return
        self._cycle_started = time.monotonic()
        self._run_cycle(self.team, instant)
        self._cursor = instant
        self._retry.record_success()

    def _wait(self) -> bool:
        """Sleep until the next bar, a command or the end. Return whether a cycle was requested."""
        with self._condition:
            if not self._is_running() or self._next is None:
                self._condition.wait_for(
                    lambda: self._stopping or self._run_requested, IDLE_SECONDS
                )
            else:
                elapsed = time.monotonic() - self._cycle_started
                seconds = self._clock.seconds_until(self._next, self._cursor, elapsed)
                self._condition.wait_for(
                    lambda: self._stopping or self._run_requested or not self._is_running(), seconds
                )
            requested, self._run_requested = self._run_requested, False
            return requested

    def _is_running(self) -> bool:
        return self._state is EngineState.RUNNING

    def _run_cycle(self, team: Team, instant: datetime) -> None:
        symbols = tuple(self._watched())
        if self._refresh:
            self._refresh(
                self._symbols_to_refresh(symbols, instant), instant, self._report_progress
            )
        stored = set(self._context.store.symbols(self._context.market, self._context.timeframe))
        self._missing = tuple(symbol for symbol in symbols if symbol not in stored)
        present = [symbol for symbol in symbols if symbol in stored]
        if symbols and not present:
            raise self._no_bars_error(symbols)
        self._refresh_model(team)
        self._report_progress("agents are voting", 0, 0)
        results = (
            run_cycles(self._context, team, present, instant, only_new=True) if present else ()
        )
        self._report_agents(team)
        if results:
            self._seconds = _total_seconds(results)
            self._notify()
        if self._refresh and self._clock.expects_late_bars:
            self._check_bars_arrived(present, instant)

    def _refresh_model(self, team: Team) -> None:
        """Replace the agent's model if another one is active by now, and record that."""
        if self._model_rollout and self._model_rollout.refresh(team):
            health = next(each for each in self.health() if each.agent == self._model_rollout.agent)
            payload = {"agent": health.agent, "state": health.state, "failure": health.failure}
            self._record_event(EventKind.AGENT_CHANGED, payload)

    def _symbols_to_refresh(self, symbols: Sequence[str], instant: datetime) -> tuple[str, ...]:
        """Return the followed symbols, those with decisions still to be settled, and those that the
        account has positions in or orders on."""
        context = self._context
        unsettled = context.journal.unsettled_symbols(
            context.market, context.run, instant - UNSETTLED_LOOKBACK
        )
        account_symbols: tuple[str, ...] = ()
        if cycle := context.account_cycle:
            account_symbols = cycle.relevant_symbols(cycle.account_store.account())
        return tuple(dict.fromkeys((*symbols, *unsettled, *account_symbols)))

    def _no_bars_error(self, symbols: Sequence[str]) -> ProviderError:
        """Return the error that says why nothing can be decided, and what would help."""
        context = self._context
        named = ", ".join(symbols[:5]) + (", ..." if len(symbols) > 5 else "")
        text = f"There are no bars yet of {named}."
        if not self._refresh:
            return ProviderError(f"{text} Import some, or start with --market demo.")
        fetches = (
            context.store.last_fetch(context.market, symbol, f"bars {context.timeframe}")
            for symbol in symbols
        )
        reason = next((fetch.error for fetch in fetches if fetch and fetch.error), "None arrived.")
        return ProviderError(
            f"{text} {reason} Check the network and the symbols; --market demo needs neither."
        )

    def _check_bars_arrived(self, symbols: Sequence[str], instant: datetime) -> None:
        """Raise BarsLateError if a bar that has closed has not arrived yet."""
        context = self._context
        late = [
            calendar
            for calendar in dict.fromkeys(map(calendar_of, symbols))
            if (cursor := context.journal.cursor(context.market, context.run, calendar)) is None
            or cursor < last_close(calendar, context.timeframe, instant)
        ]
        if late:
            raise BarsLateError(
                f"The bars of {', '.join(late)} that closed by {instant:%Y-%m-%d %H:%M} UTC have "
                "not arrived yet. They are asked for again."
            )

    def _resume_point(self) -> datetime | None:
        """Return where an earlier engine stopped: the close of the calendar that is furthest
        behind."""
        context = self._context
        calendars = {calendar_of(symbol) for symbol in self._watched()}
        cursors = [context.journal.cursor(context.market, context.run, name) for name in calendars]
        return min((cursor for cursor in cursors if cursor), default=None)

    def _check_account(self) -> None:
        """Halt if the account differs from what its log makes of it."""
        account_cycle = self._context.account_cycle
        if account_cycle and (differences := account_cycle.account_store.reconcile()):
            self.halt(f"The paper account does not reconcile: {'; '.join(differences)}")

    def _handle_error(self, error: Exception) -> None:
        """Pause after an error. Where waiting cannot help, go on to the next bar after `MAX_TRIES`;
        a database that is down is waited for without end, because a bar that was skipped would be
        lost."""
        self._retry.record_failure(error)
        self._progress = None if self._retry.error else EngineProgress(str(error), 0, 0)
        give_up = not (self._clock.expects_late_bars or isinstance(error, StorageError))
        if self._retry.tries >= MAX_TRIES and give_up and self._next:
            self._cursor, self._retry.tries = self._next, 0
        with self._condition:
            self._condition.wait_for(
                lambda: self._stopping or self._run_requested, self._retry.pause
            )

    def _record_error(self, error: str | None) -> None:
        state, reason = self._state, self._reason
        state_fields = {"state": state, "previous": state, "reason": reason, "error": error}
        self._record_event(EventKind.ENGINE_CHANGED, {"run": self._context.run, **state_fields})

    def _report_progress(self, what: str, done: int, total: int) -> None:
        self._progress = EngineProgress(what, done, total)

    def _report_agents(self, team: Team) -> None:
        """Record an event for every agent whose state changed since the last cycle."""
        for agent in team.health():
            if agent.state != self._reported_states.get(agent.agent, "ready"):
                payload = {"agent": agent.agent, "state": agent.state, "failure": agent.failure}
                self._record_event(EventKind.AGENT_CHANGED, payload)
            self._reported_states[agent.agent] = agent.state

    def _record_event(self, kind: EventKind, payload: Mapping[str, object]) -> None:
        """Record an event in the journal; a journal that fails must not stop the engine from trying
        again."""
        try:
            market = {"market": self._context.market}
            self._context.journal.append(kind, self._context.run, None, {**market, **payload})
            self._notify()
        except Exception:
            log.exception("an event could not be recorded")


def _total_seconds(results: Sequence[CycleResult]) -> dict[str, float]:
    stages: dict[str, float] = {}
    for result in results:
        for stage, seconds in result.seconds.items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    return stages
