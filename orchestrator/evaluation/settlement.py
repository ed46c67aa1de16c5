"""Settle what is due: the complete outcomes of recorded decisions, and what is learnt from them.

Pure. A decision is settled when its exit bar is in the panel, never before, and stays pending until
then. The round of bar t (the votes of all symbols on it) is learnt when the panel holds bar t + 1 +
horizon, from the outcomes complete at exactly that bar, once and in order: so it makes no
difference whether a cycle ran at every bar since, or none for days.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import numpy as np

from domain.instants import to_datetime, to_datetime64
from domain.panel import Floats, Panel
from domain.settlement import DecisionOutcome, LearnerState, PendingDecision
from orchestrator.committee.learned_weights import (
    Influence,
    WeightLearner,
    current_influence,
    equal_influence,
    learn,
    new_learner,
)
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.evaluation.forward_returns import NOT_COMPLETE, forward_returns, market_regime


def newest_due_close(panel: Panel) -> datetime | None:
    """Return the close of the newest bar whose round is due; None while the panel is too short."""
    row = len(panel.known_at) - 2 - panel.horizon
    return None if row < 0 else to_datetime(panel.known_at[row])


def settle_decisions(
    panels: Sequence[Panel], pending: Sequence[PendingDecision]
) -> tuple[DecisionOutcome, ...]:
    """Return the outcomes of the decisions that the panels complete, in the order of `pending`.

    No symbol is in two of the panels. Each decision is settled over its own horizon.
    """
    found = {
        outcome.decision.seq: outcome
        for panel in panels
        for outcome in _settle_in_panel(panel, pending)
    }
    return tuple(found[decision.seq] for decision in pending if decision.seq in found)


def learn_due_rounds(
    panel: Panel,
    agents: Sequence[str],
    pending: Sequence[PendingDecision],
    settled: Sequence[DecisionOutcome],
    last: LearnerState | None,
) -> tuple[LearnerState, ...]:
    """Return the learner states after the rounds that are due since `last`, oldest first.

    `pending` are decisions in order of their bars, as they were before any was settled, `settled`
    their outcomes. Only decisions over the panel's horizon teach; a decision on a bar not after
    that of `last` is too late to teach.
    """
    learner = _restore_learner(last, agents)
    exits = {outcome.decision.seq: outcome for outcome in settled}
    of_horizon = (decision for decision in pending if decision.horizon == panel.horizon)
    states = []
    for as_of, decisions in groupby(of_horizon, attrgetter("as_of")):
        due_at = _due_at(panel, as_of)
        if due_at is None or (last is not None and as_of <= last.as_of):
            continue
        votes = {decision.symbol: decision for decision in decisions}  # the newest of a symbol
        learner, influence = learn(learner, *_round_arrays(panel, agents, votes, exits, due_at))
        weights, trust = tuple(influence.weights[-1].tolist()), tuple(influence.trust[-1].tolist())
        states.append(
            LearnerState(as_of, due_at, learner.agents, weights, trust, learner.to_json())
        )
    return tuple(states)


def influence_in_force(
    state: LearnerState | None, agents: Sequence[str], settings: CommitteeSettings
) -> Influence:
    """Return the influence that the settings grant to what was learnt; one row, in order of
    `agents`."""
    if settings.weighting == "equal" and not settings.calibrated:
        return equal_influence(len(agents))
    return current_influence(
        _restore_learner(state, agents), settings.weighting, settings.calibrated
    )


def _settle_in_panel(panel: Panel, pending: Sequence[PendingDecision]) -> Iterator[DecisionOutcome]:
    """Yield the outcomes of decisions on the panel's own bars and symbols."""
    located = [
        (decision, *cell) for decision in pending if (cell := _cell(panel, decision)) is not None
    ]
    if not located:
        return
    regimes, since = market_regime(panel), min(row for _, row, _ in located)
    horizons = {each.horizon for each, *_ in located}
    returns = {bars: forward_returns(replace(panel, horizon=bars), since) for bars in horizons}
    for each, row, column in located:
        exit_row = returns[each.horizon].exit_row[row - since, column]
        change = returns[each.horizon].change[row - since, column]
        if exit_row == NOT_COMPLETE or np.isnan(change):
            continue
        entry_row = row + 1 + int(np.argmax(~np.isnan(panel.open[row + 1 :, column])))
        entry_at = to_datetime(panel.known_at[entry_row])
        exit_at = to_datetime(panel.known_at[exit_row])
        yield DecisionOutcome(each, entry_at, exit_at, float(change), int(regimes[row]))


def _cell(panel: Panel, decision: PendingDecision) -> tuple[int, int] | None:
    """Return row and column of the decision; None if the panel has no such bar or symbol."""
    row = _row(panel, decision.as_of)
    if row is None or decision.symbol not in panel.symbols:
        return None
    return row, panel.symbols.index(decision.symbol)


def _row(panel: Panel, at: datetime) -> int | None:
    """Return the row of the bar that closed at that instant."""
    row = int(np.searchsorted(panel.known_at, to_datetime64(at)))
    return row if row < len(panel.known_at) and panel.known_at[row] == to_datetime64(at) else None


def _due_at(panel: Panel, as_of: datetime) -> datetime | None:
    """Return the close of the bar at which the round of a bar is due; None if the panel lacks
    either."""
    row = _row(panel, as_of)
    due = len(panel.known_at) if row is None else row + 1 + panel.horizon
    return to_datetime(panel.known_at[due]) if due < len(panel.known_at) else None


def _round_arrays(
    panel: Panel,
    agents: Sequence[str],
    votes: Mapping[str, PendingDecision],
    exits: Mapping[int, DecisionOutcome],
    due_at: datetime,
) -> tuple[Floats, Floats, Floats]:
    """Return log-odds (A, 1, N), base rate (1, N) and change (1, N) of one bar; NaN for an outcome
    that was not complete at `due_at`. Symbols in the panel's order, then those no longer followed.
    """
    symbols = [*panel.symbols, *sorted(votes.keys() - set(panel.symbols))]
    index_of = {agent: index for index, agent in enumerate(agents)}
    log_odds = np.full((len(agents), 1, len(symbols)), np.nan)
    rate, change = np.full((2, 1, len(symbols)), np.nan)
    for column, symbol in enumerate(symbols):
        if symbol not in votes:
            continue
        vote = votes[symbol]
        rate[0, column] = np.nan if vote.base_rate is None else vote.base_rate
        for forecast in vote.forecasts:
            if forecast.agent in index_of and forecast.log_odds is not None:
                log_odds[index_of[forecast.agent], 0, column] = forecast.log_odds
        outcome = exits.get(vote.seq)
        if outcome is not None and outcome.exit_at == due_at:
            change[0, column] = outcome.change
    return log_odds, rate, change


def _restore_learner(state: LearnerState | None, agents: Sequence[str]) -> WeightLearner:
    """Return the learner of that state, for the agents of the team."""
    return new_learner(agents) if state is None else WeightLearner.from_json(state.memory, agents)
