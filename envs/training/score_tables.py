"""Scores as a table for a terminal."""

from rich.table import Table

from envs.policies.policy import Policy, Score
from envs.training.evaluation import GROWTH, SHARPE, SHARPE_OVER, SKILL
from envs.training.evaluation_report import ENSEMBLE, ScoresByName

COLUMNS = (GROWTH, SHARPE, SHARPE_OVER, SKILL)


def score_table(title: str, scores: ScoresByName, policy: Policy) -> Table:
    """Return a table with a row for each of the policy, its members and the benchmarks, and a
    column for each score with its interval; "–" where unknown."""
    table = Table(title=title, caption="In brackets: 90% intervals, blocks of time drawn again.")
    for heading in ("", *COLUMNS):
        table.add_column(heading)
    first = (ENSEMBLE, *(member.name for member in policy.members))
    for who in (*first, *(each for each in scores if each not in first)):
        figures = scores.get(who, {})
        table.add_row(who, *(_score_text(name, figures.get(name)) for name in COLUMNS))
    return table


def _score_text(name: str, score: Score | None) -> str:
    if score is None:
        return "–"
    digits = 4 if name == SKILL else 2
    value, low, high = (f"{each:.{digits}f}" for each in (score.value, score.low, score.high))
    return f"{value} [{low}, {high}]".replace("-", "−")
