"""What an order of a symbol must look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.pre_trade.instrument_rules import nearest, tick, untradable, whole


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
    assert tick(symbol, price) == pytest.approx(step)


def test_an_index_cannot_be_traded_and_the_reason_names_what_can() -> None:
    assert "Trade a fund" in (untradable("^VIX") or "")
    assert untradable("AAPL") is None
    assert untradable("BTC-USD") is None


@given(steps=st.integers(1, 10**9), step=st.sampled_from([1.0, 0.01, 0.0001, 1e-6]))
def test_a_number_of_steps_is_whole_whatever_floats_make_of_it(steps: int, step: float) -> None:
    assert whole(steps * step, step)
    assert not whole((steps + 0.3) * step, step)


@pytest.mark.parametrize("symbol", ["AAPL", "BTC-USD", "EURUSD=X", "ES=F"])
@pytest.mark.parametrize("crumb", [1e-13, 1e-322])
def test_a_crumb_of_a_step_is_no_step(symbol: str, crumb: float) -> None:
    assert not whole(crumb, tick(symbol, crumb))


@given(price=st.floats(0.01, 1e6), step=st.sampled_from([1.0, 0.01, 0.0001]))
def test_the_nearest_steps_enclose_a_number_and_are_whole(price: float, step: float) -> None:
    below, above = nearest(price, step)
    assert below <= price + step * 1e-6
    assert price < above + step * 1e-6
    assert whole(below, step)
    assert whole(above, step)
