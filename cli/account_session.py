"""The paper account from the command line: what it holds, its orders, and all one may do to it.

Every verb works beside a running server, on the same database: a change is one transaction, and
the server's pages hear of it. Leaves out parsing words (`account_verbs.py`) and what is allowed
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

from domain.canonical import instant, to_json
from domain.errors import InputError, NotFoundError, VerificationError
from domain.trading.account import Account
from domain.trading.orders import Order, Preview, Ticket
from orchestrator.account.service import Floor
from settings import Settings
from storage.accounts.audit import Audit
from storage.accounts.blotter import AuditLine, Blotter, OrderLine
from trading.account.ledger import apply
from web.views.valuation import figures, holdings
from wiring.account import make_day, make_floor
from wiring.market import LIVE, Market, choose_market, demo_present, newest_close, time_of
from wiring.stores import Say, Stores, open_stores


@dataclass(frozen=True, slots=True)
class Counter:
    """Where one account is dealt with. `now` is the time of its run."""

    market: Market
    run: str
    stores: Stores
    floor: Floor
    blotter: Blotter
    now: datetime


@contextmanager
def counter(settings: Settings, run: str, say: Say) -> Iterator[Counter]:
    """The account of `run` in the market in force.

    Raises NotFoundError for a run that never was; the live one begins when it is asked for.
    """
    with open_stores(settings) as stores:
        market = choose_market(settings, stores.library, lambda: demo_present(stores.journal), say)
        if run != LIVE and stores.accounts.account(market.name, run) is None:
            raise NotFoundError(_no_run(stores, market, run))
        now = time_of(stores, market, run)
        day = make_day(settings, stores, market, run, lambda: newest_close(settings, stores, now))
        floor = make_floor(settings, stores, day, lambda: now)
        blotter = Blotter(stores.database, market.name, run)
        yield Counter(market, run, stores, floor, blotter, now)


def place(at: Counter, ticket: Ticket, key: str | None) -> tuple[Preview, Order]:
    """The order placed after its preview. Raises InputError naming every check that failed."""
    shown = at.floor.preview(ticket)
    if shown.quote is None:
        failed = " ".join(check.why for check in shown.checks if not check.passed)
        raise InputError(f"The order was not placed. {failed}")
    return shown, at.floor.place(ticket, quote=shown.quote, key=key or uuid.uuid4().hex)


def verify(at: Counter) -> tuple[str, ...]:
    """What does not follow from the account's log, in words; nothing where it is whole."""
    return Audit(at.stores.database, apply).verify(at.market.name, at.run)


def refuse_if_broken(differences: Sequence[str]) -> None:
    """Raises VerificationError listing what the audit found."""
    if differences:
        raise VerificationError(f"The log is not whole: {'; '.join(differences)}")


def refuse_if_different(differences: Sequence[str]) -> None:
    """Raises VerificationError listing what does not reconcile."""
    if differences:
        raise VerificationError(
            f"The account does not reconcile and is halted: {'; '.join(differences)}."
        )


def account_json(at: Counter, account: Account) -> dict[str, Any]:
    """What the account is worth, holds and may do."""
    guard = account.guard
    return {
        "market": at.market.name,
        "run": at.run,
        "simulated": at.market.simulated,
        "opened_at": instant(account.opened_at),
        "currency": account.currency,
        "mode": account.mode.value,
        "profile": account.profile,
        **to_json(figures(account)),
        "guard": to_json(guard),
        "positions": [
            {
                "symbol": held.symbol,
                "units": held.units,
                "cost": held.cost,
                "last": held.last,
                "priced_at": held.priced_at and instant(held.priced_at),
                "value": held.value,
                "unrealised": held.unrealised,
                "weight": held.weight,
            }
            for held in holdings(account)
        ],
        "open_orders": [to_json(order) for order in account.orders.values()],
        "entries": account.number,
    }


def order_json(order: Order) -> dict[str, Any]:
    told: dict[str, Any] = to_json(order)
    return told


def audit_json(lines: Sequence[AuditLine], differences: Sequence[str] | None) -> dict[str, Any]:
    """`differences` is None where nothing was verified."""
    return {
        "entries": [to_json(line) for line in lines],
        "verified": None if differences is None else not differences,
        "differences": list(differences or ()),
    }


def show_audit(
    lines: Sequence[AuditLine], differences: Sequence[str] | None, console: Console
) -> None:
    for line in lines:
        console.print(
            f"{line.number:>6} {line.at:%Y-%m-%d %H:%M:%S} {line.kind}: {json.dumps(line.body)}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if differences is not None and not differences:
        console.print("[green]Verified:[/] the log is whole, and all that is kept follows from it.")


def show_account(at: Counter, account: Account, console: Console) -> None:
    told, guard = figures(account), account.guard
    label = "SIMULATED market" if at.market.simulated else f"market {at.market.name}"
    console.print(
        f"Paper account '{at.run}', {label}: {account.mode}, {account.profile}, "
        f"[bold]{guard.standing}[/]"
        + (f" ({escape(guard.reason)}, since {_day(guard.since)})" if guard.reason else ""),
        highlight=False,
    )
    console.print(
        f"equity {_money(told.equity)} {account.currency}, cash {_money(told.cash)}, "
        f"realised {_money(told.realised)}, unrealised {_money(told.unrealised)}, "
        f"fees {_money(told.fees)}",
        highlight=False,
    )
    if not account.positions:
        console.print("Nothing is held.")
        return
    table = Table("symbol", "units", "cost", "last", "value", "profit", "share")
    for held in holdings(account):
        table.add_row(
            held.symbol, f"{held.units:,.10g}", f"{held.cost:,.4f}", _money(held.last, 4),
            _money(held.value), _money(held.unrealised), _share(held.weight),
        )  # fmt: skip
    console.print(table)


def show_preview(shown: Preview, console: Console) -> None:
    console.print(_words(shown.ticket), highlight=False)
    console.print(
        f"last price {shown.price:,.4f} of {shown.priced_at:%Y-%m-%d %H:%M} UTC; costs about "
        f"{shown.costs:,.2f}; takes {shown.value:,.2f} of the cash; {_share(shown.weight)} of "
        "equity after it",
        highlight=False,
    )
    for check in shown.checks:
        mark = "[green]✓[/]" if check.passed else "[red]✗[/]"
        console.print(f"{mark} {escape(check.name)}: {escape(check.why)}", highlight=False)
    for assumption in shown.assumptions:
        console.print(f"· {assumption}", highlight=False, markup=False)


def show_order(order: Order, console: Console) -> None:
    console.print(f"[bold]{order.id}[/] {order.status}: {_words(order)}", highlight=False)
    if order.why:
        console.print(f"  {order.why}", markup=False, highlight=False)


def show_orders(found: Sequence[OrderLine], console: Console) -> None:
    if not found:
        console.print("There are no such orders.")
        return
    whole = (Column(name, no_wrap=True) for name in ("id", "placed"))
    table = Table(*whole, "order", "status", "filled", "average", "source", "why")
    for line in found:
        order = line.order
        table.add_row(
            order.id, f"{order.placed_at:%Y-%m-%d %H:%M}", _words(order), order.status.value,
            f"{order.filled:,.10g}", _money(order.average, 4), order.source.value,
            escape(order.why),
        )  # fmt: skip
    console.print(table)


def _words(order: Order | Ticket) -> str:
    """`buy 10 AAPL, limit 120, day`."""
    prices = {
        "limit": order.limit, "stop": order.stop, "trailing by": order.trail,
    }  # fmt: skip
    told = [f"{order.side} {order.quantity:,.10g} {order.symbol}"]
    told += [f"{name} {price:,.10g}" for name, price in prices.items() if price is not None]
    if order.trail_share is not None:
        told.append(f"trailing by {order.trail_share:.2%}")
    told.append(order.term.value)
    return ", ".join(told)


def _no_run(stores: Stores, market: Market, run: str) -> str:
    runs = [name for name in stores.records.runs(market.name) if name != "decide"]
    known = ", ".join(repr(name) for name in runs[:5]) or "none yet"
    return (
        f"The run {run[:60]!r} has no paper account in the market {market.name!r}. Runs there: "
        f"{known}."
    )


def _money(amount: float | None, digits: int = 2) -> str:
    return "–" if amount is None else f"{amount:,.{digits}f}"


def _share(weight: float | None) -> str:
    return "–" if weight is None or math.isnan(weight) else f"{weight:.1%}"


def _day(at: datetime | None) -> str:
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
