"""The parts of the RL lab that update live, drawn for the stream as on the pages.

Promises that only what has changed is drawn again. Leaves out who receives it, and when
(`live/stream.py`).
"""

import time
from collections.abc import Sequence

from envs.training.run_folder import RunState
from web import formatting
from web.lab import components
from web.lab.score_views import SCORE_HEADS
from web.live.parts import Fragment, MomentPart
from web.render import Renderer
from web.services import LabService

CHECK_SECONDS = 0.5
MAX_FOLLOWED_RUNS = 4
"""Runs whose pages are kept up to date: running ones, then the most recently active."""


class LabLive:
    def __init__(self, lab: LabService, renderer: Renderer) -> None:
        self._lab, self._renderer = lab, renderer
        self._states: Sequence[RunState] | None = None
        self._models: object = None
        self._checked_at = -CHECK_SECONDS
        self._followed: dict[str, RunState] = {}
        self._runs: Sequence[Fragment] = ()
        self._model_lists: Sequence[Fragment] = ()
        self._run_pages: dict[str, Fragment] = {}

    def parts(self) -> Sequence[MomentPart]:
        return (
            MomentPart(topic="lab-runs", draw=lambda: self._updated()._runs),
            MomentPart(topic="lab-models", draw=lambda: self._updated()._model_lists),
            MomentPart(topic="lab-run", draw=lambda: self._updated()._run_pages.values()),
        )

    def _updated(self) -> "LabLive":
        """Look for changes at most every `CHECK_SECONDS`; events wake it much more often."""
        now = time.monotonic()
        if now - self._checked_at < CHECK_SECONDS:
            return self
        self._checked_at = now
        lab = self._lab
        states, models = lab.runs(), (tuple(lab.models()), lab.active_model(), lab.previous_model())
        runs_changed, models_changed = states != self._states, models != self._models
        if runs_changed or models_changed:
            context = components.run_list_context(lab, states)
            self._runs = (Fragment("lab-runs", self._renderer.partial("lab/runs", **context)),)
        if models_changed or self._run_completed(states):
            self._model_lists = self._render_models()
        if runs_changed:
            self._run_pages = self._render_runs(states)
        self._states, self._models = states, models
        return self

    def _run_completed(self, states: Sequence[RunState]) -> bool:
        """Return whether a run has finished since the last look: its model now has a source run."""
        before = {state.id for state in self._states or () if state.state == "done"}
        return any(state.state == "done" and state.id not in before for state in states)

    def _render_models(self) -> Sequence[Fragment]:
        active_model, lines = (
            components.active_model_view(self._lab),
            components.model_lines(self._lab),
        )
        active = self._renderer.partial(
            "lab/active_model", active_model=active_model, heads=SCORE_HEADS
        )
        models = self._renderer.partial("lab/models", models=lines, heads=SCORE_HEADS)
        return Fragment("lab-seat", active), Fragment("lab-models", models)

    def _render_runs(self, states: Sequence[RunState]) -> dict[str, Fragment]:
        """Draw the pages of the followed runs, by id; one that has not changed is kept."""
        known = {state.id: state for state in states}
        going = {state.id: state for state in states if state.state == "running"}
        ended = {id: known[id] for id in self._followed if id in known and id not in going}
        followed = dict([*going.items(), *ended.items()][:MAX_FOLLOWED_RUNS])
        pages = {
            id: self._run_pages[id] if self._followed.get(id) == state else self._render_run(state)
            for id, state in followed.items()
        }
        self._followed = followed
        return pages

    def _render_run(self, state: RunState) -> Fragment:
        partial = self._renderer.partial("lab/run", run=components.run_view(self._lab, state))
        return Fragment(f"run-{formatting.slug(state.id)}", partial)
