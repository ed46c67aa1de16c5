"""What the policy sees: right numbers, known in time, the same for agent and environment."""

from dataclasses import replace

import numpy as np
import pytest

from envs.observation import FEATURE_GROUPS, FEATURES, LIMIT, WARMUP, observe
from tests.agents.random_panels import SYMBOLS, random_panel


def feature(values: np.ndarray, name: str) -> np.ndarray:
    return values[..., FEATURES.index(name)]


def test_each_feature_belongs_to_one_group_and_each_group_shows_one_of_its_own():
    assert (
        len(FEATURES) == len(set(FEATURES)) == sum(len(group.features) for group in FEATURE_GROUPS)
    )
    assert all(group.displayed in group.features for group in FEATURE_GROUPS)


def test_a_row_is_complete_or_missing():
    seen = ~np.isnan(observe(random_panel(1)))
    assert (seen.all(axis=-1) == seen.any(axis=-1)).all()


def test_the_first_observation_comes_after_the_warmup():
    seen = ~np.isnan(observe(random_panel(1))[:, SYMBOLS.index("WALK"), 0])
    assert not seen[:WARMUP].any()
    assert seen[WARMUP:].all()


def test_numbers_stay_within_the_limit_even_on_wild_prices():
    values = observe(random_panel(2))
    assert np.nanmax(np.abs(values)) <= LIMIT


def test_the_numbers_are_what_their_names_say():
    panel = random_panel(4)
    column, row = SYMBOLS.index("WALK"), 200
    close = panel.close[:, column]
    steps = np.diff(np.log(close))[row - 60 : row]
    sigma = np.sqrt((steps**2).mean())
    at = observe(panel)[row, column]
    expected = {
        "return 5": np.log(close[row] / close[row - 5]) / (sigma * np.sqrt(5)),
        "return 60": np.log(close[row] / close[row - 60]) / (sigma * np.sqrt(60)),
        "from high 60": np.log(close[row] / panel.high[row - 59 : row + 1, column].max())
        / (sigma * np.sqrt(60)),
        "RSI 14": steps[-14:].sum() / np.abs(steps[-14:]).sum(),
        "volatility 10/60": np.sqrt((steps[-10:] ** 2).mean()) / sigma,
        "volume 5/60": panel.volume[row - 4 : row + 1, column].mean()
        / panel.volume[row - 59 : row + 1, column].mean(),
    }
    for name, value in expected.items():
        assert feature(at, name) == pytest.approx(value, rel=1e-9), name


def test_holes_are_stepped_over_as_if_they_were_not_there():
    panel = random_panel(6)
    column = SYMBOLS.index("HOLES")
    bars = ~np.isnan(panel.close[:, column])
    alone = replace(
        panel,
        symbols=("HOLES",),
        known_at=panel.known_at[bars],
        benchmark=panel.benchmark[bars],
        **{
            name: np.ascontiguousarray(getattr(panel, name)[bars, column : column + 1])
            for name in ("open", "high", "low", "close", "volume")
        },
    )
    assert np.array_equal(observe(alone)[:, 0], observe(panel)[bars, column], equal_nan=True)


def test_a_symbol_without_volume_has_an_ordinary_volume():
    values = observe(random_panel(7))[-1, SYMBOLS.index("DRY")]
    assert feature(values, "volume 5/60") == 1.0
    assert feature(values, "volume balance 20") == 0.0


def test_a_price_of_zero_is_not_observed_as_long_as_it_is_in_reach():
    panel = random_panel(8)
    panel.low[100, 0] = 0.0
    seen = ~np.isnan(observe(panel)[:, 0, 0])
    assert seen[99]
    assert not seen[100:160].any()
    assert seen[160]
