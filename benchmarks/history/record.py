"""Scores of the agents' votes on a home's history, and how long scoring takes.

`python -m benchmarks record data=FOLDER from=2011-01-01 to=2025-09-26`: the five agents vote on
every bar of the folder's stocks and funds, under equal weights; the table is that of
docs/trust/record.md. Figures are in percent with their 90% interval, log scores in millionths of a
nat.
"""

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np

from agents.registry import AGENTS
from benchmarks.support.imported_history import (
    build_panel,
    imported_store,
    share_symbols,
    vote_all,
)
from domain.panel import Panel
from domain.record import ForecastRecord
from orchestrator.committee.learned_weights import equal_influence
from orchestrator.committee.pooling import CommitteeSettings, collect_votes, pool_votes
from orchestrator.evaluation.forward_returns import forward_returns_over
from orchestrator.evaluation.quantile_scores import benchmark_quantiles
from orchestrator.evaluation.scores import ForecasterScores, RecordScores, ScoreEstimate
from orchestrator.evaluation.scoring import build_record, score_record

HORIZONS = (1, 2, 3, 5, 10, 20)


def run(data: str, **period: str) -> dict[str, Any]:
    """Return the table of docs/trust/record.md and the time of scoring, without and with extras."""
    start = datetime.fromisoformat(period.get("from", "2011-01-01")).replace(tzinfo=UTC)
    end = datetime.fromisoformat(period.get("to", "2025-09-26")).replace(tzinfo=UTC)
    with imported_store(data) as (_, store):
        panel = build_panel(store, share_symbols(store), end)
    since = int(np.searchsorted(panel.known_at, np.datetime64(start.replace(tzinfo=None))))
    record = _record(panel, since)
    changes = {bars: forward_returns_over(panel, since, bars) for bars in HORIZONS}
    rivals = benchmark_quantiles(panel, since)
    score_record(record)  # compiles
    began = time.perf_counter()
    score_record(record)
    plain = time.perf_counter()
    scores = score_record(record, changes=changes, quantile_benchmarks=rivals)
    figures = {
        "agents, bars, symbols": record.log_odds.shape,
        "score s": round(plain - began, 2),
        "score with decay and tail s": round(time.perf_counter() - plain, 2),
        "block, bars": round(scores.block, 1),
    }
    return {**figures, **_table(scores)}


def _record(panel: Panel, since: int) -> ForecastRecord:
    results, influence = vote_all(panel, since), equal_influence(len(AGENTS))
    pooled = pool_votes(collect_votes(panel, results, since), influence, CommitteeSettings())
    return build_record(panel, results, pooled, influence, since)


def _table(scores: RecordScores) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for forecaster in scores.forecasters:
        rows |= {
            f"{forecaster.name}: {key}": text for key, text in _forecaster_rows(forecaster).items()
        }
    for rival in scores.regret.rivals:
        rows[f"gain over the base rate: {rival.name}"] = _figure_text(rival.gain, 1e6, 0)
        rows[f"committee ahead of: {rival.name}"] = _figure_text(rival.committee_ahead, 1e6, 0)
    for each in scores.marginal:
        rows[f"marginal value: {each.agent}"] = _figure_text(each.value, 1e6, 0)
    tail = scores.tail
    rows["5% quantile: pinball"] = _figure_text(tail.pinball, 100.0, 4)
    rows["5% quantile: breaches"] = _figure_text(tail.breaches)
    rows["5% quantile: Kupiec rejects, of symbols"] = tail.coverage_rejected
    rows["5% quantile: Christoffersen rejects"] = tail.independence_rejected
    for other in tail.rivals:
        rows[f"5% quantile: skill against {other.name}"] = _figure_text(other.skill)
        rows[f"5% quantile: breaches of {other.name}"] = _figure_text(other.breaches)
    return rows


def _forecaster_rows(forecaster: ForecasterScores) -> dict[str, Any]:
    card = forecaster.overall
    return {
        "coverage": card.coverage,
        "settled": card.settled,
        **{
            name: _figure_text(getattr(card, name))
            for name in (
                "brier", "brier_skill", "log_skill", "hit_rate", "hit_edge", "rank_ic",
                "time_ic", "relative_hit_rate", "relative_ic",
            )
        },
        "calibration error": forecaster.calibration.error,
        "sharpness": forecaster.calibration.sharpness,
        "decay of rank_ic": [
            (each.horizon, _figure_text(each.rank_ic)) for each in forecaster.decay
        ],
        "rank_ic by regime": [
            (card.name, _figure_text(card.rank_ic)) for card in forecaster.by_regime
        ],
        "brier_skill by period": [
            (card.name, _figure_text(card.brier_skill)) for card in forecaster.by_period
        ],
    }  # fmt: skip


def _figure_text(figure: ScoreEstimate, scale: float = 100.0, digits: int = 2) -> str:
    if figure.value is None:
        return "–"
    value = f"{scale * figure.value:.{digits}f}"
    if figure.low is None or figure.high is None:
        return f"{value} (n {figure.n})"
    low, high = scale * figure.low, scale * figure.high
    return f"{value} [{low:.{digits}f}, {high:.{digits}f}] (n {figure.n})"
