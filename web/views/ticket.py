"""The ticket of an order and what it would do, as the page draws them."""

import math
from dataclasses import dataclass
from datetime import datetime

from domain.trading.account import Account, Standing
from domain.trading.orders import Kind, Preview, Side, Term, Ticket
from trading.orders.confirmation_tokens import LIFE
from web import formatting
from web.number_input import write_number
from web.orders.ticket_form import NAMES, UNITS, Typed
from web.views.amounts import money, percent, units_of
from web.views.orders import SIDES, TERMS, terms_of
from web.views.valuation import holdings

_KINDS = {
    Kind.MARKET: "Market", Kind.LIMIT: "Limit", Kind.STOP: "Stop", Kind.STOP_LIMIT: "Stop limit",
    Kind.TRAILING_STOP: "Trailing stop", Kind.TAKE_PROFIT: "Take profit",
}  # fmt: skip
_TERMS = {
    Term.DAY: "Day: to the end of its session", Term.GTC: "Until cancelled",
    Term.IOC: "Next open alone, in part (IOC)", Term.FOK: "Next open alone, whole (FOK)",
}  # fmt: skip
_STANDINGS = {
    Standing.REDUCING: "The account may only shrink its positions",
    Standing.HALTED: "The account is halted and takes no order",
}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Choices:
    sides: tuple[Choice, ...]
    kinds: tuple[Choice, ...]
    terms: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Holds:
    """What the account holds of the symbol before the order. `price` is its last close, '' before
    the first; `closes` as many units as would close the position and `side` the side that does;
    `warning` says why less than usual may be traded."""

    symbol: str
    price: str
    currency: str
    units: str
    weight: str
    cash: str
    closes: str
    side: str
    waiting: int
    warning: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    name: str
    why: str
    passed: bool


@dataclass(frozen=True, slots=True)
class PreviewView:
    """`asks` says the order in words, `takes` what it does to the cash. `quote` is empty where a
    check failed; it confirms the order for `seconds` more, sent back with `fields`."""

    asks: str
    verb: str
    symbol: str
    price: str
    priced_at: datetime
    costs: str
    takes: str
    value: str
    weight: str
    currency: str
    checks: tuple[CheckLine, ...]
    failed: int
    assumptions: tuple[str, ...]
    exits: str
    quote: str
    key: str
    seconds: int
    fields: tuple[tuple[str, str], ...]


def choices(form: Typed) -> Choices:
    return Choices(
        sides=tuple(Choice(s.value, SIDES[s][0], s.value == form.side) for s in Side),
        kinds=tuple(
            Choice(kind.value, label, kind.value == form.kind) for kind, label in _KINDS.items()
        ),
        terms=tuple(Choice(t.value, label, t.value == form.term) for t, label in _TERMS.items()),
    )


def holds(account: Account, symbol: str, price: float | None) -> Holds:
    found = next((each for each in holdings(account) if each.symbol == symbol), None)
    units = found.units if found else 0.0
    guard = account.guard
    why = _STANDINGS.get(guard.standing, "")
    return Holds(
        symbol=symbol,
        price="" if price is None else formatting.price(price),
        currency=account.currency,
        units=units_of(units),
        weight=percent(found.weight if found else 0.0),
        cash=money(account.cash),
        closes=write_number(abs(units), 12) if units else "",
        side="sell" if units > 0 else "buy",
        waiting=sum(order.symbol == symbol for order in account.orders.values()),
        warning=f"{why} ({formatting.line(guard.reason)})" if why and guard.reason else why,
    )


def preview_view(preview: Preview, form: Typed, *, key: str, currency: str) -> PreviewView:
    """Of a preview that was made just now."""
    ticket = preview.ticket
    return PreviewView(
        asks=asks(ticket),
        verb=SIDES[ticket.side][0],
        symbol=ticket.symbol,
        price=formatting.price(preview.price),
        priced_at=preview.priced_at,
        costs=money(preview.costs),
        takes="Takes from the cash" if preview.value >= 0 else "Brings to the cash",
        value=money(abs(preview.value)),
        weight=percent(None if math.isnan(preview.weight) else preview.weight),
        currency=currency,
        checks=tuple(
            CheckLine(check.name.capitalize(), formatting.line(check.why), check.passed)
            for check in sorted(preview.checks, key=lambda check: check.passed)
        ),
        failed=sum(not check.passed for check in preview.checks),
        assumptions=preview.assumptions,
        exits=_exits(ticket),
        quote=preview.quote or "",
        key=key,
        seconds=LIFE.seconds,
        fields=_fields(form, ticket),
    )


def asks(ticket: Ticket) -> str:
    """`Buy 10 AAPL: limit 182.50, today`."""
    reduces = ", only reduces" if ticket.reduce_only else ""
    side = SIDES[ticket.side][0]
    terms = f"{terms_of(ticket)}, {TERMS[ticket.term]}{reduces}"
    return f"{side} {units_of(ticket.quantity)} {ticket.symbol}: {terms}"


def _exits(ticket: Ticket) -> str:
    named = {"stop loss": ticket.stop_loss, "take profit": ticket.take_profit}
    told = [f"{name} at {formatting.price(price)}" for name, price in named.items() if price]
    return ", ".join(told)


def _fields(form: Typed, ticket: Ticket) -> tuple[tuple[str, str], ...]:
    """As they were typed, but in units to the last bit: a value would be other units at another
    price."""
    exact = {"quantity": write_number(ticket.quantity), "measure": UNITS}
    return tuple((name, exact.get(name, getattr(form, name))) for name in NAMES)
