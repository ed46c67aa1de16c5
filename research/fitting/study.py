"""One agent's weights fitted on a period, compared with the shipped ones.

The weights are fitted on the whole period; their skill comes from a walk through its later part, on
bars later than those of each refit. Leaves out reading history and writing files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from agents.coefficients import Coefficients, WeightSkill
from domain.panel import Floats, Panel
from quant.resampling import IntervalEstimate
from research.fitting.fit import FitSample, fit_weights
from research.fitting.walkforward import (
    CrossValidation,
    SkillEstimates,
    cross_validate,
    estimate_skill,
    out_of_sample_log_odds,
    refit_walk,
    skill_difference,
)

WINDOW_BARS = 1260
"""Bars in the window of each refit: five years of daily ones."""
REFITS_PER_WINDOW = 5
"""Refits per window length."""


@dataclass(frozen=True, slots=True)
class AgentFit:
    """`weights` were fitted on all `rows` settled bars; the skills are those of a walk and of the
    shipped weights on the same bars. `gain`: Brier skill of the refitted less the shipped.
    `cross_validation`: over the histories of a cross-validation of the whole period."""

    agent: str
    version: str
    shipped: Mapping[str, float]
    weights: Mapping[str, float]
    prior_std: float
    rows: int
    shipped_skills: SkillEstimates
    fitted_skills: SkillEstimates
    gain: IntervalEstimate
    cross_validation: CrossValidation

    @property
    def recommended(self) -> bool:
        """Whether the whole interval of the gain is above zero."""
        return self.gain.low > 0.0


def window_length(rows: int) -> int:
    """Return the number of bars before the first test: a window, or half of a history shorter than
    two windows."""
    return min(WINDOW_BARS, rows // 2)


def study_agent(sample: FitSample, folds: int) -> AgentFit:
    rows = len(sample.base_log_odds)
    window = window_length(rows)
    out_of_sample = out_of_sample_log_odds(
        sample, refit_walk(sample, window, window, window // REFITS_PER_WINDOW)
    )
    shipped = sample.log_odds(sample.shipped)
    shipped[:window] = np.nan
    fitted = fit_weights(sample, np.arange(rows), folds)
    return AgentFit(
        agent=sample.agent,
        version=sample.version,
        shipped=_by_name(sample, sample.shipped),
        weights=_by_name(sample, fitted.weights),
        prior_std=fitted.prior_std,
        rows=fitted.rows,
        shipped_skills=estimate_skill(sample, shipped),
        fitted_skills=estimate_skill(sample, out_of_sample),
        gain=skill_difference(sample, out_of_sample, shipped),
        cross_validation=cross_validate(sample),
    )


def build_coefficients(
    panel: Panel, digest: str, begin: int, fits: Sequence[AgentFit], made_at: datetime
) -> Coefficients:
    """Return the weights of `fits`, fitted on rows `begin` to T - 1 of the panel with that
    `digest`."""
    return Coefficients(
        weights={each.agent: each.weights for each in fits},
        versions={each.agent: each.version for each in fits},
        symbols=panel.symbols,
        first=bar_close(panel, begin),
        last=bar_close(panel, -1),
        timeframe=str(panel.timeframe),
        horizon=panel.horizon,
        panel=digest,
        spread={each.agent: each.prior_std for each in fits},
        shipped_record={each.agent: _plain_skill(each.shipped_skills) for each in fits},
        fitted_record={each.agent: _plain_skill(each.fitted_skills) for each in fits},
        made_at=made_at,
    )


def bar_close(panel: Panel, row: int) -> datetime:
    """Return when the bar of a row closed."""
    at: datetime = panel.known_at[row].astype("datetime64[us]").item()
    return at.replace(tzinfo=UTC)


def _by_name(sample: FitSample, weights: Floats) -> dict[str, float]:
    return dict(zip(sample.names, weights.tolist(), strict=True))


def _plain_skill(skill: SkillEstimates) -> WeightSkill:
    return WeightSkill(_plain(skill.brier_skill), _plain(skill.rank_ic), skill.brier_skill.n)


def _plain(estimate: IntervalEstimate) -> tuple[float | None, float | None, float | None]:
    value, low, high = (
        each if np.isfinite(each) else None
        for each in (estimate.value, estimate.low, estimate.high)
    )
    return value, low, high
