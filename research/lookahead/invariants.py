"""What an agent promises, and each promise put to the test on one panel.

Every check has the agent vote on the same market, changed, and yields what is broken. Checks
raise whatever the agent raises.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from domain.panel import Panel
from domain.votes import Agent, Votes
from research.lookahead import perturbations, vote_validation
from research.lookahead.vote_diff import VoteDifference, first_difference

NO_LOOKAHEAD, REPEATABLE, NO_WINDOW = "no look-ahead", "the same again", "no window"
NO_NEIGHBOURS, NO_LEVEL, SILENT_WITHOUT_BARS = "no neighbours", "no level", "silence without bars"
SOUND_VOTES, WARMUP = "sound votes", "warm-up"
INVARIANTS = {
    NO_LOOKAHEAD: "a vote uses what was known at its bar, and nothing else",
    REPEATABLE: "the same panel gives the same votes, also in a fresh process",
    NO_WINDOW: "asking for the last bars only changes none of them",
    NO_NEIGHBOURS: "a symbol's votes do not depend on which others stand beside it",
    NO_LEVEL: "prices and volumes have no true level: doubling them changes nothing",
    SILENT_WITHOUT_BARS: "without a single bar there is no vote, and a reason is told",
    SOUND_VOTES: "probabilities, caps and reasons are what they say they are",
    WARMUP: "no vote before the number of bars that the agent says it needs",
}
PANEL_LENGTH = "the panel's length"

WINDOW_COUNT = 4

AgentConstructor = Callable[[], Agent]


@dataclass(frozen=True, slots=True)
class InvariantViolation:
    """One promise broken. `source` is what an early vote was traced to (`perturbations.SOURCES` or
    `PANEL_LENGTH`), else empty; `difference` is the first difference; `cuts` in how many cuts it
    showed."""

    invariant: str
    message: str
    source: str = ""
    difference: VoteDifference | None = None
    cuts: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class CheckCase:
    """An agent, a panel and its votes there."""

    agent: Agent
    panel: Panel
    votes: Votes
    seed: int


def check_soundness(case: CheckCase) -> Iterator[InvariantViolation]:
    for problem in vote_validation.validate_votes(case.agent, case.panel, case.votes):
        yield InvariantViolation(SOUND_VOTES, problem)


def check_repeatable(case: CheckCase) -> Iterator[InvariantViolation]:
    repeated = case.agent.vote(case.panel)
    yield from _compare(REPEATABLE, case, repeated, "when first asked", "when asked again")


def check_fresh_process(
    case: CheckCase, make_fresh: AgentConstructor
) -> Iterator[InvariantViolation]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        votes = pool.submit(_vote, make_fresh, case.panel).result()
    yield from _compare(REPEATABLE, case, votes, "in this process", "in a fresh one")


def _vote(make_fresh: AgentConstructor, panel: Panel) -> Votes:
    return make_fresh().vote(panel)


def check_warmup(case: CheckCase) -> Iterator[InvariantViolation]:
    early = ~np.isnan(case.votes.log_odds[: max(case.agent.warmup - 1, 0)])
    if early.any():
        row, column = np.argwhere(early)[0]
        yield InvariantViolation(
            WARMUP,
            f"it says that it needs {case.agent.warmup} bars, but votes on "
            f"{case.panel.symbols[column]} at the panel's bar number {row + 1}",
        )


def check_without_bars(case: CheckCase) -> Iterator[InvariantViolation]:
    empty = perturbations.remove_bars(case.panel)
    votes = case.agent.vote(empty)
    if not np.isnan(votes.log_odds).all():
        yield InvariantViolation(
            SILENT_WITHOUT_BARS, f"{int((~np.isnan(votes.log_odds)).sum())} votes without any bar"
        )
    for problem in vote_validation.validate_votes(case.agent, empty, votes):
        yield InvariantViolation(SILENT_WITHOUT_BARS, problem)


def check_windows(case: CheckCase) -> Iterator[InvariantViolation]:
    for rows in _choose_windows(case):
        part = case.agent.vote(case.panel, rows - 1)
        requested = len(case.panel.known_at) - rows + 1
        names = "when all bars are asked for", f"when the last {requested} are"
        difference = first_difference(case.votes, part, requested, case.panel.symbols, last=True)
        yield from _violation(NO_WINDOW, difference, *names)


def check_neighbours(case: CheckCase) -> Iterator[InvariantViolation]:
    random = np.random.default_rng(case.seed)
    shuffled = tuple(str(symbol) for symbol in random.permutation(case.panel.symbols))
    for symbols in (shuffled, shuffled[: len(shuffled) // 2 + 1], shuffled[:1], shuffled[1:2]):
        if symbols:
            part = case.agent.vote(perturbations.select_symbols(case.panel, symbols))
            names = "beside all symbols", f"in a panel of {', '.join(symbols)}"
            yield from _compare(NO_NEIGHBOURS, case, part, *names, symbols=symbols)


def check_scale_invariance(case: CheckCase) -> Iterator[InvariantViolation]:
    scaled = case.agent.vote(perturbations.rescale(case.panel, case.seed))
    yield from _compare(
        NO_LEVEL, case, scaled, "as prices are", "with prices or volumes multiplied"
    )


def check_cut(case: CheckCase, rows: int) -> Iterator[InvariantViolation]:
    """What changes up to bar `rows - 1` when the future is taken away or replaced, by source."""
    truncated = case.agent.vote(case.panel.head(rows))
    other = case.agent.vote(perturbations.replace_future(case.panel, rows, case.seed))
    if not any(_difference_before(case, votes, rows) for votes in (truncated, other)):
        return
    traced = list(_trace_sources(case, rows))
    if not traced and (
        differs := _difference_before(case, truncated, rows)
        or _difference_before(case, other, rows)
    ):
        traced = [(PANEL_LENGTH, "on what was known then", differs)]
    for source, perturbation, differs in traced:
        yield from _violation(NO_LOOKAHEAD, differs, perturbation, "with what came", source)


def _trace_sources(case: CheckCase, rows: int) -> Iterator[tuple[str, str, VoteDifference]]:
    """The sources whose future reaches votes up to bar `rows - 1`, and in what way."""
    for source in perturbations.SOURCES:
        others = perturbations.replace_future(case.panel, rows, case.seed, of=(source,))
        versions = [(f"with other {source} afterwards", others)]
        if source != perturbations.PRICES:
            without = perturbations.drop_later_events(case.panel, rows, source)
            versions.insert(0, (f"without the {source} that came later", without))
        for perturbation, version in versions:
            if differs := _difference_before(case, case.agent.vote(version), rows):
                yield source, perturbation, differs
                break


def _difference_before(case: CheckCase, votes: Votes, rows: int) -> VoteDifference | None:
    return first_difference(votes, case.votes, rows, case.panel.symbols)


def _choose_windows(case: CheckCase) -> list[int]:
    bars = len(case.panel.known_at)
    drawn = np.random.default_rng(case.seed).integers(1, bars + 1, WINDOW_COUNT)
    return sorted({1, bars, *drawn.tolist()})


def _compare(
    invariant: str,
    case: CheckCase,
    votes: Votes,
    one: str,
    other: str,
    symbols: tuple[str, ...] | None = None,
) -> Iterator[InvariantViolation]:
    rows, columns = len(case.panel.known_at), symbols or case.panel.symbols
    yield from _violation(invariant, first_difference(case.votes, votes, rows, columns), one, other)


def _violation(
    invariant: str, differs: VoteDifference | None, one: str, other: str, source: str = ""
) -> Iterator[InvariantViolation]:
    if differs is None:
        return
    place = ""
    if differs.at is not None:
        place = (
            f" in {differs.cells} of {differs.compared} cells, first {differs.symbol} at "
            f"{differs.at:%Y-%m-%d %H:%M} UTC"
        )
    message = f"{differs.field} differs{place}: {differs.one} {one}, {differs.other} {other}"
    yield InvariantViolation(invariant, message, source, differs)
