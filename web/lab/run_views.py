"""Training runs as the RL lab's pages draw them: a line in the list, and one in full."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import get_args, get_type_hints

from envs.training.arguments import TrainingArguments
from envs.training.events import HeldOutPaths
from envs.training.run_folder import RunState, StageProgress
from research.report.tables import FigureTable, LabelledValue
from web import formatting
from web.components.amounts import UNKNOWN
from web.lab.figures import held_out_equity, learning_curves
from web.lab.training_form import LABELS

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
    for name, hint in get_type_hints(TrainingArguments, include_extras=True).items()
    if len(get_args(hint)) > 1
}
"""What each argument of a training means."""


@dataclass(frozen=True, slots=True)
class RunAction:
    """An action on a run: the last part of its URL, its word, its icon; `primary` marks the most
    common one."""

    verb: str
    word: str
    icon: str
    primary: bool = False


STOP = RunAction("stop", "Stop", "x")
RESUME = RunAction("resume", "Resume", "play")
REGISTER = RunAction("keep", "Keep as model", "layers", primary=True)


@dataclass(frozen=True, slots=True)
class RunLine:
    """`what` says what the run does, `time_left` its remaining time, `percent` its progress;
    `error` why it failed. `data` names the market that it trains on."""

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
    time_left: str
    done: int
    total: int
    percent: str
    error: str
    data: str
    simulated: bool
    started_at: datetime
    actions: tuple[RunAction, ...]


@dataclass(frozen=True, slots=True)
class LabFigure:
    """A figure in HTML with its title; `caption` explains how to read it."""

    id: str
    title: str
    caption: str
    figure: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A run in full. `load_error` names the files that could not be read, `model` links to the
    model kept from it; each is empty where there is none."""

    line: RunLine
    curves: tuple[LabFigure, ...]
    equity: str
    scores: FigureTable | None
    origin: tuple[LabelledValue, ...]
    arguments: tuple[LabelledValue, ...]
    load_error: str
    model: str


def run_line(state: RunState, *, can_train: bool, is_registered: bool = False) -> RunLine:
    """Return a run's line. `can_train` means that runs can be stopped and resumed from the page,
    `is_registered` that its policy is already a model."""
    word, icon, tone = _STATES[state.state]
    actions = {
        "running": (STOP,) if can_train else (),
        "interrupted": (RESUME,) if can_train else (),
        "cancelled": (RESUME,) if can_train else (),
        "failed": (RESUME,) if can_train else (),
        "done": () if is_registered else (REGISTER,),
    }
    return RunLine(
        id=state.id,
        slug=formatting.slug(state.id),
        url=f"/lab/runs/{state.id}",
        label=formatting.single_line(state.label, 120),
        word=word,
        icon=icon,
        tone=tone,
        running=state.state == "running",
        resumable=state.state in ("interrupted", "cancelled"),
        what=_progress_text(state),
        time_left=""
        if state.seconds_left is None
        else formatting.remaining_time(state.seconds_left),
        done=state.done,
        total=state.total,
        percent=f"{100 * state.done / max(state.total, 1):.0f} %",
        error=formatting.single_line(state.error, 600),
        data=formatting.single_line(state.data, 40),
        simulated=state.simulated,
        started_at=state.started_at,
        actions=actions[state.state],
    )


def _progress_text(state: RunState) -> str:
    if state.state in ("done", "failed"):
        return ""
    what = formatting.single_line(state.what, 200)
    return f"Policy {what}" if what else "Nothing learnt yet"


def learning_curve_figures(progress: StageProgress) -> tuple[LabFigure, ...]:
    """Return a figure for each validation score that is known at any stage."""
    figures = []
    for place, (name, values) in enumerate(progress.scores.items()):
        title = f"Validation: {name}"
        figure = learning_curves(f"curve-{place}", title, progress.member, progress.steps, values)
        if figure:
            figures.append(LabFigure(f"curve-{place}", title, _HOW_TO_READ, figure))
    return tuple(figures)


def held_out_figure(held_out: HeldOutPaths | None) -> str:
    if held_out is None:
        return ""
    return held_out_equity("held-out", "Growth on the held-out years", held_out)


def argument_facts(arguments: Mapping[str, object]) -> tuple[LabelledValue, ...]:
    """Return every argument of a run, in the order of the command's help."""
    return tuple(
        LabelledValue(
            LABELS.get(each.name, each.name.replace("_", " ").capitalize()),
            format_argument(arguments[each.name]),
            _SENTENCES.get(each.name, ""),
        )
        for each in fields(TrainingArguments)
        if each.name in arguments
    )


def format_argument(value: object) -> str:
    """Format an argument's value; a dash where the default of training applies."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.10g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return " ".join(map(format_argument, value))
    return formatting.single_line(str(value), 120)
