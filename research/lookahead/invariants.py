"""What an agent promises, and each promise put to the test on one panel.

Every check asks the agent about the same market told otherwise and yields what is broken. Checks
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
from research.lookahead.vote_diff import Difference, first_difference

AHEAD, AGAIN, WINDOW = "no look-ahead", "the same again", "no window"
NEIGHBOURS, LEVEL, EMPTY = "no neighbours", "no level", "silence without bars"
SOUND, WARMUP = "sound votes", "warm-up"
PROMISES = {
    AHEAD: "a vote uses what was known at its bar, and nothing else",
    AGAIN: "the same panel gives the same votes, also in a fresh process",
    WINDOW: "asking for the last bars only changes none of them",
    NEIGHBOURS: "a symbol's votes do not depend on which others stand beside it",
    LEVEL: "prices and volumes have no true level: doubling them changes nothing",
    EMPTY: "without a single bar there is no vote, and a reason is told",
    SOUND: "probabilities, caps and reasons are what they say they are",
    WARMUP: "no vote before the number of bars that the agent says it needs",
}
LENGTH = "the panel's length"

WINDOWS = 4

Make = Callable[[], Agent]


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise broken. `source` is what an early vote was traced to (`altered.SOURCES` or
    `LENGTH`), else empty; `where` is the first difference; `cuts` in how many cuts it showed."""

    promise: str
    told: str
    source: str = ""
    where: Difference | None = None
    cuts: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """An agent, a panel and its votes there."""

    agent: Agent
    panel: Panel
    whole: Votes
    seed: int


def is_sound(case: Case) -> Iterator[Finding]:
    for told in vote_validation.flaws(case.agent, case.panel, case.whole):
        yield Finding(SOUND, told)


def asked_again(case: Case) -> Iterator[Finding]:
    again = case.agent.vote(case.panel)
    yield from _compared(AGAIN, case, again, "when first asked", "when asked again")


def elsewhere(case: Case, fresh: Make) -> Iterator[Finding]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(_answer, fresh, case.panel).result()
    yield from _compared(AGAIN, case, there, "in this process", "in a fresh one")


def _answer(fresh: Make, panel: Panel) -> Votes:
    return fresh().vote(panel)


def warmed_up(case: Case) -> Iterator[Finding]:
    early = ~np.isnan(case.whole.log_odds[: max(case.agent.warmup - 1, 0)])
    if early.any():
        row, column = np.argwhere(early)[0]
        yield Finding(
            WARMUP,
            f"it says that it needs {case.agent.warmup} bars, but votes on "
            f"{case.panel.symbols[column]} at the panel's bar number {row + 1}",
        )


def silent_on_nothing(case: Case) -> Iterator[Finding]:
    empty = perturbations.without_bars(case.panel)
    votes = case.agent.vote(empty)
    if not np.isnan(votes.log_odds).all():
        yield Finding(EMPTY, f"{int((~np.isnan(votes.log_odds)).sum())} votes without any bar")
    for told in vote_validation.flaws(case.agent, empty, votes):
        yield Finding(EMPTY, told)


def windowed(case: Case) -> Iterator[Finding]:
    for rows in _windows(case):
        part = case.agent.vote(case.panel, rows - 1)
        asked = len(case.panel.known_at) - rows + 1
        names = "when all bars are asked for", f"when the last {asked} are"
        difference = first_difference(case.whole, part, asked, case.panel.symbols, last=True)
        yield from _told(WINDOW, difference, *names)


def among_others(case: Case) -> Iterator[Finding]:
    random = np.random.default_rng(case.seed)
    shuffled = tuple(str(symbol) for symbol in random.permutation(case.panel.symbols))
    for symbols in (shuffled, shuffled[: len(shuffled) // 2 + 1], shuffled[:1], shuffled[1:2]):
        if symbols:
            part = case.agent.vote(perturbations.select(case.panel, symbols))
            names = "beside all symbols", f"in a panel of {', '.join(symbols)}"
            yield from _compared(NEIGHBOURS, case, part, *names, symbols=symbols)


def at_another_level(case: Case) -> Iterator[Finding]:
    scaled = case.agent.vote(perturbations.rescaled(case.panel, case.seed))
    yield from _compared(LEVEL, case, scaled, "as prices are", "with prices or volumes multiplied")


def at_cut(case: Case, rows: int) -> Iterator[Finding]:
    """What changes up to bar `rows - 1` when the future is taken away or replaced, by source."""
    then = case.agent.vote(case.panel.head(rows))
    other = case.agent.vote(perturbations.another_future(case.panel, rows, case.seed))
    if not any(_between(case, votes, rows) for votes in (then, other)):
        return
    traced = list(_traced(case, rows))
    if not traced and (differs := _between(case, then, rows) or _between(case, other, rows)):
        traced = [(LENGTH, "on what was known then", differs)]
    for source, told_otherwise, differs in traced:
        yield from _told(AHEAD, differs, told_otherwise, "with what came", source)


def _traced(case: Case, rows: int) -> Iterator[tuple[str, str, Difference]]:
    """The sources whose future reaches votes up to bar `rows - 1`, and in what way."""
    for source in perturbations.SOURCES:
        others = perturbations.another_future(case.panel, rows, case.seed, of=(source,))
        versions = [(f"with other {source} afterwards", others)]
        if source != perturbations.PRICES:
            without = perturbations.without_later(case.panel, rows, source)
            versions.insert(0, (f"without the {source} that came later", without))
        for told_otherwise, version in versions:
            if differs := _between(case, case.agent.vote(version), rows):
                yield source, told_otherwise, differs
                break


def _between(case: Case, votes: Votes, rows: int) -> Difference | None:
    return first_difference(votes, case.whole, rows, case.panel.symbols)


def _windows(case: Case) -> list[int]:
    bars = len(case.panel.known_at)
    drawn = np.random.default_rng(case.seed).integers(1, bars + 1, WINDOWS)
    return sorted({1, bars, *drawn.tolist()})


def _compared(
    promise: str,
    case: Case,
    votes: Votes,
    one: str,
    other: str,
    symbols: tuple[str, ...] | None = None,
) -> Iterator[Finding]:
    rows, columns = len(case.panel.known_at), symbols or case.panel.symbols
    yield from _told(promise, first_difference(case.whole, votes, rows, columns), one, other)


def _told(
    promise: str, differs: Difference | None, one: str, other: str, source: str = ""
) -> Iterator[Finding]:
    if differs is None:
        return
    place = ""
    if differs.at is not None:
        place = (
            f" in {differs.cells} of {differs.compared} cells, first {differs.symbol} at "
            f"{differs.at:%Y-%m-%d %H:%M} UTC"
        )
    told = f"{differs.field} differs{place}: {differs.one} {one}, {differs.other} {other}"
    yield Finding(promise, told, source, differs)
