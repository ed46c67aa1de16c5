"""The parts of the RL lab that move by themselves, drawn for the stream as the pages draw them.

Promises that only what has moved is drawn again. Leaves out who is told, and when (`stream.py`).
"""

import time
from collections.abc import Mapping, Sequence

from envs.training.run_folder import RunState
from web import formatting
from web.lab import components
from web.lab.score_views import HEADS
from web.render import Renderer
from web.services import House

Drawing = Mapping[str, str]
"""Elements by the id of what they replace."""
LOOK_SECONDS = 0.5
FOLLOWED = 4
"""Runs whose pages are kept up to date: those that go on, then those that went on last."""


class LabMoments:
    """`draw` gives the elements of each topic as things stand."""

    def __init__(self, house: House, renderer: Renderer) -> None:
        self._house, self._renderer = house, renderer
        self._states: Sequence[RunState] | None = None
        self._models: object = None
        self._looked_at = -LOOK_SECONDS
        self._followed: dict[str, RunState] = {}
        self._drawn: dict[str, Drawing] = {"lab-runs": {}, "lab-models": {}, "lab-run": {}}

    def draw(self) -> Mapping[str, Drawing]:
        """At most every `LOOK_SECONDS` it is looked at what has moved; events ring much oftener."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return self._drawn
        self._looked_at = now
        lab = self._house.lab
        states, models = lab.runs(), (tuple(lab.models()), lab.seated(), lab.former())
        moved, other = states != self._states, models != self._models
        if moved or other:
            names = components.runs_names(self._house, states)
            runs = {"lab-runs": self._renderer.partial("lab_runs", **names)}
            self._drawn = {**self._drawn, "lab-runs": runs}
        if other or self._ended(states):
            self._drawn = {**self._drawn, "lab-models": self._draw_models()}
        if moved:
            self._drawn = {**self._drawn, "lab-run": self._draw_each(states)}
        self._states, self._models = states, models
        return self._drawn

    def _ended(self, states: Sequence[RunState]) -> bool:
        """Whether a run is done that was not: its model has somewhere to come from."""
        before = {state.id for state in self._states or () if state.state == "done"}
        return any(state.state == "done" and state.id not in before for state in states)

    def _draw_models(self) -> Drawing:
        seat, lines = components.seat_view(self._house), components.model_lines(self._house)
        return {
            "lab-seat": self._renderer.partial("lab_seat", seat=seat, heads=HEADS),
            "lab-models": self._renderer.partial("lab_models", models=lines, heads=HEADS),
        }

    def _draw_each(self, states: Sequence[RunState]) -> Drawing:
        known = {state.id: state for state in states}
        going = {state.id: state for state in states if state.state == "running"}
        ended = {id: known[id] for id in self._followed if id in known and id not in going}
        followed = dict([*going.items(), *ended.items()][:FOLLOWED])
        drawn = {
            f"run-{formatting.slug(id)}": self._drawn["lab-run"][f"run-{formatting.slug(id)}"]
            if self._followed.get(id) == state
            else self._renderer.partial("lab_run", run=components.run_view(self._house, state))
            for id, state in followed.items()
        }
        self._followed = followed
        return drawn
