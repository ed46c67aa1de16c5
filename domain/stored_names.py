"""The stored and published names of fields that have another name in the code.

Hash-chained logs, receipts and programs that read `/api/v1` use the names on the right of these
tables: a name in the code may change, a stored name never does. Only this module maps one to the
other; `domain/canonical.py` writes with it and `domain/account_json.py` reads with it.
"""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from domain.errors import CorruptFileError, QuorumError
from domain.trading.account import (
    Account,
    AccountEvent,
    AccountOpened,
    AccountReset,
    AccountSettingsChanged,
    BarClosed,
    BorrowFeeCharged,
    CashTransferred,
    DividendPaid,
    OrderClosed,
    OrderFilled,
    OrderSubmitted,
    OrderUpdated,
    Position,
    RiskState,
    SplitApplied,
    TradingStateChanged,
)
from domain.trading.lots import RoundTrip
from domain.trading.orders import Amendment, Order, OrderPreview, PreTradeCheck, Ticket

ENTRY_KINDS: Mapping[str, type[AccountEvent]] = {
    "opened": AccountOpened,
    "cash moved": CashTransferred,
    "reset": AccountReset,
    "order placed": OrderSubmitted,
    "order changed": OrderUpdated,
    "order ended": OrderClosed,
    "filled": OrderFilled,
    "split applied": SplitApplied,
    "dividend paid": DividendPaid,
    "borrow charged": BorrowFeeCharged,
    "bar closed": BarClosed,
    "guard changed": TradingStateChanged,
    "switched": AccountSettingsChanged,
}
"""By stored kind, the event of an account entry."""

_PRICES = {
    "limit_price": "limit",
    "stop_price": "stop",
    "trail_amount": "trail",
    "trail_fraction": "trail_share",
}
_TERMS = {**_PRICES, "order_type": "kind", "time_in_force": "term"}
_FIELDS: Mapping[type, Mapping[str, str]] = {
    RiskState: {"trading_state": "standing", "peak_equity": "high"},
    Position: {"quantity": "units", "average_cost": "cost"},
    Account: {
        "last_bars": "marks",
        "order_count": "placed",
        "risk": "guard",
        "entry_count": "number",
    },
    OrderClosed: {"order_id": "order", "reason": "why"},
    OrderFilled: {
        "order_id": "order",
        "quantity": "units",
        "trigger": "moment",
        "residual_slippage": "charged",
    },
    BarClosed: {"risk": "guard", "best_prices": "best"},
    TradingStateChanged: {"risk": "guard"},
    Ticket: _TERMS,
    Order: {
        **_TERMS,
        "submitted_at": "placed_at",
        "best_price": "best",
        "remaining": "left",
        "average_price": "average",
        "reason": "why",
    },
    Amendment: _PRICES,
    PreTradeCheck: {"reason": "why"},
    OrderPreview: {"confirmation_token": "quote"},
    RoundTrip: {
        "quantity": "units",
        "entry_price": "entry",
        "exit_price": "exit",
        "return_fraction": "share",
        "order_ids": "orders",
    },
}


_ERROR_KINDS: Mapping[type[QuorumError], str] = {CorruptFileError: "DamagedError"}


def error_kind(error: QuorumError) -> str:
    """The published kind of an error: the name of its class, or the first name of a renamed
    class."""
    return _ERROR_KINDS.get(type(error), type(error).__name__)


@cache
def stored_fields(dataclass_type: Any) -> tuple[tuple[str, str], ...]:
    """The name and the stored name of each field of a dataclass, in order."""
    names = _FIELDS.get(dataclass_type, {})
    return tuple(
        (field.name, names.get(field.name, field.name)) for field in fields(dataclass_type)
    )
