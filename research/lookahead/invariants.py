"""What an agent promises, and each promise put to the test on one panel.

Every check has the agent vote on the same market, changed, and yields what is broken. Checks
raise AgentFailureError where the agent fails.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from domain.panel import Floats, Panel
from domain.votes import Votes
from research.lookahead import perturbations, vote_validation
from research.lookahead.agent_process import AgentPair, AgentProcess
from research.lookahead.random_panel import unrelated_panel
from research.lookahead.vote_diff import VoteDifference, first_difference, first_distant

NO_LOOKAHEAD, REPEATABLE, NO_WINDOW = "no look-ahead", "the same again", "no window"
NO_NEIGHBOURS, NO_LEVEL, SILENT_WITHOUT_BARS = "no neighbours", "no level", "silence without bars"
SOUND_VOTES, WARMUP, NOTHING_OUTSIDE = "sound votes", "warm-up", "nothing outside"
INVARIANTS = {
    NO_LOOKAHEAD: "a vote uses what was known at its bar, and nothing else",
    REPEATABLE: "the same panel gives the same votes, also in a fresh process",
    NO_WINDOW: "asking for the last bars only changes none of them",
    NO_NEIGHBOURS: "a symbol's votes do not depend on which others stand beside it, or, with the "
    "scope 'universe', on their order, and on the others only by rank",
    NO_LEVEL: "prices and volumes have no true level: multiplying them changes nothing",
    SILENT_WITHOUT_BARS: "without a single bar there is no vote, and a reason is told",
    SOUND_VOTES: "probabilities, caps and reasons are what they say they are",
    WARMUP: "no vote before the number of bars that the agent says it needs",
    NOTHING_OUTSIDE: "while it votes it opens no file or connection and reads no clock",
}
PANEL_LENGTH, MEMORY = "the panel's length", "memory"

WINDOW_COUNT = 4
LEVEL_TOLERANCE = 1e-6
"""Log-odds by which votes may differ after prices were multiplied by odd factors: rounding."""
TIED_FRACTION = 0.01
"""Share of votes that may differ by more, where rounding makes or breaks a tie."""


@dataclass(frozen=True, slots=True)
class InvariantViolation:
    """One promise broken. `source` is what an early vote was traced to (`perturbations.SOURCES`,
    `PANEL_LENGTH` or `MEMORY`) or what was reached for, else empty; `difference` is the first
    difference; `cuts` in how many cuts it showed."""

    invariant: str
    message: str
    source: str = ""
    difference: VoteDifference | None = None
    cuts: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class CheckCase:
    """An agent, a panel and its votes there; `agent` is the process that saw the whole panel."""

    agent: AgentProcess
    panel: Panel
    votes: Votes
    seed: int


def check_soundness(case: CheckCase) -> Iterator[InvariantViolation]:
    for problem in vote_validation.validate_votes(case.agent, case.panel, case.votes):
        yield InvariantViolation(SOUND_VOTES, problem)


def check_repeatable(case: CheckCase) -> Iterator[InvariantViolation]:
    repeated = case.agent.vote(case.panel)
    yield from _compare(REPEATABLE, case, repeated, "when first asked", "when asked again")


def check_same_in_processes(case: CheckCase, pair: AgentPair) -> Iterator[InvariantViolation]:
    """Compare the votes of both processes on prices that are not the panel's."""
    panel = unrelated_panel(case.seed, case.panel)
    probe = CheckCase(case.agent, panel, pair.whole.vote(panel), case.seed)
    votes = pair.heads.vote(panel)
    yield from _compare(REPEATABLE, probe, votes, "in one process", "in another")


def check_touched(pair: AgentPair) -> Iterator[InvariantViolation]:
    for touched in dict.fromkeys((*pair.heads.touched, *pair.whole.touched)):
        yield InvariantViolation(NOTHING_OUTSIDE, f"it reached for {touched}", touched)


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
    if case.agent.scope == "universe":
        yield from _check_subset(case, shuffled)
        for left_out in shuffled[: len(shuffled) // 2]:
            yield from _check_ranks(case, left_out)
        return
    for symbols in (shuffled, shuffled[: len(shuffled) // 2 + 1], shuffled[:1], shuffled[1:2]):
        if symbols:
            yield from _check_subset(case, symbols)


def _check_subset(case: CheckCase, symbols: tuple[str, ...]) -> Iterator[InvariantViolation]:
    part = case.agent.vote(perturbations.select_symbols(case.panel, symbols))
    names = "beside all symbols", f"in a panel of {', '.join(symbols)}"
    yield from _compare(NO_NEIGHBOURS, case, part, *names, symbols=symbols)


def _check_ranks(case: CheckCase, left_out: str) -> Iterator[InvariantViolation]:
    """Without one symbol, only evidence made of ranks may change, and the vote by as much."""
    columns = [k for k, symbol in enumerate(case.panel.symbols) if symbol != left_out]
    symbols = tuple(case.panel.symbols[k] for k in columns)
    if not symbols:
        return
    votes = case.agent.vote(perturbations.select_symbols(case.panel, symbols))
    if len(votes.evidence) != len(case.votes.evidence):
        yield InvariantViolation(NO_NEIGHBOURS, f"without {left_out} it has other evidence")
        return
    if not np.array_equal(case.votes.cap[:, columns], votes.cap):
        yield InvariantViolation(NO_NEIGHBOURS, f"its cap changes without {left_out} in the panel")
    for mine, theirs in zip(case.votes.evidence, votes.evidence, strict=True):
        same = all(
            np.array_equal(all_symbols[:, columns], without, equal_nan=True)
            for all_symbols, without in (
                (mine.value, theirs.value),
                (mine.log_odds, theirs.log_odds),
            )
        )
        if not same and not (_is_rank(mine.value) and _is_rank(mine.log_odds)):
            yield InvariantViolation(
                NO_NEIGHBOURS,
                f"{mine.name} changes without {left_out} in the panel, and its values are no ranks",
            )


def _is_rank(values: Floats) -> bool:
    """Whether values (T, N) are a function of rank: k symbols have k ranks, and k - 1 between them
    for ties."""
    known = ~np.isnan(values)
    counts = known.sum(axis=1)
    return all(
        len(np.unique(values[counts == k][known[counts == k]])) <= 2 * k - 1
        for k in np.unique(counts[counts > 0])
    )


def check_scale_invariance(case: CheckCase) -> Iterator[InvariantViolation]:
    """Compare with prices and volumes multiplied: by powers of two to the last bit, by odd factors
    as far as rounding allows."""
    scaled = case.agent.vote(perturbations.rescale(case.panel, case.seed))
    names = "as prices are", "with prices or volumes multiplied"
    found = list(_compare(NO_LEVEL, case, scaled, *names))
    if not found:
        odd = perturbations.rescale(case.panel, case.seed, perturbations.ODD_FACTORS)
        differs = first_distant(case.votes, case.agent.vote(odd), LEVEL_TOLERANCE)
        if differs is not None and differs.cells > TIED_FRACTION * differs.compared:
            found = list(_violation(NO_LEVEL, differs, *names))
    yield from found


def check_cut(
    case: CheckCase, rows: int, head_votes: Callable[[], Votes]
) -> Iterator[InvariantViolation]:
    """What changes up to bar `rows - 1` when the future is taken away or replaced, by source.

    `head_votes` are those of the process that never saw more than the first `rows` bars.
    """
    other = case.agent.vote(perturbations.replace_future(case.panel, rows, case.seed))
    differs = _difference_before(case, head_votes(), rows) or _difference_before(case, other, rows)
    if differs is None:
        return
    traced = list(_trace_sources(case, rows))
    if not traced:
        with_memory = case.agent.vote(case.panel.head(rows))
        source = PANEL_LENGTH if _difference_before(case, with_memory, rows) else MEMORY
        traced = [(source, "on what was known then", differs)]
    for source, perturbation, difference in traced:
        yield from _violation(NO_LOOKAHEAD, difference, perturbation, "with what came", source)


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
