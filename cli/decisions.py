"""`decide` and `receipt`: one committee decision from the command line, printed or as JSON."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.progress import progress_bar
from domain.canonical import format_instant, to_json
from domain.decision import Action, Decision
from domain.errors import VerificationError
from market.calendars import parse_as_of
from orchestrator.cycle import prepare_panels, run_cycle
from orchestrator.parity.receipt_verification import ReceiptVerification
from settings import Settings
from storage.journal.decision_records import RecordedDecision
from wiring.agents import agent_factory, make_team
from wiring.engine import make_run_context
from wiring.home import Home, open_home
from wiring.parity import make_receipt_verifier
from wiring.stores import Log, open_stores

DECIDE_RUN = "decide"
COLOURS = {Action.STRONG_BUY: "bold green", Action.BUY: "green", Action.SELL: "red",
           Action.STRONG_SELL: "bold red", Action.HOLD: "dim"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DecideResult:
    """The outcome of `decide`. `as_of` is the newest bar's close among the decisions."""

    as_of: datetime
    market: str
    simulated: bool
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class ReceiptResult:
    recorded: RecordedDecision
    verification: ReceiptVerification | None


def decide(
    settings: Settings, symbols: Sequence[str], *, as_of: str | None, in_process: bool, log: Log
) -> DecideResult:
    """Let the committee decide on `symbols`, and record the decisions under the run 'decide'.

    Every symbol starts without a position. Raises InputError for a date in the future or before
    history, UnknownSymbolError for a symbol the market does not know.
    """
    with open_home(settings, log) as home:
        now = home.now()
        known_until = now if as_of is None else parse_as_of(as_of, now)
        fetch_missing(home, symbols)
        context = make_run_context(home, DECIDE_RUN)
        # Bad input is refused before any agent is started.
        panels = prepare_panels(context, symbols, known_until)
        with (
            progress_bar() as progress,
            closing(
                make_team(
                    settings,
                    agent_factory(settings, home.stores),
                    in_process=in_process,
                    on_progress=progress,
                )
            ) as team,
        ):
            cycles = [run_cycle(context, team, prepared, previous={}) for prepared in panels]
    return DecideResult(
        as_of=max(result.cycle.as_of for result in cycles),
        market=home.market.name,
        simulated=home.market.simulated,
        decisions=tuple(d for result in cycles for d in result.cycle.decisions),
    )


def fetch_missing(home: Home, symbols: Sequence[str]) -> None:
    """Fetch what is missing of `symbols` up to now, if the market has a provider."""
    if home.market.feed is not None:
        with progress_bar() as progress:
            home.refresh(symbols, home.now(), progress)


def as_json(outcome: DecideResult) -> dict[str, Any]:
    return {
        "as_of": format_instant(outcome.as_of),
        "market": outcome.market,
        "simulated": outcome.simulated,
        "decisions": [to_json(decision) for decision in outcome.decisions],
    }


def show(outcome: DecideResult, console: Console) -> None:
    label = "SIMULATED market" if outcome.simulated else f"market {outcome.market}"
    console.print(f"As of {outcome.as_of:%Y-%m-%d %H:%M} UTC, {label}.", highlight=False)
    for decision in sorted(outcome.decisions, key=lambda d: (d.rank is None, d.rank or 0)):
        _show_decision(decision, console)


def receipt(settings: Settings, identity: str, *, verify: bool) -> ReceiptResult:
    """Return a stored decision and, with `verify`, the result of recomputing it.

    Raises NotFoundError for a receipt that does not exist.
    """
    with open_stores(settings) as stores:
        recorded = stores.records.decision(identity)
        return ReceiptResult(
            recorded, make_receipt_verifier(settings, stores)(identity) if verify else None
        )


def receipt_json(result: ReceiptResult) -> dict[str, Any]:
    recorded, verification = result.recorded, result.verification
    return {
        "as_of": format_instant(recorded.as_of),
        "market": recorded.market,
        "run": recorded.run,
        "simulated": recorded.simulated,
        "digest": recorded.digest,
        "decision": to_json(recorded.decision),
        "verified": None if verification is None else verification.same,
        "differences": [] if verification is None else list(verification.differences),
    }


def show_receipt(result: ReceiptResult, console: Console) -> None:
    recorded, verification = result.recorded, result.verification
    label = "SIMULATED market" if recorded.simulated else f"market {recorded.market}"
    console.print(
        f"{recorded.run}, {label}, bar closed {recorded.as_of:%Y-%m-%d %H:%M} UTC, "
        f"cycle {recorded.digest}",
        highlight=False,
    )
    _show_decision(recorded.decision, console)
    if verification is not None and verification.same:
        console.print("[green]Verified:[/] computed again from its inputs, equal to the byte.")


def refuse_if_different(result: ReceiptResult) -> None:
    """Raise VerificationError with every difference, if there is one."""
    if result.verification is not None and not result.verification.same:
        listed = "; ".join(result.verification.differences)
        raise VerificationError(
            f"{result.recorded.decision.receipt} does not come out as it was stored: {listed}."
        )


def _show_decision(decision: Decision, console: Console) -> None:
    colour = COLOURS[decision.action]
    console.print(f"\n[bold]{decision.symbol}[/]  [{colour}]{decision.action}[/]", end="  ")
    console.print(f"target {decision.target_weight:.1%}  {decision.receipt}", highlight=False)
    console.print(f"  {decision.why}", markup=False, highlight=False)
    table = Table("agent", "p_up", "cap", "strongest reasons", box=None, pad_edge=True)
    for vote in decision.votes:
        if vote.p_up is None:
            abstention = escape(f"abstains: {vote.abstained_because}")
            table.add_row(vote.agent, "-", f"{vote.cap:.0%}", abstention)
            continue
        strongest = sorted(vote.reasons, key=lambda reason: -abs(reason.log_odds))[:3]
        reasons = "; ".join(f"{reason.name} {reason.log_odds:+.3f}" for reason in strongest)
        table.add_row(vote.agent, f"{vote.p_up:.1%}", f"{vote.cap:.0%}", escape(reasons))
    console.print(table)
