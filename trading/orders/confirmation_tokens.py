"""Quotes: what was previewed, signed, so that it can be confirmed for a few seconds.

Promises that a quote confirms one ticket of one account at the price it was shown with, until it
expires, and that nobody without the secret can make one. Nothing is stored: the quote carries its
price and expiry, and an HMAC-SHA256 over them and the ticket. Leaves out that a quote be used
only once: the key of the order sees to that.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from domain.canonical import canonical_bytes
from domain.errors import InputError
from domain.trading.orders import Ticket

LIFE = timedelta(seconds=15)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def signed(
    ticket: Ticket, price: float, expires_at: datetime, *, account: str, secret: bytes
) -> str:
    """The quote of `ticket` at `price`; `account` names the account, such as 'yahoo live'."""
    said = f"{(expires_at - _EPOCH) // _MICROSECOND}:{price!r}"
    return f"{said}:{_signature(said, ticket, account, secret)}"


def confirmed(quote: str, ticket: Ticket, now: datetime, *, account: str, secret: bytes) -> float:
    """The price that `quote` was given at. Raises InputError where it is not of this ticket and
    account, or has expired."""
    said, _, signature = quote.rpartition(":")
    known = _signature(said, ticket, account, secret)
    if not hmac.compare_digest(signature.encode(), known.encode()):
        raise InputError(
            f"The quote {quote[:40]!r} is not of this order. Preview the order as it is now and "
            "confirm the quote of that preview."
        )
    expiry, price = said.split(":")
    late = now - (_EPOCH + int(expiry) * _MICROSECOND)
    if late > timedelta(0):
        raise InputError(
            f"The quote expired {late.total_seconds():.1f} s ago; it holds for "
            f"{LIFE.seconds} s. Preview the order again."
        )
    return float(price)


def _signature(said: str, ticket: Ticket, account: str, secret: bytes) -> str:
    body = canonical_bytes({"account": account, "said": said, "ticket": ticket})
    return hmac.new(secret, body, hashlib.sha256).hexdigest()
