"""What each agent counts for: its weight in the pool, and the factor on its evidence.

Pure. Both are learnt from settled votes alone, by rules that remember only a small state: weights
by Hedge (`quant/adahedge.py`), trust by slopes (`quant/calibration.py`). A round is one bar of one
calendar; its cells are the symbols voted on whose outcome was complete when the bar `horizon` + 1
rows later closed. A symbol that missed a bar in between settles later: its vote is scored, but its
cell is in no round.

Every round is scored with what the rounds before it taught, as if outcomes were never late; only
its effect is late, by `horizon` + 1 rows. That is learning with a constant delay (Weinberger and
Ordentlich, "On delayed prediction of individual sequences", 2002; Joulani, Gyorgy and Szepesvari,
"Online learning under delayed feedback", 2013): it adds to the regret only what the weights moved
in the meantime. Leaves out where the state is stored, and whether to follow it at all
(`docs/understand/weights.md` says why the default does not).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

import numpy as np

from domain.errors import StorageError
from domain.panel import Floats
from quant import adahedge, calibration
from quant.adahedge import AdaHedgeState
from quant.base_rate import log_odds as log_odds_of
from quant.calibration import CalibrationState
from quant.pooling import pool

Weighting = Literal["equal", "earned"]
POOLS: tuple[Weighting, ...] = ("equal", "earned")
"""The pools whose own slope is learnt, in the order of `pool_slopes`."""


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """What A agents count for, on R rows or on one row that holds for all.

    `weights` (R, A) sum to one over the agents. `trust` (R, A) is the factor on an agent's
    evidence, that is on its log-odds less those of the base rate; 1 leaves the evidence as given.
    """

    weights: Floats
    trust: Floats


def equal_influence(agents: int) -> Influence:
    """Give every agent the same weight and leave its evidence as given."""
    return Influence(np.full((1, agents), 1.0 / agents), np.ones((1, agents)))


@dataclass(frozen=True, slots=True, eq=False)
class WeightLearner:
    """The committee's memory of A agents after `rounds` rounds, the same under all settings.

    `raw_weights` are learnt from votes as given and `scaled_weights` from votes with their evidence
    scaled by trust. `agent_slopes` has the slope of each agent and `pool_slopes` that of each of
    `POOLS`.
    """

    agents: tuple[str, ...]
    rounds: int
    raw_weights: AdaHedgeState
    scaled_weights: AdaHedgeState
    agent_slopes: CalibrationState
    pool_slopes: CalibrationState

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, whose numbers read back to the same bits."""
        parts = {stored: _to_json(getattr(self, name)) for name, stored in _STORED_PARTS.items()}
        return {"agents": list(self.agents), "rounds": self.rounds, **parts}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], agents: Sequence[str]) -> Self:
        """Restore the learner that `to_json` wrote, its agents in the order of `agents`.

        An agent that is not in it starts like every other: with an equal share, which it keeps
        until its first settled vote, and its evidence as given. An agent that left is forgotten.
        Those that stay share the rest in their former proportions.

        Raises StorageError for anything that `to_json` did not write.
        """
        try:
            order = [_index_of(list(stored["agents"]), agent) for agent in agents]
            return cls(
                agents=tuple(agents),
                rounds=int(stored["rounds"]),
                raw_weights=AdaHedgeState(**_reordered(stored["given"], order)),
                scaled_weights=AdaHedgeState(**_reordered(stored["believed"], order)),
                agent_slopes=CalibrationState(**_reordered(stored["own"], order)),
                pool_slopes=CalibrationState(
                    **_reordered(stored["pools"], list(range(len(POOLS))))
                ),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise StorageError(
                f"The stored learner state of {', '.join(agents)} cannot be read ({error!r}). "
                "Remove it: it is learnt again from the record."
            ) from error


_STORED_PARTS = {
    "raw_weights": "given",
    "scaled_weights": "believed",
    "agent_slopes": "own",
    "pool_slopes": "pools",
}
"""The stored names of a learner's parts."""


@dataclass(frozen=True, slots=True, eq=False)
class _LearnedRows:
    """What was learnt on R rows, the same under all settings: weights (R, A), agents' slopes (R, A)
    and pools' slopes (R, 2)."""

    raw_weights: Floats
    scaled_weights: Floats
    agent_slopes: Floats
    pool_slopes: Floats

    def influence(self, weighting: Weighting, calibrated: bool) -> Influence:
        weights = self.scaled_weights if calibrated else self.raw_weights
        if weighting == "equal":
            weights = np.full(weights.shape, 1.0 / weights.shape[1])
        pool_slope = self.pool_slopes[:, [POOLS.index(weighting)]]
        return Influence(
            weights, self.agent_slopes * pool_slope if calibrated else np.ones(weights.shape)
        )

    def delayed(self, first: "_LearnedRows", rows: int) -> "_LearnedRows":
        """Return what was in force `rows` rows earlier, and the one row of `first` on the rows
        before any was."""

        def shift(name: str) -> Floats:
            start, values = getattr(first, name), getattr(self, name)
            remaining = max(len(values) - rows, 0)
            fill = np.repeat(start, len(values) - remaining, axis=0)
            return np.concatenate([fill, values[:remaining]])

        return _LearnedRows(*(shift(each.name) for each in fields(self)))


def new_learner(agents: Sequence[str]) -> WeightLearner:
    """Return a learner that has learnt nothing: equal weights, all evidence as given."""
    count = len(agents)
    return WeightLearner(
        agents=tuple(agents),
        rounds=0,
        raw_weights=adahedge.initial_state(count),
        scaled_weights=adahedge.initial_state(count),
        agent_slopes=calibration.initial_state(count),
        pool_slopes=calibration.initial_state(len(POOLS)),
    )


def current_influence(learner: WeightLearner, weighting: Weighting, calibrated: bool) -> Influence:
    """Return the influence in force now, one row, under the committee's settings `weighting` and
    `calibrated`."""
    return _current(learner).influence(weighting, calibrated)


def learn(
    learner: WeightLearner,
    log_odds: Floats,
    base_rate: Floats,
    change: Floats,
    weighting: Weighting = "earned",
    calibrated: bool = True,
) -> tuple[WeightLearner, Influence]:
    """Return the learner after R more rounds, and the influence in force after each of them.

    `log_odds` (A, R, N) are those of the learner's agents in order; `base_rate` (R, N) is a
    probability; `change` (R, N) is NaN where the outcome was not complete in time. The learner is
    the same under all settings, and to the last bit however the rounds are split into calls.
    """
    after, learned = _learn_rounds(learner, log_odds, base_rate, change)
    return after, learned.influence(weighting, calibrated)


def influence_by_row(
    log_odds: Floats,
    base_rate: Floats,
    change: Floats,
    weighting: Weighting,
    calibrated: bool,
    horizon: int,
) -> Influence:
    """Return the influence (R, A) in force at each row of a backtest that began with a new learner.

    Arrays as in `learn`, but `change` as it is known today; row t has learnt from rows 0 to t -
    (`horizon` + 1).
    """
    agents, rows = log_odds.shape[:2]
    learner = new_learner([str(agent) for agent in range(agents)])
    first = _current(learner)
    if weighting == "equal" and not calibrated:
        return Influence(np.repeat(first.raw_weights, rows, axis=0), np.ones((rows, agents)))
    _, learned = _learn_rounds(
        learner, log_odds, base_rate, mask_late_outcomes(change, base_rate, horizon)
    )
    return learned.delayed(first, horizon + 1).influence(weighting, calibrated)


def mask_late_outcomes(change: Floats, base_rate: Floats, horizon: int) -> Floats:
    """Return `change` (R, N) where it was complete `horizon` + 1 rows later, NaN elsewhere.

    It was complete if the symbol has a bar, and so a base rate, in each of those rows.
    """
    wait = horizon + 1
    missed = np.cumsum(np.isnan(base_rate), axis=0)
    masked = np.full(change.shape, np.nan)
    punctual = missed[wait:] == missed[: max(len(missed) - wait, 0)]
    masked[: len(punctual)] = np.where(punctual, change[: len(punctual)], np.nan)
    return masked


def _learn_rounds(
    learner: WeightLearner, log_odds: Floats, base_rate: Floats, change: Floats
) -> tuple[WeightLearner, _LearnedRows]:
    settled = ~np.isnan(change) & ~np.isnan(base_rate)
    rose = np.where(settled, change > 0.0, np.nan)
    base_log_odds = log_odds_of(base_rate)
    before = _current(learner)

    evidence = log_odds - base_log_odds
    own, trust = calibration.update(learner.agent_slopes, evidence, base_rate, rose)
    evidence = _previous(before.agent_slopes, trust).T[:, :, np.newaxis] * evidence
    raw, weights = adahedge.update(learner.raw_weights, log_odds, rose)
    scaled, trusted = adahedge.update(learner.scaled_weights, base_log_odds + evidence, rose)
    by_pool = (np.full(len(learner.agents), 1.0), _previous(before.scaled_weights, trusted).T)
    pooled = np.stack([pool(evidence, weights).log_odds for weights in by_pool])
    pools, slopes = calibration.update(learner.pool_slopes, pooled, base_rate, rose)

    rounds = int((settled & ~np.isnan(log_odds).all(axis=0)).any(axis=1).sum())
    after = WeightLearner(learner.agents, learner.rounds + rounds, raw, scaled, own, pools)
    return after, _LearnedRows(weights, trusted, trust, slopes)


def _current(learner: WeightLearner) -> _LearnedRows:
    """Return what is in force now, one row."""
    return _LearnedRows(
        adahedge.current_weights(learner.raw_weights)[np.newaxis],
        adahedge.current_weights(learner.scaled_weights)[np.newaxis],
        calibration.slopes(learner.agent_slopes)[np.newaxis],
        calibration.slopes(learner.pool_slopes)[np.newaxis],
    )


def _previous(first: Floats, after: Floats) -> Floats:
    """Return what was in force before each round (R, ...), from the value at first and after
    each."""
    return np.concatenate([first, after[:-1]])


def _to_json(part: AdaHedgeState | CalibrationState) -> dict[str, Any]:
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}


def _index_of(stored: list[str], agent: str) -> int | None:
    return stored.index(agent) if agent in stored else None


def _reordered(stored: Mapping[str, Any], order: Sequence[int | None]) -> dict[str, Any]:
    """Put the last axis of each array into the `order` of agents, zeros for a new one (None)."""

    def reorder(values: Any) -> Any:
        if not isinstance(values, list):
            return float(values)
        every = np.array(values)
        picked = np.zeros((*every.shape[:-1], len(order)), every.dtype)
        for column, index in enumerate(order):
            if index is not None:
                picked[..., column] = every[..., index]
        return picked

    return {name: reorder(values) for name, values in dict(stored).items()}
