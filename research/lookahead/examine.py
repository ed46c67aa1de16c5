"""Does an agent keep its promises? Asked many times about one market, told otherwise each time.

The panel is cut at many instants, with its headlines, filings and announcements, and the future is
replaced by another: no vote of the past may change by a bit. Half of the cuts are drawn at random,
half fall right before something becomes known, where a leak of hours shows. What is found is told,
never raised: an agent that fails is a finding too. Left out: whether the votes are worth anything,
and leaks in what was stored before it came into the panel.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from domain.panel import Panel
from domain.votes import Agent
from research.lookahead import invariants
from research.lookahead.invariants import (
    AGAIN,
    AHEAD,
    EMPTY,
    LEVEL,
    NEIGHBOURS,
    SOUND,
    WARMUP,
    WINDOW,
    Case,
    Finding,
    Make,
)

Progress = Callable[[str, int, int], None]
Check = Callable[[Case], Iterable[Finding]]

_FIRST: tuple[tuple[str, Check], ...] = (
    (SOUND, invariants.is_sound),
    (AGAIN, invariants.asked_again),
)
_THEN: tuple[tuple[str, Check], ...] = (
    (WARMUP, invariants.warmed_up),
    (EMPTY, invariants.silent_on_nothing),
    (WINDOW, invariants.windowed),
    (NEIGHBOURS, invariants.among_others),
    (LEVEL, invariants.at_another_level),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What `bars` of `symbols`, cut `cuts` times, say of an agent that cast `votes` votes there.

    `silence` is the commonest reason for abstaining, None where it never did: an agent that was
    silent throughout has shown nothing.
    """

    agent: str
    version: str
    symbols: tuple[str, ...]
    bars: int
    cuts: int
    votes: int
    silence: str | None
    findings: tuple[Finding, ...]


def examine(
    agent: Agent,
    panel: Panel,
    *,
    cuts: int = 8,
    seed: int = 0,
    fresh: Make | None = None,
    progress: Progress = lambda *_: None,
    hurried: Callable[[], bool] = lambda: False,
) -> Report:
    """Every promise, on one panel. `fresh` (picklable) makes the agent anew in another process;
    without it only this one is asked. Cutting ends early once `hurried`."""
    try:
        case = Case(agent, panel, agent.vote(panel), seed)
    except Exception as error:
        failed = Finding(SOUND, _failure(error))
        symbols, bars = panel.symbols, len(panel.known_at)
        return Report(agent.name, agent.version, symbols, bars, 0, 0, None, (failed,))
    progress("asking again", 0, cuts)
    found = _all_guarded(_FIRST, case)
    if fresh is not None:
        found += _guarded(AGAIN, partial(invariants.elsewhere, fresh=fresh), case)
    done = 0
    if not any(finding.promise == AGAIN for finding in found):  # else nothing can be compared
        found += _all_guarded(_THEN, case)
        for rows in cut_at(panel, cuts, seed):
            if hurried():
                break
            progress("cutting the panel", done, cuts)
            found += _guarded(AHEAD, partial(invariants.at_cut, rows=rows), case)
            done += 1
    return _report(case, done, found)


def cut_at(panel: Panel, count: int, seed: int) -> list[int]:
    """`count` numbers of bars to cut the panel to, first the shortest and all but one; the same
    for the same panel, count and seed."""
    bars = len(panel.known_at)
    random = np.random.default_rng(seed)
    eves = []
    for events in (panel.news, panel.filings, panel.earnings):
        before = np.searchsorted(panel.known_at, events.known_at, side="left")
        inside = np.unique(before[(before > 0) & (before < bars)])
        if len(inside):
            eves.append(inside)
    cuts = [1, max(bars - 1, 1)]
    for k in range(max(count - 2, 0)):
        some = eves[k // 2 % len(eves)] if eves and k % 2 else np.arange(1, bars + 1)
        cuts.append(int(random.choice(some)))
    return cuts[:count]


def _all_guarded(checks: Sequence[tuple[str, Check]], case: Case) -> list[Finding]:
    return [finding for name, check in checks for finding in _guarded(name, check, case)]


def _guarded(promise: str, check: Check, case: Case) -> list[Finding]:
    try:
        return list(check(case))
    except Exception as error:  # whatever a stranger's agent raises is what we tell
        return [Finding(promise, _failure(error))]


def _failure(error: Exception) -> str:
    return f"the agent failed with {type(error).__name__}: {error}"


def _report(case: Case, cuts: int, found: list[Finding]) -> Report:
    """With findings of one promise and source made one: the first, and in how many cuts."""
    first: dict[tuple[str, str], Finding] = {}
    for finding in found:
        key = finding.promise, finding.source
        known = first.setdefault(key, finding)
        if finding.promise == AHEAD:
            first[key] = replace(known, cuts=known.cuts + 1)
    votes = case.whole
    kinds, counts = np.unique(votes.silence[votes.silence > 0], return_counts=True)
    return Report(
        agent=case.agent.name,
        version=case.agent.version,
        symbols=case.panel.symbols,
        bars=len(case.panel.known_at),
        cuts=cuts,
        votes=int((~np.isnan(votes.log_odds)).sum()),
        silence=votes.abstentions[kinds[np.argmax(counts)]] if len(kinds) else None,
        findings=tuple(first.values()),
    )
