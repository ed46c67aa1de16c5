"""One cycle: what is due is settled, agents vote, the committee decides, the journal remembers.

`consider` is pure but for the clock that times it: a panel and a team to a cycle. `run_cycles`
performs it for every calendar at one instant and records. Before it the run's account meets the
bars that have closed, and the orders from its decisions are in the transaction that records it.
Settling and meeting are transactions of their own: killed between them and the cycle's, the next
start finds nothing due and decides alike. Leaves out when to run (`engine.py`) and fetching.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.canonical import canonical_bytes, to_json
from domain.decision import Cycle, Verdict
from domain.errors import InputError
from domain.events import Event
from domain.panel import Panel
from domain.settlement import Line, Pending, Settlement
from domain.timeframe import Timeframe
from market.panels.panel_builder import build_panels
from market.store import Library
from orchestrator.account.cycle_orders import Opening, TradingDay
from orchestrator.committee.decisions import closed_at, decide
from orchestrator.committee.learned_weights import Influence
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.evaluation.settlement import complete, in_force, lessons, newest_due
from orchestrator.ports import Journal
from orchestrator.team.base import Ballot, Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where cycles are held and under which name they are recorded.

    `digest_of` names a panel by its content (`storage.journal.panel_archive.digest`). `horizon` is
    in bars, `since` the first bar of every panel (None: the first that is stored).
    """

    market: str
    run: str
    simulated: bool
    timeframe: Timeframe
    horizon: int
    settings: CommitteeSettings
    library: Library
    journal: Journal
    digest_of: Callable[[Panel], str]
    since: datetime | None = None
    begins: datetime | None = None
    """A run that begins here leaves out bars that closed by then."""
    day: TradingDay | None = None
    """The run's paper account through its cycles; None where nothing is traded."""


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """A cycle with what it was made from. `inputs` is plain JSON and, with the panel, enough to
    make it again. `events` is empty if it was recorded before. `seconds` are by stage."""

    cycle: Cycle
    panel: Panel
    inputs: Mapping[str, Any]
    events: tuple[Event, ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class LaidOut:
    """A panel with the gate's verdicts; `seconds` is what it took to build."""

    panel: Panel
    verdicts: tuple[Verdict, ...]
    seconds: float


def run_cycles(
    desk: Desk,
    team: Team,
    symbols: Sequence[str],
    as_of: datetime,
    *,
    previous: Mapping[str, float] | None = None,
    only_new: bool = False,
) -> tuple[Minutes, ...]:
    """Hold and record one cycle for each calendar of `symbols`, on its last bar closed by `as_of`.

    `previous` are the targets to start from; None takes those recorded before the bar. With
    `only_new`, a calendar without a bar since its last recorded cycle is left out.
    """
    started = time.perf_counter()
    opening = desk.day.meet(symbols, as_of) if desk.day else None
    meeting = time.perf_counter() - started
    if opening:
        desk = replace(desk, settings=opening.rules.committee)
    held = []
    for laid in lay_out(desk, symbols, as_of):
        if only_new and not _is_new(desk, laid.panel):
            continue
        targets = _targets(desk, laid.panel, symbols) if previous is None else previous
        held.append(hold(desk, team, laid, targets, opening))
    if held and opening:
        held[0] = replace(held[0], seconds={"meet": meeting, **held[0].seconds})
    return tuple(held)


def lay_out(desk: Desk, symbols: Sequence[str], as_of: datetime) -> tuple[LaidOut, ...]:
    """What is on the table before anybody votes, a calendar each; raises as `build_panels` does."""
    started = time.perf_counter()
    panels = build_panels(
        desk.library, desk.market, symbols, desk.timeframe, as_of, desk.horizon,
        desk.since, desk.simulated,
    )  # fmt: skip
    each = (time.perf_counter() - started) / len(panels)
    return tuple(LaidOut(panel, verdicts, each) for panel, verdicts in panels)


def hold(
    desk: Desk,
    team: Team,
    laid: LaidOut,
    previous: Mapping[str, float],
    opening: Opening | None = None,
) -> Minutes:
    """The cycle on what is laid out, recorded, after what is due by its bar was settled; with its
    orders, where the account has met the bar (`opening`)."""
    started = time.perf_counter()
    influence = settle_due(desk, team.agents, laid.panel)
    settling = time.perf_counter() - started
    minutes = consider(desk, team, laid.panel, laid.verdicts, previous, influence)
    started = time.perf_counter()
    events = desk.journal.record(
        minutes.cycle, minutes.panel, minutes.inputs, _orders(desk, minutes, opening)
    )
    recording = time.perf_counter() - started
    seconds = {"panel": laid.seconds, "settle": settling, **minutes.seconds, "record": recording}
    return replace(minutes, events=events, seconds=seconds)


def _orders(
    desk: Desk, minutes: Minutes, opening: Opening | None
) -> Callable[[Any], Sequence[Event]] | None:
    """What follows from the cycle for the account, to be written with it."""
    if desk.day is None or opening is None:
        return None
    day = desk.day
    return lambda pen: day.follow(pen, minutes.cycle, opening, minutes.panel)


def settle_due(desk: Desk, agents: Sequence[str], panel: Panel) -> Influence:
    """Settle the run's decisions whose outcome the panel holds and learn from the rounds that are
    due; the influence of `agents` in force at the panel's end."""
    line = Line(desk.market, desk.run, panel.calendar, panel.timeframe, panel.horizon)
    last = desk.journal.lesson(line, closed_at(panel))
    until = newest_due(panel)
    pending = desk.journal.pending(line, until) if until else ()
    if pending:
        settled = complete((panel, *_departed(desk, panel, pending)), pending)
        learnt = lessons(panel, agents, pending, settled, last)
        if settled or learnt:
            after = last.as_of if last else None
            desk.journal.settle(Settlement(line, desk.simulated, settled, learnt, after))
            last = desk.journal.lesson(line, closed_at(panel))
    return in_force(last, agents, desk.settings)


def _departed(desk: Desk, panel: Panel, pending: Sequence[Pending]) -> Sequence[Panel]:
    """Panels of the symbols that were decided on and are no longer followed: leaving them out
    would leave what came of them out of the record."""
    gone = {decision.symbol for decision in pending}.difference(panel.symbols)
    stored = gone and gone.intersection(desk.library.symbols(desk.market, desk.timeframe))
    if not stored:
        return ()
    try:
        built = build_panels(
            desk.library, desk.market, sorted(stored), desk.timeframe, closed_at(panel),
            desk.horizon, desk.since, desk.simulated,
        )  # fmt: skip
    except InputError:  # not one bar of them by then
        return ()
    return [panel for panel, _ in built]


def consider(
    desk: Desk,
    team: Team,
    panel: Panel,
    verdicts: Sequence[Verdict],
    previous: Mapping[str, float],
    influence: Influence,
) -> Minutes:
    """The cycle on the panel's last bar, not recorded yet; `influence` is of the team's agents."""
    started = time.perf_counter()
    ballots = team.vote(panel, len(panel.known_at) - 1)
    voted = time.perf_counter()
    inputs = to_json(_inputs(desk, panel, verdicts, ballots, influence, previous))
    digest = digest_of_inputs(inputs)
    decisions = decide(
        panel, verdicts, ballots, previous=previous, influence=influence,
        settings=desk.settings, digest=digest,
    )  # fmt: skip
    cycle = Cycle(
        run=desk.run,
        market=desk.market,
        simulated=desk.simulated,
        calendar=panel.calendar,
        timeframe=panel.timeframe,
        as_of=closed_at(panel),
        digest=digest,
        decisions=decisions,
    )
    seconds = {"vote": voted - started, "decide": time.perf_counter() - voted}
    return Minutes(cycle, panel, inputs, (), seconds)


def digest_of_inputs(inputs: Mapping[str, Any]) -> str:
    """The cycle's identity: SHA-256 over the canonical bytes of everything that went in."""
    return hashlib.sha256(canonical_bytes(inputs)).hexdigest()


def _inputs(
    desk: Desk,
    panel: Panel,
    verdicts: Sequence[Verdict],
    ballots: Sequence[Ballot],
    influence: Influence,
    previous: Mapping[str, float],
) -> dict[str, Any]:
    return {
        "run": desk.run,
        "market": desk.market,
        "simulated": desk.simulated,
        "calendar": panel.calendar,
        "timeframe": panel.timeframe,
        "panel": desk.digest_of(panel),
        "committee": desk.settings.model_dump(mode="json"),
        "previous": {symbol: weight for symbol, weight in previous.items() if weight != 0.0},
        "verdicts": verdicts,
        "agents": [
            {
                "name": ballot.agent,
                "version": ballot.votes.version if ballot.votes else None,
                "weight": influence.weights[-1, seat],
                "trust": influence.trust[-1, seat],
                "failure": ballot.failure,
            }
            for seat, ballot in enumerate(ballots)
        ],
    }


def _is_new(desk: Desk, panel: Panel) -> bool:
    cursor = desk.journal.cursor(desk.market, desk.run, panel.calendar) or desk.begins
    return cursor is None or cursor < closed_at(panel)


def _targets(desk: Desk, panel: Panel, symbols: Sequence[str]) -> dict[str, float]:
    """Targets of the symbols still followed, as they stood before the panel's last bar."""
    before = desk.journal.previous_targets(desk.market, desk.run, closed_at(panel))
    return {symbol: before[symbol] for symbol in symbols if symbol in before}
