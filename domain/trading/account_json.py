"""What happens to accounts, and accounts, in plain JSON, and back again without losing a bit.

Promises that what is read equals what was written, floats included, and that an unknown kind, an
unknown field or a missing one is refused rather than guessed. A field that has a default may be
missing: it was not there yet when the entry was written. Leaves out where they are kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from domain.canonical import to_json
from domain.errors import VerificationError
from domain.trading.account import (
    Account,
    BarClosed,
    BorrowCharged,
    CashMoved,
    DividendPaid,
    Filled,
    GuardChanged,
    Happening,
    Opened,
    OrderChanged,
    OrderEnded,
    OrderPlaced,
    Reset,
    SplitApplied,
    Switched,
)
from domain.trading.orders import Order

T = TypeVar("T")

KINDS: Mapping[str, type[Happening]] = {
    "opened": Opened,
    "cash moved": CashMoved,
    "reset": Reset,
    "order placed": OrderPlaced,
    "order changed": OrderChanged,
    "order ended": OrderEnded,
    "filled": Filled,
    "split applied": SplitApplied,
    "dividend paid": DividendPaid,
    "borrow charged": BorrowCharged,
    "bar closed": BarClosed,
    "guard changed": GuardChanged,
    "switched": Switched,
}
"""What an entry is called where it is kept. Never rename one: records hold them."""

_NAMES = {kind: name for name, kind in KINDS.items()}


def kind_of(what: Happening) -> str:
    return _NAMES[type(what)]


def happening_to_json(what: Happening) -> dict[str, Any]:
    """Raises ValueError for a number that is not finite: no data is None in an entry."""
    return dict(to_json(what))


def happening_from_json(kind: str, body: Mapping[str, Any]) -> Happening:
    """Raises VerificationError for an unknown kind and for a body that is not one of its kind."""
    if kind not in KINDS:
        raise VerificationError(
            f"{kind!r} is no kind of entry. This program knows: {', '.join(KINDS)}. It may have "
            "been written by a newer one."
        )
    return _read(KINDS[kind], body, kind)


def account_to_json(account: Account) -> dict[str, Any]:
    return dict(to_json(account))


def account_from_json(stored: Mapping[str, Any]) -> Account:
    """Raises VerificationError for what no account is."""
    return _read(Account, stored, "account")


def order_from_json(stored: Mapping[str, Any]) -> Order:
    """The order that `domain.canonical.to_json` wrote. Raises VerificationError for another."""
    return _read(Order, stored, "order")


def _read(kind: type[T], stored: Any, name: str) -> T:
    """`stored` as a `kind`; `name` is where it stands, for the message."""
    try:
        value: T = _reader(cast(Any, kind))(stored)
        return value
    except (TypeError, ValueError, KeyError) as wrong:
        raise VerificationError(f"{name} cannot be read: {wrong}") from wrong


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """How a value of the annotated type `kind` is read."""
    if isinstance(kind, UnionType):
        return _optional(kind)
    if get_origin(kind) is not None:
        return _mapping(kind)
    if is_dataclass(kind):
        return _fields(kind)
    if kind is datetime or kind is date:
        return lambda stored: kind.fromisoformat(stored)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return _plain(kind)


def _optional(kind: Any) -> Callable[[Any], Any]:
    (inner,) = (each for each in get_args(kind) if each is not NoneType)
    read = _reader(inner)
    return lambda stored: None if stored is None else read(stored)


def _mapping(kind: Any) -> Callable[[Any], Any]:
    read = _reader(get_args(kind)[1])
    return lambda stored: {key: read(value) for key, value in stored.items()}


def _fields(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    readers = {each.name: _reader(hints[each.name]) for each in fields(kind)}
    needed = {
        each.name
        for each in fields(kind)
        if each.default is MISSING and each.default_factory is MISSING
    }

    def read(stored: Mapping[str, Any]) -> Any:
        if not isinstance(stored, Mapping):
            raise TypeError(f"{stored!r} is not an object")
        if wrong := (stored.keys() - readers.keys()) | (needed - stored.keys()):
            raise ValueError(f"{kind.__name__} has wrong or missing fields: {sorted(wrong)}")
        return kind(**{name: readers[name](value) for name, value in stored.items()})

    return read


def _plain(kind: Any) -> Callable[[Any], Any]:
    """Text, truth and numbers as they are; a whole number will do for a float."""

    def read(stored: Any) -> Any:
        if type(stored) is kind:
            return stored
        if kind is float and type(stored) is int:
            return float(stored)
        raise TypeError(f"{stored!r} is no {kind.__name__}")

    return read
