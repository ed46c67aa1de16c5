"""What weights history would have given an agent's signals: ridge logistic regression.

The model is the agent's own arithmetic: log-odds of the base rate (an offset, never fitted) plus
weights times what was seen, pooled over symbols. Weights are drawn towards those that ship, so that
a signal on which history is silent keeps its weight, and no evidence at all changes nothing.

Three things keep it from believing too much. Outcomes that overlap and symbols that move together
say less than their number, so the likelihood is divided by a design effect. How far weights may
depart is chosen on purged folds, and only as far as their gain exceeds its own standard error.
And the search begins at the shipped weights.

Leaves out when to fit and whether it was worth it (`research.fitting.walkforward`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.coefficients import LARGEST
from agents.evidence import Tunable
from domain.panel import Floats, Panel
from domain.votes import Votes, sigmoid
from orchestrator.evaluation.forward_returns import PENDING, Outcomes, outcomes
from research.fitting.splits import Rows, folds

Bools = NDArray[np.bool_]

SPREADS = (0.0, 0.003, 0.006, 0.0125, 0.025, 0.05, 0.1)
"""Standard deviations, in log-odds at full scale, within which weights may depart from those that
ship: from not at all to further than any signal of this kind was ever worth."""
FOLDS = 5
FEWEST_ROWS = 120
"""With fewer settled rows nothing is learnt."""
DIGITS = 4
"""Decimals of a fitted weight; a ten-thousandth of log-odds is nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What R rows (`begin` to T - 1 of a panel) of N symbols say about the K weights of an agent.

    `unit` (R, N, K): log-odds a unit of weight, 0 where the evidence is missing; `base` (R, N):
    log-odds of the base rate; `voted` (R, N). `change` (R, N): the outcome, NaN where there is none
    to learn from. `ends` (R,): row, counted from `begin`, at which the outcomes begun in a row are
    complete. `slope` (R, K) and `bend` (R, K, K) are gradient and negative curvature of a row's
    log-likelihood at the shipped weights, `pull` and `noise` (R,) its sum of residuals and the sum
    of their squares.
    """

    agent: str
    version: str
    names: tuple[str, ...]
    shipped: Floats
    unit: Floats
    base: Floats
    voted: Bools
    change: Floats
    ends: Rows
    horizon: int
    slope: Floats
    bend: Floats
    pull: Floats
    noise: Floats

    def log_odds(self, weights: Floats) -> Floats:
        """(R, N) votes under `weights` (K,), or (R, K) where each row has its own."""
        each = np.broadcast_to(weights, (len(self.base), len(self.names)))
        evidence = (self.unit @ each[:, :, np.newaxis])[:, :, 0]
        return np.where(self.voted, self.base + evidence, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """Weights (K,) in the order of the lesson's names; `spread` 0 are those that ship. `rows` is
    how many settled rows spoke."""

    weights: Floats
    spread: float
    rows: int


def embargo(horizon: int) -> int:
    """Rows left out beside the purged ones: what agents see still echoes what was tested."""
    return 4 * horizon


def lesson(panel: Panel, begin: int, agent: Tunable[Any], seen: Any) -> Lesson:
    """The lesson of rows `begin` to T - 1 for `agent`, which has `seen` them.

    An outcome that takes more than twice the rows it should, because its symbol was not traded, is
    not learnt from.
    """
    names = tuple(agent.shipped)
    shipped = np.array([agent.shipped[name] for name in names])
    votes = agent.weigh(panel, begin, seen, dict.fromkeys(names, 1.0))
    base = votes.terms[0].log_odds
    voted = ~np.isnan(votes.log_odds)
    unit = np.ascontiguousarray(np.stack(_evidence(votes, names), axis=2))
    settled = outcomes(panel, begin)
    change = np.where(voted & _prompt(settled, begin, panel.horizon), settled.change, np.nan)
    known = ~np.isnan(change)
    unit[~voted] = 0.0
    forecast = sigmoid(np.where(known, base, 0.0) + unit @ shipped)
    residual = np.where(known, (change > 0.0) - forecast, 0.0)
    doubt = np.where(known, forecast * (1.0 - forecast), 0.0)
    across = unit.transpose(0, 2, 1)
    return Lesson(
        agent=agent.name,
        version=agent.version,
        names=names,
        shipped=shipped,
        unit=unit,
        base=base,
        voted=voted,
        change=change,
        ends=_ends(settled, known, begin, panel.horizon),
        horizon=panel.horizon,
        slope=(across @ residual[:, :, np.newaxis])[:, :, 0],
        bend=across @ (unit * doubt[:, :, np.newaxis]),
        pull=residual.sum(axis=1),
        noise=(residual * residual).sum(axis=1),
    )


def learn(taught: Lesson, rows: Rows, count: int = FOLDS) -> Learnt:
    """The weights that `rows` of the lesson speak for, their spread chosen on `count` folds.

    The shipped weights where fewer than `FEWEST_ROWS` are settled.
    """
    settled = rows[taught.noise[rows] > 0.0]
    if len(settled) < FEWEST_ROWS:
        return Learnt(taught.shipped, 0.0, len(settled))
    spread = _spread(taught, settled, count)
    departure = _parabola(taught, settled).peak(spread)
    weights: Floats = np.clip(taught.shipped + departure, -LARGEST, LARGEST)
    return Learnt(np.round(weights, DIGITS) if spread else taught.shipped, spread, len(settled))


def design_effect(taught: Lesson, rows: Rows) -> float:
    """How many votes say as much as one that stands alone.

    Neighbouring rows share all but one bar of their outcomes: as many as the horizon is long.
    Within a row it is the variance of the sum over the sum of variances, 1 + (n - 1) times the mean
    correlation (Kish 1965, Survey Sampling, section 5.4), at least 1.
    """
    together = float((taught.pull[rows] ** 2).sum() / taught.noise[rows].sum())
    return taught.horizon * max(together, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Parabola:
    """The log-likelihood of some rows around the shipped weights: its `slope` (K,), its negative
    curvature `bend` (K, K), the number of `rows` and their design `effect`.

    Votes are moved by a few hundredths of log-odds, over which the likelihood is a parabola: one
    step of Newton's method is its maximum (a test holds it to that).
    """

    slope: Floats
    bend: Floats
    rows: int
    effect: float

    def peak(self, spread: float) -> Floats:
        """How far from the shipped weights (K,) the penalised likelihood has its maximum."""
        if spread == 0.0:
            return np.zeros(len(self.slope))
        stiff = self.bend / self.effect + np.eye(len(self.slope)) / (spread * spread)
        return np.asarray(np.linalg.solve(stiff, self.slope / self.effect), np.float64)

    def gain(self, departure: Floats) -> float:
        """Log-likelihood a row gained by departing."""
        gained = self.slope @ departure - 0.5 * departure @ self.bend @ departure
        return float(gained / self.rows)


def _parabola(taught: Lesson, rows: Rows) -> _Parabola:
    return _Parabola(
        slope=taught.slope[rows].sum(axis=0),
        bend=taught.bend[rows].sum(axis=0),
        rows=len(rows),
        effect=design_effect(taught, rows),
    )


def _spread(taught: Lesson, rows: Rows, count: int) -> float:
    """The smallest of `SPREADS` whose gain on folds is within one standard error of the best
    (Breiman, Friedman, Olshen and Stone 1984, section 3.4.3)."""
    first, last = int(rows[0]), int(rows[-1])
    gains = []
    for fold in folds(taught.ends[first : last + 1] - first, count, embargo(taught.horizon)):
        train = np.intersect1d(fold.train + first, rows, assume_unique=True)
        test = np.intersect1d(fold.test + first, rows, assume_unique=True)
        if len(train) and len(test):
            learnt, tested = _parabola(taught, train), _parabola(taught, test)
            gains.append([tested.gain(learnt.peak(spread)) for spread in SPREADS])
    if len(gains) < 2:
        return 0.0
    mean = np.mean(gains, axis=0)
    best = int(np.argmax(mean))
    error = np.std(gains, axis=0, ddof=1)[best] / np.sqrt(len(gains))
    return SPREADS[int(np.argmax(mean >= mean[best] - error))]


def _evidence(votes: Votes, names: tuple[str, ...]) -> list[Floats]:
    """(R, N) log-odds of each weight: those of its term, or all evidence where there is but one."""
    by_name: Mapping[str, Floats] = {term.name: term.log_odds for term in votes.terms}
    if len(names) == 1:
        return [np.nan_to_num(votes.log_odds - votes.terms[0].log_odds)]
    nothing = np.zeros(votes.log_odds.shape)
    return [np.nan_to_num(by_name.get(name, nothing)) for name in names]


def _prompt(settled: Outcomes, begin: int, horizon: int) -> Bools:
    rows = begin + np.arange(len(settled.exit_row))[:, np.newaxis]
    there = settled.exit_row != PENDING
    prompt: Bools = there & (settled.exit_row - rows <= 2 * (horizon + 1))
    return prompt


def _ends(settled: Outcomes, known: Bools, begin: int, horizon: int) -> Rows:
    """Of the outcomes that are learnt from; rows without any end as they should."""
    usual = np.arange(len(known)) + horizon + 1
    latest = np.where(known, settled.exit_row - begin, 0).max(axis=1, initial=0)
    return np.maximum.accumulate(np.maximum(usual, latest)).astype(np.intp)
