"""A quote confirms what was previewed, and nothing else, for a few seconds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InputError
from domain.trading.orders import Side, Ticket
from trading.orders.confirmation_tokens import TOKEN_LIFETIME, sign_token, verify_token

NOW = datetime(2024, 3, 5, 15, 30, 0, 123456, tzinfo=UTC)
TICKET = Ticket(symbol="AAPL", side=Side.BUY, quantity=10.0, limit_price=169.5)
SECRET = b"known to the server alone"


def token(price: float = 170.12) -> str:
    return sign_token(TICKET, price, NOW + TOKEN_LIFETIME, account="yahoo live", secret=SECRET)


@pytest.mark.parametrize("price", [170.12, 1e-7, 0.1 + 0.2, 64000.0])
def test_a_quote_confirms_its_ticket_at_its_price_until_it_expires(price: float) -> None:
    for now in (NOW, NOW + TOKEN_LIFETIME):
        assert verify_token(token(price), TICKET, now, account="yahoo live", secret=SECRET) == price


def test_a_quote_expires_after_fifteen_seconds() -> None:
    late = NOW + timedelta(seconds=17.5)
    with pytest.raises(InputError, match=r"expired 2\.5 s ago; it holds for 15 s. Preview"):
        verify_token(token(), TICKET, late, account="yahoo live", secret=SECRET)


@pytest.mark.parametrize(
    "other",
    [
        replace(TICKET, quantity=11.0),
        replace(TICKET, side=Side.SELL),
        replace(TICKET, limit_price=169.51),
        replace(TICKET, reduce_only=True),
        replace(TICKET, note="more"),
    ],
)
def test_a_quote_is_of_one_ticket_alone(other: Ticket) -> None:
    with pytest.raises(InputError, match="is not of this order"):
        verify_token(token(), other, NOW, account="yahoo live", secret=SECRET)


def test_a_quote_is_of_one_account_and_one_server() -> None:
    with pytest.raises(InputError, match="is not of this order"):
        verify_token(token(), TICKET, NOW, account="demo live", secret=SECRET)
    with pytest.raises(InputError, match="is not of this order"):
        verify_token(token(), TICKET, NOW, account="yahoo live", secret=b"another")


@pytest.mark.parametrize("forged", ["", ":", "1:2", "später:170.12:é", token() + "0"])
def test_what_nobody_signed_is_refused(forged: str) -> None:
    with pytest.raises(InputError, match="is not of this order"):
        verify_token(forged, TICKET, NOW, account="yahoo live", secret=SECRET)


def test_neither_price_nor_expiry_can_be_changed() -> None:
    expiry, price, signature = token().split(":")
    for other in (f"{int(expiry) + 1}:{price}:{signature}", f"{expiry}:1.0:{signature}"):
        with pytest.raises(InputError, match="is not of this order"):
            verify_token(other, TICKET, NOW, account="yahoo live", secret=SECRET)
