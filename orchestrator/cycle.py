"""One cycle: settle what is due, let agents vote and the committee decide, record in the journal.

`decide_cycle` turns a panel and a team into a cycle and is pure, apart from the clock that times
it. `run_cycles` runs it for every calendar at one instant and records the result. Before that, the
run's account processes the bars that have closed; its orders are placed in the transaction that
records the decisions. Settling and processing bars are transactions of their own: if the process is
killed between them and the cycle's, the next start finds nothing due and decides the same. Leaves
out when to run (`engine.py`) and fetching.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.canonical import canonical_bytes, to_json
from domain.decision import Cycle, QualityVerdict
from domain.errors import InputError
from domain.events import Event
from domain.panel import Panel
from domain.record import RunScope
from domain.settlement import PendingDecision, SettlementBatch, SettlementKey
from market.panels.panel_builder import PanelQuery, build_panels
from market.store import MarketDataStore
from orchestrator.account.cycle_orders import AccountCycle, CycleAccountState
from orchestrator.committee.decisions import decide
from orchestrator.committee.learned_weights import Influence
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.evaluation.settlement import (
    influence_in_force,
    learn_due_rounds,
    newest_due_close,
    settle_decisions,
)
from orchestrator.ports import Journal
from orchestrator.team.base import AgentVoteResult, Team


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext(RunScope):
    """Where cycles run and under which name they are recorded.

    `digest_of` names a panel by its content (`storage.journal.panel_archive.panel_digest`).
    """

    settings: CommitteeSettings
    store: MarketDataStore
    journal: Journal
    digest_of: Callable[[Panel], str]
    starts_after: datetime | None = None
    """A new run leaves out bars that closed by then."""
    account_cycle: AccountCycle | None = None
    """The run's paper account in its cycles; None if nothing is traded."""

    def panel_query(self, symbols: Sequence[str], as_of: datetime) -> PanelQuery:
        """Return the query of the run's panels of `symbols` as known at `as_of`."""
        return PanelQuery(
            market=self.market,
            symbols=symbols,
            timeframe=self.timeframe,
            as_of=as_of,
            horizon=self.horizon,
            simulated=self.simulated,
        )


@dataclass(frozen=True, slots=True, eq=False)
class CycleResult:
    """A cycle and its inputs. `inputs` is plain JSON and, with the panel, enough to recompute the
    cycle. `events` is empty if the cycle was recorded before. `seconds` are by stage."""

    cycle: Cycle
    panel: Panel
    inputs: Mapping[str, Any]
    events: tuple[Event, ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPanel:
    """A panel with the quality gate's verdicts; `seconds` is how long it took to build."""

    panel: Panel
    verdicts: tuple[QualityVerdict, ...]
    seconds: float


def run_cycles(
    context: RunContext,
    team: Team,
    symbols: Sequence[str],
    as_of: datetime,
    *,
    previous: Mapping[str, float] | None = None,
    only_new: bool = False,
) -> tuple[CycleResult, ...]:
    """Run and record one cycle for each calendar of `symbols`, on its last bar closed by `as_of`.

    `previous` are the targets to start from; None takes those recorded before the bar. With
    `only_new`, a calendar without a bar since its last recorded cycle is left out.
    """
    started = time.perf_counter()
    account_state = None
    if context.account_cycle:
        account_state = context.account_cycle.process_bars(symbols, as_of)
        context = replace(context, settings=account_state.rules.committee)
    account_seconds = time.perf_counter() - started
    results = []
    for prepared in prepare_panels(context, symbols, as_of):
        if only_new and not _is_new(context, prepared.panel):
            continue
        targets = previous
        if targets is None:
            targets = _previous_targets(context, prepared.panel, symbols)
        results.append(run_cycle(context, team, prepared, targets, account_state))
    if results and account_state:
        results[0] = replace(results[0], seconds={"meet": account_seconds, **results[0].seconds})
    return tuple(results)


def prepare_panels(
    context: RunContext, symbols: Sequence[str], as_of: datetime
) -> tuple[PreparedPanel, ...]:
    """Build a panel for each calendar, before any agent votes; raises as `build_panels` does."""
    started = time.perf_counter()
    panels = build_panels(context.store, context.panel_query(symbols, as_of))
    seconds = (time.perf_counter() - started) / len(panels)
    return tuple(PreparedPanel(panel, verdicts, seconds) for panel, verdicts in panels)


def run_cycle(
    context: RunContext,
    team: Team,
    prepared: PreparedPanel,
    previous: Mapping[str, float],
    account_state: CycleAccountState | None = None,
) -> CycleResult:
    """Settle what is due by the panel's last bar, decide the cycle on it and record it, with its
    orders if the account has processed the bar (`account_state`)."""
    started = time.perf_counter()
    influence = settle_due_decisions(context, team.agents, prepared.panel)
    settling = time.perf_counter() - started
    result = decide_cycle(context, team, prepared.panel, prepared.verdicts, previous, influence)
    started = time.perf_counter()
    with context.journal.unit_of_work() as uow:
        events = uow.record(result.cycle, result.panel, result.inputs)
        if events and context.account_cycle and account_state:
            events += context.account_cycle.place_target_orders(
                uow, result.cycle, account_state, result.panel
            )
    recording = time.perf_counter() - started
    seconds = {"panel": prepared.seconds, "settle": settling, **result.seconds, "record": recording}
    return replace(result, events=events, seconds=seconds)


def settle_due_decisions(context: RunContext, agents: Sequence[str], panel: Panel) -> Influence:
    """Settle the run's decisions whose outcome the panel holds and learn from the rounds that are
    due. Return the influence of `agents` in force at the panel's end."""
    key = SettlementKey(context.market, context.run, panel.calendar, panel.timeframe, panel.horizon)
    last = context.journal.learner_state(key, panel.as_of)
    until = newest_due_close(panel)
    pending = context.journal.pending(key, until) if until else ()
    if pending:
        outcomes = settle_decisions((panel, *_unfollowed_panels(context, panel, pending)), pending)
        states = learn_due_rounds(panel, agents, pending, outcomes, last)
        if outcomes or states:
            after = last.as_of if last else None
            context.journal.settle(SettlementBatch(key, context.simulated, outcomes, states, after))
            last = context.journal.learner_state(key, panel.as_of)
    return influence_in_force(last, agents, context.settings)


def _unfollowed_panels(
    context: RunContext, panel: Panel, pending: Sequence[PendingDecision]
) -> Sequence[Panel]:
    """Build panels of the symbols that were decided on and are no longer followed: without them the
    record would lack their outcomes."""
    unfollowed = {decision.symbol for decision in pending}.difference(panel.symbols)
    stored = unfollowed and unfollowed.intersection(
        context.store.symbols(context.market, context.timeframe)
    )
    if not stored:
        return ()
    try:
        panels = build_panels(context.store, context.panel_query(sorted(stored), panel.as_of))
    except InputError:  # not one bar of them by then
        return ()
    return [panel for panel, _ in panels]


def decide_cycle(
    context: RunContext,
    team: Team,
    panel: Panel,
    verdicts: Sequence[QualityVerdict],
    previous: Mapping[str, float],
    influence: Influence,
) -> CycleResult:
    """Decide the cycle on the panel's last bar, without recording it; `influence` is that of the
    team's agents."""
    started = time.perf_counter()
    vote_results = team.vote(panel, len(panel.known_at) - 1)
    voted = time.perf_counter()
    inputs = to_json(_inputs(context, panel, verdicts, vote_results, influence, previous))
    digest = digest_of_inputs(inputs)
    decisions = decide(
        panel, verdicts, vote_results, previous=previous, influence=influence,
        settings=context.settings, digest=digest,
    )  # fmt: skip
    cycle = Cycle(
        run=context.run,
        market=context.market,
        simulated=context.simulated,
        calendar=panel.calendar,
        timeframe=panel.timeframe,
        as_of=panel.as_of,
        digest=digest,
        decisions=decisions,
    )
    seconds = {"vote": voted - started, "decide": time.perf_counter() - voted}
    return CycleResult(cycle, panel, inputs, (), seconds)


def digest_of_inputs(inputs: Mapping[str, Any]) -> str:
    """Return the cycle's identity: SHA-256 over the canonical bytes of all its inputs."""
    return hashlib.sha256(canonical_bytes(inputs)).hexdigest()


def _inputs(
    context: RunContext,
    panel: Panel,
    verdicts: Sequence[QualityVerdict],
    vote_results: Sequence[AgentVoteResult],
    influence: Influence,
    previous: Mapping[str, float],
) -> dict[str, Any]:
    return {
        "run": context.run,
        "market": context.market,
        "simulated": context.simulated,
        "calendar": panel.calendar,
        "timeframe": panel.timeframe,
        "panel": context.digest_of(panel),
        "committee": context.settings.model_dump(mode="json"),
        "previous": {symbol: weight for symbol, weight in previous.items() if weight != 0.0},
        "verdicts": verdicts,
        "agents": [
            {
                "name": result.agent,
                "version": result.votes.version if result.votes else None,
                "weight": influence.weights[-1, index],
                "trust": influence.trust[-1, index],
                "failure": result.failure,
            }
            for index, result in enumerate(vote_results)
        ],
    }


def _is_new(context: RunContext, panel: Panel) -> bool:
    cursor = (
        context.journal.cursor(context.market, context.run, panel.calendar) or context.starts_after
    )
    return cursor is None or cursor < panel.as_of


def _previous_targets(
    context: RunContext, panel: Panel, symbols: Sequence[str]
) -> dict[str, float]:
    """Return the targets of the symbols still followed, as they were before the panel's last
    bar."""
    before = context.journal.previous_targets(context.market, context.run, panel.as_of)
    return {symbol: before[symbol] for symbol in symbols if symbol in before}
