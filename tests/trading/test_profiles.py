from itertools import pairwise

import numpy as np
import pytest

from domain.errors import InputError
from trading.limits import LimitSettings
from trading.sizing.position_sizing import SizingSettings, raw_weights
from trading.sizing.profiles import PROFILES, profile_by_name

METHODS = ("kelly", "fixed", "volatility", "equal risk")


def test_balanced_is_what_is_configured():
    own = SizingSettings(kelly_fraction=0.3, sectors={"AAPL": "phones"}), LimitSettings(losses=7)
    assert profile_by_name("balanced").apply_to_sizing(own[0]) == own[0]
    assert profile_by_name("balanced").apply_to_limits(own[1]) == own[1]


@pytest.mark.parametrize("method", METHODS)
def test_each_profile_is_bolder_than_the_one_before_under_every_method(method):
    sizes = [each.apply_to_sizing(SizingSettings(method=method)) for each in PROFILES.values()]
    limits = [each.apply_to_limits(LimitSettings()) for each in PROFILES.values()]
    edge, volatility = np.array([[0.004]]), np.array([[0.05]])
    asked = [raw_weights(edge, volatility, np.array([50.4]), each)[0, 0] for each in sizes]
    for careful, bold in pairwise(range(3)):
        assert asked[careful] < asked[bold]
        assert (sizes[careful].limits <= sizes[bold].limits).all()
        assert limits[careful].order_limit < limits[bold].order_limit
        assert limits[careful].daily_loss < limits[bold].daily_loss
        assert limits[careful].drawdown < limits[bold].drawdown
        assert limits[careful].losses < limits[bold].losses


def test_what_a_profile_does_not_name_stays_as_configured():
    own = SizingSettings(method="fixed", sectors={"AAPL": "phones"})
    sized = profile_by_name("aggressive").apply_to_sizing(own)
    assert (sized.method, sized.sectors) == (own.method, own.sectors)
    limits = LimitSettings(pause_seconds=60.0, shorting=True)
    assert profile_by_name("conservative").apply_to_limits(limits).pause_seconds == 60.0
    assert profile_by_name("conservative").apply_to_limits(limits).shorting


def test_the_figures_of_the_sentences_are_those_of_the_settings():
    careful, balanced, bold = (each.apply_to_sizing(SizingSettings()) for each in PROFILES.values())
    assert (careful.position_limit, careful.gross_limit) == (0.1, 0.6)
    assert (balanced.kelly_fraction, balanced.position_limit) == (0.5, 0.25)
    assert (balanced.sector_limit, LimitSettings().drawdown) == (0.5, 0.15)
    assert (bold.position_limit, bold.sector_limit) == (0.4, 0.75)
    assert profile_by_name("conservative").apply_to_limits(LimitSettings()).drawdown == 0.1
    assert profile_by_name("aggressive").apply_to_limits(LimitSettings()).drawdown == 0.25


def test_a_profile_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(InputError, match=r"'reckless'.*conservative, balanced, aggressive"):
        profile_by_name("reckless")
