"""Does an agent keep its promises? Asked many times about one market, changed each time.

One process votes on the whole panel and on changed copies of it: other futures, other neighbours,
other levels. Another votes on the panel's heads in ascending order and never sees more than it has
been given, so that nothing an agent remembers can reach back. No vote of the past may differ by a
bit. What is found is reported, never raised: an agent that fails is a finding too. Left out:
whether the votes are worth anything short of too much, and leaks in what was stored before it came
into the panel.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from domain.panel import Bools, Panel
from research.lookahead import invariants
from research.lookahead.agent_process import AgentFailureError, AgentPair, AgentRefusedError
from research.lookahead.cuts import DEFAULT_CUTS, choose_cuts
from research.lookahead.invariants import (
    NO_LEVEL,
    NO_LOOKAHEAD,
    NO_NEIGHBOURS,
    NO_WINDOW,
    REPEATABLE,
    SILENT_WITHOUT_BARS,
    SOUND_VOTES,
    WARMUP,
    CheckCase,
    InvariantViolation,
)
from research.lookahead.vote_scores import implausible_scores

ProgressCallback = Callable[[str, int, int], None]
InvariantCheck = Callable[[CheckCase], Iterable[InvariantViolation]]

VOTES_PER_CUT = 2.0
"""Votes on a whole panel that a cut takes about as long as."""

_CHECKS: tuple[tuple[str, InvariantCheck], ...] = (
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
    that abstained throughout has shown nothing. `opened` are files that it opened in a first vote
    on invented prices: what they hold is not checked. `implausible` are scores of the votes that
    are too good to be true.
    """

    agent: str
    version: str
    symbols: tuple[str, ...]
    bars: int
    horizon: int
    cuts: int
    votes: int
    commonest_abstention: str | None
    opened: tuple[str, ...]
    implausible: tuple[str, ...]
    violations: tuple[InvariantViolation, ...]


def examine(
    pair: AgentPair,
    panel: Panel,
    *,
    cuts: int = DEFAULT_CUTS,
    seed: int = 0,
    on_progress: ProgressCallback = lambda *_: None,
    deadline: float | None = None,
) -> LookaheadReport:
    """Check every promise on one panel, of which neither process may have seen a bar before.

    Fewer cuts are made where `deadline` (as `time.monotonic` counts, in seconds) comes first.
    """
    try:
        case = CheckCase(pair.whole, panel, pair.whole.vote(panel), seed)
    except AgentFailureError as error:
        return _report_failure(pair, panel, error)
    on_progress("asking again", 0, cuts)
    started = time.monotonic()
    violations = _run_check(SOUND_VOTES, invariants.check_soundness, case)
    violations += _run_check(REPEATABLE, invariants.check_repeatable, case)
    vote_seconds = max(time.monotonic() - started, 0.001)  # a clock may be coarse
    in_processes = partial(invariants.check_same_in_processes, pair=pair)
    violations += _run_check(REPEATABLE, in_processes, case)
    done = 0
    repeats = all(finding.invariant != REPEATABLE for finding in violations)
    if repeats and not (pair.whole.touched or pair.heads.touched):  # else nothing can be compared
        violations += [found for name, check in _CHECKS for found in _run_check(name, check, case)]
        voted: Bools = np.any(~np.isnan(case.votes.log_odds), axis=1)
        chosen = choose_cuts(panel, cuts, seed, voted)
        if deadline is not None:
            seconds_left = max(deadline - time.monotonic(), 0.0)
            chosen = chosen[: max(int(seconds_left / (VOTES_PER_CUT * vote_seconds)), 1)]
        with ThreadPoolExecutor(1) as beside:
            for rows in sorted(chosen):
                if deadline is not None and done and time.monotonic() > deadline:
                    break
                on_progress("cutting the panel", done, len(chosen))
                head_votes = beside.submit(pair.heads.vote, panel.head(rows)).result
                cut = partial(invariants.check_cut, rows=rows, head_votes=head_votes)
                violations += _run_check(NO_LOOKAHEAD, cut, case)
                done += 1
        violations += _run_check(REPEATABLE, invariants.check_repeatable, case)
    violations += invariants.check_touched(pair)
    return _build_report(case, pair, done, violations)


def _run_check(invariant: str, check: InvariantCheck, case: CheckCase) -> list[InvariantViolation]:
    try:
        return list(check(case))
    except AgentRefusedError:
        return []  # what it reached for is named by `check_touched`
    except AgentFailureError as error:
        return [InvariantViolation(invariant, f"the agent failed with {error}")]


def _report_failure(pair: AgentPair, panel: Panel, error: AgentFailureError) -> LookaheadReport:
    violations = tuple(invariants.check_touched(pair))
    if not isinstance(error, AgentRefusedError):
        failed = InvariantViolation(SOUND_VOTES, f"the agent failed with {error}")
        violations = (failed, *violations)
    try:
        agent, version = pair.whole.name, pair.whole.version
    except AgentFailureError:  # it could not be made
        agent, version = "", ""
    return LookaheadReport(
        agent,
        version,
        panel.symbols,
        len(panel.known_at),
        panel.horizon,
        0,
        0,
        None,
        (),
        (),
        violations,
    )


def _build_report(
    case: CheckCase, pair: AgentPair, cuts: int, violations: Sequence[InvariantViolation]
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
        opened=tuple(dict.fromkeys((*pair.heads.opened, *pair.whole.opened))),
        implausible=implausible_scores(case.panel, votes, case.seed),
        violations=tuple(first.values()),
    )
