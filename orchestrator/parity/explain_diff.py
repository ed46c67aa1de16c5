"""Why something recorded comes out differently today, in words.

Compares the inputs of the cycle at that time (its archived panel, its settings) with the inputs it
would have now. Leaves out finding the differences (`diff.py`).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from domain.decision import Decision, Vote
from domain.errors import VerificationError
from domain.instants import to_datetime
from domain.panel import Floats, Panel
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.parity.recomputed_decisions import CalendarRun, RecordedCycle
from orchestrator.ports import PanelArchive

PRICE_TOLERANCE = 1e-9
"""Two price ratios that differ by less than this fraction mean that only the scale of prices
changed."""
UNEXPLAINED = "unexplained: please report it"


class DifferenceExplainer:
    """Explains what differs between a recorded cycle and the same one today."""

    def __init__(self, archive: PanelArchive) -> None:
        self._archive = archive
        self._loaded: tuple[RecordedCycle, Panel] | None = None

    def explain_vote(
        self, cycle: RecordedCycle, part: CalendarRun, row: int, vote: Vote, version: str | None
    ) -> str:
        """Explain a differing vote. `version` is today's version of the agent, None if it cannot
        vote now."""
        if vote.version == "":
            return f"the agent could not vote then: {vote.abstained_because}"
        if version is None:
            return "the agent cannot vote now"
        if version != vote.version:
            return f"the agent was version {vote.version} then and is {version} now"
        return "; ".join(self.explain_history(cycle, part, row, vote.symbol)) or UNEXPLAINED

    def explain_history(
        self, cycle: RecordedCycle, part: CalendarRun, row: int, symbol: str
    ) -> tuple[str, ...]:
        """Say how the stored history of a symbol has changed since the cycle."""
        try:
            then = self._panel(cycle)
        except VerificationError as error:
            return (str(error),)
        now = part.panel.head(part.since + row + 1)
        return tuple(_panel_changes(then, now, symbol))

    def _panel(self, cycle: RecordedCycle) -> Panel:
        """Return the panel that the agents were shown. It is kept until another cycle's is
        requested, because differences of one cycle come one after another."""
        if self._loaded is None or self._loaded[0] is not cycle:
            self._loaded = (cycle, self._archive.load(cycle.manifest))
        return self._loaded[1]

    def explain_decision(
        self, cycle: RecordedCycle, part: CalendarRun, row: int, decision: Decision, blocked: bool,
        settings: CommitteeSettings, vote_causes: Mapping[str, str],
    ) -> str:  # fmt: skip
        """Explain a differing decision. `settings` are today's, `vote_causes` the causes by agent
        of the differing votes on the symbol."""
        if vote_causes:
            return "; ".join(f"{agent}: {cause}" for agent, cause in vote_causes.items())
        if decision.verdict.blocked is not blocked:
            then = "; ".join(decision.verdict.findings) or "it passed"
            return f"the quality gate said then: {then}"
        if changed := describe_changed_settings(cycle, settings):
            return changed
        return "; ".join(self.explain_history(cycle, part, row, decision.symbol)) or UNEXPLAINED


def describe_changed_settings(cycle: RecordedCycle, settings: CommitteeSettings) -> str | None:
    """Say which of the committee's settings differ from those of the record; None if none do."""
    then, now = _flatten(cycle.settings), _flatten(settings.model_dump(mode="json"))
    changes = [
        f"{name} was {then.get(name)} and is {value}"
        for name, value in now.items()
        if then.get(name) != value
    ]
    return f"settings changed: {', '.join(changes)}" if changes else None


def _flatten(values: Mapping[str, Any], prefix: str = "committee.") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _panel_changes(then: Panel, now: Panel, symbol: str) -> Iterator[str]:
    one, other = _bars(then, symbol), _bars(now, symbol)
    if late := sorted(other.keys() - one.keys()):
        yield f"a bar came late: {_days(late)}"
    if gone := sorted(one.keys() - other.keys()):
        yield f"a bar was withdrawn or is in doubt: {_days(gone)}"
    both = sorted(one.keys() & other.keys())
    if both:
        before, after = (np.array([bars[at] for at in both]) for bars in (one, other))
        yield from _revisions(before, after, both)
    if not _same_benchmark(then, now):
        yield "the benchmark's bars were revised"
    for source in ("news", "filings", "earnings"):
        more = _count(now, source, symbol) - _count(then, source, symbol)
        if more > 0:
            yield f"{source} that should have been known arrived later: {more}"
        elif more < 0:
            yield f"{source} were withdrawn: {-more}"
    for source, failed in then.unavailable.items():
        if symbol in failed:
            yield f"{source} could not be fetched then: {failed[symbol]}"


def _same_benchmark(then: Panel, now: Panel) -> bool:
    both, mine, theirs = np.intersect1d(then.known_at, now.known_at, return_indices=True)
    one, other = then.benchmark[mine], now.benchmark[theirs]
    if not (len(both) and other[-1] > 0.0):
        return True
    return bool(np.allclose(one / one[-1], other / other[-1], PRICE_TOLERANCE, 0.0, equal_nan=True))


def _revisions(then: Floats, now: Floats, at: list[datetime]) -> Iterator[str]:
    """Describe what was revised. `then` and `now` are (B, 5) figures of the same B bars; a common
    factor on prices is only another scale."""
    scale = now[-1, 3] / then[-1, 3]
    prices = np.abs(now[:, :4] / then[:, :4] / scale - 1.0) > PRICE_TOLERANCE
    volumes = then[:, 4] != now[:, 4]
    revised = np.flatnonzero(prices.any(axis=1) | volumes)
    if len(revised):
        yield f"a bar was revised: {_days([at[row] for row in revised])}"
    elif scale != 1.0:
        yield f"prices were rescaled by {scale:.9g} (a later split or dividend)"


def _bars(panel: Panel, symbol: str) -> dict[datetime, Floats]:
    if symbol not in panel.symbols:
        return {}
    n = panel.symbols.index(symbol)
    figures = np.stack(
        [getattr(panel, name)[:, n] for name in ("open", "high", "low", "close", "volume")], axis=1
    )
    there = np.flatnonzero(~np.isnan(figures[:, 3]))
    return {to_datetime(panel.known_at[row]): figures[row] for row in there}


def _count(panel: Panel, source: str, symbol: str) -> int:
    if symbol not in panel.symbols:
        return 0
    return int((getattr(panel, source).symbol == panel.symbols.index(symbol)).sum())


def _days(at: list[datetime]) -> str:
    text = ", ".join(f"{instant:%Y-%m-%d %H:%M}" for instant in at[:3])
    return f"{text} and {len(at) - 3} more" if len(at) > 3 else text
