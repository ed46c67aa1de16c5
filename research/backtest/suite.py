"""Everything that is played in one backtest, in order: the contest, then what the result hangs on.

Sensitivities move one assumption at a time; the trials move several, for the question of how
much of a result was search. Leaves out figures and words (`report.py`).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.committee.pooling import CommitteeSettings
from research.backtest.request import LONGEST_DELAY
from research.backtest.scenarios import (
    Opinion,
    Ruling,
    Stage,
    alone,
    decide,
    opinion,
    plain_strategies,
    random_opinions,
    trade,
)
from trading.account.simulation import Played
from trading.costs import CostSettings

Tell = Callable[[str, int, int], None]
"""Hears `(what, done, total)`."""

COSTS = (0.0, 5.0, 10.0, 20.0, 30.0, 50.0)
"""Basis points of the traded value each way, in place of commission and spread."""
EDGES = (0.5, 0.75, 1.0, 1.5, 2.0)
"""Factors on the edges from which the committee acts."""
WEIGHTINGS = ("equal", "earned")
TURNED = "weights, edges ×, Kelly ×"
"""What the label of a trial names."""
KELLY = (0.5, 1.0, 2.0)
"""Factors on the share of the Kelly stake."""


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """What was played. `costs` and `delays` are the committee under other assumptions, `trials` it
    under other settings, by their label. `fold_s` is what deciding and trading once took."""

    stage: Stage
    opinion: Opinion
    ruling: Ruling
    committee: Played
    agents: Mapping[str, Played]
    plain: Mapping[str, Played]
    random: tuple[Played, ...]
    costs: Mapping[float, Played]
    delays: Mapping[int, Played]
    trials: Mapping[str, Played]
    fold_s: float


def perform(stage: Stage, tell: Tell) -> Programme:
    """Play everything."""
    asked = stage.asked
    began = time.perf_counter()
    held = opinion(stage, asked.agents, asked.committee)
    ruling = decide(stage, held, asked.committee)
    outing = trade(stage, ruling.plan)
    fold_s = time.perf_counter() - began
    tell("everybody else", 0, 0)
    agents = {name: _play(stage, alone(stage, name)) for name in asked.agents}
    plain = {name: trade(stage, plan) for name, plan in plain_strategies(stage).items()}
    drawn = tuple(_play(stage, each) for each in random_opinions(stage, held, asked.seed))
    tell("other costs, delays and settings", 0, 0)
    return Programme(
        stage=stage,
        opinion=held,
        ruling=ruling,
        committee=outing,
        agents=agents,
        plain=plain,
        random=drawn,
        costs={bps: trade(stage, ruling.plan, costs=_flat(stage, bps)) for bps in COSTS},
        delays={bars: trade(stage, ruling.plan, delay=bars) for bars in range(LONGEST_DELAY + 1)},
        trials=dict(_trials(stage)),
        fold_s=fold_s,
    )


def _play(stage: Stage, held: Opinion) -> Played:
    return trade(stage, decide(stage, held, stage.asked.committee).plan)


def _trials(stage: Stage) -> Iterator[tuple[str, Played]]:
    """The committee under settings round about those asked for, by their label."""
    asked = stage.asked
    for weighting in WEIGHTINGS:
        weighed = asked.committee.model_copy(update={"weighting": weighting})
        held = opinion(stage, asked.agents, weighed)
        for edge in EDGES:
            for kelly in KELLY:
                settings = _scaled(weighed, edge, kelly)
                yield (
                    f"{weighting}, {edge:g}, {kelly:g}",
                    trade(stage, decide(stage, held, settings).plan),
                )


def _scaled(settings: CommitteeSettings, edge: float, kelly: float) -> CommitteeSettings:
    fraction = min(settings.sizing.kelly_fraction * kelly, 1.0)
    return settings.model_copy(
        update={
            "strong_buy_edge": settings.strong_buy_edge * edge,
            "buy_edge": settings.buy_edge * edge,
            "sell_edge": settings.sell_edge * edge,
            "strong_sell_edge": settings.strong_sell_edge * edge,
            "sizing": settings.sizing.model_copy(update={"kelly_fraction": fraction}),
        }
    )


def _flat(stage: Stage, bps: float) -> CostSettings:
    """Costs of so many basis points each way, impact and volume cap as asked."""
    return stage.asked.costs.model_copy(update={"half_spread_bps": 0.0, "commission_bps": bps})
