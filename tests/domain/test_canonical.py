"""Equal values have equal bytes, and what was written is read back."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import canonical_bytes, decision_from_json, format_instant, to_json
from domain.decision import Action, AppliedLimit, Cycle, Decision, QualityVerdict, Vote
from domain.timeframe import Timeframe
from domain.votes import Reason

numbers = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | numbers
texts = st.text(st.characters(codec=None), max_size=30)  # half surrogates and zero bytes included
reasons = st.builds(Reason, name=texts, value=maybe, unit=texts, log_odds=numbers)
votes = st.builds(
    Vote,
    agent=texts,
    version=texts,
    symbol=texts,
    p_up=maybe,
    log_odds=maybe,
    weight=numbers,
    cap=numbers,
    abstained_because=st.none() | texts,
    reasons=st.lists(reasons, max_size=3).map(tuple),
    quantile_5=maybe,
    trust=numbers,
)
decisions = st.builds(
    Decision,
    symbol=texts,
    action=st.sampled_from(Action),
    p_up=maybe,
    base_rate=maybe,
    edge=maybe,
    rank=st.none() | st.integers(1, 500),
    target_weight=numbers,
    price=maybe,
    limits=st.lists(st.builds(AppliedLimit, texts, numbers, numbers, texts), max_size=2).map(tuple),
    verdict=st.builds(QualityVerdict, texts, st.lists(texts, max_size=2).map(tuple)),
    why=texts,
    votes=st.lists(votes, max_size=3).map(tuple),
    receipt=texts,
)


@given(decisions)
def test_a_decision_read_back_equals_the_one_written(decision: Decision) -> None:
    written = canonical_bytes(decision)
    read = decision_from_json(json.loads(written))
    assert read == decision
    assert canonical_bytes(read) == written


@given(st.dictionaries(texts, numbers))
def test_the_order_of_keys_does_not_matter(values: dict[str, float]) -> None:
    assert canonical_bytes(values) == canonical_bytes(dict(reversed(values.items())))


@given(numbers)
def test_floats_keep_every_bit(number: float) -> None:
    read = json.loads(canonical_bytes(np.float64(number)))
    assert math.copysign(1, read) == math.copysign(1, number)
    assert read == number


def test_the_bytes_are_as_documented() -> None:
    at = datetime(2020, 3, 2, 16, tzinfo=timezone(timedelta(hours=-5)))
    cycle = Cycle("live", "demo", True, "XNYS", Timeframe.D1, at, "00", ())
    assert canonical_bytes(cycle) == (
        b'{"as_of":"2020-03-02T21:00:00Z","calendar":"XNYS","decisions":[],"digest":"00",'
        b'"market":"demo","run":"live","simulated":true,"timeframe":"1d"}'
    )
    assert format_instant(at.replace(microsecond=5)) == "2020-03-02T21:00:00.000005Z"
    assert to_json({"n": np.int32(3), "x": np.float32(0.5)}) == {"n": 3, "x": 0.5}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="no canonical JSON form"):
        canonical_bytes({"p_up": number})


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_json(datetime(2020, 3, 2, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.parametrize("value", [{1: "a"}, {"a": object()}, {"a": {1, 2}}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_bytes(value)


@given(decisions, numbers)
def test_another_decision_has_other_bytes(decision: Decision, weight: float) -> None:
    other = replace(decision, target_weight=weight)
    assert (canonical_bytes(other) == canonical_bytes(decision)) == (
        repr(weight) == repr(decision.target_weight)
    )
