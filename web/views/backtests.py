"""Backtests as they are drawn in lists: those under way and those that are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from research.backtest.jobs import Job
from research.backtest.results import Summary
from research.report.formatting import Said, said
from research.report.metric_labels import title, unit
from research.report.result_view import HEADLINE
from web import formatting

_STATES = {
    "running": ("Running", "refresh-cw", "flat"),
    "failed": ("Failed", "circle-alert", "down"),
    "cancelled": ("Cancelled", "ban", "none"),
    "done": ("Done", "circle-check", "up"),
}

HEADS = tuple(map(title, HEADLINE))
"""What the figures of a kept result are called."""


@dataclass(frozen=True, slots=True)
class JobLine:
    """`left` says how long it may still take; `url` leads to the result once there is one."""

    id: str
    label: str
    what: str
    done: int
    total: int
    left: str
    running: bool
    word: str
    icon: str
    tone: str
    url: str


@dataclass(frozen=True, slots=True)
class ResultLine:
    id: str
    url: str
    label: str
    made_at: datetime
    market: str
    simulated: bool
    agents: str
    figures: tuple[Said, ...]


def job_lines(jobs: Sequence[Job]) -> tuple[JobLine, ...]:
    return tuple(map(_job_line, jobs))


def result_lines(results: Sequence[Summary]) -> tuple[ResultLine, ...]:
    return tuple(
        ResultLine(
            id=kept.id,
            url=f"/backtests/{kept.id}",
            label=formatting.line(kept.label, 120),
            made_at=kept.made_at,
            market=kept.market,
            simulated=kept.simulated,
            agents=", ".join(map(formatting.agent_label, kept.agents)),
            figures=tuple(said(kept.headline.get(name), unit(name)) for name in HEADLINE),
        )
        for kept in results
    )


def duration(seconds: float) -> str:
    """`about 40 s left`, `about 3 min left`: a guess is not told to the second."""
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5):.0f} s left"
    return f"about {seconds / 60:.0f} min left"


def _job_line(job: Job) -> JobLine:
    word, icon, tone = _STATES[job.state]
    return JobLine(
        id=job.id,
        label=formatting.line(job.label, 120),
        what=formatting.line(job.error or (job.what if job.state == "running" else ""), 600),
        done=job.done,
        total=job.total,
        left="" if job.seconds_left is None else duration(job.seconds_left),
        running=job.state == "running",
        word=word,
        icon=icon,
        tone=tone,
        url=f"/backtests/{job.result_id}" if job.result_id else "",
    )
