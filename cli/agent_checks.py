"""`check`: does an agent keep its promises on the history that this home holds?

Runs in this process and one fresh one, for about a minute at most. Fetches nothing but the
simulated market.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from rich.console import Console
from rich.markup import escape

from agents.registry import build
from cli.decisions import bring
from cli.progress import bar
from domain.canonical import instant
from domain.errors import InputError, VerificationError
from market.panels.panel_builder import build_panels
from research.lookahead.examine import Report, examine
from research.lookahead.invariants import PROMISES, Finding
from settings import Settings
from wiring.agents import agents_of
from wiring.market import Market, choose_market, demo_present
from wiring.stores import Say, Stores, open_stores, utc_now

MOST_SYMBOLS = 8
"""Of the watchlist, where none are named."""
PATIENCE = 45.0
"""Seconds after which no further cut is made."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A report for each exchange calendar among the symbols. `cuts` were asked for of each."""

    agent: str
    version: str
    market: str
    simulated: bool
    cuts: int
    seed: int
    seconds: float
    reports: tuple[Report, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for report in self.reports for finding in report.findings)


def check(
    settings: Settings, agent: str, *, symbols: Sequence[str], cuts: int, seed: int, say: Say
) -> Checked:
    """Every promise of `agent` on the stored history of `symbols` (some that are followed, if
    there are none).

    Raises NotFoundError for an unknown agent, UnknownSymbolError for a symbol without bars
    and InputError where nothing is stored or the number of cuts is below one.
    """
    if cuts < 1:
        raise InputError(f"{cuts} cuts show nothing. Ask for at least 1, such as --cuts 20.")
    started = time.monotonic()
    with open_stores(settings) as stores:
        make = partial(build, agent, settings=agents_of(settings, stores))
        built = make()
        market = choose_market(settings, stores.library, lambda: demo_present(stores.journal), say)
        now = demo_present(stores.journal) if market.simulated else utc_now()
        chosen = list(symbols) or _some_followed(settings, stores, market)
        if market.simulated:
            bring(market, settings, chosen, now)
        panels = _history(settings, stores, market, chosen, now)
    reports = []
    with bar() as progress:
        for number, panel in enumerate(panels, start=1):
            until = started + PATIENCE * number / len(panels)
            reports.append(
                examine(
                    built,
                    panel,
                    cuts=cuts,
                    seed=seed,
                    fresh=make if number == 1 else None,
                    progress=progress,
                    hurried=partial(_later_than, until),
                )
            )
    seconds = time.monotonic() - started
    return Checked(
        built.name, built.version, market.name, market.simulated, cuts, seed, seconds,
        tuple(reports),
    )  # fmt: skip


def refuse_if_broken(checked: Checked) -> None:
    """Raises VerificationError naming every broken promise, where there is one."""
    if checked.findings:
        named = dict.fromkeys(_name(finding) for finding in checked.findings)
        raise VerificationError(
            f"The agent {checked.agent} breaks {len(named)} of its promises: {'; '.join(named)}. "
            "What was found is listed above; docs/lookahead.md says what usually is behind it."
        )


def as_json(checked: Checked) -> dict[str, Any]:
    return {
        "agent": checked.agent,
        "version": checked.version,
        "market": checked.market,
        "simulated": checked.simulated,
        "cuts": checked.cuts,
        "seed": checked.seed,
        "seconds": round(checked.seconds, 3),
        "kept": not checked.findings,
        "panels": [_report_json(report) for report in checked.reports],
    }


def show(checked: Checked, console: Console) -> None:
    label = "SIMULATED market" if checked.simulated else f"market {checked.market}"
    console.print(
        f"[bold]{checked.agent}[/] {escape(checked.version)} on the {label}, "
        f"{checked.seconds:.0f} s",
        highlight=False,
    )
    for report in checked.reports:
        _show_report(report, checked.cuts, console)


def _some_followed(settings: Settings, stores: Stores, market: Market) -> list[str]:
    stored = stores.library.symbols(market.name, settings.market.timeframe)
    followed = list(stores.watchlist.symbols())
    if not market.simulated:
        followed = [symbol for symbol in followed if symbol in set(stored)] or stored
    if not followed:
        raise InputError(
            f"No {settings.market.timeframe} bars are stored in the market {market.name!r}. Use "
            "`quorum download` or `quorum import PATH` first, or check on `--market demo`."
        )
    return followed[:: -(-len(followed) // MOST_SYMBOLS)]


def _history(
    settings: Settings, stores: Stores, market: Market, symbols: Sequence[str], now: datetime
) -> list[Any]:
    built = build_panels(
        stores.library, market.name, symbols, settings.market.timeframe, now,
        settings.market.horizon, simulated=market.simulated,
    )  # fmt: skip
    return [panel for panel, _ in built]


def _later_than(until: float) -> bool:
    return time.monotonic() > until


def _name(finding: Finding) -> str:
    return f"{finding.promise} ({finding.source})" if finding.source else finding.promise


def _report_json(report: Report) -> dict[str, Any]:
    return {
        "symbols": list(report.symbols),
        "bars": report.bars,
        "cuts": report.cuts,
        "votes": report.votes,
        "commonest_silence": report.silence,
        "findings": [_finding_json(finding) for finding in report.findings],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    where = finding.where
    return {
        "promise": finding.promise,
        "source": finding.source or None,
        "told": finding.told,
        "cuts": finding.cuts,
        "symbol": where.symbol if where else None,
        "at": instant(where.at) if where and where.at else None,
        "field": where.field if where else None,
        "values": [where.one, where.other] if where else None,
    }


def _show_report(report: Report, asked: int, console: Console) -> None:
    console.print(
        f"\n{', '.join(report.symbols)}: {report.bars:,} bars, {report.votes:,} votes, "
        f"cut at {report.cuts} instants",
        highlight=False,
    )
    broken = {finding.promise for finding in report.findings}
    for promise, meaning in PROMISES.items():
        mark = "[bold red]broken[/]" if promise in broken else "[green]kept[/]  "
        console.print(f"  {mark} {promise}: {meaning}", highlight=False)
    for finding in report.findings:
        seen = f" (in {finding.cuts} of {report.cuts} cuts)" if finding.cuts else ""
        console.print(f"  [red]{_name(finding)}[/]: {escape(finding.told)}{seen}", highlight=False)
    if not report.votes:
        console.print(
            f"  [yellow]It abstained throughout ({escape(report.silence or '')}), so nothing was "
            "shown of its votes. Check it on symbols it can read.[/]"
        )
    if report.cuts < asked and not broken:
        console.print(f"  [yellow]Time was up before the other {asked - report.cuts} cuts.[/]")
