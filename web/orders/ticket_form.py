"""The ticket of an order: what was typed, kept as it was typed, and what it asks for.

Promises that every field is told by itself what is wrong with it, and that a price which the kind
of order has no use for is not looked at. Leaves out the rules of the account: the floor holds a
ticket against them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from domain.errors import InputError, UnknownSymbolError
from domain.symbols import parse_symbol
from domain.trading.orders import Kind, Preview, Side, Term, Ticket
from trading.pre_trade.instrument_rules import nearest
from trading.pre_trade.order_validation import MOST
from web.number_input import NumberStyle, read_positive, write_number
from web.services import House

UNITS, VALUE = "units", "value"
PRICE, PERCENT = "price", "percent"
NEEDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.MARKET: (),
    Kind.LIMIT: ("limit",),
    Kind.STOP: ("stop",),
    Kind.STOP_LIMIT: ("stop", "limit"),
    Kind.TRAILING_STOP: ("trail",),
    Kind.TAKE_PROFIT: ("limit",),
}
"""The prices that each kind asks for."""
LABELS = {
    "symbol": "Symbol", "side": "Side", "kind": "Kind of order", "quantity": "Quantity",
    "measure": "Quantity in", "limit": "Limit price", "stop": "Stop price", "trail": "Trails by",
    "trail_in": "Trails in", "term": "Stands", "stop_loss": "Stop loss",
    "take_profit": "Take profit", "note": "Note",
}  # fmt: skip
_MENDS = {
    "session": "term", "holding": "quantity", "least value": "quantity", "order limit": "quantity",
    "position limit": "quantity", "sector limit": "quantity", "gross limit": "quantity",
    "cash": "quantity",
}  # fmt: skip
"""By the name of a check the field that would make it pass."""
LONGEST_NOTE = 200
_LONGEST = 400

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields as text. `quantity` is in units, or in the account's currency where `measure` says
    so; `trail` is a percentage of the price, or an amount of it. `faults` says by field what was
    refused, and under '' what is of no field."""

    symbol: str = ""
    side: str = Side.BUY.value
    kind: str = Kind.MARKET.value
    quantity: str = ""
    measure: str = UNITS
    limit: str = ""
    stop: str = ""
    trail: str = ""
    trail_in: str = PERCENT
    term: str = Term.DAY.value
    reduce_only: str = ""
    stop_loss: str = ""
    take_profit: str = ""
    note: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)


_NUMBERS = ("quantity", "limit", "stop", "trail", "stop_loss", "take_profit")
_POINT = re.compile(r"[+-]?\d+\.\d+", re.ASCII)
NAMES = tuple(each.name for each in fields(Typed) if each.name != "faults")


class TicketError(InputError):
    """Fields that cannot be: `faults` says by field what is wrong and what would be accepted."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = faults


def typed(data: Mapping[str, str]) -> Typed:
    """The fields as a browser sent them; what it did not send is as on a fresh ticket."""
    given: dict[str, Any] = {name: data[name][:_LONGEST] for name in NAMES if name in data}
    return Typed(**given)


def from_address(query: Mapping[str, str]) -> Typed:
    """The fields that an address fills in, where numbers have a decimal point in every locale."""
    form = typed(query)
    numbers: dict[str, Any] = {name: _rewritten(getattr(form, name)) for name in _NUMBERS}
    return replace(form, **numbers)


def refused(form: Typed, refusal: InputError) -> Typed:
    """The form with what was refused beside its field, where it is of one."""
    if isinstance(refusal, TicketError):
        return replace(form, faults=refusal.faults)
    field = "symbol" if isinstance(refusal, UnknownSymbolError) else refusal.field
    return replace(form, faults={field if field in NAMES else "": str(refusal)})


def checked(form: Typed, preview: Preview) -> Typed:
    """The form with what its checks say beside the field that would mend it; the first of each."""
    faults: dict[str, str] = {}
    for check in preview.checks:
        if not check.passed and (name := _MENDS.get(check.name)):
            faults.setdefault(name, check.why)
    return replace(form, faults={**form.faults, **faults})


def asked(house: House, form: Typed, style: NumberStyle) -> Ticket:
    """The ticket that the form makes, its numbers as `style` writes them.

    Raises TicketError with what each refused field would take, UnknownSymbolError for a value in
    a symbol without prices.
    """
    faults: dict[str, str] = {}

    def read(name: str, parse: Callable[[str, str], _T]) -> _T | None:
        try:
            return parse(LABELS[name], getattr(form, name).strip())
        except InputError as refusal:
            faults[name] = str(refusal)
            return None

    symbol = read("symbol", _symbol)
    side = read("side", choice(Side))
    kind = read("kind", choice(Kind))
    term = read("term", choice(Term))
    number = partial(read_positive, style=style)
    quantity = read("quantity", number)
    needed = {name: read(name, number) for name in NEEDS[kind or Kind.MARKET]}
    exits = {
        name: read(name, number) if getattr(form, name).strip() else None
        for name in ("stop_loss", "take_profit")
    }
    note = read("note", _note)
    for name, choices in (("measure", (UNITS, VALUE)), ("trail_in", (PRICE, PERCENT))):
        read(name, _one_of(choices))
    if faults or not (symbol and side and kind and term and quantity):
        raise TicketError(faults)
    if form.measure == VALUE:
        price = needed.get("limit") or needed.get("stop")
        quantity = units_worth(house, symbol, quantity, price)
    trail, in_percent = needed.get("trail"), form.trail_in == PERCENT
    return Ticket(
        symbol=symbol,
        side=side,
        kind=kind,
        quantity=quantity,
        limit=needed.get("limit"),
        stop=needed.get("stop"),
        trail=None if in_percent else trail,
        trail_share=trail / 100 if trail and in_percent else None,
        term=term,
        reduce_only=form.reduce_only == "yes",
        stop_loss=exits["stop_loss"],
        take_profit=exits["take_profit"],
        note=note or "",
    )


def units_worth(house: House, symbol: str, value: float, price: float | None) -> float:
    """As many whole lots as `value` pays for at `price`, or at the last close.

    Raises InputError where it pays for none.
    """
    lot = house.rules(house.floor.account().profile).trading.limits.lot(symbol)
    each = price or house.floor.quote(symbol)[0]
    units = nearest(min(value / each, MOST), lot.size)[0]
    if not units > 0:
        raise InputError(
            f"{value:g} buys no lot of {lot.size:g} {symbol} at {each:,.12g}. "
            f"Give at least {max(lot.size * each, lot.minimum):,.2f}.",
            field="quantity",
        )
    return units


def _rewritten(text: str) -> str:
    """A number with a decimal point, so that every locale reads it alike; other text as it is."""
    return write_number(float(text)) if _POINT.fullmatch(text) else text


def _symbol(label: str, text: str) -> str:
    if not text:
        raise InputError(f"{label}: none is named. Give one, such as AAPL.")
    return parse_symbol(text)


def choice(choices: type[_E]) -> Callable[[str, str], _E]:
    """Reads one of `choices` by its value."""
    known = _one_of(tuple(each.value for each in choices))
    return lambda label, text: choices(known(label, text))


def _one_of(choices: tuple[str, ...]) -> Callable[[str, str], str]:
    def choose(label: str, text: str) -> str:
        if text not in choices:
            raise InputError(f"{label}: {text[:40]!r} is none of {', '.join(choices)}. Choose one.")
        return text

    return choose


def _note(label: str, text: str) -> str:
    if len(text) > LONGEST_NOTE:
        raise InputError(
            f"{label}: {len(text)} characters are too many. Give at most {LONGEST_NOTE}."
        )
    return text
