"""The canonical JSON of every value that is hashed, stored or compared.

Promises that equal values have equal bytes, on every machine and in every process, and that a
decision read back equals the one written. Leaves out arrays: the archive hashes panels.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import numpy as np

from domain.decision import Action, AppliedLimit, Decision, QualityVerdict, Vote
from domain.stored_names import stored_fields
from domain.votes import Reason

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)

_PLAIN_TYPES = frozenset({str, bool, int, type(None)})
"""Types of most values, returned unchanged; subclasses of them are converted."""


def to_json(value: Any) -> Any:
    """Convert `value` to plain JSON: dataclasses to objects with their stored names, enums to their
    value, instants to ISO 8601 with Z.

    Raises ValueError for NaN, infinity and instants without a time zone, TypeError for a key that
    is not text and for anything that has no JSON form.
    """
    if type(value) in _PLAIN_TYPES:
        return value
    if isinstance(value, Enum):
        return to_json(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _require_finite(float(value))
    if isinstance(value, np.generic):
        return to_json(value.item())
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return {
            stored: to_json(getattr(value, name)) for name, stored in stored_fields(value.__class__)
        }
    if isinstance(value, Mapping):
        return {_require_text_key(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


def canonical_bytes(value: Any) -> bytes:
    """Encode `value` as ASCII JSON with sorted keys, no spaces and floats in their shortest repr.

    Characters beyond ASCII are escaped, so that a headline with a zero byte or half a surrogate
    pair can be stored and hashed like any other.
    """
    return encode_json(to_json(value))


def encode_json(value: Any) -> bytes:
    """Encode the result of `to_json`, without converting it again; see `canonical_bytes`."""
    return _ENCODER.encode(value).encode("ascii")


def format_instant(at: datetime) -> str:
    """`2020-03-02T21:00:00Z`, with microseconds only where there are any."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def decision_from_json(stored: Mapping[str, Any]) -> Decision:
    """The decision that `to_json` wrote; a vote without a stored `trust` has a trust of 1."""
    return Decision(
        **{
            **stored,
            "action": Action(stored["action"]),
            "limits": tuple(AppliedLimit(**limit) for limit in stored["limits"]),
            "verdict": _verdict(stored["verdict"]),
            "votes": tuple(_vote(vote) for vote in stored["votes"]),
        }
    )


def _verdict(stored: Mapping[str, Any]) -> QualityVerdict:
    return QualityVerdict(stored["symbol"], tuple(stored["findings"]), tuple(stored["remarks"]))


def _vote(stored: Mapping[str, Any]) -> Vote:
    return Vote(**{**stored, "reasons": tuple(Reason(**reason) for reason in stored["reasons"])})


def _require_finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{number} has no canonical JSON form; a missing number is None")
    return number


def _require_text_key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{key!r} is no key of a JSON object")
    return str(key)
