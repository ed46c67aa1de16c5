"""The risk agent: how much could be lost, and how much may therefore be held.

It forecasts the 5% quantile of the return over the horizon and turns it into a cap, so that a bad
horizon costs a fixed fraction of equity. Stress tightens the cap, named extremes veto. Its vote on
the direction is small. It does not know what is held: limits across positions belong to sizing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.base import SignalAgent
from agents.evidence import Signal, Weights, evidence_of_signals
from domain.panel import Floats, Panel
from domain.votes import Evidence, Votes
from quant import rolling
from quant.features import price_volume
from quant.per_symbol import days_since, latest_known, pct_change, ratio, rebase
from quant.risk import symbol_risk

RISK_BUDGET = 0.01
"""Fraction of equity that a position may lose over the horizon in the worst case of twenty."""
MIN_BARS = 60
"""Least bars for drawdown, shortfall and liquidity."""
QUANTILE_WINDOW = 750
"""Outcomes that the 5% quantile is taken from, three years of days."""
MIN_MARKET_CORRELATION = 0.3
"""Correlation from which a symbol counts as moving with the market."""
BARS_PER_YEAR = 252
"""Bars over which drawdown, shortfall and liquidity are measured."""

SIGNALS = (
    Signal("volatility regime", "x", 1.0, 1.0, 0.02,
           "Forecast volatility over its median of a year: fear is paid for afterwards."),
    Signal("volatility, 10 over 63 bars", "x", 1.0, 0.5, -0.01,
           "While it is still rising the payment is not due yet."),
    Signal("drawdown from the year's high", "%", -10.0, 20.0, -0.01,
           "Deep falls are partly made good."),
    Signal("expected shortfall, a bar", "%", -4.0, 4.0, 0.01,
           "Long left tails drag on the odds."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StressRule:
    """A condition that multiplies the cap by `factor` while `value` is on the wrong side of
    `limit`; a factor of 0 is a veto."""

    name: str
    unit: str
    above: bool
    limit: float
    factor: float
    rationale: str

    def applies(self, value: Floats) -> NDArray[np.bool_]:
        return value > self.limit if self.above else value < self.limit


STRESSES = (
    StressRule("volatility far above its year", "x", True, 2.0, 0.75,
           "A regime has broken; forecasts from calmer times flatter."),
    StressRule("deep drawdown", "%", False, -30.0, 0.75,
           "What has fallen by a third is in trouble of a kind that prices tell late."),
    StressRule("market under stress", "x", True, 2.0, 0.75,
           "When the whole market shakes, positions fall together and diversify nothing."),
    StressRule("thin trading", "x", False, 0.25, 0.5,
           "A quarter of the usual volume: leaving costs more than the quantile says."),
    StressRule("earnings expected", "days", False, 8.0, 0.75,
           "A jump of unknown sign is due, going by the usual time between announcements."),
    StressRule("veto: ruinous quantile", "%", False, -40.0, 0.0,
           "One horizon in twenty would cost two fifths: nothing is small enough."),
    StressRule("veto: hardly trades", "%", True, 50.0, 0.0,
           "More than half of the last twenty bars had no volume: there is no way out."),
    StressRule("veto: price stands still", "bars", True, 9.0, 0.0,
           "A price that has not moved for ten bars is no price."),
)  # fmt: skip

MEASURES = (
    ("forecast 5% quantile", "%"),
    ("forecast volatility, a bar", "%"),
    ("Yang-Zhang volatility, 21 bars", "%"),
    ("beta to the benchmark", ""),
    ("correlation with the benchmark", ""),
)
"""Figures shown beside the vote that do not change it."""


class RiskAgent(SignalAgent):
    """Forecasts what one horizon in twenty would cost and caps what may be held; its vote on the
    direction is small.

    Votes from the first volatility forecast; before that its cap is 0. Where a symbol has no bar
    the last cap holds.
    """

    name = "risk"
    label = "Risk"
    icon = "scale"
    base_version = "2"
    warmup = symbol_risk.WARMUP_RETURNS + 1
    signals = SIGNALS
    forecasts_quantile = True
    required_to_open = True

    def observe(self, panel: Panel, since: int) -> Mapping[str, Floats]:  # noqa: ARG002 needs the past
        return observe(panel)

    def vote_with_weights(
        self, panel: Panel, since: int, observed: Mapping[str, Floats], weights: Weights
    ) -> Votes:
        quantile = observed["forecast 5% quantile"] / 100.0
        cap = ratio(np.full(panel.shape, RISK_BUDGET), -quantile)
        cap = np.where(quantile == 0.0, 1.0, np.minimum(cap, 1.0))
        for stress in STRESSES:
            cap = np.where(stress.applies(observed[stress.name]), cap * stress.factor, cap)
        too_few_bars = np.isnan(quantile[since:]) & ~np.isnan(panel.close[since:])
        return self.build_votes(
            panel,
            since,
            [
                *evidence_of_signals(SIGNALS, observed, since, weights),
                *(_informational(name, unit, observed[name][since:]) for name, unit in MEASURES),
                *(_stress_evidence(stress, observed[stress.name][since:]) for stress in STRESSES),
            ],
            abstain_where=[(too_few_bars, f"fewer than {self.warmup} bars: no forecast")],
            cap=_carry_forward(cap)[since:],
            quantile_5=quantile[since:],
        )


def observe(panel: Panel) -> Mapping[str, Floats]:
    """Return every measure by the name of its signal, stress or figure, (T, N), in its unit."""
    open_, high, low, close = (
        rebase(prices, panel.close) for prices in (panel.open, panel.high, panel.low, panel.close)
    )
    volume = rebase(panel.volume, panel.volume)
    market = np.repeat(panel.benchmark[:, np.newaxis], len(panel.symbols), axis=1)
    volatility = symbol_risk.forecast_volatility(close)
    regime = price_volume.relative_volatility(volatility)
    fall = 100.0 * symbol_risk.drawdown(close, BARS_PER_YEAR)
    quantile = 100.0 * symbol_risk.horizon_quantile(
        open_, volatility, panel.horizon, QUANTILE_WINDOW
    )
    beta, correlation = symbol_risk.beta_and_correlation(
        close, market, BARS_PER_YEAR // 2, MIN_BARS
    )
    realised = {n: symbol_risk.yang_zhang(open_, high, low, close, n) for n in (10, 21, 63)}
    return {
        "volatility regime": regime,
        "volatility, 10 over 63 bars": ratio(realised[10], realised[63]),
        "drawdown from the year's high": fall,
        "expected shortfall, a bar": 100.0
        * rolling.tail_mean(pct_change(close, 1), 0.05, BARS_PER_YEAR, MIN_BARS),
        "forecast 5% quantile": quantile,
        "forecast volatility, a bar": 100.0 * volatility,
        "Yang-Zhang volatility, 21 bars": 100.0 * realised[21],
        "beta to the benchmark": beta,
        "correlation with the benchmark": correlation,
        "volatility far above its year": regime,
        "deep drawdown": fall,
        "market under stress": np.where(
            correlation > MIN_MARKET_CORRELATION, _market_regime(panel), np.nan
        ),
        "thin trading": price_volume.recent_relative_volume(volume, 5, BARS_PER_YEAR, MIN_BARS),
        "earnings expected": _days_to_earnings(panel),
        "veto: ruinous quantile": quantile,
        "veto: hardly trades": 100.0 * price_volume.untraded_fraction(volume, 20),
        "veto: price stands still": price_volume.unchanged_bars(close),
    }


def _market_regime(panel: Panel) -> Floats:
    """Return the benchmark's last known volatility regime, (T, 1)."""
    benchmark = rebase(panel.benchmark[:, np.newaxis], panel.benchmark[:, np.newaxis])
    return _forward_fill(
        price_volume.relative_volatility(symbol_risk.forecast_volatility(benchmark))
    )


def _days_to_earnings(panel: Panel) -> Floats:
    """Estimate the days until the next announcement from the median of up to four past gaps; (T,
    N).

    NaN without two announcements, and once the date has passed.
    """
    days = np.full(panel.shape, np.nan)
    for column in range(len(panel.symbols)):
        announced = panel.earnings.known_at[panel.earnings.symbol == column]
        since = days_since(announced, panel.known_at)
        gaps = np.diff(announced) / np.timedelta64(1, "D")
        typical_gap = np.array([np.median(gaps[max(k - 3, 0) : k + 1]) for k in range(len(gaps))])
        due = latest_known(typical_gap, announced[1:], panel.known_at) - since
        days[:, column] = np.where(due >= 0.0, due, np.nan)
    return days


def _informational(name: str, unit: str, value: Floats) -> Evidence:
    return Evidence(name, value, np.where(np.isnan(value), np.nan, 0.0), unit)


def _stress_evidence(stress: StressRule, value: Floats) -> Evidence:
    """Return evidence in the cells where the stress acts on the cap."""
    label = stress.name if stress.factor == 0.0 else f"cap × {stress.factor:g}: {stress.name}"
    return Evidence(label, value, np.where(stress.applies(value), 0.0, np.nan), stress.unit)


def _carry_forward(cap: Floats) -> Floats:
    """Return the caps, the last one carried over missing bars, and 0 before the first."""
    return np.nan_to_num(_forward_fill(cap), nan=0.0)


def _forward_fill(values: Floats) -> Floats:
    """Return the last known value of each column, (T, N); NaN before the first."""
    rows = np.where(np.isnan(values), 0, np.arange(len(values))[:, np.newaxis])
    return np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)
