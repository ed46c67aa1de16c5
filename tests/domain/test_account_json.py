"""What is stored of an account is read back as it was, to the bit."""

import json
import math
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.account_json import (
    account_event_from_json,
    account_event_to_json,
    account_from_json,
    account_to_json,
    kind_of,
)
from domain.canonical import canonical_bytes
from domain.errors import VerificationError
from domain.stored_names import ENTRY_KINDS
from domain.trading.account import Account, AccountEvent, OrderFilled

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
account_events: st.SearchStrategy[AccountEvent] = st.one_of(
    *(st.from_type(event) for event in ENTRY_KINDS.values())
)


def same(value: Any, other: Any) -> bool:
    """Equal, and zeros of the same sign."""
    return bool(value == other) and canonical_bytes(value) == canonical_bytes(other)


@given(event=account_events)
def test_every_account_event_comes_back_from_its_bytes_as_it_was(event: AccountEvent) -> None:
    stored = json.loads(canonical_bytes(account_event_to_json(event)))
    assert same(account_event_from_json(kind_of(event), stored), event)


@settings(max_examples=25)
@given(account=st.from_type(Account))
def test_every_account_comes_back_from_its_bytes_as_it_was(account: Account) -> None:
    assert same(account_from_json(json.loads(canonical_bytes(account_to_json(account)))), account)


def test_a_day_is_written_without_a_time_of_day() -> None:
    assert canonical_bytes({"until": date(2024, 3, 5)}) == b'{"until":"2024-03-05"}'


def test_an_unknown_kind_is_refused_with_the_kinds_there_are() -> None:
    with pytest.raises(VerificationError, match=r"'margin called' is no kind.*order placed"):
        account_event_from_json("margin called", {})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"amount": 1.0}, "note"),
        ({"amount": 1.0, "note": "", "who": "me"}, "who"),
        ({"amount": "1", "note": ""}, "is no float"),
        ({"amount": True, "note": ""}, "is no float"),
        ([1.0, ""], "is not an object"),
    ],
)
def test_a_body_that_is_not_one_of_its_kind_is_refused(body: Any, why: str) -> None:
    with pytest.raises(VerificationError, match=why):
        account_event_from_json("cash moved", body)


def test_a_field_that_was_added_later_may_be_missing() -> None:
    body = {"order": "a", "symbol": "AAPL", "units": 1, "price": 2.5, "commission": 0.1,
            "slippage": 0.2, "moment": "open"}  # fmt: skip
    assert account_event_from_json("filled", body) == OrderFilled(
        "a", "AAPL", 1.0, 2.5, 0.1, 0.2, "open", residual_slippage=0.0
    )


def test_a_number_that_is_none_has_no_place_in_an_entry() -> None:
    with pytest.raises(ValueError, match="nan"):
        account_event_to_json(ENTRY_KINDS["cash moved"](amount=math.nan, note=""))
