"""How the engine and its agents are doing, as several pages show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.events import EngineState
from orchestrator.status import EngineStatus
from orchestrator.team.base import AgentHealth
from web import formatting
from web.services import CycleProgress
from web.shell import engine_view

MAX_ERROR_LENGTH = 600
_STATES = {
    "ready": ("Ready", "circle-check", "up"),
    "starting": ("Starting", "clock", "flat"),
    "restarting": ("Restarting", "refresh-cw", "warn"),
    "failing": ("Failing", "circle-alert", "down"),
}


@dataclass(frozen=True, slots=True)
class AgentHealthLine:
    label: str
    icon: str
    version: str
    word: str
    state_icon: str
    tone: str
    note: str


@dataclass(frozen=True, slots=True)
class ProgressView:
    """The progress card. `is_error` marks a problem instead of progress, `is_transient` a state
    that comes and goes with every bar, so the page's layout must not move with it."""

    title: str
    what: str
    done: int = 0
    total: int = 0
    is_error: bool = False
    is_transient: bool = False


def agent_health_lines(health: Sequence[AgentHealth]) -> tuple[AgentHealthLine, ...]:
    return tuple(_agent_line(agent) for agent in health)


def progress_view(
    status: EngineStatus, progress: CycleProgress | None, first: bool
) -> ProgressView | None:
    """Return the progress card. Before the first decision it is shown even without progress; while
    something is wrong it says what, and what helps."""
    state = status.state
    if status.error is not None:
        title = "The engine cannot go on and keeps trying"
        return ProgressView(
            title, formatting.single_line(status.error, MAX_ERROR_LENGTH), is_error=True
        )
    if progress is not None:
        title = "Getting ready for the first decision" if first else "A cycle is under way"
        what = formatting.single_line(progress.what)
        return ProgressView(title, what, progress.done, progress.total, is_transient=not first)
    if first:
        what = engine_view(state).meaning if state is not EngineState.RUNNING else "Starting"
        return ProgressView("Waiting for the first decision", what)
    return None


def _agent_line(agent: AgentHealth) -> AgentHealthLine:
    word, icon, tone = _STATES[agent.state]
    notes = [
        f"answered in {agent.seconds * 1000:,.0f} ms" if agent.seconds is not None else "",
        f"process {agent.pid}" if agent.pid else "",
        _restarts(agent.restarts),
        formatting.single_line(agent.failure, 200) if agent.failure else "",
    ]
    return AgentHealthLine(
        label=formatting.agent_label(agent.agent),
        icon=formatting.agent_icon(agent.agent),
        version=formatting.single_line(agent.version or "", 60),
        word=word,
        state_icon=icon,
        tone=tone,
        note=" · ".join(note for note in notes if note) or "has not been asked yet",
    )


def _restarts(count: int) -> str:
    return {0: "", 1: "restarted once"}.get(count, f"restarted {count} times")
