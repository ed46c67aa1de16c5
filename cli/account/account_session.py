"""The paper account from the command line: what it holds, its orders, and every change to it.

Every command also works while a server runs on the same database: a change is one transaction, and
the server's pages show it. Leaves out parsing words (`account_commands.py`) and what is allowed
(`orchestrator/account/service.py`).
"""

import json
import math
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from domain.canonical import format_instant, to_json
from domain.errors import InputError, NotFoundError, VerificationError
from domain.trading.account import Account
from domain.trading.orders import Order, OrderPreview, Ticket, with_exact_quantities
from orchestrator.account.service import AccountService
from settings import Settings
from storage.accounts.audit import AccountAudit
from storage.accounts.blotter import AuditEntry, BlotterOrder, SqlBlotter
from trading.account.ledger import apply
from trading.account.valuation import holdings, value_account
from wiring.account import make_blotter, open_account
from wiring.home import Home, open_home
from wiring.market import LIVE_RUN
from wiring.stores import Log


@dataclass(frozen=True, slots=True)
class AccountSession:
    """The account of one run, the service that changes it and its blotter for reading."""

    home: Home
    run: str
    service: AccountService
    blotter: SqlBlotter


@contextmanager
def open_account_session(settings: Settings, run: str, log: Log) -> Iterator[AccountSession]:
    """Open the account of `run` in the market in force.

    Raises NotFoundError for a run that does not exist; the live account is opened at first use.
    """
    with open_home(settings, log) as home:
        if run != LIVE_RUN and home.stores.accounts.account(home.market.name, run) is None:
            raise NotFoundError(_unknown_run_message(home, run))
        yield AccountSession(home, run, open_account(home, run), make_blotter(home, run))


def place_order(
    session: AccountSession, ticket: Ticket, key: str | None
) -> tuple[OrderPreview, Order]:
    """Preview and place an order. Raises InputError naming every check that failed."""
    preview = session.service.preview(ticket)
    if preview.confirmation_token is None:
        failed = " ".join(check.reason for check in preview.checks if not check.passed)
        raise InputError(f"The order was not placed. {failed}")
    return preview, session.service.place(
        ticket, confirmation_token=preview.confirmation_token, key=key or uuid.uuid4().hex
    )


def verify_log(session: AccountSession) -> tuple[str, ...]:
    """Verify the account's log. Return in words what does not follow from it; empty if it is
    whole."""
    home = session.home
    return AccountAudit(home.stores.database, apply).verify(home.market.name, session.run)


def refuse_if_broken(differences: Sequence[str]) -> None:
    """Raise VerificationError with what the audit found, if anything."""
    if differences:
        raise VerificationError(f"The log is not whole: {'; '.join(differences)}")


def refuse_if_different(differences: Sequence[str]) -> None:
    """Raise VerificationError with what does not reconcile, if anything."""
    if differences:
        raise VerificationError(
            f"The account does not reconcile and is halted: {'; '.join(differences)}."
        )


def account_json(session: AccountSession, account: Account) -> dict[str, Any]:
    """Return the account's value, its positions and its rules as JSON."""
    risk = account.risk
    return {
        "market": session.home.market.name,
        "run": session.run,
        "simulated": session.home.market.simulated,
        "opened_at": format_instant(account.opened_at),
        "currency": account.currency,
        "mode": account.mode.value,
        "profile": account.profile,
        **to_json(value_account(account)),
        "guard": to_json(risk),
        "positions": [
            {
                "symbol": holding.symbol,
                "units": holding.quantity,
                "cost": holding.cost,
                "last": holding.last,
                "priced_at": holding.priced_at and format_instant(holding.priced_at),
                "value": holding.value,
                "unrealised": holding.unrealised,
                "weight": holding.weight,
            }
            for holding in holdings(account)
        ],
        "open_orders": [order_json(order) for order in account.orders.values()],
        "entries": account.entry_count,
    }


def order_json(order: Order) -> dict[str, Any]:
    body: dict[str, Any] = to_json(with_exact_quantities(order))
    return body


def audit_json(lines: Sequence[AuditEntry], differences: Sequence[str] | None) -> dict[str, Any]:
    """Return entries as JSON; `differences` is None if nothing was verified."""
    return {
        "entries": [to_json(line) for line in lines],
        "verified": None if differences is None else not differences,
        "differences": list(differences or ()),
    }


def show_audit(
    lines: Sequence[AuditEntry], differences: Sequence[str] | None, console: Console
) -> None:
    for line in lines:
        console.print(
            f"{line.number:>6} {line.at:%Y-%m-%d %H:%M:%S} {line.kind}: {json.dumps(line.body)}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if differences is not None and not differences:
        console.print("[green]Verified:[/] the log is whole, and all that is kept follows from it.")


def show_account(session: AccountSession, account: Account, console: Console) -> None:
    values, risk, market = value_account(account), account.risk, session.home.market
    label = "SIMULATED market" if market.simulated else f"market {market.name}"
    console.print(
        f"Paper account '{session.run}', {label}: {account.mode}, {account.profile}, "
        f"[bold]{risk.trading_state}[/]"
        + (f" ({escape(risk.reason)}, since {_day(risk.since)})" if risk.reason else ""),
        highlight=False,
    )
    console.print(
        f"equity {_money(values.equity)} {account.currency}, cash {_money(values.cash)}, "
        f"realised {_money(values.realised)}, unrealised {_money(values.unrealised)}, "
        f"fees {_money(values.fees)}",
        highlight=False,
    )
    if not account.positions:
        console.print("Nothing is held.")
        return
    table = Table("symbol", "units", "cost", "last", "value", "profit", "share")
    for holding in holdings(account):
        table.add_row(
            holding.symbol, f"{holding.quantity:,.10g}", f"{holding.cost:,.4f}",
            _money(holding.last, 4), _money(holding.value), _money(holding.unrealised),
            _percent(holding.weight),
        )  # fmt: skip
    console.print(table)


def show_preview(preview: OrderPreview, console: Console) -> None:
    console.print(_describe_order(preview.ticket), highlight=False)
    console.print(
        f"last price {preview.price:,.4f} of {preview.priced_at:%Y-%m-%d %H:%M} UTC; costs about "
        f"{preview.costs:,.2f}; takes {preview.value:,.2f} of the cash; {_percent(preview.weight)} "
        "of equity after it",
        highlight=False,
    )
    for check in preview.checks:
        mark = "[green]✓[/]" if check.passed else "[red]✗[/]"
        console.print(f"{mark} {escape(check.name)}: {escape(check.reason)}", highlight=False)
    for assumption in preview.assumptions:
        console.print(f"· {assumption}", highlight=False, markup=False)


def show_order(order: Order, console: Console) -> None:
    console.print(f"[bold]{order.id}[/] {order.status}: {_describe_order(order)}", highlight=False)
    if order.reason:
        console.print(f"  {order.reason}", markup=False, highlight=False)


def show_orders(lines: Sequence[BlotterOrder], console: Console) -> None:
    if not lines:
        console.print("There are no such orders.")
        return
    unwrapped = (Column(name, no_wrap=True) for name in ("id", "placed"))
    table = Table(*unwrapped, "order", "status", "filled", "average", "source", "why")
    for line in lines:
        order = line.order
        table.add_row(
            order.id, f"{order.submitted_at:%Y-%m-%d %H:%M}", _describe_order(order),
            order.status.value, f"{order.filled:,.10g}", _money(order.average_price, 4),
            order.source.value, escape(order.reason),
        )  # fmt: skip
    console.print(table)


def _describe_order(order: Order | Ticket) -> str:
    """`buy 10 AAPL, limit 120, day`."""
    prices = {
        "limit": order.limit_price, "stop": order.stop_price, "trailing by": order.trail_amount,
    }  # fmt: skip
    parts = [f"{order.side} {order.quantity:,.10g} {order.symbol}"]
    parts += [f"{name} {price:,.10g}" for name, price in prices.items() if price is not None]
    if order.trail_fraction is not None:
        parts.append(f"trailing by {order.trail_fraction:.2%}")
    parts.append(order.time_in_force.value)
    return ", ".join(parts)


def _unknown_run_message(home: Home, run: str) -> str:
    market = home.market.name
    runs = [name for name in home.stores.records.runs(market) if name != "decide"]
    known = ", ".join(repr(name) for name in runs[:5]) or "none yet"
    return (
        f"The run {run[:60]!r} has no paper account in the market {market!r}. Runs there: {known}."
    )


def _money(amount: float | None, digits: int = 2) -> str:
    return "–" if amount is None else f"{amount:,.{digits}f}"


def _percent(weight: float | None) -> str:
    return "–" if weight is None or math.isnan(weight) else f"{weight:.1%}"


def _day(at: datetime | None) -> str:
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
