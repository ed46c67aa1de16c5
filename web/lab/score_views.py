"""The held-out scores of a policy, in words and figures.

Promises that no score is shown without its interval, and that an unknown value is a dash.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from envs.policies.policy import Manifest, Score
from envs.training.evaluation import GROWTH, GROWTH_OVER, SHARPE, SHARPE_OVER, SKILL
from envs.training.evaluation_report import ENSEMBLE
from research.report.formatting import FormattedFigure, format_figure, format_number
from research.report.tables import FigureRow, FigureTable, LabelledValue

SHOWN_SCORES = (SKILL, SHARPE, SHARPE_OVER, GROWTH)
"""Scores in the order in which they matter; others follow."""
SCORE_HEADS = (
    LabelledValue(
        "Brier skill", "", "Of the base rate’s Brier score the share that its forecasts save."
    ),
    LabelledValue("Sharpe ratio", "", "A year, of the average account, net of cost."),
    LabelledValue(
        "Sharpe over buy and hold", "", "Its Sharpe ratio less that of holding every symbol."
    ),
    LabelledValue("Growth a year", "", "Compound, of the average account, net of cost."),
)
"""What each of `SHOWN_SCORES` is called."""
INTERVAL_LIMITS = {SKILL: 0.02, SHARPE: 2.5, SHARPE_OVER: 1.5, GROWTH: 0.3, GROWTH_OVER: 0.3}
"""Where the small marks of intervals end."""
SMALL_SKILL = 0.001
"""A smaller skill is shown to the hundredth of a percent."""
MEMBER_NAME = re.compile(r"[a-z0-9]+-\d+")


@dataclass(frozen=True, slots=True)
class SkillVerdict:
    """The quality of the forecasts in words, and the figure with its interval."""

    text: str
    figures: str
    icon: str
    tone: str


def skill_verdict(manifest: Manifest | None) -> SkillVerdict:
    """Compare the forecasts with the base rate, by whether the whole interval lies on one side of
    it."""
    score = manifest.scores.get(ENSEMBLE, {}).get(SKILL) if manifest else None
    if score is None:
        return SkillVerdict("What it was worth is not known", "", "circle-dashed", "none")
    if score.low > 0:
        words, icon, tone = "Better than its base rate", "circle-check", "up"
    elif score.high < 0:
        words, icon, tone = "Worse than its base rate", "circle-x", "down"
    else:
        words, icon, tone = "No better than its base rate", "minus", "flat"
    digits = 1 if abs(score.value) >= SMALL_SKILL else 2
    low, high, value = (
        format_number(each, "%", digits) for each in (score.low, score.high, score.value)
    )
    if manifest and manifest.simulated:
        words += " in the simulated market"
    return SkillVerdict(words, f"{value} [{low}, {high}]", icon, tone)


def scores_grid(scores: Mapping[str, Mapping[str, Score]], title: str = "") -> FigureTable | None:
    """Return a table of the held-out scores: the ensemble, each member, each benchmark."""
    names = {name for own in scores.values() for name in own}
    heads = (*(name for name in SHOWN_SCORES if name in names), *sorted(names - set(SHOWN_SCORES)))
    if not heads:
        return None
    lines = tuple(
        FigureRow(
            _forecaster_title(name),
            tuple(_format_score(scores[name].get(head), head) for head in heads),
        )
        for name in sorted(scores, key=_rank)
    )
    return FigureTable(
        title=title or "What it was worth on the held-out years",
        row_header="Who",
        heads=tuple(head[0].upper() + head[1:] for head in heads),
        lines=lines,
        note="net of cost; 90 % intervals from blocks of days, all symbols together",
    )


def score_cell(manifest: Manifest | None, head: str) -> FormattedFigure:
    """Return the ensemble's score called `head`."""
    return _format_score(manifest.scores.get(ENSEMBLE, {}).get(head) if manifest else None, head)


def _rank(name: str) -> int:
    """Return the sort key of a name: the ensemble first, then benchmarks, then members
    ("ppo-0")."""
    return 0 if name == ENSEMBLE else 2 if MEMBER_NAME.fullmatch(name) else 1


def _forecaster_title(name: str) -> str:
    return "the ensemble" if name == ENSEMBLE else name


def _format_score(score: Score | None, head: str) -> FormattedFigure:
    if score is None:
        return format_figure(None)
    unit = "%" if head.startswith("growth") or head == SKILL else ""
    interval = {"value": score.value, "low": score.low, "high": score.high}
    return format_figure(interval, unit, INTERVAL_LIMITS.get(head))
