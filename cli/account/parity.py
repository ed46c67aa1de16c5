"""`parity`: paper days replayed as a backtest, and every difference with its cause."""

from datetime import date
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.account.account_session import open_account_session
from domain.canonical import format_instant
from domain.errors import InputError
from orchestrator.parity.checker import ParityReport
from settings import Settings
from wiring.parity import make_parity_checker
from wiring.stores import Log


def compare_paper_days(
    settings: Settings, run: str, first: str, last: str | None, log: Log
) -> ParityReport:
    """Compare the days from `first` to `last` (None: that day alone).

    Raises InputError for a malformed date, NotFoundError for a run or a period without cycles.
    """
    start, end = _date(first), _date(last or first)
    if end < start:
        raise InputError(f"{last} lies before {first}. Exchange them.")
    with open_account_session(settings, run, log) as session:
        return make_parity_checker(session.home, run).compare(start, end)


def as_json(report: ParityReport) -> dict[str, Any]:
    return {
        "market": report.market,
        "run": report.run,
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "compared": _counts(report),
        "same": not report.differences,
        "differences": [
            {
                "at": format_instant(each.at),
                "kind": each.kind,
                "symbol": each.symbol,
                "recorded": each.recorded,
                "again": each.recomputed,
                "cause": each.cause,
            }
            for each in report.differences
        ],
    }


def show(report: ParityReport, console: Console) -> None:
    counted = ", ".join(f"{number:,} {noun}" for noun, number in _counts(report).items())
    console.print(f"Compared: {counted}.", highlight=False)
    if not report.differences:
        console.print("[green]Nothing differs[/]: the record is what a backtest makes of it today.")
        return
    table = Table("at", "what", "symbol", "recorded", "today", "cause")
    for each in report.differences:
        words = (each.recorded, each.recomputed, each.cause)
        table.add_row(f"{each.at:%Y-%m-%d %H:%M}", each.kind, each.symbol, *map(escape, words))
    console.print(table)
    console.print(f"{len(report.differences)} differences.", highlight=False)


def _counts(report: ParityReport) -> dict[str, int]:
    return {
        "days": report.days,
        "cycles": report.cycles,
        "votes": report.votes,
        "decisions": report.decisions,
        "orders": report.orders,
        "fills": report.fills,
    }


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text[:40]!r} is not a date. Write it as 2020-03-02.") from None
