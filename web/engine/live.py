"""What of the engine the stream keeps up to date: its state, its progress, its agents."""

from collections.abc import Iterator, Sequence

from domain.events import EventKind
from web.components.engine_status import agent_health_lines, progress_view
from web.engine.views import engine_facts
from web.live.latest_state import LatestState
from web.live.parts import Fragment, LivePart, MomentPart
from web.render import Renderer
from web.services import EngineControl, ServedRun
from web.shell import build_banner, engine_view


class EngineLive:
    def __init__(
        self,
        served_run: ServedRun,
        engine: EngineControl,
        latest_state: LatestState,
        renderer: Renderer,
    ) -> None:
        self._served_run, self._engine = served_run, engine
        self._latest_state, self._renderer = latest_state, renderer

    def parts(self) -> Sequence[LivePart | MomentPart]:
        changes = frozenset({EventKind.CYCLE_COMPLETED, EventKind.ENGINE_CHANGED})
        return (
            LivePart(topic="shell", stale_on=changes, draw=self._shell, always=True),
            MomentPart(topic="progress", draw=self._progress),
            MomentPart(topic="engine", draw=self._engine_state),
            MomentPart(topic="agents", draw=self._agents),
        )

    def _shell(self) -> Iterator[Fragment]:
        engine = engine_view(self._engine.state)
        pill = self._renderer.partial("components/engine_pill", engine=engine)
        yield Fragment("engine-pill", pill)
        banner = build_banner(self._served_run, self._latest_state.as_of)
        yield Fragment("banner", self._renderer.partial("components/banner", banner=banner))

    def _progress(self) -> Iterator[Fragment]:
        is_first = not self._latest_state.decisions
        progress = progress_view(self._engine.status(), self._engine.progress(), is_first)
        partial = self._renderer.partial("components/progress", progress=progress)
        yield Fragment("progress", partial)

    def _engine_state(self) -> Iterator[Fragment]:
        status = self._engine.status()
        engine, facts = engine_view(status.state), engine_facts(status)
        partial = self._renderer.partial("engine/engine", engine=engine, facts=facts)
        yield Fragment("engine", partial)

    def _agents(self) -> Iterator[Fragment]:
        agents = agent_health_lines(self._engine.health())
        partial = self._renderer.partial("components/agents", agents_health=agents)
        yield Fragment("agents", partial)
