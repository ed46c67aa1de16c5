"""One agent's weights fitted on a period beside the shipped ones, and what they were worth.

The weights come from the whole period; their worth from a walk through its later part, on bars
later than those each refit learnt from. Leaves out reading history and writing files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from agents.coefficients import Coefficients, Skill
from domain.panel import Floats, Panel
from quant.resampling import Estimate
from research.fitting.fit import Lesson, learn
from research.fitting.walkforward import (
    Crossed,
    Skills,
    ahead,
    cross_validate,
    skills,
    walk,
    walked,
)

WINDOW = 1260
"""Bars that each refit of the walk learns from, five years of days."""
STEPS = 5
"""Refits in the time of one window."""


@dataclass(frozen=True, slots=True)
class Studied:
    """`weights` were fitted on all `rows` settled bars; the skills are those of a walk and of the
    shipped weights on the same bars. `gain`: Brier skill of the refitted less the shipped.
    `crossed`: over the histories of a cross-validation of the whole period."""

    agent: str
    version: str
    shipped: Mapping[str, float]
    weights: Mapping[str, float]
    spread: float
    rows: int
    shipped_skills: Skills
    fitted_skills: Skills
    gain: Estimate
    crossed: Crossed

    @property
    def recommended(self) -> bool:
        """Whether the whole interval of the gain lies above zero."""
        return self.gain.low > 0.0


def window_of(rows: int) -> int:
    """Bars before the first test: a window, or half of a history shorter than two."""
    return min(WINDOW, rows // 2)


def study(taught: Lesson, folds: int) -> Studied:
    rows = len(taught.base)
    window = window_of(rows)
    tested = walked(taught, walk(taught, window, window, window // STEPS))
    shipped = taught.log_odds(taught.shipped)
    shipped[:window] = np.nan
    learnt = learn(taught, np.arange(rows), folds)
    return Studied(
        agent=taught.agent,
        version=taught.version,
        shipped=_by_name(taught, taught.shipped),
        weights=_by_name(taught, learnt.weights),
        spread=learnt.spread,
        rows=learnt.rows,
        shipped_skills=skills(taught, shipped),
        fitted_skills=skills(taught, tested),
        gain=ahead(taught, tested, shipped),
        crossed=cross_validate(taught),
    )


def coefficients_of(
    panel: Panel, digest: str, begin: int, chosen: Sequence[Studied], made_at: datetime
) -> Coefficients:
    """The weights of `chosen`, fitted on rows `begin` to T - 1 of the panel of that `digest`."""
    return Coefficients(
        weights={each.agent: each.weights for each in chosen},
        versions={each.agent: each.version for each in chosen},
        symbols=panel.symbols,
        first=moment(panel, begin),
        last=moment(panel, -1),
        timeframe=str(panel.timeframe),
        horizon=panel.horizon,
        panel=digest,
        spread={each.agent: each.spread for each in chosen},
        shipped_record={each.agent: _skill(each.shipped_skills) for each in chosen},
        fitted_record={each.agent: _skill(each.fitted_skills) for each in chosen},
        made_at=made_at,
    )


def moment(panel: Panel, row: int) -> datetime:
    """When the bar of that row closed."""
    at: datetime = panel.known_at[row].astype("datetime64[us]").item()
    return at.replace(tzinfo=UTC)


def _by_name(taught: Lesson, weights: Floats) -> dict[str, float]:
    return dict(zip(taught.names, weights.tolist(), strict=True))


def _skill(told: Skills) -> Skill:
    return Skill(_plain(told.brier_skill), _plain(told.rank_ic), told.brier_skill.n)


def _plain(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    value, low, high = (
        each if np.isfinite(each) else None
        for each in (estimate.value, estimate.low, estimate.high)
    )
    return value, low, high
