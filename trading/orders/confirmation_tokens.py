"""Confirmation tokens: a signed preview that can be confirmed for a few seconds.

Promises that a token confirms one ticket of one account at the price it was previewed at, until it
expires, and that it cannot be made without the secret. Nothing is stored: the token carries its
price and expiry, and an HMAC-SHA256 over them and the ticket. Leaves out that a token is used only
once: the key of the order ensures that. People and programs see a token as the "quote" of its
preview.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

from domain.canonical import canonical_bytes
from domain.errors import InputError
from domain.instants import from_microseconds, to_microseconds
from domain.trading.orders import Ticket

TOKEN_LIFETIME = timedelta(seconds=15)


def sign_token(
    ticket: Ticket, price: float, expires_at: datetime, *, account: str, secret: bytes
) -> str:
    """Return the token of `ticket` at `price`; `account` names the account, such as 'yahoo
    live'."""
    payload = f"{to_microseconds(expires_at)}:{price!r}"
    return f"{payload}:{_signature(payload, ticket, account, secret)}"


def verify_token(
    token: str, ticket: Ticket, now: datetime, *, account: str, secret: bytes
) -> float:
    """Return the price that `token` was given at. Raises InputError if it belongs to another ticket
    or account, or has expired."""
    payload, _, signature = token.rpartition(":")
    expected = _signature(payload, ticket, account, secret)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise InputError(
            f"The quote {token[:40]!r} is not of this order. Preview the order as it is now and "
            "confirm the quote of that preview."
        )
    expiry, price = payload.split(":")
    overdue = now - from_microseconds(int(expiry))
    if overdue > timedelta(0):
        raise InputError(
            f"The quote expired {overdue.total_seconds():.1f} s ago; it holds for "
            f"{TOKEN_LIFETIME.seconds} s. Preview the order again."
        )
    return float(price)


def _signature(payload: str, ticket: Ticket, account: str, secret: bytes) -> str:
    body = canonical_bytes({"account": account, "said": payload, "ticket": ticket})
    return hmac.new(secret, body, hashlib.sha256).hexdigest()
