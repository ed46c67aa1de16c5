"""The contest: the committee, each agent alone, plain strategies and random committees, all on the
same bars, with the same costs and fills; all committees with the same sizing, limits and breakers.

The agents have voted once over the whole period; here the votes are pooled, decided row by row
with the live committee's own functions, and traded. Pure. Leaves out voting (`backtest.py`) and
what the outcome is worth (`report.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from domain.bar_matrix import Tape
from domain.panel import Floats
from domain.symbols import AssetClass, asset_class
from domain.votes import sigmoid
from market.panels.bar_matrix import tape_of
from orchestrator.committee.learned_weights import Influence, earned
from orchestrator.committee.pooling import (
    Codes,
    CommitteeSettings,
    Hearing,
    Tally,
    hear,
    net_edge,
    tally,
)
from orchestrator.committee.targets import docket, fold, woven
from orchestrator.evaluation.forward_returns import outcomes
from orchestrator.team.base import Ballot
from quant.base_rate import log_odds
from research.backtest.baselines import Plan, buy_and_hold, equal_weight, sma_cross
from research.backtest.history import Grid, Part, grid_of
from research.backtest.request import Request
from trading.account.account_arrays import bars_of
from trading.account.simulation import Played, decided, play
from trading.costs import CostSettings
from trading.kernels.state import Bars
from trading.limits import TradingSettings
from trading.sizing.position_sizing import groups

Bools = NDArray[np.bool_]

RANDOM_COMMITTEES = 20
"""Enough to say where the committee stands among them to the nearest twentieth."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What all contestants share. `hearings`, `change` and `ballots` have an entry a part;
    `change` (R, N) is what came of each vote. `tape` is of K rows and N symbols, prices as they
    were traded and dividends in cash; all masks are (K, N): `traded` where there is a bar and
    `buyable` where it is of something that can be bought: an index is voted on but has no volume
    that one could trade."""

    asked: Request
    parts: tuple[Part, ...]
    grid: Grid
    ballots: tuple[tuple[Ballot, ...], ...]
    hearings: tuple[Hearing, ...]
    change: tuple[Floats, ...]
    tape: Tape
    traded: Bools
    buyable: Bools
    blocked: Bools

    @property
    def bars(self) -> Bars:
        """The tape as the compiled account reads it."""
        return bars_of(replace(self.tape, volume=np.where(self.buyable, self.tape.volume, 0.0)))


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
    traded = grid.wide([part.traded for part in parts], False)
    buyable = traded & [asset_class(symbol) is not AssetClass.INDEX for symbol in grid.symbols]
    return Stage(
        asked=asked,
        parts=tuple(parts),
        grid=grid,
        ballots=tuple(ballots),
        hearings=hearings,
        change=tuple(outcomes(part.panel, part.since).change for part in parts),
        tape=tape_of(
            [part.panel for part in parts],
            [part.factor for part in parts],
            [part.since for part in parts],
        ),
        traded=traded,
        buyable=buyable,
        blocked=grid.wide([part.blocked for part in parts], False),
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
    ceilings = np.minimum(rows.cap, settings.sizing.position_limit)
    asks = decided(targets, ceilings, stage.traded, stage.blocked)
    shared = groups(grid.symbols, rows.kinship, settings.sizing)
    return Ruling(action, Plan(asks, stage.asked.limits, shared))


def trade(
    stage: Stage, plan: Plan, costs: CostSettings | None = None, delay: int | None = None
) -> Played:
    """The plan carried out from `asked.capital`, by default at the costs and delay asked for."""
    asked = stage.asked
    settings = TradingSettings(costs=costs or asked.costs, limits=plan.limits)
    return play(
        stage.grid.symbols,
        stage.bars,
        plan.asks,
        settings,
        asked.capital,
        asked.delay if delay is None else delay,
        plan.groups,
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
