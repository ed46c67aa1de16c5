"""What a policy was worth on years it had not seen, in words and figures.

Promises that nothing is told without its interval, and that what is not known is a dash.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from envs.policies.policy import Manifest, Score
from envs.training.evaluation import GROWTH, GROWTH_OVER, SHARPE, SHARPE_OVER, SKILL
from envs.training.evaluation_report import POLICY
from research.report.formatting import Said, number, said
from research.report.tables import Fact, Grid, Line

SHOWN = (SKILL, SHARPE, SHARPE_OVER, GROWTH)
"""Scores in the order in which they matter; others follow."""
HEADS = (
    Fact("Brier skill", "", "Of the base rate’s Brier score the share that its forecasts save."),
    Fact("Sharpe ratio", "", "A year, of the average account, net of cost."),
    Fact("Sharpe over buy and hold", "", "Its Sharpe ratio less that of holding every symbol."),
    Fact("Growth a year", "", "Compound, of the average account, net of cost."),
)
"""What each of `SHOWN` is called."""
FULL = {SKILL: 0.02, SHARPE: 2.5, SHARPE_OVER: 1.5, GROWTH: 0.3, GROWTH_OVER: 0.3}
"""Where the small marks of intervals end."""
LEAST = 0.001
"""A smaller skill is told to the hundredth of a percent."""
MEMBER = re.compile(r"[a-z0-9]+-\d+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the forecasts were worth in words, and the figure with its interval."""

    words: str
    figures: str
    icon: str
    tone: str


def verdict(manifest: Manifest | None) -> Verdict:
    """Against the base rate, by whether the whole interval lies on one side of it."""
    score = manifest.scores.get(POLICY, {}).get(SKILL) if manifest else None
    if score is None:
        return Verdict("What it was worth is not known", "", "circle-dashed", "none")
    if score.low > 0:
        words, icon, tone = "Better than its base rate", "circle-check", "up"
    elif score.high < 0:
        words, icon, tone = "Worse than its base rate", "circle-x", "down"
    else:
        words, icon, tone = "No better than its base rate", "minus", "flat"
    digits = 1 if abs(score.value) >= LEAST else 2
    low, high, value = (number(each, "%", digits) for each in (score.low, score.high, score.value))
    if manifest and manifest.simulated:
        words += " in the simulated market"
    return Verdict(words, f"{value} [{low}, {high}]", icon, tone)


def scores_grid(scores: Mapping[str, Mapping[str, Score]], title: str = "") -> Grid | None:
    """Everybody's figures on the held-out years: the ensemble, each member, each benchmark."""
    told = {name for own in scores.values() for name in own}
    heads = (*(name for name in SHOWN if name in told), *sorted(told - set(SHOWN)))
    if not heads:
        return None
    lines = tuple(
        Line(_titled(name), tuple(_said(scores[name].get(head), head) for head in heads))
        for name in sorted(scores, key=_rank)
    )
    return Grid(
        title=title or "What it was worth on the held-out years",
        corner="Who",
        heads=tuple(head[0].upper() + head[1:] for head in heads),
        lines=lines,
        said="net of cost; 90 % intervals from blocks of days, all symbols together",
    )


def cell(manifest: Manifest | None, head: str) -> Said:
    """The ensemble's own figure called `head`."""
    return _said(manifest.scores.get(POLICY, {}).get(head) if manifest else None, head)


def _rank(name: str) -> int:
    """The ensemble first, then benchmarks, then members ("ppo-0")."""
    return 0 if name == POLICY else 2 if MEMBER.fullmatch(name) else 1


def _titled(name: str) -> str:
    return "the ensemble" if name == POLICY else name


def _said(score: Score | None, head: str) -> Said:
    if score is None:
        return said(None)
    unit = "%" if head.startswith("growth") or head == SKILL else ""
    told = {"value": score.value, "low": score.low, "high": score.high}
    return said(told, unit, FULL.get(head))
