"""`check`: whether an agent keeps its promises on the history that this home holds.

Runs in two fresh processes, for a minute at most. Fetches nothing but the simulated market.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console
from rich.markup import escape

from agents.registry import build
from cli.decisions import fetch_missing
from cli.progress import progress_bar
from domain.canonical import format_instant
from domain.errors import InputError, VerificationError
from market.panels.panel_builder import PanelQuery, build_panels
from orchestrator.evaluation.plausibility import too_good_to_be_true
from research.lookahead.agent_process import agent_pair
from research.lookahead.examine import LookaheadReport, examine
from research.lookahead.invariants import INVARIANTS, InvariantViolation
from research.report.power import history_power
from settings import Settings
from wiring.agents import agent_settings
from wiring.home import Home, make_home
from wiring.stores import Log, open_stores

MAX_SYMBOLS = 8
"""Symbols taken from the watchlist if none are named."""
TIME_LIMIT_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class AgentCheckReport:
    """A report for each exchange calendar among the symbols. `cuts` is how many were requested of
    each."""

    agent: str
    version: str
    market: str
    simulated: bool
    cuts: int
    seed: int
    seconds: float
    reports: tuple[LookaheadReport, ...]

    @property
    def findings(self) -> tuple[InvariantViolation, ...]:
        return tuple(finding for report in self.reports for finding in report.violations)


def check_agent(
    settings: Settings,
    agent: str,
    *,
    symbols: Sequence[str],
    cuts: int,
    seed: int,
    log: Log,
    time_limit: float = TIME_LIMIT_SECONDS,
) -> AgentCheckReport:
    """Check every promise of `agent` on the stored history of `symbols` (a sample of the watchlist,
    if empty). After `time_limit` seconds no further cut is made.

    Raises NotFoundError for an unknown agent, UnknownSymbolError for a symbol without bars and
    InputError if nothing is stored or the number of cuts is below one.
    """
    if cuts < 1:
        raise InputError(f"{cuts} cuts show nothing. Ask for at least 1, such as --cuts 20.")
    started = time.monotonic()
    with open_stores(settings) as stores:
        build_fresh = partial(build, agent, settings=agent_settings(settings, stores))
        instance = build_fresh()
        home = make_home(settings, stores, log)
        market = home.market
        selected = list(symbols) or _sample_watchlist(home)
        if market.simulated:
            fetch_missing(home, selected)
        panels = _panels(home, selected)
    reports = []
    with progress_bar() as progress:
        for number, panel in enumerate(panels, start=1):
            deadline = started + time_limit * number / len(panels)
            with agent_pair(build_fresh) as pair:
                report = examine(
                    pair, panel, cuts=cuts, seed=seed, on_progress=progress, deadline=deadline
                )
            reports.append(report)
    seconds = time.monotonic() - started
    return AgentCheckReport(
        instance.name, instance.version, market.name, market.simulated, cuts, seed, seconds,
        tuple(reports),
    )  # fmt: skip


def refuse_if_broken(result: AgentCheckReport) -> None:
    """Raise VerificationError naming every broken promise, if there is one."""
    if result.findings:
        named = dict.fromkeys(_name(finding) for finding in result.findings)
        raise VerificationError(
            f"The agent {result.agent} breaks {len(named)} of its promises: {'; '.join(named)}. "
            "The findings are listed above; docs/trust/lookahead.md names the usual causes."
        )


def as_json(result: AgentCheckReport) -> dict[str, Any]:
    return {
        "agent": result.agent,
        "version": result.version,
        "market": result.market,
        "simulated": result.simulated,
        "cuts": result.cuts,
        "seed": result.seed,
        "seconds": round(result.seconds, 3),
        "kept": not result.findings,
        "panels": [_report_json(report) for report in result.reports],
    }


def show(result: AgentCheckReport, console: Console) -> None:
    label = "SIMULATED market" if result.simulated else f"market {result.market}"
    console.print(
        f"[bold]{result.agent}[/] {escape(result.version)} on the {label}, {result.seconds:.0f} s",
        highlight=False,
    )
    for report in result.reports:
        _show_report(report, result.cuts, console)


def _sample_watchlist(home: Home) -> list[str]:
    market, timeframe = home.market, home.settings.market.timeframe
    stored = home.stores.market_data.symbols(market.name, timeframe)
    followed = list(home.stores.watchlist.symbols())
    if not market.simulated:
        followed = [symbol for symbol in followed if symbol in set(stored)] or stored
    if not followed:
        raise InputError(
            f"No {timeframe} bars are stored in the market {market.name!r}. Use "
            "`quorum download` or `quorum import PATH` first, or check on `--market demo`."
        )
    return followed[:: -(-len(followed) // MAX_SYMBOLS)]


def _panels(home: Home, symbols: Sequence[str]) -> list[Any]:
    market, bars = home.market, home.settings.market
    built = build_panels(
        home.stores.market_data,
        PanelQuery(
            market=market.name,
            symbols=symbols,
            timeframe=bars.timeframe,
            as_of=home.now(),
            horizon=bars.horizon,
            simulated=market.simulated,
        ),
    )
    return [panel for panel, _ in built]


def _name(finding: InvariantViolation) -> str:
    return f"{finding.invariant} ({finding.source})" if finding.source else finding.invariant


def _report_json(report: LookaheadReport) -> dict[str, Any]:
    return {
        "symbols": list(report.symbols),
        "bars": report.bars,
        "cuts": report.cuts,
        "votes": report.votes,
        "commonest_silence": report.commonest_abstention,
        "opened": list(report.opened),
        "implausible": list(report.implausible),
        "findings": [_finding_json(finding) for finding in report.violations],
    }


def _finding_json(finding: InvariantViolation) -> dict[str, Any]:
    where = finding.difference
    return {
        "promise": finding.invariant,
        "source": finding.source or None,
        "told": finding.message,
        "cuts": finding.cuts,
        "symbol": where.symbol if where else None,
        "at": format_instant(where.at) if where and where.at else None,
        "field": where.field if where else None,
        "values": [where.one, where.other] if where else None,
    }


def _show_report(report: LookaheadReport, requested_cuts: int, console: Console) -> None:
    console.print(
        f"\n{', '.join(report.symbols)}: {report.bars:,} bars, {report.votes:,} votes, "
        f"cut at {report.cuts} instants",
        highlight=False,
    )
    broken = {finding.invariant for finding in report.violations}
    for invariant, meaning in INVARIANTS.items():
        mark = "[bold red]broken[/]" if invariant in broken else "[green]kept[/]  "
        console.print(f"  {mark} {invariant}: {meaning}", highlight=False)
    for finding in report.violations:
        occurrence = f" (in {finding.cuts} of {report.cuts} cuts)" if finding.cuts else ""
        console.print(
            f"  [red]{_name(finding)}[/]: {escape(finding.message)}{occurrence}", highlight=False
        )
    if not report.votes:
        console.print(
            f"  [yellow]It abstained throughout ({escape(report.commonest_abstention or '')}), so "
            "nothing was shown of its votes. Check it on symbols it can read.[/]"
        )
    else:
        power = history_power(
            round(report.votes / len(report.symbols)), len(report.symbols), report.horizon
        )
        console.print(f"  {power} `quorum backtest` scores the votes.", highlight=False)
    if report.implausible:
        warning = too_good_to_be_true(report.agent, report.implausible)
        console.print(f"  [bold red]{escape(warning)}[/]", highlight=False)
    for path in report.opened:
        console.print(
            f"  [yellow]It read {escape(path)} in its first vote. What the file holds is not "
            "checked: read it where the agent is made, and know what is in it.[/]",
            highlight=False,
        )
    if report.cuts < requested_cuts and not broken:
        console.print(
            f"  [yellow]Time was up before the other {requested_cuts - report.cuts} cuts.[/]"
        )
