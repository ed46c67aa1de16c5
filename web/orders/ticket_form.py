"""The form of an order's ticket: its fields as typed, and the ticket they make.

Promises that every field has its own error next to it, and that a price which the order's type does
not use is ignored. Leaves out the account's rules: the account's service checks a ticket against
them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from domain.errors import InputError, UnknownSymbolError
from domain.symbols import parse_symbol
from domain.trading.orders import OrderPreview, OrderType, Side, Ticket, TimeInForce
from orchestrator.account.service import AccountService
from trading.pre_trade.instrument_rules import adjacent_multiples
from trading.pre_trade.order_validation import MAX_ORDER_VALUE
from web.number_input import NumberStyle, read_positive, write_number

UNITS, VALUE = "units", "value"
PRICE, PERCENT = "price", "percent"
REQUIRED_PRICES: Mapping[OrderType, tuple[str, ...]] = {
    OrderType.MARKET: (),
    OrderType.LIMIT: ("limit",),
    OrderType.STOP: ("stop",),
    OrderType.STOP_LIMIT: ("stop", "limit"),
    OrderType.TRAILING_STOP: ("trail",),
    OrderType.TAKE_PROFIT: ("limit",),
}
"""The prices that each type of order needs, as the form names them."""
LABELS = {
    "symbol": "Symbol", "side": "Side", "kind": "Order type", "quantity": "Quantity",
    "measure": "Quantity in", "limit": "Limit price", "stop": "Stop price", "trail": "Trails by",
    "trail_in": "Trails in", "term": "Time in force", "stop_loss": "Stop loss",
    "take_profit": "Take profit", "note": "Note",
}  # fmt: skip
_FIELD_BY_CHECK = {
    "session": "term", "holding": "quantity", "least value": "quantity", "order limit": "quantity",
    "position limit": "quantity", "sector limit": "quantity", "gross limit": "quantity",
    "cash": "quantity",
}  # fmt: skip
"""The field that would make a check pass, by the check's name."""
MAX_NOTE_LENGTH = 200
_MAX_FIELD_LENGTH = 400

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class TicketFormData:
    """The fields as text. `quantity` is in units, or in the account's currency if `measure` says
    so; `trail` is a percentage of the price, or an amount. `errors` maps a field to what was
    refused; the key '' is for the whole form."""

    symbol: str = ""
    side: str = Side.BUY.value
    kind: str = OrderType.MARKET.value
    quantity: str = ""
    measure: str = UNITS
    limit: str = ""
    stop: str = ""
    trail: str = ""
    trail_in: str = PERCENT
    term: str = TimeInForce.DAY.value
    reduce_only: str = ""
    stop_loss: str = ""
    take_profit: str = ""
    note: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


_NUMBERS = ("quantity", "limit", "stop", "trail", "stop_loss", "take_profit")
_POINT = re.compile(r"[+-]?\d+\.\d+", re.ASCII)
FIELD_NAMES = tuple(each.name for each in fields(TicketFormData) if each.name != "errors")


class TicketError(InputError):
    """Refused fields: `errors` maps each to what is wrong and what would be accepted."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


def read_form(data: Mapping[str, str]) -> TicketFormData:
    """Return the fields as the browser sent them; missing ones are as on a fresh ticket."""
    given: dict[str, Any] = {
        name: data[name][:_MAX_FIELD_LENGTH] for name in FIELD_NAMES if name in data
    }
    return TicketFormData(**given)


def from_address(query: Mapping[str, str]) -> TicketFormData:
    """Return the fields that a URL fills in; its numbers have a decimal point in every locale."""
    form = read_form(query)
    numbers: dict[str, Any] = {name: _rewritten(getattr(form, name)) for name in _NUMBERS}
    return replace(form, **numbers)


def with_errors(form: TicketFormData, refusal: InputError) -> TicketFormData:
    """Return the form with the refusal next to its field, if it is about one."""
    if isinstance(refusal, TicketError):
        return replace(form, errors=refusal.errors)
    field = "symbol" if isinstance(refusal, UnknownSymbolError) else refusal.field
    return replace(form, errors={field if field in FIELD_NAMES else "": str(refusal)})


def with_failed_checks(form: TicketFormData, preview: OrderPreview) -> TicketFormData:
    """Return the form with the first failed check of each field next to the field that would fix
    it."""
    errors: dict[str, str] = {}
    for check in preview.checks:
        if not check.passed and (name := _FIELD_BY_CHECK.get(check.name)):
            errors.setdefault(name, check.reason)
    return replace(form, errors={**form.errors, **errors})


def parse_form(
    account_service: AccountService,
    form: TicketFormData,
    style: NumberStyle,
) -> Ticket:
    """Parse the form into a ticket, with numbers in `style`.

    Raises TicketError with what each refused field would accept, UnknownSymbolError for a value in
    a symbol without prices.
    """
    errors: dict[str, str] = {}

    def read(name: str, parse: Callable[[str, str], _T]) -> _T | None:
        try:
            return parse(LABELS[name], getattr(form, name).strip())
        except InputError as refusal:
            errors[name] = str(refusal)
            return None

    symbol = read("symbol", _parse_symbol)
    side = read("side", enum_parser(Side))
    order_type = read("kind", enum_parser(OrderType))
    time_in_force = read("term", enum_parser(TimeInForce))
    number = partial(read_positive, style=style)
    quantity = read("quantity", number)
    prices = {name: read(name, number) for name in REQUIRED_PRICES[order_type or OrderType.MARKET]}
    exits = {
        name: read(name, number) if getattr(form, name).strip() else None
        for name in ("stop_loss", "take_profit")
    }
    note = read("note", _parse_note)
    for name, choices in (("measure", (UNITS, VALUE)), ("trail_in", (PRICE, PERCENT))):
        read(name, _choice_parser(choices))
    if errors or not (symbol and side and order_type and time_in_force and quantity):
        raise TicketError(errors)
    if form.measure == VALUE:
        price = prices.get("limit") or prices.get("stop")
        quantity = quantity_for_value(account_service, symbol, quantity, price)
    trail, in_percent = prices.get("trail"), form.trail_in == PERCENT
    return Ticket(
        symbol=symbol,
        side=side,
        order_type=order_type,
        quantity=quantity,
        limit_price=prices.get("limit"),
        stop_price=prices.get("stop"),
        trail_amount=None if in_percent else trail,
        trail_fraction=trail / 100 if trail and in_percent else None,
        time_in_force=time_in_force,
        reduce_only=form.reduce_only == "yes",
        stop_loss=exits["stop_loss"],
        take_profit=exits["take_profit"],
        note=note or "",
    )


def quantity_for_value(
    account_service: AccountService,
    symbol: str,
    value: float,
    price: float | None,
) -> float:
    """Return as many whole lots as `value` buys at `price`, or at the last close.

    Raises InputError where it buys none.
    """
    lot = account_service.rules_in_force().trading.limits.lot_size(symbol)
    unit_price = price or account_service.last_price(symbol)[0]
    quantity = adjacent_multiples(min(value / unit_price, MAX_ORDER_VALUE), lot.size)[0]
    if not quantity > 0:
        raise InputError(
            f"{value:g} buys no lot of {lot.size:g} {symbol} at {unit_price:,.12g}. "
            f"Give at least {max(lot.size * unit_price, lot.min_order_value):,.2f}.",
            field="quantity",
        )
    return quantity


def _rewritten(text: str) -> str:
    """Rewrite a number with a decimal point, so that every locale reads it alike; return other text
    unchanged."""
    return write_number(float(text)) if _POINT.fullmatch(text) else text


def _parse_symbol(label: str, text: str) -> str:
    if not text:
        raise InputError(f"{label}: none is named. Give one, such as AAPL.")
    return parse_symbol(text)


def enum_parser(choices: type[_E]) -> Callable[[str, str], _E]:
    """Return a parser of one of `choices` by its value."""
    known = _choice_parser(tuple(each.value for each in choices))
    return lambda label, text: choices(known(label, text))


def _choice_parser(choices: tuple[str, ...]) -> Callable[[str, str], str]:
    def choose(label: str, text: str) -> str:
        if text not in choices:
            raise InputError(f"{label}: {text[:40]!r} is none of {', '.join(choices)}. Choose one.")
        return text

    return choose


def _parse_note(label: str, text: str) -> str:
    if len(text) > MAX_NOTE_LENGTH:
        raise InputError(
            f"{label}: {len(text)} characters are too many. Give at most {MAX_NOTE_LENGTH}."
        )
    return text
