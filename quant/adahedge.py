"""AdaHedge: online weights of experts by log loss, where an expert may abstain from a round.

The log loss of a probability with log-odds x is log(1 + exp(-x)) where the event happened
and log(1 + exp(x)) where it did not: convex in x. A pool of log-odds is a weighted mean of x, so by
Jensen's inequality its log loss is at most the same weighted mean of its members' log losses,
which Hedge keeps close to the best member's. The bound therefore holds for the committee:

    sum of the pool's losses <= the smallest of `losses` + log(A) / rate + gap

with A experts, `rate` = min(1, log(A) / gap), and the mixability gap of AdaHedge (de Rooij, van
Erven, Grunwald and Koolen, "Follow the leader if you can, hedge if you must", JMLR 2014). A rate of
1 is Bayes' rule for log loss (Vovk, "Aggregating strategies", 1990) with a round as one
observation: symbols move together and horizons overlap, so a round is hardly ever worth more than
one. AdaHedge alone starts with an infinite rate and would follow the leader of the first week; here
it only lowers the rate where losses differ so much that Bayes' rule would jump between experts.

An abstaining expert is charged the loss of the pool of voters, cell by cell (Freund,
Schapire, Singer and Warmuth, "Using and combining predictors that specialize", 1997; Chernov and
Vovk, "Prediction with expert evaluators' advice", 2009). One that has never voted keeps an equal
share, and starts with it. Leaves out base rates, trust and delays
(`orchestrator/committee/learned_weights.py`).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant.jit import cached_njit

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

MAX_LEARNING_RATE = 1.0
"""The learning rate of Bayes' rule, in weight per nat of a round's mean loss."""
MIN_ODDS = 1e-12
"""Lower bound of an expert's odds against the best one: with weight 0 it would not be a voter."""


@dataclass(frozen=True, slots=True, eq=False)
class AdaHedgeState:
    """The state of A experts.

    `losses` (A,): sum over the rounds of the mean log loss in a round's cells, in nats; a late
    entrant starts with the loss that gives it an equal share. `gap`: sum over the rounds of the
    weighted mean loss less the mixture's loss. `rounds` (A,): how many each expert voted in.
    """

    losses: Floats
    gap: float
    rounds: Counts


def initial_state(experts: int) -> AdaHedgeState:
    return AdaHedgeState(np.zeros(experts), 0.0, np.zeros(experts, np.int64))


def current_weights(state: AdaHedgeState) -> Floats:
    """(A,) current weights; they sum to one."""
    answer: Floats = _weights(state.losses, state.gap, state.rounds)
    return answer


def update(state: AdaHedgeState, log_odds: Floats, rose: Floats) -> tuple[AdaHedgeState, Floats]:
    """Return the state after R more rounds, and the weights (R, A) after each.

    `log_odds` (A, R, N) is NaN for an abstention; `rose` (R, N) is 1 or 0, NaN in a cell that does
    not count. A row without a vote in a cell that counts is not a round.
    """
    losses, rounds = state.losses.copy(), state.rounds.copy()
    gap, weights = _update(losses, state.gap, rounds, log_odds, rose)
    return AdaHedgeState(losses, gap, rounds), weights


@cached_njit
def _update(
    losses: Floats, gap: float, rounds: Counts, log_odds: Floats, rose: Floats
) -> tuple[float, Floats]:
    agents, rows, _ = log_odds.shape
    after = np.empty((rows, agents))
    weights = _weights(losses, gap, rounds)
    loss = np.empty(agents)
    voted = np.empty(agents, np.bool_)
    for row in range(rows):
        cells = _round_losses(weights, log_odds[:, row, :], rose[row], loss, voted)
        if cells > 0:
            loss /= cells
            gap += _add_round(weights, losses, _learning_rate(gap, agents), rounds, loss, voted)
            weights = _weights(losses, gap, rounds)
        after[row] = weights
    return gap, after


@cached_njit
def _round_losses(
    weights: Floats, log_odds: Floats, rose: Floats, loss: Floats, voted: NDArray[np.bool_]
) -> int:
    """Fill `loss` (A,) with sums over the cells and `voted` (A,); return the number of cells."""
    agents, columns = log_odds.shape
    loss[:] = 0.0
    voted[:] = False
    cells = 0
    for column in range(columns):
        if np.isnan(rose[column]):
            continue
        total = pooled = 0.0
        for agent in range(agents):
            if not np.isnan(log_odds[agent, column]):
                total += weights[agent]
                pooled += weights[agent] * log_odds[agent, column]
        if total == 0.0:
            continue
        cells += 1
        asleep = _log_loss(pooled / total, rose[column])
        for agent in range(agents):
            if np.isnan(log_odds[agent, column]):
                loss[agent] += asleep
            else:
                loss[agent] += _log_loss(log_odds[agent, column], rose[column])
                voted[agent] = True
    return cells


@cached_njit
def _add_round(
    weights: Floats,
    losses: Floats,
    rate: float,
    rounds: Counts,
    loss: Floats,
    voted: NDArray[np.bool_],
) -> float:
    """Add a round to `losses` and `rounds`; return its mixability gap."""
    entry = _newcomer_loss(losses, rate, rounds)
    least = np.inf
    total = mean = 0.0
    for agent in range(len(losses)):
        if voted[agent]:
            if rounds[agent] == 0:
                losses[agent] = entry
            rounds[agent] += 1
        if rounds[agent] > 0:
            losses[agent] += loss[agent]
            least = min(least, loss[agent])
            total += weights[agent]
            mean += weights[agent] * loss[agent]
    likelihood = 0.0
    for agent in range(len(losses)):
        if rounds[agent] > 0:
            likelihood += weights[agent] * math.exp(-rate * (loss[agent] - least))
    mixture = least - math.log(likelihood / total) / rate
    return max(mean / total - mixture, 0.0)


@cached_njit
def _newcomer_loss(losses: Floats, rate: float, rounds: Counts) -> float:
    """The loss that gives a new voter the mean weight of those that have voted before."""
    odds = _odds(losses, rate, rounds)
    voters = 0
    least = np.inf
    for agent in range(len(losses)):
        if rounds[agent] > 0:
            voters += 1
            least = min(least, losses[agent])
    return least - math.log(odds.sum() / voters) / rate if voters > 0 else 0.0


@cached_njit
def _weights(losses: Floats, gap: float, rounds: Counts) -> Floats:
    agents = len(losses)
    odds = _odds(losses, _learning_rate(gap, agents), rounds)
    total, voters = odds.sum(), np.sum(rounds > 0)
    weights = np.full(agents, 1.0 / agents)
    for agent in range(agents):
        if rounds[agent] > 0:
            weights[agent] = odds[agent] / total * voters / agents
    return weights


@cached_njit
def _odds(losses: Floats, rate: float, rounds: Counts) -> Floats:
    """(A,) odds of each expert against the best one; 0 for one that never voted."""
    least = np.inf
    for agent in range(len(losses)):
        if rounds[agent] > 0:
            least = min(least, losses[agent])
    odds = np.zeros(len(losses))
    for agent in range(len(losses)):
        if rounds[agent] > 0:
            odds[agent] = max(math.exp(-rate * (losses[agent] - least)), MIN_ODDS)
    return odds


@cached_njit
def _learning_rate(gap: float, agents: int) -> float:
    bound = math.log(max(agents, 2))
    return bound / gap if gap * MAX_LEARNING_RATE > bound else MAX_LEARNING_RATE


@cached_njit
def _log_loss(log_odds: float, rose: float) -> float:
    right = log_odds if rose > 0.0 else -log_odds
    return math.log1p(math.exp(-abs(right))) + max(-right, 0.0)
