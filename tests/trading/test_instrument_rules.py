"""What an order of a symbol must look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.pre_trade.instrument_rules import (
    adjacent_multiples,
    is_multiple,
    tick_size,
    untradable_reason,
)


@pytest.mark.parametrize(
    ("symbol", "price", "step"),
    [
        ("AAPL", 170.12, 0.01),
        ("AAPL", 1.0, 0.01),
        ("AAPL", 0.9999, 0.0001),
        ("BTC-USD", 64_000.0, 0.01),
        ("ETH-USD", 12.5, 0.001),
        ("DOGE-USD", 0.0832, 1e-6),
        ("EURUSD=X", 1.0832, 0.00001),
    ],
)
def test_a_tick_goes_with_the_kind_of_thing_and_its_price(
    symbol: str, price: float, step: float
) -> None:
    assert tick_size(symbol, price) == pytest.approx(step)


def test_an_index_cannot_be_traded_and_the_reason_names_what_can() -> None:
    assert "Trade a fund" in (untradable_reason("^VIX") or "")
    assert untradable_reason("AAPL") is None
    assert untradable_reason("BTC-USD") is None


@given(steps=st.integers(1, 10**9), step=st.sampled_from([1.0, 0.01, 0.0001, 1e-6]))
def test_a_number_of_steps_is_whole_whatever_floats_make_of_it(steps: int, step: float) -> None:
    assert is_multiple(steps * step, step)
    assert not is_multiple((steps + 0.3) * step, step)


@pytest.mark.parametrize("symbol", ["AAPL", "BTC-USD", "EURUSD=X", "ES=F"])
@pytest.mark.parametrize("crumb", [1e-13, 1e-322])
def test_a_crumb_of_a_step_is_no_step(symbol: str, crumb: float) -> None:
    assert not is_multiple(crumb, tick_size(symbol, crumb))


@given(price=st.floats(0.01, 1e6), step=st.sampled_from([1.0, 0.01, 0.0001]))
def test_the_nearest_steps_enclose_a_number_and_are_whole(price: float, step: float) -> None:
    below, above = adjacent_multiples(price, step)
    assert below <= price + step * 1e-6
    assert price < above + step * 1e-6
    assert is_multiple(below, step)
    assert is_multiple(above, step)
