"""Whether votes are what they say they are: shapes, ranges, sums of reasons, abstentions
explained."""

from collections.abc import Iterator

import numpy as np

from domain.panel import Panel
from domain.votes import Agent, Votes

MAX_CHECKED_CELLS = 40
"""Cells whose reasons are added up."""


def validate_votes(agent: Agent, panel: Panel, votes: Votes) -> Iterator[str]:
    """What is wrong with `votes` as the agent's answer for all rows of the panel, in words."""
    if (votes.agent, votes.version) != (agent.name, agent.version):
        yield f"the votes are signed {votes.agent} {votes.version}"
    if votes.symbols != panel.symbols:
        yield "the votes are on other symbols than the panel's"
    shapes = {votes.log_odds.shape, votes.cap.shape, votes.abstention_codes.shape}
    if votes.quantile_5 is not None:
        shapes.add(votes.quantile_5.shape)
    if shapes != {panel.shape}:
        yield f"the panel has {panel.shape} bars and symbols, the votes have {sorted(shapes)}"
        return
    if not ((votes.cap >= 0.0) & (votes.cap <= 1.0)).all():
        yield "a cap is no share between 0 and 1"
    abstained = np.isnan(votes.log_odds)
    if not ((votes.p_up[~abstained] > 0.0) & (votes.p_up[~abstained] < 1.0)).all():
        yield "a probability is 0 or 1"
    if (abstained != (votes.abstention_codes > 0)).any():
        yield "a vote has a reason for abstaining, or an abstention has none"
    if not abstained[np.isnan(panel.close)].all():
        yield "it votes on a symbol at a time without a bar"
    yield from _validate_reasons(votes, abstained)


def _validate_reasons(votes: Votes, abstained: np.ndarray) -> Iterator[str]:
    for row, column in _sample_cells(~abstained):
        total = 0.0
        for reason in votes.reasons(row, column):
            total += reason.log_odds
        if total != votes.log_odds[row, column]:
            where = f"{votes.symbols[column]} at {votes.known_at[row]}"
            yield f"the reasons of {where} add up to {total!r}, not {votes.log_odds[row, column]!r}"
            break
    if not all(votes.abstention_reason(row, column) for row, column in _sample_cells(abstained)):
        yield "an abstention tells no reason"


def _sample_cells(cells: np.ndarray) -> list[tuple[int, int]]:
    chosen = np.argwhere(cells)
    return [
        (int(row), int(column))
        for row, column in chosen[:: max(len(chosen) // MAX_CHECKED_CELLS, 1)]
    ]
