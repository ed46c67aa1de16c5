"""`parity`: paper days replayed as a backtest, and every difference with its cause."""

from datetime import date
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.account_session import counter
from domain.canonical import instant
from domain.errors import InputError
from orchestrator.parity.checker import Parity
from settings import Settings
from wiring.account import make_examiner
from wiring.stores import Say


def parity(settings: Settings, run: str, first: str, last: str | None, say: Say) -> Parity:
    """Compares the days from `first` to `last` (None: that day alone).

    Raises InputError for what is no date, NotFoundError for a run or a time without cycles.
    """
    start, end = _date(first), _date(last or first)
    if end < start:
        raise InputError(f"{last} lies before {first}. Exchange them.")
    with counter(settings, run, say) as at:
        return make_examiner(settings, at.stores, at.market, run).compare(start, end)


def as_json(found: Parity) -> dict[str, Any]:
    return {
        "market": found.market,
        "run": found.run,
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "compared": _counts(found),
        "same": not found.differences,
        "differences": [
            {
                "at": instant(each.at),
                "kind": each.kind,
                "symbol": each.symbol,
                "recorded": each.recorded,
                "again": each.again,
                "cause": each.cause,
            }
            for each in found.differences
        ],
    }


def show(found: Parity, console: Console) -> None:
    counted = ", ".join(f"{number:,} {noun}" for noun, number in _counts(found).items())
    console.print(f"Compared: {counted}.", highlight=False)
    if not found.differences:
        console.print("[green]Nothing differs[/]: the record is what a backtest makes of it today.")
        return
    table = Table("at", "what", "symbol", "recorded", "today", "cause")
    for each in found.differences:
        words = (each.recorded, each.again, each.cause)
        table.add_row(f"{each.at:%Y-%m-%d %H:%M}", each.kind, each.symbol, *map(escape, words))
    console.print(table)
    console.print(f"{len(found.differences)} differences.", highlight=False)


def _counts(found: Parity) -> dict[str, int]:
    return {
        "days": found.days,
        "cycles": found.cycles,
        "votes": found.votes,
        "decisions": found.decisions,
        "orders": found.orders,
        "fills": found.fills,
    }


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text[:40]!r} is not a date. Write it as 2020-03-02.") from None
