"""What a trade costs: refused where it cannot be."""

import math

import pytest
from pydantic import ValidationError

from trading.costs import CostSettings


@pytest.mark.parametrize("name", ["half_spread_bps", "commission_bps", "impact", "volume_cap"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_cost_that_is_negative_or_no_number_is_refused_with_a_remedy(name, value):
    with pytest.raises(ValidationError, match=f"{name} is {value}, but .* Give such a number"):
        CostSettings(**{name: value})


def test_a_round_trip_costs_both_sides_of_spread_and_commission():
    assert CostSettings(half_spread_bps=2, commission_bps=1).round_trip == pytest.approx(6e-4)
