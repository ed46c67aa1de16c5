"""The parts of the RL lab that change by themselves, drawn for the stream as the pages draw them.

Promises that only what has changed is drawn again. Leaves out who gets it, and when
(`live/stream.py`).
"""

import time
from collections.abc import Mapping, Sequence

from envs.training.run_folder import RunState
from web import formatting
from web.lab import components
from web.lab.score_views import SCORE_HEADS
from web.render import Renderer
from web.services import AppServices

Fragments = Mapping[str, str]
"""Elements by the id of what they replace."""
CHECK_SECONDS = 0.5
MAX_FOLLOWED_RUNS = 4
"""Runs whose pages are kept up to date: those that go on, then those that went on last."""


class LabFragments:
    """`render` gives the elements of each topic as things stand."""

    def __init__(self, services: AppServices, renderer: Renderer) -> None:
        self._services, self._renderer = services, renderer
        self._states: Sequence[RunState] | None = None
        self._models: object = None
        self._checked_at = -CHECK_SECONDS
        self._followed: dict[str, RunState] = {}
        self._cache: dict[str, Fragments] = {"lab-runs": {}, "lab-models": {}, "lab-run": {}}

    def render(self) -> Mapping[str, Fragments]:
        """Looks for changes at most every `CHECK_SECONDS`; events wake it much more often."""
        now = time.monotonic()
        if now - self._checked_at < CHECK_SECONDS:
            return self._cache
        self._checked_at = now
        lab = self._services.lab
        states, models = lab.runs(), (tuple(lab.models()), lab.active_model(), lab.previous_model())
        runs_changed, models_changed = states != self._states, models != self._models
        if runs_changed or models_changed:
            names = components.run_list_context(self._services, states)
            runs = {"lab-runs": self._renderer.partial("lab_runs", **names)}
            self._cache = {**self._cache, "lab-runs": runs}
        if models_changed or self._run_completed(states):
            self._cache = {**self._cache, "lab-models": self._render_models()}
        if runs_changed:
            self._cache = {**self._cache, "lab-run": self._render_runs(states)}
        self._states, self._models = states, models
        return self._cache

    def _run_completed(self, states: Sequence[RunState]) -> bool:
        """Whether a run is done that was not: its model has somewhere to come from."""
        before = {state.id for state in self._states or () if state.state == "done"}
        return any(state.state == "done" and state.id not in before for state in states)

    def _render_models(self) -> Fragments:
        active_model, lines = (
            components.active_model_view(self._services),
            components.model_lines(self._services),
        )
        return {
            "lab-seat": self._renderer.partial(
                "lab_active_model", active_model=active_model, heads=SCORE_HEADS
            ),
            "lab-models": self._renderer.partial("lab_models", models=lines, heads=SCORE_HEADS),
        }

    def _render_runs(self, states: Sequence[RunState]) -> Fragments:
        known = {state.id: state for state in states}
        going = {state.id: state for state in states if state.state == "running"}
        ended = {id: known[id] for id in self._followed if id in known and id not in going}
        followed = dict([*going.items(), *ended.items()][:MAX_FOLLOWED_RUNS])
        fragments = {
            f"run-{formatting.slug(id)}": self._cache["lab-run"][f"run-{formatting.slug(id)}"]
            if self._followed.get(id) == state
            else self._renderer.partial("lab_run", run=components.run_view(self._services, state))
            for id, state in followed.items()
        }
        self._followed = followed
        return fragments
