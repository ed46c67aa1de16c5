"""A backtest's votes, decisions, fills and equity as columns, one fact per row.

What is a row of the journal live is a row here. Leaves out reasons: from the receipt every vote can
be recomputed with all its reasons.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domain.instants import Times
from domain.panel import Floats
from orchestrator.committee.pooling import ACTIONS
from research.backtest.parquet import (
    Columns,
    concatenate,
    dictionary_column,
    float_column,
    timestamp_column,
)
from research.backtest.suite import BacktestSuite
from trading.kernels.codes import FILL_TRIGGERS


def vote_rows(suite: BacktestSuite) -> Columns:
    """Return one row per agent, bar and symbol; null log-odds where the agent abstained."""
    inputs, pooled_forecast = suite.inputs, suite.forecast
    parts = []
    for part, vote_results, matrix, pooled, influence in zip(
        inputs.panels,
        inputs.agent_votes,
        inputs.vote_matrices,
        pooled_forecast.pooled_votes,
        pooled_forecast.influence,
        strict=True,
    ):
        row, col = np.nonzero(part.traded)
        at = part.panel.known_at[part.since :][row]
        for index, vote_result in enumerate(vote_results):
            trust = np.broadcast_to(influence.trust, (len(part.blocked), len(vote_results)))
            votes = vote_result.votes
            assert votes is not None  # noqa: S101 an agent that cannot vote ends the backtest
            unknown = np.full(votes.cap.shape, np.nan)
            forecast = unknown if votes.quantile_5 is None else votes.quantile_5
            parts.append(
                {
                    "known_at": timestamp_column(at),
                    "symbol": dictionary_column(col, part.panel.symbols),
                    "agent": dictionary_column(np.zeros(len(row), np.int32), (vote_result.agent,)),
                    "log_odds": float_column(matrix.log_odds[index][row, col]),
                    "p_up": float_column(votes.p_up[row, col]),
                    "weight": float_column(pooled.pool.shares[index][row, col]),
                    "trust": float_column(trust[row, index]),
                    "cap": float_column(votes.cap[row, col]),
                    "quantile_5": float_column(forecast[row, col]),
                }
            )
    return concatenate(parts)


def decision_rows(suite: BacktestSuite) -> Columns:
    """Return one row per bar and symbol."""
    inputs, targets = suite.inputs, suite.targets
    row, col = np.nonzero(inputs.traded)
    widen, pooled_votes = inputs.grid.widen, suite.forecast.pooled_votes

    def column(arrays: Sequence[Floats]) -> Any:
        return float_column(widen(arrays, np.nan)[row, col])

    return {
        "known_at": timestamp_column(inputs.grid.known_at[row]),
        "symbol": dictionary_column(col, inputs.grid.symbols),
        "price": float_column(inputs.bar_matrix.close[row, col]),
        "p_up": column([each.p_up for each in pooled_votes]),
        "base_rate": column([each.votes.base_rate for each in pooled_votes]),
        "edge": column([each.edge for each in pooled_votes]),
        "action": dictionary_column(
            targets.actions[row, col] + 2, [action.value for action in ACTIONS]
        ),
        "target_weight": float_column(targets.plan.target_matrix.targets[row, col]),
        "blocked": inputs.blocked[row, col],
        "change": column(inputs.change),
    }


def fill_rows(suite: BacktestSuite) -> Columns:
    """Return the committee's fills; `known_at` is the close of the bar in which they were made.
    `charged` is slippage that no price within the bar's range could hold; by rules 1 it was part of
    the commission."""
    inputs, fills = suite.inputs, suite.committee.fills
    if inputs.request.rules < 2:
        fees = {"commission": float_column(fills.fees)}
    else:
        fees = {
            "commission": float_column(fills.commission),
            "charged": float_column(fills.residual_slippage),
        }
    return {
        "known_at": timestamp_column(inputs.grid.known_at[fills.row]),
        "symbol": dictionary_column(fills.col, inputs.grid.symbols),
        "units": float_column(fills.quantity),
        "price": float_column(fills.price),
        **fees,
        "cost": float_column(fills.cost),
        "moment": dictionary_column(fills.trigger, FILL_TRIGGERS),
    }


def equity_rows(times: Times, curves: Mapping[str, Floats]) -> Columns:
    """Return the equity of every strategy at the close of every row."""
    return {
        "known_at": timestamp_column(times),
        **{name: float_column(each) for name, each in curves.items()},
    }
