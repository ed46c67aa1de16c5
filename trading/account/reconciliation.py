"""Whether a stored account equals the one that its entries make; differences in words.

Leaves out how it is rebuilt (`trading/account/ledger.py`) and what follows from a difference: the
account service halts the account.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from domain.trading.account import Account

CENT = 0.005
"""Differences in currency below half a cent are rounding."""

ROUNDING = 1e-9
"""Smaller differences are rounding: in units, and in prices as a fraction."""

_MONEY = {"cash", "deposited", "realised", "fees", "dividends", "borrowing"}


def differences(recorded: Account, rebuilt: Account) -> tuple[str, ...]:
    """Return where the two accounts differ, one sentence each: money by half a cent or more, units
    and prices by more than rounding, everything else by any difference. Empty if they agree."""
    return (
        *_field_differences("account", recorded, rebuilt),
        *_mapping_differences("position", recorded.positions, rebuilt.positions),
        *_mapping_differences("order", recorded.orders, rebuilt.orders),
        *_mapping_differences("last bar", recorded.last_bars, rebuilt.last_bars),
    )


def _mapping_differences(
    noun: str, recorded: Mapping[str, Any], rebuilt: Mapping[str, Any]
) -> list[str]:
    found = []
    for key in sorted(recorded.keys() | rebuilt.keys()):
        if key not in rebuilt:
            found.append(f"{noun} {key} is kept, but the entries make none")
        elif key not in recorded:
            found.append(f"{noun} {key} is missing: the entries make {rebuilt[key]}")
        else:
            found += _field_differences(f"{noun} {key}", recorded[key], rebuilt[key])
    return found


def _field_differences(noun: str, recorded: Any, rebuilt: Any) -> list[str]:
    """Describe the plain fields in which two values of one dataclass differ."""
    found = []
    for field in fields(recorded):
        one, other = getattr(recorded, field.name), getattr(rebuilt, field.name)
        if not isinstance(one, Mapping) and not _same(field.name, one, other):
            found.append(f"{noun}: {field.name} is {one}, but the entries make {other}")
    return found


def _same(name: str, one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        within = CENT if name in _MONEY else ROUNDING * max(1.0, abs(other))
        return abs(one - other) < within
    return bool(one == other)
