"""A backtest's votes, decisions, fills and equity as columns, a row a fact.

What is a row of the journal live is a row here. Leaves out reasons: the receipt makes every vote
again with all of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domain.panel import Floats, Times
from orchestrator.committee.pooling import ACTIONS
from research.backtest.parquet import Columns, instants, joined, names, numbers
from research.backtest.suite import Programme
from trading.kernels.codes import MOMENTS


def vote_rows(programme: Programme) -> Columns:
    """One row for each agent, bar and symbol; null log-odds where it abstained."""
    stage, held = programme.stage, programme.opinion
    parts = []
    for part, ballots, hearing, added, influence in zip(
        stage.parts, stage.ballots, stage.hearings, held.tallies, held.influence, strict=True
    ):
        row, col = np.nonzero(part.traded)
        at = part.panel.known_at[part.since :][row]
        for seat, ballot in enumerate(ballots):
            trust = np.broadcast_to(influence.trust, (len(part.blocked), len(ballots)))
            votes = ballot.votes
            assert votes is not None  # noqa: S101 whoever cannot vote ends the backtest
            unknown = np.full(votes.cap.shape, np.nan)
            forecast = unknown if votes.quantile_5 is None else votes.quantile_5
            parts.append(
                {
                    "known_at": instants(at),
                    "symbol": names(col, part.panel.symbols),
                    "agent": names(np.zeros(len(row), np.int32), (ballot.agent,)),
                    "log_odds": numbers(hearing.log_odds[seat][row, col]),
                    "p_up": numbers(votes.p_up[row, col]),
                    "weight": numbers(added.pooled.shares[seat][row, col]),
                    "trust": numbers(trust[row, seat]),
                    "cap": numbers(votes.cap[row, col]),
                    "quantile_5": numbers(forecast[row, col]),
                }
            )
    return joined(parts)


def decision_rows(programme: Programme) -> Columns:
    """One row for each bar and symbol."""
    stage, ruling = programme.stage, programme.ruling
    row, col = np.nonzero(stage.traded)
    wide, tallies = stage.grid.wide, programme.opinion.tallies

    def told(arrays: Sequence[Floats]) -> Any:
        return numbers(wide(arrays, np.nan)[row, col])

    return {
        "known_at": instants(stage.grid.known_at[row]),
        "symbol": names(col, stage.grid.symbols),
        "price": numbers(stage.tape.close[row, col]),
        "p_up": told([each.p_up for each in tallies]),
        "base_rate": told([each.heard.base_rate for each in tallies]),
        "edge": told([each.edge for each in tallies]),
        "action": names(ruling.action[row, col] + 2, [action.value for action in ACTIONS]),
        "target_weight": numbers(ruling.plan.asks.targets[row, col]),
        "blocked": stage.blocked[row, col],
        "change": told(stage.change),
    }


def fill_rows(programme: Programme) -> Columns:
    """The committee's fills; `known_at` is the close of the bar in which they were made."""
    stage, fills = programme.stage, programme.committee.fills
    return {
        "known_at": instants(stage.grid.known_at[fills.row]),
        "symbol": names(fills.col, stage.grid.symbols),
        "units": numbers(fills.units),
        "price": numbers(fills.price),
        "commission": numbers(fills.commission),
        "cost": numbers(fills.cost),
        "moment": names(fills.moment, MOMENTS),
    }


def equity_rows(times: Times, curves: Mapping[str, Floats]) -> Columns:
    """Everybody's equity at the close of every row."""
    return {"known_at": instants(times), **{name: numbers(each) for name, each in curves.items()}}
