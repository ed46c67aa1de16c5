"""The strategies that a backtest compares: the committee, each agent alone, simple strategies and
random committees, all on the same bars, with the same costs and fills; all committees with the same
sizing, limits and breakers.

The agents have voted once over the whole period; here the votes are pooled, decided row by row with
the live committee's own functions, and traded. Pure. Leaves out voting (`backtester.py`) and the
scores of the outcome (`report.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from domain.panel import BarMatrix, Bools, Floats
from domain.symbols import AssetClass, asset_class
from domain.votes import sigmoid
from market.panels.bar_matrix import build_bar_matrix
from orchestrator.committee.learned_weights import Influence, influence_by_row
from orchestrator.committee.pooling import (
    Codes,
    CommitteeSettings,
    PooledVotes,
    VoteMatrix,
    collect_votes,
    net_edge,
    pool_votes,
)
from orchestrator.committee.targets import decide_rows, merge_calendars, target_inputs
from orchestrator.evaluation.forward_returns import forward_returns
from orchestrator.team.base import AgentVoteResult
from quant.base_rate import log_odds
from research.backtest.baselines import TargetPlan, buy_and_hold, equal_weight, sma_cross
from research.backtest.history import CalendarPanel, TimeGrid, build_grid
from research.backtest.request import BacktestRequest
from trading.account.account_arrays import bar_arrays_from
from trading.account.simulation import SimulationResult, committee_targets, simulate_trading
from trading.costs import CostSettings
from trading.kernels.state import BarArrays
from trading.limits import TradingSettings
from trading.sizing.position_sizing import shared_limits

RANDOM_COMMITTEES = 20
"""Enough to rank the committee among them to the nearest twentieth."""
MIN_SHIFT = 0.1
"""Share of the period by which a random committee's evidence is moved at least, so that none of it
is still about the present."""


@dataclass(frozen=True, slots=True, eq=False)
class BacktestInputs:
    """What all strategies share. `vote_matrices`, `change` and `agent_votes` have an entry for each
    part; `change` (R, N) is the outcome of each vote. `bar_matrix` is of K rows and N symbols,
    prices as they were traded and dividends in cash; all masks are (K, N): `traded` where there is
    a bar and `buyable` where the symbol can be bought: an index is voted on but has no volume to
    trade."""

    request: BacktestRequest
    panels: tuple[CalendarPanel, ...]
    grid: TimeGrid
    agent_votes: tuple[tuple[AgentVoteResult, ...], ...]
    vote_matrices: tuple[VoteMatrix, ...]
    change: tuple[Floats, ...]
    bar_matrix: BarMatrix
    traded: Bools
    buyable: Bools
    blocked: Bools

    @property
    def kernel_bars(self) -> BarArrays:
        """The bars as the compiled account reads them."""
        return bar_arrays_from(
            replace(self.bar_matrix, volume=np.where(self.buyable, self.bar_matrix.volume, 0.0))
        )


@dataclass(frozen=True, slots=True, eq=False)
class PooledForecast:
    """Votes pooled under an influence, one entry for each part."""

    influence: tuple[Influence, ...]
    pooled_votes: tuple[PooledVotes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CommitteeTargets:
    """The decisions of a committee: `actions` codes (K, N) and its plan."""

    actions: Codes
    plan: TargetPlan


def build_inputs(
    request: BacktestRequest,
    panels: Sequence[CalendarPanel],
    agent_votes: Sequence[tuple[AgentVoteResult, ...]],
) -> BacktestInputs:
    """Build the inputs. `agent_votes` are on the parts' voted rows, of the agents
    `request.required_agents` in that order."""
    grid = build_grid(panels)
    vote_matrices = tuple(
        collect_votes(part.panel, results, part.since)
        for part, results in zip(panels, agent_votes, strict=True)
    )
    traded = grid.widen([part.traded for part in panels], False)
    buyable = traded & [asset_class(symbol) is not AssetClass.INDEX for symbol in grid.symbols]
    return BacktestInputs(
        request=request,
        panels=tuple(panels),
        grid=grid,
        agent_votes=tuple(agent_votes),
        vote_matrices=vote_matrices,
        change=tuple(forward_returns(part.panel, part.since).change for part in panels),
        bar_matrix=build_bar_matrix(
            [part.panel for part in panels],
            [part.factor for part in panels],
            [part.since for part in panels],
        ),
        traded=traded,
        buyable=buyable,
        blocked=grid.widen([part.blocked for part in panels], False),
    )


def pool_forecast(
    inputs: BacktestInputs, voters: Sequence[str], settings: CommitteeSettings
) -> PooledForecast:
    """Pool the votes of `voters`, weighted and calibrated as `settings` say."""
    influence = tuple(
        _influence(inputs, part, voters, settings) for part in range(len(inputs.panels))
    )
    pooled_votes = tuple(
        pool_votes(matrix, each, settings)
        for matrix, each in zip(inputs.vote_matrices, influence, strict=True)
    )
    return PooledForecast(influence, pooled_votes)


def single_agent_forecast(inputs: BacktestInputs, agent: str) -> PooledForecast:
    """Return the forecast of one agent, uncalibrated."""
    trusting = inputs.request.committee.model_copy(
        update={"weighting": "equal", "calibrated": False}
    )
    return pool_forecast(inputs, (agent,), trusting)


def random_forecasts(
    inputs: BacktestInputs, forecast: PooledForecast, seed: int
) -> Iterator[PooledForecast]:
    """Yield the committee's own evidence of another time, at least a tenth of the period away: as
    strong, as persistent, as frequent, and with as much difference between the symbols of a bar,
    but without information."""
    settings = inputs.request.committee
    for draw in range(RANDOM_COMMITTEES):
        rng = np.random.default_rng([seed, draw])
        by_symbol = rng.integers if inputs.request.rules < 2 else None
        shift = 0.0 if by_symbol else rng.uniform(MIN_SHIFT, 1.0 - MIN_SHIFT)
        shifted = tuple(
            _shift_evidence(pooled, settings, int(shift * len(pooled.p_up)), by_symbol)
            for pooled in forecast.pooled_votes
        )
        yield PooledForecast(forecast.influence, shifted)


def decide_targets(
    inputs: BacktestInputs, forecast: PooledForecast, settings: CommitteeSettings
) -> CommitteeTargets:
    """Decide row after row, as the live committee does. The quorum is at most the number of
    voters."""
    grid = inputs.grid
    voters = max(int((each.weights > 0.0).any(axis=0).sum()) for each in forecast.influence)
    parts = [
        target_inputs(pooled, part.blocked)
        for pooled, part in zip(forecast.pooled_votes, inputs.panels, strict=True)
    ]
    rows = merge_calendars(parts, grid.rows, grid.columns, grid.same_instant)
    with_reachable_quorum = settings.model_copy(update={"quorum": min(settings.quorum, voters)})
    actions, targets = decide_rows(rows, np.zeros(len(grid.symbols)), with_reachable_quorum)
    caps = np.minimum(rows.cap, settings.sizing.position_limit)
    target_matrix = committee_targets(targets, caps, inputs.traded, inputs.blocked)
    limits = shared_limits(grid.symbols, rows.correlation_groups, settings.sizing)
    return CommitteeTargets(actions, TargetPlan(target_matrix, inputs.request.limits, limits))


def simulate_plan(
    inputs: BacktestInputs,
    plan: TargetPlan,
    costs: CostSettings | None = None,
    delay: int | None = None,
) -> SimulationResult:
    """Simulate the plan from `request.capital`, by default with the costs and delay of the
    request."""
    request = inputs.request
    settings = TradingSettings(
        costs=costs or request.costs, limits=plan.limits, fill_model=1 if request.rules < 2 else 2
    )
    return simulate_trading(
        inputs.grid.symbols,
        inputs.kernel_bars,
        plan.target_matrix,
        settings,
        request.capital,
        request.delay if delay is None else delay,
        plan.shared_limits,
    )


def baseline_plans(inputs: BacktestInputs) -> dict[str, TargetPlan]:
    """Return the plans of the baselines, by name."""
    return {
        "buy and hold": buy_and_hold(inputs.buyable),
        "equal weight": equal_weight(inputs.buyable, inputs.grid.known_at),
        "SMA 20/50": sma_cross(inputs.panels, inputs.grid, inputs.buyable),
    }


def _influence(
    inputs: BacktestInputs, part: int, voters: Sequence[str], settings: CommitteeSettings
) -> Influence:
    """Return the (R, A) or (1, A) influence of all required agents in a part; agents that do not
    vote have weight 0."""
    required, matrix = inputs.request.required_agents, inputs.vote_matrices[part]
    columns = [required.index(name) for name in voters]
    learned = influence_by_row(
        matrix.log_odds[columns],
        matrix.base_rate,
        inputs.change[part],
        weighting=settings.weighting,
        calibrated=settings.calibrated,
        horizon=inputs.request.horizon,
    )
    weights = np.zeros((len(learned.weights), len(required)))
    trust = np.ones((len(learned.trust), len(required)))
    weights[:, columns], trust[:, columns] = learned.weights, learned.trust
    return Influence(weights, trust)


def _shift_evidence(
    pooled: PooledVotes,
    settings: CommitteeSettings,
    lag: int,
    lag_by_symbol: Callable[[int], int] | None,
) -> PooledVotes:
    """Move each symbol's evidence on by `lag` of its own bars, from the end to the beginning. By
    rules 1 every symbol has another lag, which is drawn below its number of bars."""
    votes = pooled.votes
    base = log_odds(votes.base_rate)
    evidence = pooled.pool.log_odds - base
    for column in range(evidence.shape[1]):
        rows = np.flatnonzero(~np.isnan(evidence[:, column]))
        if len(rows):
            shift = lag_by_symbol(len(rows)) if lag_by_symbol else lag
            evidence[rows, column] = np.roll(evidence[rows, column], shift)
    p_up = sigmoid(base + evidence)
    edge = net_edge(p_up - votes.base_rate, votes.volatility, settings.round_trip_cost)
    return replace(pooled, p_up=p_up, edge=edge)
