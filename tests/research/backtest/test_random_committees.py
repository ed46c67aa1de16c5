"""Random committees: the committee's own evidence of another time, and nothing else changed."""

from datetime import date

import numpy as np
import pytest

from domain.panel import Floats
from orchestrator.team.local_team import LocalTeam
from quant.base_rate import log_odds
from research.backtest.history import CalendarPanel
from research.backtest.request import build_request
from research.backtest.scenarios import (
    MIN_SHIFT,
    RANDOM_COMMITTEES,
    BacktestInputs,
    PooledForecast,
    build_inputs,
    pool_forecast,
    random_forecasts,
)
from tests.agents.random_panels import random_panel
from tests.research.conftest import builder

AGENTS = ("technical", "risk")
SINCE = 260


@pytest.fixture(scope="module")
def parts() -> list[CalendarPanel]:
    panels = [random_panel(seed=seed, bars=bars) for seed, bars in ((3, 400), (4, 470))]
    return [
        CalendarPanel(
            panel,
            SINCE,
            np.zeros((len(panel.close) - SINCE, len(panel.symbols)), bool),
            np.zeros((len(panel.close) - SINCE, len(panel.symbols)), bool),
            np.ones(panel.close.shape),
        )
        for panel in panels
    ]


def inputs_of(parts: list[CalendarPanel], rules: int) -> BacktestInputs:
    symbols = [symbol for part in parts for symbol in part.panel.symbols]
    request = build_request(
        market="demo", symbols=symbols, start=date(2020, 1, 1), end=date(2024, 1, 1),
        agents=AGENTS, rules=rules,
    )  # fmt: skip
    team = LocalTeam(AGENTS, builder)
    return build_inputs(request, parts, [team.vote(part.panel, part.since) for part in parts])


def evidence(forecast: PooledForecast, part: int) -> Floats:
    pooled = forecast.pooled_votes[part]
    return log_odds(pooled.p_up) - log_odds(pooled.votes.base_rate)


def lags(own: Floats, moved: Floats) -> list[set[int]]:
    """For each symbol with evidence, by how many of its own bars it may have been moved."""
    found = []
    for column in range(own.shape[1]):
        before, after = (each[~np.isnan(each[:, column]), column] for each in (own, moved))
        if len(before):
            found.append(
                {
                    lag
                    for lag in range(len(before))
                    if np.allclose(np.roll(before, lag), after, atol=1e-9)
                }
            )
    return found


@pytest.mark.parametrize("rules", [1, 2])
def test_the_order_of_the_symbols_of_a_bar_is_kept(parts: list[CalendarPanel], rules: int) -> None:
    inputs = inputs_of(parts[:1], rules)
    forecast = pool_forecast(inputs, AGENTS, inputs.request.committee)
    own = evidence(forecast, 0)
    complete = own[:, (~np.isnan(own)).all(axis=0)]
    assert complete.shape[1] > 1
    for draw in random_forecasts(inputs, forecast, seed=7):
        moved = evidence(draw, 0)[:, (~np.isnan(own)).all(axis=0)]
        common = set.intersection(*lags(complete, moved))
        assert bool(common) is (rules == 2)


def test_all_calendars_are_moved_by_the_same_share_of_the_period(
    parts: list[CalendarPanel],
) -> None:
    inputs = inputs_of(parts[:1], 2)
    forecast = pool_forecast(inputs, AGENTS, inputs.request.committee)
    doubled = PooledForecast(forecast.influence * 2, forecast.pooled_votes * 2)
    draws = list(random_forecasts(inputs, doubled, seed=7))
    assert len(draws) == RANDOM_COMMITTEES
    bars, seen = len(forecast.pooled_votes[0].p_up), set()
    for draw in draws:
        one, other = (lags(evidence(forecast, 0), evidence(draw, part)) for part in (0, 1))
        assert one == other
        seen |= set.intersection(*one)
    assert all(MIN_SHIFT * bars - 1 <= lag <= (1 - MIN_SHIFT) * bars for lag in seen)
    assert len(seen) > RANDOM_COMMITTEES / 2
