"""Build a record, every vote with its outcome, and score the committee and its agents on it.

Pure arrays. A record of a live run (read from the journal) and one of a backtest have the same
shape and are scored by the same functions.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from domain.panel import Floats, Panel
from domain.record import ForecastRecord
from orchestrator.committee.learned_weights import Influence, equal_influence
from orchestrator.committee.pooling import PooledVotes, scale_evidence
from orchestrator.evaluation.comparisons import best_and_worst_votes, gains, marginal_values, regret
from orchestrator.evaluation.forward_returns import forward_returns, market_regime
from orchestrator.evaluation.quantile_scores import score_quantile
from orchestrator.evaluation.scorecards import (
    ScoreInputs,
    ScoreSlices,
    calibration,
    horizon_correlations,
    scorecards,
    slice_record,
)
from orchestrator.evaluation.scores import (
    COMMITTEE,
    EARNED_WEIGHTS,
    EQUAL_WEIGHTS,
    ForecasterScores,
    HorizonCorrelation,
    MarginalValue,
    RecordScores,
    Regret,
)
from orchestrator.team.base import AgentVoteResult
from quant.bootstrap_ratios import BootstrapDraws, draw_bootstrap
from quant.pooling import pool
from quant.resampling import MIN_BLOCKS, block_length


def build_record(
    panel: Panel,
    vote_results: Sequence[AgentVoteResult],
    pooled: PooledVotes,
    influence: Influence,
    since: int,
) -> ForecastRecord:
    """Return the record of a committee that voted on rows `since` to T - 1 of a panel; it has no
    receipts.

    `pooled` is what `orchestrator.committee.pooling.pool_votes` made of the `vote_results` under
    the `influence`. All pooled cells are in the record, whether or not a quorum voted.
    """
    votes = pooled.votes
    missing = np.full(votes.base_rate.shape, np.nan)
    quantiles = [result.votes.quantile_5 for result in vote_results if result.votes is not None]
    return ForecastRecord(
        agents=tuple(result.agent for result in vote_results),
        symbols=panel.symbols,
        known_at=panel.known_at[since:],
        horizon=panel.horizon,
        log_odds=votes.log_odds,
        pooled=pooled.pool.log_odds,
        base_rate=votes.base_rate,
        weights=_broadcast_rows(influence.weights, len(missing)),
        trust=_broadcast_rows(influence.trust, len(missing)),
        quantile_5=next((quantile for quantile in quantiles if quantile is not None), missing),
        change=forward_returns(panel, since).change,
        regime=market_regime(panel)[since:],
        receipts={},
    )


def score_record(
    record: ForecastRecord,
    seed: int = 0,
    *,
    changes: Mapping[int, Floats] | None = None,
    quantile_benchmarks: Mapping[str, Floats] | None = None,
    learned: Influence | None = None,
    bounded: bool = True,
) -> RecordScores:
    """Return every score of the committee and its agents, with intervals drawn from `seed`.

    `changes` maps other horizons in bars to the change (R, N) over them, for the decay of evidence;
    `quantile_benchmarks` are other forecasts of the 5% quantile
    (`orchestrator.evaluation.quantile_scores.benchmark_quantiles`); `learned` is an influence to
    compare with the one in force; `bounded` is that of `ScoreInputs`. Scores whose inputs were not
    given, or that have no settled vote yet, stay empty; nothing raises.
    """
    inputs = ScoreInputs(
        np.asfortranarray(record.base_rate), np.asfortranarray(record.change), bounded
    )
    agents = zip(record.agents, record.log_odds, strict=True)
    log_odds_of = {
        name: np.asfortranarray(log_odds)
        for name, log_odds in ((COMMITTEE, record.pooled), *agents)
    }
    gains_of = {name: gains(log_odds, inputs) for name, log_odds in log_odds_of.items()}
    bootstrap = draw_bootstrap(
        len(record.known_at), _block(gains_of[COMMITTEE], record.horizon), seed
    )
    decays = horizon_correlations(
        list(log_odds_of.values()), inputs, changes or {}, bootstrap.block, seed
    )
    record_slices = slice_record(record.known_at, record.regime, record.symbols)
    return RecordScores(
        horizon=record.horizon,
        bars=len(record.known_at),
        block=bootstrap.block,
        forecasters=tuple(
            _forecaster(
                record, name, log_odds, gains_of[name], inputs, record_slices, decay, bootstrap
            )
            for (name, log_odds), decay in zip(log_odds_of.items(), decays, strict=True)
        ),
        regret=_regret(record, gains_of, inputs, learned, bootstrap),
        marginal=_marginal_values(record, gains_of[COMMITTEE], inputs, bootstrap),
        tail=score_quantile(
            record.quantile_5,
            record.change,
            quantile_benchmarks or {},
            record.symbols,
            record.horizon,
            bootstrap,
        ),
    )


def _forecaster(
    record: ForecastRecord,
    name: str,
    log_odds: Floats,
    gained: Floats,
    inputs: ScoreInputs,
    record_slices: ScoreSlices,
    decay: Sequence[HorizonCorrelation],
    bootstrap: BootstrapDraws,
) -> ForecasterScores:
    overall, *rest = scorecards(name, log_odds, inputs, record_slices, bootstrap)
    periods, regimes = len(record_slices.periods), len(record_slices.regimes)
    best, worst = best_and_worst_votes(
        log_odds, gained, inputs, record.symbols, record.known_at, record.receipts
    )
    return ForecasterScores(
        name=name,
        overall=overall,
        by_period=tuple(rest[:periods]),
        by_regime=tuple(rest[periods : periods + regimes]),
        by_symbol=tuple(rest[periods + regimes :]),
        calibration=calibration(log_odds, inputs, bootstrap),
        decay=tuple(decay),
        best=best,
        worst=worst,
    )


def _regret(
    record: ForecastRecord,
    gained: Mapping[str, Floats],
    inputs: ScoreInputs,
    learned: Influence | None,
    bootstrap: BootstrapDraws,
) -> Regret:
    influences = {EQUAL_WEIGHTS: equal_influence(len(record.agents))}
    if learned is not None:
        influences[EARNED_WEIGHTS] = learned
    others = {
        name: gains(_pooled_log_odds(record, each), inputs) for name, each in influences.items()
    }
    return regret({**gained, **others}, record.agents, record.known_at, bootstrap)


def _marginal_values(
    record: ForecastRecord, committee: Floats, inputs: ScoreInputs, bootstrap: BootstrapDraws
) -> tuple[MarginalValue, ...]:
    stated = np.where(np.isnan(record.pooled), np.nan, committee)
    without = {}
    for index, agent in enumerate(record.agents):
        weights = record.weights.copy()
        weights[:, index] = 0.0
        without[agent] = gains(_pooled_log_odds(record, Influence(weights, record.trust)), inputs)
    return marginal_values(stated, without, bootstrap)


def _pooled_log_odds(record: ForecastRecord, influence: Influence) -> Floats:
    """Return the committee's log-odds (R, N) under another influence."""
    votes = scale_evidence(record.log_odds, influence.trust, record.base_rate)
    return pool(votes, influence.weights.T).log_odds


def _broadcast_rows(influence: Floats, rows: int) -> Floats:
    """Return (R, A) from (R|1, A)."""
    return np.array(np.broadcast_to(influence, (rows, influence.shape[1])))


def _block(committee: Floats, horizon: int) -> float:
    """Return the mean block length in bars: twice the overlap of outcomes, or more where the
    committee's gains (R, N) stay correlated for longer, as far as the record holds enough such
    blocks."""
    suited = min(block_length(np.nansum(committee, axis=1)), len(committee) / (2 * MIN_BLOCKS))
    return max(2.0 * (horizon + 1), suited)
