"""The forecasts behind a backtest, scored: the same record and scores as a live run's.

Leaves out the money (`accounts.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.canonical import to_json
from domain.panel import Floats
from domain.record import Record
from orchestrator.committee.learned_weights import Influence
from orchestrator.evaluation.forward_returns import changes_over
from orchestrator.evaluation.quantile_scores import tail_rivals
from orchestrator.evaluation.scoring import record_of, score
from research.backtest.scenarios import Opinion, Stage, opinion
from research.backtest.suite import Programme

HORIZONS = (1, 2, 3, 5, 10, 20)
"""Bars over which the decay of the evidence is told."""


def forecasts(programme: Programme) -> dict[str, Any]:
    """`orchestrator.evaluation.scores.Scores` as plain JSON."""
    stage = programme.stage
    earned_settings = stage.asked.committee.model_copy(update={"weighting": "earned"})
    learnt = opinion(stage, stage.asked.agents, earned_settings)
    scores = score(
        record(stage, programme.opinion),
        stage.asked.seed,
        changes={bars: _changes(stage, bars) for bars in HORIZONS},
        rivals=_rivals(stage),
        earned=_influence(stage, learnt),
    )
    told: dict[str, Any] = to_json(scores)
    return told


def record(stage: Stage, held: Opinion) -> Record:
    """The committee's record on the rows of all calendars."""
    records = [
        record_of(part.panel, ballots, added, influence, part.since)
        for part, ballots, added, influence in zip(
            stage.parts, stage.ballots, held.tallies, held.influence, strict=True
        )
    ]
    if len(records) == 1:
        return records[0]
    grid, influence = stage.grid, _influence(stage, held)
    seats = range(len(stage.asked.seated))
    return Record(
        agents=stage.asked.seated,
        symbols=grid.symbols,
        known_at=grid.known_at,
        horizon=stage.asked.horizon,
        log_odds=np.stack(
            [grid.wide([each.log_odds[seat] for each in records], np.nan) for seat in seats]
        ),
        pooled=grid.wide([each.pooled for each in records], np.nan),
        base_rate=grid.wide([each.base_rate for each in records], np.nan),
        weights=influence.weights,
        trust=influence.trust,
        quantile_5=grid.wide([each.quantile_5 for each in records], np.nan),
        change=grid.wide([each.change for each in records], np.nan),
        regime=_down(stage, [each.regime for each in records]),
        receipts={},
    )


def _rivals(stage: Stage) -> dict[str, Floats]:
    each = [tail_rivals(part.panel, part.since) for part in stage.parts]
    return {name: stage.grid.wide([rivals[name] for rivals in each], np.nan) for name in each[0]}


def _influence(stage: Stage, held: Opinion) -> Influence:
    """(K, A) on the rows of all calendars."""

    def rows(name: str) -> list[Floats]:
        return [
            np.array(
                np.broadcast_to(getattr(each, name), (len(part.blocked), each.weights.shape[1]))
            )
            for each, part in zip(held.influence, stage.parts, strict=True)
        ]

    return Influence(_down(stage, rows("weights")), _down(stage, rows("trust")))


def _down(stage: Stage, arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """(K, ...) of arrays (R, ...) of the parts."""
    whole = np.empty((len(stage.grid.known_at), *arrays[0].shape[1:]), arrays[0].dtype)
    for array, rows in zip(arrays, stage.grid.rows, strict=True):
        whole[rows] = array
    return whole


def _changes(stage: Stage, bars: int) -> Floats:
    """What came of each vote over so many bars, (K, N)."""
    each = [changes_over(part.panel, part.since, bars) for part in stage.parts]
    return stage.grid.wide(each, np.nan)
