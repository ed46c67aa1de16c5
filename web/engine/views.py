"""The figures and notes of the engine's page that are shown next to the engine's state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.status import EngineStatus
from web import formatting

MAX_REASON_LENGTH = 200
MAX_NAMED_SYMBOLS = 8
"""Symbols named; the others are only counted."""


@dataclass(frozen=True, slots=True)
class EngineFact:
    label: str
    text: str
    at: datetime | None = None


def engine_facts(status: EngineStatus) -> tuple[EngineFact, ...]:
    """Return the facts about the engine that are shown with its state."""
    missing = ", ".join(
        formatting.single_line(symbol, 24) for symbol in status.missing[:MAX_NAMED_SYMBOLS]
    )
    more = (
        f" and {len(status.missing) - MAX_NAMED_SYMBOLS} more"
        if len(status.missing) > MAX_NAMED_SYMBOLS
        else ""
    )
    facts = (
        EngineFact("Why", formatting.single_line(status.reason or "", MAX_REASON_LENGTH)),
        EngineFact("Clock stands at", "" if status.last else "none yet", status.last),
        EngineFact("Next bar", _next_bar(status), status.next),
        EngineFact("Symbols without a bar", missing + more),
        EngineFact("Last cycle took", _format_stage_times(status.seconds)),
    )
    return tuple(fact for fact in facts if fact.text or fact.at)


def _next_bar(status: EngineStatus) -> str:
    if status.finished:
        return "none: everything has been played" if status.last else "none is awaited"
    return "" if status.next else "not known yet"


def _format_stage_times(seconds: Mapping[str, float]) -> str:
    """`820 ms: panel 400 ms, vote 260 ms`; empty before the first cycle."""
    stages = ", ".join(f"{stage} {1000 * taken:,.0f} ms" for stage, taken in seconds.items())
    return f"{1000 * sum(seconds.values()):,.0f} ms: {stages}" if stages else ""
