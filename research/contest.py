"""The contest: the committee, each agent alone, plain strategies and random committees, all on the
same bars, with the same sizing, limits, costs and fills.

The agents have voted once over the whole period; here the votes are pooled, decided row by row
with the live committee's own functions, and traded. Pure. Leaves out voting (`backtest.py`) and
what the outcome is worth (`report.py`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from domain.symbols import AssetClass, asset_class
from domain.votes import sigmoid
from orchestrator.committee import (
    Codes,
    CommitteeSettings,
    Hearing,
    Tally,
    hear,
    net_edge,
    tally,
)
from orchestrator.docket import docket, fold, woven
from orchestrator.influence import Influence, earned
from orchestrator.outcomes import outcomes
from orchestrator.team import Ballot
from quant.base_rate import log_odds
from research.history import Grid, Part, grid_of
from research.request import Request
from research.yardsticks import Plan, buy_and_hold, equal_weight, sma_cross
from trading.costs import CostSettings
from trading.play import Played, moved, play

Bools = NDArray[np.bool_]

RANDOM_COMMITTEES = 20
"""Enough to say where the committee stands among them to the nearest twentieth."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What all contestants share. `hearings`, `change` and `ballots` have an entry a part;
    `change` (R, N) is what came of each vote. Prices and volumes are (K, N), `volatility` of one
    bar as a fraction, `traded` where there is a bar and `buyable` where it is of something that
    can be bought: an index is voted on but has no volume that one could trade."""

    asked: Request
    parts: tuple[Part, ...]
    grid: Grid
    ballots: tuple[tuple[Ballot, ...], ...]
    hearings: tuple[Hearing, ...]
    change: tuple[Floats, ...]
    opening: Floats
    close: Floats
    volume: Floats
    volatility: Floats
    traded: Bools
    buyable: Bools
    blocked: Bools
    present: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """Votes pooled under an influence, an entry a part each."""

    influence: tuple[Influence, ...]
    tallies: tuple[Tally, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """What a committee decided: `action` codes (K, N) and its plan."""

    action: Codes
    plan: Plan


def stage_of(asked: Request, parts: Sequence[Part], ballots: Sequence[tuple[Ballot, ...]]) -> Stage:
    """`ballots` are on the parts' voted rows, of the agents `asked.seated` in that order."""
    grid = grid_of(parts)
    hearings = tuple(
        hear(part.panel, cast, part.since) for part, cast in zip(parts, ballots, strict=True)
    )

    def prices(figure: str) -> Floats:
        return grid.wide([getattr(part.panel, figure)[part.since :] for part in parts], np.nan)

    bar = math.sqrt(asked.horizon)
    traded = grid.wide([part.traded for part in parts], False)
    buyable = traded & [asset_class(symbol) is not AssetClass.INDEX for symbol in grid.symbols]
    return Stage(
        asked=asked,
        parts=tuple(parts),
        grid=grid,
        ballots=tuple(ballots),
        hearings=hearings,
        change=tuple(outcomes(part.panel, part.since).change for part in parts),
        opening=prices("open"),
        close=prices("close"),
        volume=np.where(buyable, prices("volume"), 0.0),
        volatility=grid.wide([hearing.volatility / bar for hearing in hearings], np.nan),
        traded=traded,
        buyable=buyable,
        blocked=grid.wide([part.blocked for part in parts], False),
        present=grid.wide([np.ones(part.blocked.shape, bool) for part in parts], False),
    )


def opinion(stage: Stage, voters: Sequence[str], settings: CommitteeSettings) -> Opinion:
    """What `voters` think together, weighed and believed as `settings` say."""
    influence = tuple(_influence(stage, part, voters, settings) for part in range(len(stage.parts)))
    tallies = tuple(
        tally(hearing, each, settings)
        for hearing, each in zip(stage.hearings, influence, strict=True)
    )
    return Opinion(influence, tallies)


def alone(stage: Stage, agent: str) -> Opinion:
    """What one agent thinks, taken at its word."""
    trusting = stage.asked.committee.model_copy(update={"weighting": "equal", "calibrated": False})
    return opinion(stage, (agent,), trusting)


def random_opinions(stage: Stage, held: Opinion, seed: int) -> Iterator[Opinion]:
    """The committee's own evidence, each symbol's moved to another time by chance: as strong, as
    lasting and as often there, but about nothing."""
    for draw in range(RANDOM_COMMITTEES):
        rng = np.random.default_rng([seed, draw])
        shifted = (_shifted(added, stage.asked.committee, rng) for added in held.tallies)
        yield Opinion(held.influence, tuple(shifted))


def decide(stage: Stage, held: Opinion, settings: CommitteeSettings) -> Ruling:
    """Row after row, as the live committee does. The quorum is never more than there are voters."""
    grid = stage.grid
    voters = max(int((each.weights > 0.0).any(axis=0).sum()) for each in held.influence)
    parts = [
        docket(added, part.blocked) for added, part in zip(held.tallies, stage.parts, strict=True)
    ]
    rows = woven(parts, grid.rows, grid.columns, grid.together)
    reachable = settings.model_copy(update={"quorum": min(settings.quorum, voters)})
    action, targets = fold(rows, np.zeros(len(grid.symbols)), reachable)
    return Ruling(action, Plan(targets, moved(targets)))


def trade(
    stage: Stage, plan: Plan, costs: CostSettings | None = None, delay: int | None = None
) -> Played:
    """The plan carried out from `asked.capital`, by default at the costs and delay asked for."""
    asked = stage.asked
    return play(
        plan.targets,
        plan.ordered,
        stage.opening,
        stage.close,
        stage.volume,
        stage.volatility,
        asked.costs if costs is None else costs,
        asked.capital,
        asked.delay if delay is None else delay,
    )


def plain_strategies(stage: Stage) -> dict[str, Plan]:
    """The yardsticks by name."""
    return {
        "buy and hold": buy_and_hold(stage.buyable),
        "equal weight": equal_weight(stage.buyable, stage.grid.known_at),
        "SMA 20/50": sma_cross(stage.parts, stage.grid, stage.buyable),
    }


def _influence(
    stage: Stage, part: int, voters: Sequence[str], settings: CommitteeSettings
) -> Influence:
    """(R|1, A) of all who are seated in a part; those who do not vote weigh nothing."""
    seated, hearing = stage.asked.seated, stage.hearings[part]
    seats = [seated.index(name) for name in voters]
    learnt = earned(
        hearing.log_odds[seats],
        hearing.base_rate,
        stage.change[part],
        weighting=settings.weighting,
        calibrated=settings.calibrated,
        horizon=stage.asked.horizon,
    )
    weights = np.zeros((len(learnt.weights), len(seated)))
    trust = np.ones((len(learnt.trust), len(seated)))
    weights[:, seats], trust[:, seats] = learnt.weights, learnt.trust
    return Influence(weights, trust)


def _shifted(added: Tally, settings: CommitteeSettings, rng: np.random.Generator) -> Tally:
    heard = added.heard
    usual = log_odds(heard.base_rate)
    evidence = added.pooled.log_odds - usual
    for column in range(evidence.shape[1]):
        rows = np.flatnonzero(~np.isnan(evidence[:, column]))
        if len(rows):
            by = int(rng.integers(len(rows)))
            evidence[rows, column] = np.roll(evidence[rows, column], by)
    p_up = sigmoid(usual + evidence)
    edge = net_edge(p_up - heard.base_rate, heard.volatility, settings.round_trip_cost)
    return replace(added, p_up=p_up, edge=edge)
