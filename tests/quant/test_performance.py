"""Every measure against a library that has it, or against its formula written out.

Where quantstats follows another convention, the test says which; `docs/trust/metrics.md` lists
them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import quantstats.stats as qs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from quant.performance import metrics
from quant.performance.metric import Metric
from quant.performance.metrics import METRICS, measure, summary, trading_summary
from quant.performance.periods import STRESS_PERIODS, period_returns, stress_returns
from quant.performance.round_trips import RoundTripTable, match_round_trips
from quant.performance.trading_activity import TradingActivity, capacity
from quant.risk.drawdowns import deepest_drawdowns
from quant.risk.return_series import Floats, ReturnSeries, periods_per_year

DAYS = pd.bdate_range("2015-01-05", periods=1260)
TIMES = (DAYS + pd.Timedelta(hours=21)).to_numpy()


def records(seed: int = 0, count: int = 3, length: int = 1260) -> Floats:
    """Fat-tailed returns, some of them exactly zero."""
    generator = np.random.default_rng(seed)
    returns = generator.standard_t(4, size=(count, length)) * 0.008 + 0.0004
    return np.where(generator.random((count, length)) < 0.05, 0.0, returns)


RETURNS = records()
MARKET = records(9, 1)[0]
FOLLOWING = 0.6 * MARKET + 0.5 * RETURNS[0]
ALL = summary(FOLLOWING, 252, MARKET, TIMES)
SERIES, BENCHMARK = pd.Series(FOLLOWING, DAYS), pd.Series(MARKET, DAYS)


QUANTSTATS: dict[str, Any] = {
    "total_return": lambda r: qs.comp(r),
    "cagr": lambda r: qs.cagr(r, periods=252),
    "volatility": lambda r: qs.volatility(r, 252),
    "sharpe": lambda r: qs.sharpe(r, periods=252),
    "sortino": lambda r: qs.sortino(r, periods=252),
    "omega": lambda r: qs.omega(r, periods=252),
    "max_drawdown": lambda r: qs.max_drawdown(r),
    "calmar": lambda r: qs.calmar(r, periods=252),
    "expected_shortfall": lambda r: qs.cvar(r, method="historical"),
    "tail_ratio": lambda r: qs.tail_ratio(r),
    "skew": lambda r: qs.skew(r),
    "kurtosis": lambda r: qs.kurtosis(r),
    "best_bar": lambda r: qs.best(r),
    "worst_bar": lambda r: qs.worst(r),
    "win_rate": lambda r: qs.win_rate(r),
    "win_days": lambda r: qs.win_rate(r),  # these bars are days
    "win_months": lambda r: qs.win_rate(r, aggregate="ME"),
    "win_years": lambda r: qs.win_rate(r, aggregate="YE"),
    "payoff": lambda r: qs.payoff_ratio(r),
    "kelly": lambda r: qs.kelly_criterion(r),
    "longest_wins": lambda r: qs.consecutive_wins(r),
    "longest_losses": lambda r: qs.consecutive_losses(r),
    "probabilistic_sharpe": lambda r: qs.probabilistic_sharpe_ratio(r),
    "r_squared": lambda r: qs.r_squared(r, BENCHMARK),
    "alpha": lambda r: qs.greeks(r, BENCHMARK, 252)["alpha"],
    "beta": lambda r: qs.greeks(r, BENCHMARK, 252)["beta"],
    # quantstats does not turn it into a year's.
    "information_ratio": lambda r: qs.information_ratio(r, BENCHMARK) * np.sqrt(252),
    # quantstats divides by n - 1.
    "ulcer_index": lambda r: qs.ulcer_index(r) * np.sqrt((len(r) - 1) / len(r)),
    # quantstats divides the sum of returns, not the compounded one, by the drawdown.
    "recovery_factor": lambda r: qs.recovery_factor(r) * qs.comp(r) / abs(r.sum()),
    # quantstats divides the whole time's return by beta, we a year's mean.
    "treynor": lambda r: qs.treynor_ratio(r, BENCHMARK, 252) * r.mean() * 252 / qs.comp(r),
    # quantstats divides the whole time's return by its ulcer index, we the growth a year by ours.
    "martin": lambda r: (
        qs.ulcer_performance_index(r)
        * (qs.cagr(r, periods=252) / qs.comp(r))
        * np.sqrt(len(r) / (len(r) - 1))
    ),
}


@pytest.mark.parametrize("name", QUANTSTATS)
def test_a_measure_agrees_with_quantstats(name: str) -> None:
    assert float(ALL[name]) == pytest.approx(float(QUANTSTATS[name](SERIES)), rel=1e-9)


def test_value_at_risk_is_the_empirical_quantile_and_not_a_normal_one() -> None:
    # quantstats takes the quantile of a normal distribution, which these returns are not.
    assert float(ALL["value_at_risk"]) == pytest.approx(np.quantile(FOLLOWING, 0.05))
    assert float(ALL["value_at_risk"]) != pytest.approx(qs.value_at_risk(SERIES), rel=0.01)


def test_skew_and_kurtosis_agree_with_scipy() -> None:
    assert float(ALL["skew"]) == pytest.approx(stats.skew(FOLLOWING, bias=False))
    assert float(ALL["kurtosis"]) == pytest.approx(stats.kurtosis(FOLLOWING, bias=False))


def test_the_regression_agrees_with_scipy() -> None:
    line = stats.linregress(MARKET, FOLLOWING)
    assert float(ALL["beta"]) == pytest.approx(line.slope)
    assert float(ALL["alpha"]) == pytest.approx(line.intercept * 252)
    assert float(ALL["r_squared"]) == pytest.approx(line.rvalue**2)


def test_stability_is_the_fit_of_a_line_to_log_wealth() -> None:
    line = stats.linregress(np.arange(1260), np.cumsum(np.log1p(FOLLOWING)))
    assert float(ALL["stability"]) == pytest.approx(line.rvalue**2)


def test_what_is_beside_a_benchmark_follows_its_formula() -> None:
    active = FOLLOWING - MARKET
    assert float(ALL["tracking_error"]) == pytest.approx(active.std(ddof=1) * np.sqrt(252))
    theirs = summary(MARKET, 252)
    assert float(ALL["active_return"]) == pytest.approx(float(ALL["cagr"] - theirs["cagr"]))
    for name, bars in (("up_capture", MARKET > 0), ("down_capture", MARKET < 0)):
        ours, other = (stats.gmean(1 + r[bars]) - 1 for r in (FOLLOWING, MARKET))
        assert float(ALL[name]) == pytest.approx(ours / other)


def plain_drawdowns(returns: Floats) -> list[tuple[int, int, int | None, float]]:
    """Walks along wealth: (peak, valley, recovery, depth) of every drawdown."""
    wealth, high, peak = 1.0, 1.0, -1
    found: list[tuple[int, int, int | None, float]] = []
    low, valley = 1.0, -1
    for t, change in enumerate(returns):
        wealth *= 1 + change
        if wealth >= high:
            if valley >= 0:
                found.append((peak, valley, t, low / high - 1))
            high, peak, low, valley = wealth, t, wealth, -1
        elif wealth < low:
            low, valley = wealth, t
    if valley >= 0:
        found.append((peak, valley, None, low / high - 1))
    return found


@settings(max_examples=60)
@given(st.lists(st.sampled_from([-0.2, -0.01, 0.0, 0.01, 0.3]), min_size=1, max_size=30))
def test_drawdowns_are_those_found_by_walking_along(changes: list[float]) -> None:
    returns = np.array(changes)
    plain = plain_drawdowns(returns)
    table = deepest_drawdowns(returns, 100)
    figures = sorted((each.peak, each.trough, each.recovery) for each in table)
    assert figures == sorted(each[:3] for each in plain)
    assert [each.depth for each in table] == sorted(each.depth for each in table)
    measures = summary(returns, 365.25)  # a bar a day
    lasted = [(len(returns) - 1 if end is None else end) - peak for peak, _, end, _ in plain]
    depths = [depth for *_, depth in plain]
    assert float(measures["longest_drawdown"]) == pytest.approx(max(lasted, default=0))
    assert float(measures["max_drawdown"]) == pytest.approx(min(depths, default=0.0))
    if plain:
        assert float(measures["average_drawdown"]) == pytest.approx(np.mean(depths))
        assert float(measures["average_drawdown_length"]) == pytest.approx(np.mean(lasted))
    else:
        assert np.isnan(measures["average_drawdown"])
        assert np.isnan(measures["average_drawdown_length"])


def test_time_under_water_counts_the_bars_below_an_earlier_high() -> None:
    figures = summary(np.array([0.1, -0.05, 0.02, 0.1, 0.0]), 252)
    assert float(figures["time_under_water"]) == pytest.approx(2 / 5)


@pytest.mark.parametrize("name", ALL)
def test_a_record_is_measured_the_same_alone_and_among_others(name: str) -> None:
    metric = METRICS[name]
    many = measure(metric, ReturnSeries(RETURNS, 252, MARKET, TIMES))
    cube = measure(metric, ReturnSeries(RETURNS.reshape(3, 1, -1), 252, MARKET, TIMES))
    for k, returns in enumerate(RETURNS):
        alone = measure(metric, ReturnSeries(returns.copy(), 252, MARKET, TIMES))
        assert alone.tobytes() == many[k].tobytes() == cube[k, 0].tobytes()


def test_every_record_of_real_length_has_every_measure() -> None:
    unknown = [name for name, value in ALL.items() if not np.isfinite(value)]
    assert unknown == []


UNDEFINED = {
    "a record without losses": (
        np.full(40, 0.01) + np.arange(40) * 1e-4,
        ["sortino", "omega", "payoff", "calmar", "martin", "recovery_factor", "tail_ratio",
         "average_drawdown", "kelly"],
    ),
    "a record that stands still": (
        np.zeros(40),
        ["sharpe", "sortino", "omega", "skew", "kurtosis", "win_rate", "stability",
         "probabilistic_sharpe", "r_squared", "calmar"],
    ),
    "a record that always earns the same": (
        np.full(40, 0.001),
        ["sharpe", "skew", "kurtosis", "probabilistic_sharpe", "r_squared", "stability"],
    ),
    "one bar": (
        np.array([-0.01]),
        ["volatility", "sharpe", "skew", "kurtosis", "tracking_error", "probabilistic_sharpe",
         "beta"],
    ),
    "a record that went below nothing": (np.array([0.1, -1.5, 0.1, 0.1]), ["cagr", "stability"]),
}  # fmt: skip


@pytest.mark.parametrize("case", UNDEFINED)
def test_a_measure_without_a_meaning_is_unknown_and_never_zero_or_infinite(case: str) -> None:
    returns, names = UNDEFINED[case]
    figures = summary(returns, 252, np.resize(MARKET, len(returns)))
    assert [name for name in names if not np.isnan(figures[name])] == []
    assert not any(np.isinf(value) for value in figures.values())


def test_a_hole_makes_that_record_unknown_and_no_other() -> None:
    holed = RETURNS.copy()
    holed[1, 700] = np.nan
    figures, unbroken = summary(holed, 252, MARKET, TIMES), summary(RETURNS, 252, MARKET, TIMES)
    for name, value in figures.items():
        assert np.isnan(value[1])
        assert value[[0, 2]].tobytes() == unbroken[name][[0, 2]].tobytes()


def test_a_hole_in_the_benchmark_hides_only_what_is_compared_with_it() -> None:
    holed = MARKET.copy()
    holed[3] = np.nan
    figures, unbroken = summary(FOLLOWING, 252, holed, TIMES), ALL
    for name, value in figures.items():
        if METRICS[name].kind == "benchmark":
            assert np.isnan(value)
        else:
            assert value.tobytes() == unbroken[name].tobytes()


def test_no_bars_give_no_measures() -> None:
    assert all(np.isnan(value).all() for value in summary(np.empty((2, 0)), 252).values())


def test_without_a_benchmark_or_times_what_needs_them_is_unknown() -> None:
    figures = summary(RETURNS[0], 252)
    needing = {m.name for m in METRICS.values() if m.kind == "benchmark"}
    assert {name for name, value in figures.items() if np.isnan(value)} == needing | {
        "win_days", "win_months", "win_years",
    }  # fmt: skip


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="bars a year"):
        ReturnSeries(RETURNS, 0.0)
    with pytest.raises(ValueError, match="do not fit"):
        ReturnSeries(RETURNS, 252, times=TIMES[:-1])


@given(st.lists(st.integers(1, 20), min_size=1, max_size=300))
def test_periods_fill_the_time_that_passed_whatever_their_lengths(days: list[int]) -> None:
    instants = np.datetime64("2020-01-01", "us") + np.cumsum([0, *days]) * np.timedelta64(1, "D")
    years = len(days) / periods_per_year(instants)
    assert years == pytest.approx(sum(days) / 365.25)


def test_instants_between_which_no_time_passes_are_refused() -> None:
    for count in (0, 1, 2):
        with pytest.raises(ValueError, match="No time passes"):
            periods_per_year(np.full(count, np.datetime64("2020-01-01", "us")))


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda m: m.name)
def test_every_measure_has_words_and_a_source(metric: Metric) -> None:
    assert METRICS[metric.name] is metric
    assert metric.meaning.endswith(".")
    assert metric.source
    assert metric.title


def test_returns_by_month_compound_and_midnight_ends_its_day() -> None:
    times = np.array(
        ["2024-01-31T00:00", "2024-02-01T00:00", "2024-02-01T21:00", "2024-03-01T00:00"],
        "datetime64[us]",
    )
    figures = period_returns(np.array([0.1, 0.1, -0.5, 1.0]), times, "M")
    assert figures.start.tolist() == [np.datetime64(m, "M").item() for m in ("2024-01", "2024-02")]
    assert figures.returns == pytest.approx([0.21, 0.0])


def test_a_stretch_of_history_is_known_only_to_records_that_span_it() -> None:
    figures = stress_returns(RETURNS[0], TIMES)
    inside = (DAYS > "2018-09-20") & (DAYS <= "2018-12-24")
    expected = np.prod(1 + RETURNS[0][inside]) - 1
    assert float(figures["Rates and trade 2018"]) == pytest.approx(expected)
    assert np.isnan(figures["Financial crisis 2007-2009"])
    assert set(figures) == set(STRESS_PERIODS)


def trip_table(*fills: tuple[int, int, float, float, float], bars: int = 10) -> RoundTripTable:
    """Trips of fills (row, column, units, price, commission) in a flat market at 100."""
    rows, columns, units, price, commission = (np.array(each) for each in zip(*fills, strict=True))
    flat = np.full((bars, 2), 100.0)
    return match_round_trips(rows, columns, units, price, commission, low=flat, high=flat)


def test_lots_are_closed_first_in_first_out() -> None:
    trips = trip_table(
        (0, 0, 10.0, 100.0, 1.0), (1, 0, 10.0, 110.0, 1.0), (4, 0, -15.0, 120.0, 3.0)
    )
    assert trips.entry_row.tolist() == [0, 1]
    assert trips.exit_row.tolist() == [4, 4]
    # 10 units from 100 to 120 less 1 and two thirds of 3; 5 units from 110 less half of 1 and 1.
    assert trips.profit.tolist() == pytest.approx([200 - 3, 50 - 1.5])
    assert trips.return_fraction.tolist() == pytest.approx([197 / 1000, 48.5 / 550])


def test_a_sale_beyond_what_is_held_opens_a_short() -> None:
    trips = trip_table((0, 0, 5.0, 100.0, 0.0), (2, 0, -8.0, 90.0, 0.0), (5, 0, 3.0, 80.0, 0.0))
    assert trips.profit.tolist() == pytest.approx([-50.0, 30.0])
    assert trips.entry_row.tolist() == [0, 2]


def test_symbols_do_not_close_each_others_lots() -> None:
    trips = trip_table((0, 0, 5.0, 100.0, 0.0), (1, 1, -5.0, 100.0, 0.0))
    assert len(trips.profit) == 0


def test_what_rounding_leaves_over_is_no_lot() -> None:
    trips = trip_table(
        (0, 0, 0.1, 100.0, 0.0), (1, 0, 0.2, 100.0, 0.0), (2, 0, -(0.1 + 0.2), 100.0, 0.0),
        (3, 0, 1.0, 100.0, 0.0), (4, 0, -1.0, 110.0, 0.0),
    )  # fmt: skip
    assert trips.entry_row.tolist() == [0, 1, 3]
    assert trips.profit[-1] == pytest.approx(10.0)


FILL = st.tuples(st.integers(0, 1), st.integers(-5, 5).filter(bool), st.integers(50, 150))


@settings(max_examples=60)
@given(st.lists(FILL, min_size=1, max_size=25))
def test_profits_of_trips_are_the_cash_once_everything_is_sold(
    fills: list[tuple[int, int, int]],
) -> None:
    units_held = [sum(units for column, units, _ in fills if column == c) for c in (0, 1)]
    closing = [(c, -units_held[c], 100) for c in (0, 1) if units_held[c]]
    everything = [
        (row, column, float(units), float(price), 0.5)
        for row, (column, units, price) in enumerate([*fills, *closing])
    ]
    trips = trip_table(*everything, bars=len(everything) + 1)
    cash = sum(-units * price - fee for _, _, units, price, fee in everything)
    assert trips.profit.sum() == pytest.approx(cash)
    assert (trips.exit_row > trips.entry_row).all()


def test_excursions_end_where_the_trade_ends() -> None:
    low = np.array([[99.0], [90.0], [np.nan], [95.0], [10.0]])
    high = np.array([[101.0], [105.0], [np.nan], [120.0], [500.0]])
    rows, columns = np.array([0, 4]), np.array([0, 0])
    price, free = np.array([100.0, 110.0]), np.zeros(2)
    bought = match_round_trips(rows, columns, np.array([1.0, -1]), price, free, low=low, high=high)
    assert (bought.adverse[0], bought.favourable[0]) == pytest.approx((-0.1, 0.2))
    sold = match_round_trips(rows, columns, np.array([-1.0, 1]), price, free, low=low, high=high)
    assert (sold.adverse[0], sold.favourable[0]) == pytest.approx((-0.2, 0.1))


def an_activity(traded: float = 0.0) -> TradingActivity:
    equity = np.full(252, 1000.0)
    return TradingActivity(
        equity, np.where(np.arange(252) < 63, 500.0, 0.0), np.full(252, traded), equity / 1e5, 252
    )


def test_trades_and_accounts_are_measured_by_their_formulas() -> None:
    trips = trip_table(
        (0, 0, 1.0, 100.0, 0.0), (2, 0, -1.0, 110.0, 0.0),
        (3, 0, 1.0, 100.0, 0.0), (4, 0, -1.0, 95.0, 0.0),
        (5, 0, 1.0, 100.0, 0.0), (9, 0, -1.0, 120.0, 0.0),
    )  # fmt: skip
    figures = trading_summary(trips, an_activity(traded=20.0))
    assert figures["trades"] == 3
    assert figures["trade_win_rate"] == pytest.approx(2 / 3)
    assert figures["trade_payoff"] == pytest.approx(0.15 / 0.05)
    assert figures["profit_factor"] == pytest.approx(30 / 5)
    assert figures["expectancy"] == pytest.approx((0.1 - 0.05 + 0.2) / 3)
    assert figures["holding"] == pytest.approx((2 + 1 + 4) / 3)
    assert (figures["best_trade"], figures["worst_trade"]) == pytest.approx((0.2, -0.05))
    assert (figures["adverse_excursion"], figures["favourable_excursion"]) == pytest.approx(
        (-0.05 / 3, 0.1)
    )
    assert figures["exposure"] == pytest.approx(0.125)
    assert figures["time_in_market"] == pytest.approx(0.25)
    assert figures["turnover"] == pytest.approx(20 * 252 / 2 / 1000)
    assert figures["yearly_cost"] == pytest.approx(252 / 1e5)
    assert set(figures) | set(ALL) == set(METRICS)


def test_without_trades_nothing_is_said_about_them_but_their_number() -> None:
    nothing = np.empty(0)
    none = match_round_trips(
        nothing, nothing, nothing, nothing, nothing, low=np.ones((3, 1)), high=np.ones((3, 1))
    )
    figures = trading_summary(none, an_activity())
    assert figures["trades"] == 0
    assert all(
        np.isnan(figures[m.name])
        for m in METRICS.values()
        if m.kind == "trades" and m.name != "trades"
    )
    assert figures["turnover"] == 0.0  # known: nothing was traded


def test_capacity_is_the_equity_at_which_fills_reach_the_limit_of_volume() -> None:
    # Each fill is 0.1% of what the bar traded, with 10,000 of equity: ten times as much fits.
    fills = np.full(50, 1000.0)
    market, equity = np.full(50, 1e6), np.full(50, 1e4)
    assert capacity(fills, market, equity, limit=0.01) == pytest.approx(1e5)
    assert np.isnan(capacity(np.empty(0), np.empty(0), np.empty(0)))
    assert np.isnan(capacity(fills, np.zeros(50), equity))


def test_the_registry_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        metrics.METRICS["sharpe"] = METRICS["cagr"]  # type: ignore[index]


@pytest.mark.parametrize("name", METRICS)
def test_every_measure_is_documented(name: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "trust" / "metrics.md"
    assert f"`{name}`" in page.read_text()
