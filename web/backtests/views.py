"""Backtests as lists draw them: running jobs and kept results."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from research.backtest.jobs import BacktestJob
from research.backtest.results import BacktestSummary
from research.report.formatting import FormattedFigure, format_figure
from research.report.metric_labels import metric_title, metric_unit
from research.report.result_view import HEADLINE_METRICS
from web import formatting

_STATES = {
    "running": ("Running", "refresh-cw", "flat"),
    "failed": ("Failed", "circle-alert", "down"),
    "cancelled": ("Cancelled", "ban", "none"),
    "done": ("Done", "circle-check", "up"),
}

HEADS = tuple(map(metric_title, HEADLINE_METRICS))
"""What the figures of a kept result are called."""


@dataclass(frozen=True, slots=True)
class JobLine:
    """`left` is the remaining time; `url` links to the result once there is one."""

    id: str
    label: str
    what: str
    done: int
    total: int
    time_left: str
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
    figures: tuple[FormattedFigure, ...]


def job_lines(jobs: Sequence[BacktestJob]) -> tuple[JobLine, ...]:
    return tuple(map(_job_line, jobs))


def result_lines(results: Sequence[BacktestSummary]) -> tuple[ResultLine, ...]:
    return tuple(
        ResultLine(
            id=result.id,
            url=f"/backtests/{result.id}",
            label=formatting.single_line(result.label, 120),
            made_at=result.made_at,
            market=result.market,
            simulated=result.simulated,
            agents=", ".join(map(formatting.agent_label, result.agents)),
            figures=tuple(
                format_figure(result.headline.get(name), metric_unit(name))
                for name in HEADLINE_METRICS
            ),
        )
        for result in results
    )


def _job_line(job: BacktestJob) -> JobLine:
    word, icon, tone = _STATES[job.state]
    return JobLine(
        id=job.id,
        label=formatting.single_line(job.label, 120),
        what=formatting.single_line(job.error or (job.what if job.state == "running" else ""), 600),
        done=job.done,
        total=job.total,
        time_left="" if job.seconds_left is None else formatting.remaining_time(job.seconds_left),
        running=job.state == "running",
        word=word,
        icon=icon,
        tone=tone,
        url=f"/backtests/{job.result_id}" if job.result_id else "",
    )
