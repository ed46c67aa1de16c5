"""The record: every vote beside what came of it, and what that says of whoever cast it.

Pure arrays. A record of a live run (read from the journal) and one of a backtest have the same
shape and are scored by the same functions.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from domain.panel import Floats, Panel
from domain.record import Record
from orchestrator.committee.learned_weights import Influence, equal
from orchestrator.committee.pooling import Tally, believed
from orchestrator.evaluation.comparisons import calls, gains, marginal, regret
from orchestrator.evaluation.forward_returns import market_regime, outcomes
from orchestrator.evaluation.quantile_scores import tail
from orchestrator.evaluation.scorecards import (
    Cells,
    Slices,
    calibration,
    decays,
    scorecards,
    slices,
)
from orchestrator.evaluation.scores import (
    COMMITTEE,
    EARNED_WEIGHTS,
    EQUAL_WEIGHTS,
    Decay,
    Forecaster,
    Marginal,
    Regret,
    Scores,
)
from orchestrator.team.base import Ballot
from quant.bootstrap_ratios import Draws, draws
from quant.pooling import pool
from quant.resampling import FEWEST_BLOCKS, block_length


def record_of(
    panel: Panel, ballots: Sequence[Ballot], tally: Tally, influence: Influence, since: int
) -> Record:
    """The record of a committee that voted on rows `since` to T - 1 of a panel; no receipts.

    `tally` is what `orchestrator.committee.pooling.tally` made of the `ballots` under the
    `influence`. Everything it pooled is in the record, whether or not a quorum voted.
    """
    heard = tally.heard
    nothing = np.full(heard.base_rate.shape, np.nan)
    quantiles = [ballot.votes.quantile_5 for ballot in ballots if ballot.votes is not None]
    return Record(
        agents=tuple(ballot.agent for ballot in ballots),
        symbols=panel.symbols,
        known_at=panel.known_at[since:],
        horizon=panel.horizon,
        log_odds=heard.log_odds,
        pooled=tally.pooled.log_odds,
        base_rate=heard.base_rate,
        weights=_on_every_row(influence.weights, len(nothing)),
        trust=_on_every_row(influence.trust, len(nothing)),
        quantile_5=next((each for each in quantiles if each is not None), nothing),
        change=outcomes(panel, since).change,
        regime=market_regime(panel)[since:],
        receipts={},
    )


def score(
    record: Record,
    seed: int = 0,
    *,
    changes: Mapping[int, Floats] | None = None,
    rivals: Mapping[str, Floats] | None = None,
    earned: Influence | None = None,
) -> Scores:
    """Every score of the committee and its agents, with intervals drawn from `seed`.

    `changes` maps other horizons in bars to the change (R, N) over them, for the decay of
    evidence; `rivals` are other forecasts of the 5% quantile
    (`orchestrator.evaluation.quantile_scores.tail_rivals`); `earned` is an influence to compare
    with the one in force. What nobody handed in, and whatever has no settled vote yet, stays empty;
    nothing raises.
    """
    cells = Cells(np.asfortranarray(record.base_rate), np.asfortranarray(record.change))
    seats = zip(record.agents, record.log_odds, strict=True)
    said = {
        name: np.asfortranarray(log_odds) for name, log_odds in ((COMMITTEE, record.pooled), *seats)
    }
    gained = {name: gains(log_odds, cells) for name, log_odds in said.items()}
    drawn = draws(len(record.known_at), _block(gained[COMMITTEE], record.horizon), seed)
    decayed = decays(list(said.values()), cells.base, changes or {}, drawn.block, seed)
    parts = slices(record.known_at, record.regime, record.symbols)
    return Scores(
        horizon=record.horizon,
        bars=len(record.known_at),
        block=drawn.block,
        forecasters=tuple(
            _forecaster(record, name, log_odds, gained[name], cells, parts, decay, drawn)
            for (name, log_odds), decay in zip(said.items(), decayed, strict=True)
        ),
        regret=_regret(record, gained, cells, earned, drawn),
        marginal=_marginal(record, gained[COMMITTEE], cells, drawn),
        tail=tail(
            record.quantile_5,
            record.change,
            rivals or {},
            record.symbols,
            record.horizon,
            drawn,
        ),
    )


def _forecaster(
    record: Record,
    name: str,
    log_odds: Floats,
    gained: Floats,
    cells: Cells,
    parts: Slices,
    decay: Sequence[Decay],
    drawn: Draws,
) -> Forecaster:
    overall, *rest = scorecards(name, log_odds, cells, parts, drawn)
    periods, regimes = len(parts.periods), len(parts.regimes)
    best, worst = calls(log_odds, gained, cells, record.symbols, record.known_at, record.receipts)
    return Forecaster(
        name=name,
        overall=overall,
        by_period=tuple(rest[:periods]),
        by_regime=tuple(rest[periods : periods + regimes]),
        by_symbol=tuple(rest[periods + regimes :]),
        calibration=calibration(log_odds, cells, drawn),
        decay=tuple(decay),
        best=best,
        worst=worst,
    )


def _regret(
    record: Record,
    gained: Mapping[str, Floats],
    cells: Cells,
    earned: Influence | None,
    drawn: Draws,
) -> Regret:
    pools = {EQUAL_WEIGHTS: equal(len(record.agents))}
    if earned is not None:
        pools[EARNED_WEIGHTS] = earned
    others = {name: gains(_pooled(record, each), cells) for name, each in pools.items()}
    return regret({**gained, **others}, record.agents, record.known_at, drawn)


def _marginal(
    record: Record, committee: Floats, cells: Cells, drawn: Draws
) -> tuple[Marginal, ...]:
    stated = np.where(np.isnan(record.pooled), np.nan, committee)
    without = {}
    for seat, agent in enumerate(record.agents):
        weights = record.weights.copy()
        weights[:, seat] = 0.0
        without[agent] = gains(_pooled(record, Influence(weights, record.trust)), cells)
    return marginal(stated, without, drawn)


def _pooled(record: Record, influence: Influence) -> Floats:
    """The committee's log-odds (R, N), had it sat under another influence."""
    votes = believed(record.log_odds, influence.trust, record.base_rate)
    return pool(votes, influence.weights.T).log_odds


def _on_every_row(influence: Floats, rows: int) -> Floats:
    """(R, A) of (R|1, A)."""
    return np.array(np.broadcast_to(influence, (rows, influence.shape[1])))


def _block(committee: Floats, horizon: int) -> float:
    """Mean block length in bars: twice the overlap of outcomes, or more where the committee's
    gains (R, N) hang together for longer, as far as the record holds enough such blocks."""
    suited = min(block_length(np.nansum(committee, axis=1)), len(committee) / (2 * FEWEST_BLOCKS))
    return max(2.0 * (horizon + 1), suited)
