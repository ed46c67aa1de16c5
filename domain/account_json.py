"""Accounts and account events as plain JSON, and back without loss.

Promises that a value read equals the value written, floats to the last bit, and that an unknown
kind, an unknown field or a missing one is refused. A field with a default may be missing, because
it may be newer than the entry. Leaves out where they are stored.
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
from domain.stored_names import ENTRY_KINDS, stored_fields
from domain.trading.account import Account, AccountEvent
from domain.trading.orders import Order

T = TypeVar("T")

_KIND_NAMES = {kind: name for name, kind in ENTRY_KINDS.items()}


def kind_of(event: AccountEvent) -> str:
    return _KIND_NAMES[type(event)]


def account_event_to_json(event: AccountEvent) -> dict[str, Any]:
    """The event as a JSON object.

    Raises ValueError for a number that is not finite: missing data is None in an entry.
    """
    return dict(to_json(event))


def account_event_from_json(kind: str, body: Mapping[str, Any]) -> AccountEvent:
    """The event of the stored `kind` with the fields of `body`.

    Raises VerificationError for an unknown kind and for a body that does not fit it.
    """
    if kind not in ENTRY_KINDS:
        raise VerificationError(
            f"{kind!r} is no kind of entry. This program knows: {', '.join(ENTRY_KINDS)}. It may "
            "have been written by a newer one."
        )
    return _decode(ENTRY_KINDS[kind], body, kind)


def account_to_json(account: Account) -> dict[str, Any]:
    return dict(to_json(account))


def account_from_json(stored: Mapping[str, Any]) -> Account:
    """The account that `account_to_json` wrote. Raises VerificationError for anything else."""
    return _decode(Account, stored, "account")


def order_from_json(stored: Mapping[str, Any]) -> Order:
    """The order that `domain.canonical.to_json` wrote. Raises VerificationError for anything
    else."""
    return _decode(Order, stored, "order")


def _decode(annotation: type[T], stored: Any, path: str) -> T:
    """Read `stored` as a value of the type `annotation`; `path` is its place, for the message."""
    try:
        value: T = _decoder(cast(Any, annotation))(stored)
        return value
    except (TypeError, ValueError, KeyError) as wrong:
        raise VerificationError(f"{path} cannot be read: {wrong}") from wrong


@cache
def _decoder(annotation: Any) -> Callable[[Any], Any]:
    """A function that reads a stored value of the type `annotation`."""
    if isinstance(annotation, UnionType):
        return _decode_optional(annotation)
    if get_origin(annotation) is not None:
        return _decode_mapping(annotation)
    if is_dataclass(annotation):
        return _decode_fields(annotation)
    if annotation is datetime or annotation is date:
        return lambda stored: annotation.fromisoformat(stored)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return annotation
    return _decode_plain(annotation)


def _decode_optional(annotation: Any) -> Callable[[Any], Any]:
    (inner,) = (member for member in get_args(annotation) if member is not NoneType)
    read = _decoder(inner)
    return lambda stored: None if stored is None else read(stored)


def _decode_mapping(annotation: Any) -> Callable[[Any], Any]:
    read = _decoder(get_args(annotation)[1])
    return lambda stored: {key: read(value) for key, value in stored.items()}


def _decode_fields(annotation: Any) -> Callable[[Any], Any]:
    """A function that reads a dataclass by the stored names of its fields."""
    hints, names = get_type_hints(annotation), stored_fields(annotation)
    readers = {stored: (name, _decoder(hints[name])) for name, stored in names}
    optional = {
        field.name
        for field in fields(annotation)
        if not (field.default is MISSING and field.default_factory is MISSING)
    }
    required = {stored for name, stored in names if name not in optional}

    def read(stored: Mapping[str, Any]) -> Any:
        if not isinstance(stored, Mapping):
            raise TypeError(f"{stored!r} is not an object")
        if wrong := (stored.keys() - readers.keys()) | (required - stored.keys()):
            raise ValueError(f"{annotation.__name__} has wrong or missing fields: {sorted(wrong)}")
        decoded = {}
        for key, value in stored.items():
            name, decode = readers[key]
            decoded[name] = decode(value)
        return annotation(**decoded)

    return read


def _decode_plain(annotation: Any) -> Callable[[Any], Any]:
    """A function that checks text, booleans and numbers; it also accepts an int for a float."""

    def read(stored: Any) -> Any:
        if type(stored) is annotation:
            return stored
        if annotation is float and type(stored) is int:
            return float(stored)
        raise TypeError(f"{stored!r} is no {annotation.__name__}")

    return read
