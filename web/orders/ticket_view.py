"""An order's ticket and its preview, as the page draws them."""

import math
from dataclasses import dataclass
from datetime import datetime

from domain.trading.account import Account, TradingState
from domain.trading.orders import OrderPreview, OrderType, Side, Ticket, TimeInForce
from trading.account.valuation import holdings
from trading.orders.confirmation_tokens import TOKEN_LIFETIME
from web import formatting
from web.components.amounts import format_quantity, money, percent
from web.number_input import write_number
from web.orders.ticket_form import FIELD_NAMES, UNITS, TicketFormData
from web.orders.views import SIDES, TIME_IN_FORCE_TEXT, describe_order_type

_ORDER_TYPES = {
    OrderType.MARKET: "Market",
    OrderType.LIMIT: "Limit",
    OrderType.STOP: "Stop",
    OrderType.STOP_LIMIT: "Stop limit",
    OrderType.TRAILING_STOP: "Trailing stop",
    OrderType.TAKE_PROFIT: "Take profit",
}
_TIMES_IN_FORCE = {
    TimeInForce.DAY: "Day: to the end of its session",
    TimeInForce.GTC: "Good till cancelled (GTC)",
    TimeInForce.IOC: "Immediate or cancel (IOC): next open, in part",
    TimeInForce.FOK: "Fill or kill (FOK): next open, whole",
}
_STATE_WARNINGS = {
    TradingState.REDUCING: "The account may only shrink its positions",
    TradingState.HALTED: "The account is halted and takes no order",
}


@dataclass(frozen=True, slots=True)
class TicketOption:
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class TicketOptions:
    sides: tuple[TicketOption, ...]
    order_types: tuple[TicketOption, ...]
    times_in_force: tuple[TicketOption, ...]


@dataclass(frozen=True, slots=True)
class CurrentPosition:
    """The account's position in the symbol before the order. `price` is the last close, '' before
    the first; `closing_quantity` and `closing_side` are the units and the side that would close the
    position; `warning` says why less than usual may be traded."""

    symbol: str
    price: str
    currency: str
    quantity: str
    weight: str
    cash: str
    closing_quantity: str
    closing_side: str
    open_orders: int
    warning: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    name: str
    reason: str
    passed: bool


@dataclass(frozen=True, slots=True)
class PreviewView:
    """`description` is the order in words, `cash_effect` its effect on the cash. `quote` is empty
    where a check failed; sent back with `fields`, it confirms the order for `seconds` more."""

    description: str
    verb: str
    symbol: str
    price: str
    priced_at: datetime
    costs: str
    cash_effect: str
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


def ticket_options(form: TicketFormData) -> TicketOptions:
    return TicketOptions(
        sides=tuple(TicketOption(s.value, SIDES[s][0], s.value == form.side) for s in Side),
        order_types=tuple(
            TicketOption(each.value, label, each.value == form.kind)
            for each, label in _ORDER_TYPES.items()
        ),
        times_in_force=tuple(
            TicketOption(each.value, label, each.value == form.term)
            for each, label in _TIMES_IN_FORCE.items()
        ),
    )


def current_position(account: Account, symbol: str, price: float | None) -> CurrentPosition:
    holding = next((each for each in holdings(account) if each.symbol == symbol), None)
    quantity = holding.quantity if holding else 0.0
    risk = account.risk
    warning = _STATE_WARNINGS.get(risk.trading_state, "")
    return CurrentPosition(
        symbol=symbol,
        price="" if price is None else formatting.price(price),
        currency=account.currency,
        quantity=format_quantity(quantity),
        weight=percent(holding.weight if holding else 0.0),
        cash=money(account.cash),
        closing_quantity=write_number(abs(quantity), 12) if quantity else "",
        closing_side="sell" if quantity > 0 else "buy",
        open_orders=sum(order.symbol == symbol for order in account.orders.values()),
        warning=f"{warning} ({formatting.single_line(risk.reason)})"
        if warning and risk.reason
        else warning,
    )


def preview_view(
    preview: OrderPreview, form: TicketFormData, *, key: str, currency: str
) -> PreviewView:
    """Return the view of a preview that was made just now."""
    ticket = preview.ticket
    return PreviewView(
        description=describe_ticket(ticket),
        verb=SIDES[ticket.side][0],
        symbol=ticket.symbol,
        price=formatting.price(preview.price),
        priced_at=preview.priced_at,
        costs=money(preview.costs),
        cash_effect="Takes from the cash" if preview.value >= 0 else "Brings to the cash",
        value=money(abs(preview.value)),
        weight=percent(None if math.isnan(preview.weight) else preview.weight),
        currency=currency,
        checks=tuple(
            CheckLine(check.name.capitalize(), formatting.single_line(check.reason), check.passed)
            for check in sorted(preview.checks, key=lambda check: check.passed)
        ),
        failed=sum(not check.passed for check in preview.checks),
        assumptions=preview.assumptions,
        exits=_exits_text(ticket),
        quote=preview.confirmation_token or "",
        key=key,
        seconds=TOKEN_LIFETIME.seconds,
        fields=_hidden_fields(form, ticket),
    )


def describe_ticket(ticket: Ticket) -> str:
    """Describe a ticket: `Buy 10 AAPL: limit 182.50, today`."""
    reduces = ", only reduces" if ticket.reduce_only else ""
    side = SIDES[ticket.side][0]
    terms = f"{describe_order_type(ticket)}, {TIME_IN_FORCE_TEXT[ticket.time_in_force]}{reduces}"
    return f"{side} {format_quantity(ticket.quantity)} {ticket.symbol}: {terms}"


def _exits_text(ticket: Ticket) -> str:
    exit_prices = {"stop loss": ticket.stop_loss, "take profit": ticket.take_profit}
    parts = [f"{name} at {formatting.price(price)}" for name, price in exit_prices.items() if price]
    return ", ".join(parts)


def _hidden_fields(form: TicketFormData, ticket: Ticket) -> tuple[tuple[str, str], ...]:
    """Return the fields as typed, but the quantity in units to the last bit: a value in currency
    would be other units at another price."""
    exact = {"quantity": write_number(ticket.quantity), "measure": UNITS}
    return tuple((name, exact.get(name, getattr(form, name))) for name in FIELD_NAMES)
