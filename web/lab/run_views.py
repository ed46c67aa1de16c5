"""Training runs as the pages of the RL lab draw them: a line in the list, and one whole."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import get_args, get_type_hints

from envs.training.arguments import Arguments
from envs.training.events import HeldOut
from envs.training.run_folder import Progress, RunState
from research.report.tables import Fact, Grid
from web import formatting
from web.lab.figures import held_out_equity, learning_curves
from web.lab.training_form import LABELS
from web.views.amounts import UNKNOWN
from web.views.backtests import duration

_STATES = {
    "running": ("Training", "refresh-cw", "flat"),
    "done": ("Done", "circle-check", "up"),
    "failed": ("Failed", "circle-alert", "down"),
    "cancelled": ("Stopped", "ban", "none"),
    "interrupted": ("Interrupted", "triangle-alert", "warn"),
}
_HOW_TO_READ = "by steps learnt: a thin line a seed, in a band; the mean is of all that got so far"
_SENTENCES = {
    name: get_args(hint)[1]
    for name, hint in get_type_hints(Arguments, include_extras=True).items()
    if len(get_args(hint)) > 1
}
"""What each argument of a training means."""


@dataclass(frozen=True, slots=True)
class Move:
    """What can be done with a run: the last part of its address, its word, its icon; `first` marks
    what most come for."""

    verb: str
    word: str
    icon: str
    first: bool = False


STOP = Move("stop", "Stop", "x")
RESUME = Move("resume", "Resume", "play")
KEEP = Move("keep", "Keep as model", "layers", first=True)


@dataclass(frozen=True, slots=True)
class RunLine:
    """`what` says what it does, `left` how long it may still take, `percent` how much is done;
    `error` why it failed. `data` names the market it learns from."""

    id: str
    slug: str
    url: str
    label: str
    word: str
    icon: str
    tone: str
    running: bool
    resumable: bool
    what: str
    left: str
    done: int
    total: int
    percent: str
    error: str
    data: str
    simulated: bool
    started_at: datetime
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure in HTML under its title; `said` is how to read it."""

    id: str
    title: str
    said: str
    figure: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A run whole. `trouble` says which of its files could not be read, `model` leads to what was
    kept of it; each empty where there is none."""

    line: RunLine
    curves: tuple[Drawn, ...]
    equity: str
    scores: Grid | None
    origin: tuple[Fact, ...]
    arguments: tuple[Fact, ...]
    trouble: str
    model: str


def run_line(state: RunState, *, trains: bool, kept: bool = False) -> RunLine:
    """`trains` where runs can be stopped and gone on with from the page, `kept` where its policy
    is a model already."""
    word, icon, tone = _STATES[state.state]
    moves = {
        "running": (STOP,) if trains else (),
        "interrupted": (RESUME,) if trains else (),
        "cancelled": (RESUME,) if trains else (),
        "failed": (RESUME,) if trains else (),
        "done": () if kept else (KEEP,),
    }
    return RunLine(
        id=state.id,
        slug=formatting.slug(state.id),
        url=f"/lab/runs/{state.id}",
        label=formatting.line(state.label, 120),
        word=word,
        icon=icon,
        tone=tone,
        running=state.state == "running",
        resumable=state.state in ("interrupted", "cancelled"),
        what=_what(state),
        left="" if state.seconds_left is None else duration(state.seconds_left),
        done=state.done,
        total=state.total,
        percent=f"{100 * state.done / max(state.total, 1):.0f} %",
        error=formatting.line(state.error, 600),
        data=formatting.line(state.data, 40),
        simulated=state.simulated,
        started_at=state.started_at,
        moves=moves[state.state],
    )


def _what(state: RunState) -> str:
    if state.state in ("done", "failed"):
        return ""
    what = formatting.line(state.what, 200)
    return f"Policy {what}" if what else "Nothing learnt yet"


def curves_of(progress: Progress) -> tuple[Drawn, ...]:
    """A figure for each score of the validation period that is known anywhere."""
    drawn = []
    for place, (name, values) in enumerate(progress.scores.items()):
        title = f"Validation: {name}"
        figure = learning_curves(f"curve-{place}", title, progress.member, progress.steps, values)
        if figure:
            drawn.append(Drawn(f"curve-{place}", title, _HOW_TO_READ, figure))
    return tuple(drawn)


def equity_of(held_out: HeldOut | None) -> str:
    if held_out is None:
        return ""
    return held_out_equity("held-out", "Growth on the held-out years", held_out)


def argument_facts(arguments: Mapping[str, object]) -> tuple[Fact, ...]:
    """Everything a run was asked for, in the order of the command's help."""
    return tuple(
        Fact(
            LABELS.get(each.name, each.name.replace("_", " ").capitalize()),
            written(arguments[each.name]),
            _SENTENCES.get(each.name, ""),
        )
        for each in fields(Arguments)
        if each.name in arguments
    )


def written(value: object) -> str:
    """A value of an argument; a dash where it was left to whoever learns."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.10g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return " ".join(map(written, value))
    return formatting.line(str(value), 120)
