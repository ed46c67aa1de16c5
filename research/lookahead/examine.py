"""Does an agent keep its promises? Asked many times about one market, changed each time.

The panel is cut at many instants, with its headlines, filings and announcements, and the future is
replaced by another: no vote of the past may change by a bit. Half of the cuts are drawn at random,
half fall right before something becomes known, where a leak of hours shows. What is found is
reported, never raised: an agent that fails is a finding too. Left out: whether the votes are worth
anything, and leaks in what was stored before it came into the panel.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from domain.panel import Panel
from domain.votes import Agent
from research.lookahead import invariants
from research.lookahead.invariants import (
    NO_LEVEL,
    NO_LOOKAHEAD,
    NO_NEIGHBOURS,
    NO_WINDOW,
    REPEATABLE,
    SILENT_WITHOUT_BARS,
    SOUND_VOTES,
    WARMUP,
    AgentConstructor,
    CheckCase,
    InvariantViolation,
)

ProgressCallback = Callable[[str, int, int], None]
InvariantCheck = Callable[[CheckCase], Iterable[InvariantViolation]]

_FIRST_CHECKS: tuple[tuple[str, InvariantCheck], ...] = (
    (SOUND_VOTES, invariants.check_soundness),
    (REPEATABLE, invariants.check_repeatable),
)
_LATER_CHECKS: tuple[tuple[str, InvariantCheck], ...] = (
    (WARMUP, invariants.check_warmup),
    (SILENT_WITHOUT_BARS, invariants.check_without_bars),
    (NO_WINDOW, invariants.check_windows),
    (NO_NEIGHBOURS, invariants.check_neighbours),
    (NO_LEVEL, invariants.check_scale_invariance),
)


@dataclass(frozen=True, slots=True)
class LookaheadReport:
    """What `bars` of `symbols`, voted on over `horizon` bars and cut `cuts` times, say of an agent
    that cast `votes` votes there.

    `commonest_abstention` is the commonest reason for abstaining, None where it never did: an agent
    that abstained throughout has shown nothing.
    """

    agent: str
    version: str
    symbols: tuple[str, ...]
    bars: int
    horizon: int
    cuts: int
    votes: int
    commonest_abstention: str | None
    violations: tuple[InvariantViolation, ...]


def examine(
    agent: Agent,
    panel: Panel,
    *,
    cuts: int = 8,
    seed: int = 0,
    make_fresh: AgentConstructor | None = None,
    on_progress: ProgressCallback = lambda *_: None,
    out_of_time: Callable[[], bool] = lambda: False,
) -> LookaheadReport:
    """Every promise, on one panel. `make_fresh` (picklable) makes the agent anew in another
    process; without it only this one votes. Cutting ends early once `out_of_time`."""
    try:
        case = CheckCase(agent, panel, agent.vote(panel), seed)
    except Exception as error:
        failed = InvariantViolation(SOUND_VOTES, _failure_text(error))
        symbols, bars = panel.symbols, len(panel.known_at)
        return LookaheadReport(
            agent.name, agent.version, symbols, bars, panel.horizon, 0, 0, None, (failed,)
        )
    on_progress("asking again", 0, cuts)
    violations = _run_checks(_FIRST_CHECKS, case)
    if make_fresh is not None:
        violations += _run_check(
            REPEATABLE, partial(invariants.check_fresh_process, make_fresh=make_fresh), case
        )
    done = 0
    if not any(
        finding.invariant == REPEATABLE for finding in violations
    ):  # else nothing can be compared
        violations += _run_checks(_LATER_CHECKS, case)
        for rows in choose_cuts(panel, cuts, seed):
            if out_of_time():
                break
            on_progress("cutting the panel", done, cuts)
            violations += _run_check(NO_LOOKAHEAD, partial(invariants.check_cut, rows=rows), case)
            done += 1
    return _build_report(case, done, violations)


def choose_cuts(panel: Panel, count: int, seed: int) -> list[int]:
    """`count` numbers of bars to cut the panel to, first the shortest and all but one; the same
    for the same panel, count and seed."""
    bars = len(panel.known_at)
    random = np.random.default_rng(seed)
    before_events = []
    for events in (panel.news, panel.filings, panel.earnings):
        before = np.searchsorted(panel.known_at, events.known_at, side="left")
        inside = np.unique(before[(before > 0) & (before < bars)])
        if len(inside):
            before_events.append(inside)
    cuts = [1, max(bars - 1, 1)]
    for k in range(max(count - 2, 0)):
        some = (
            before_events[k // 2 % len(before_events)]
            if before_events and k % 2
            else np.arange(1, bars + 1)
        )
        cuts.append(int(random.choice(some)))
    return cuts[:count]


def _run_checks(
    checks: Sequence[tuple[str, InvariantCheck]], case: CheckCase
) -> list[InvariantViolation]:
    return [finding for name, check in checks for finding in _run_check(name, check, case)]


def _run_check(invariant: str, check: InvariantCheck, case: CheckCase) -> list[InvariantViolation]:
    try:
        return list(check(case))
    except Exception as error:  # whatever a stranger's agent raises is what we report
        return [InvariantViolation(invariant, _failure_text(error))]


def _failure_text(error: Exception) -> str:
    return f"the agent failed with {type(error).__name__}: {error}"


def _build_report(
    case: CheckCase, cuts: int, violations: list[InvariantViolation]
) -> LookaheadReport:
    """With findings of one promise and source made one: the first, and in how many cuts."""
    first: dict[tuple[str, str], InvariantViolation] = {}
    for finding in violations:
        key = finding.invariant, finding.source
        earlier = first.setdefault(key, finding)
        if finding.invariant == NO_LOOKAHEAD:
            first[key] = replace(earlier, cuts=earlier.cuts + 1)
    votes = case.votes
    kinds, counts = np.unique(
        votes.abstention_codes[votes.abstention_codes > 0], return_counts=True
    )
    return LookaheadReport(
        agent=case.agent.name,
        version=case.agent.version,
        symbols=case.panel.symbols,
        bars=len(case.panel.known_at),
        horizon=case.panel.horizon,
        cuts=cuts,
        votes=int((~np.isnan(votes.log_odds)).sum()),
        commonest_abstention=votes.abstention_reasons[kinds[np.argmax(counts)]]
        if len(kinds)
        else None,
        violations=tuple(first.values()),
    )
