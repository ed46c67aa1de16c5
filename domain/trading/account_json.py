"""Account events, and accounts, in plain JSON, and back again without losing a bit.

Promises that what is read equals what was written, floats included, and that an unknown kind, an
unknown field or a missing one is refused rather than guessed. A field that has a default may be
missing: it was not there yet when the entry was written. Leaves out where they are stored.
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
    """Raises ValueError for a number that is not finite: no data is None in an entry."""
    return dict(to_json(event))


def account_event_from_json(kind: str, body: Mapping[str, Any]) -> AccountEvent:
    """Raises VerificationError for an unknown kind and for a body that is not one of its kind."""
    if kind not in ENTRY_KINDS:
        raise VerificationError(
            f"{kind!r} is no kind of entry. This program knows: {', '.join(ENTRY_KINDS)}. It may "
            "have been written by a newer one."
        )
    return _decode(ENTRY_KINDS[kind], body, kind)


def account_to_json(account: Account) -> dict[str, Any]:
    return dict(to_json(account))


def account_from_json(stored: Mapping[str, Any]) -> Account:
    """Raises VerificationError for what no account is."""
    return _decode(Account, stored, "account")


def order_from_json(stored: Mapping[str, Any]) -> Order:
    """The order that `domain.canonical.to_json` wrote. Raises VerificationError for another."""
    return _decode(Order, stored, "order")


def _decode(kind: type[T], stored: Any, path: str) -> T:
    """`stored` as a `kind`; `path` says where it is, for the message."""
    try:
        value: T = _decoder(cast(Any, kind))(stored)
        return value
    except (TypeError, ValueError, KeyError) as wrong:
        raise VerificationError(f"{path} cannot be read: {wrong}") from wrong


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:
    """How a value of the annotated type `kind` is read."""
    if isinstance(kind, UnionType):
        return _decode_optional(kind)
    if get_origin(kind) is not None:
        return _decode_mapping(kind)
    if is_dataclass(kind):
        return _decode_fields(kind)
    if kind is datetime or kind is date:
        return lambda stored: kind.fromisoformat(stored)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return _decode_plain(kind)


def _decode_optional(kind: Any) -> Callable[[Any], Any]:
    (inner,) = (each for each in get_args(kind) if each is not NoneType)
    read = _decoder(inner)
    return lambda stored: None if stored is None else read(stored)


def _decode_mapping(kind: Any) -> Callable[[Any], Any]:
    read = _decoder(get_args(kind)[1])
    return lambda stored: {key: read(value) for key, value in stored.items()}


def _decode_fields(kind: Any) -> Callable[[Any], Any]:
    """By the names under which fields are stored."""
    hints, names = get_type_hints(kind), stored_fields(kind)
    readers = {stored: (name, _decoder(hints[name])) for name, stored in names}
    optional = {
        field.name
        for field in fields(kind)
        if not (field.default is MISSING and field.default_factory is MISSING)
    }
    required = {stored for name, stored in names if name not in optional}

    def read(stored: Mapping[str, Any]) -> Any:
        if not isinstance(stored, Mapping):
            raise TypeError(f"{stored!r} is not an object")
        if wrong := (stored.keys() - readers.keys()) | (required - stored.keys()):
            raise ValueError(f"{kind.__name__} has wrong or missing fields: {sorted(wrong)}")
        decoded = {}
        for key, value in stored.items():
            name, decode = readers[key]
            decoded[name] = decode(value)
        return kind(**decoded)

    return read


def _decode_plain(kind: Any) -> Callable[[Any], Any]:
    """Text, truth and numbers as they are; a whole number will do for a float."""

    def read(stored: Any) -> Any:
        if type(stored) is kind:
            return stored
        if kind is float and type(stored) is int:
            return float(stored)
        raise TypeError(f"{stored!r} is no {kind.__name__}")

    return read
