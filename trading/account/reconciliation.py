"""Whether an account as kept is the one that its entries make, told in words.

Leaves out how it is rebuilt (`trading/account/ledger.py`) and what follows from a difference: the
floor halts the account.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from domain.trading.account import Account

CENT = 0.005
"""Differences in currency below half of a cent are rounding."""

ROUNDING = 1e-9
"""Differences below this are rounding in units and, as a fraction, in prices."""

_MONEY = {"cash", "deposited", "realised", "fees", "dividends", "borrowing"}


def differences(account: Account, rebuilt: Account) -> tuple[str, ...]:
    """Where the two differ, one sentence each: money by half of a cent or more, units and prices
    by more than rounding, all else at all. None where they agree."""
    return (
        *_unlike("account", account, rebuilt),
        *_unlike_all("position", account.positions, rebuilt.positions),
        *_unlike_all("order", account.orders, rebuilt.orders),
        *_unlike_all("mark", account.marks, rebuilt.marks),
    )


def _unlike_all(noun: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    found = []
    for key in sorted(mine.keys() | theirs.keys()):
        if key not in theirs:
            found.append(f"{noun} {key} is kept, but the entries make none")
        elif key not in mine:
            found.append(f"{noun} {key} is missing: the entries make {theirs[key]}")
        else:
            found += _unlike(f"{noun} {key}", mine[key], theirs[key])
    return found


def _unlike(noun: str, mine: Any, theirs: Any) -> list[str]:
    """The plain fields in which two values of one dataclass differ."""
    found = []
    for field in fields(mine):
        one, other = getattr(mine, field.name), getattr(theirs, field.name)
        if not isinstance(one, Mapping) and not _same(field.name, one, other):
            found.append(f"{noun}: {field.name} is {one}, but the entries make {other}")
    return found


def _same(name: str, one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        within = CENT if name in _MONEY else ROUNDING * max(1.0, abs(other))
        return abs(one - other) < within
    return bool(one == other)
