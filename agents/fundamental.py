"""The fundamental agent: growth, margins, valuation, earnings surprise and the drift after it.

It uses only what companies had filed or announced by the bar, and abstains where that is missing or
out of date, as for funds and coins. Valuation compares a company only with its own past, because
adjusted prices have no true level.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.base import WeightedAgent
from agents.evidence import Signal, Weights, evidence_of_signals, weights_by_name
from domain.instants import Times
from domain.panel import Filings, Floats, Panel
from domain.votes import Votes
from quant import rolling
from quant.features.fundamentals import standardised_surprises, trailing_twelve_months
from quant.per_symbol import days_since, latest_known, ratio, rebase
from quant.risk.symbol_risk import forecast_volatility

STALE_AFTER = 200.0
"""Days after which the last filing no longer describes the company: two missed quarters."""
DRIFT_DAYS = 60.0
"""Days over which the drift after an announcement fades out, along a straight line
(Bernard and Thomas 1989)."""
VALUATION_BARS = 756
"""Bars of its own past that a valuation is compared with, three years of days."""

FILED = (
    Signal("revenue growth", "%", 5.0, 20.0, 0.02,
           "Sales of the trailing year against the year before: growth carries on."),
    Signal("net income growth", "%", 5.0, 50.0, 0.02,
           "Profits of the trailing year against the year before, noisier than sales."),
    Signal("net margin", "%", 10.0, 15.0, 0.01,
           "Profitable companies do better than their prices ask for (Novy-Marx 2013)."),
    Signal("net margin change", "%", 0.0, 5.0, 0.01,
           "Percentage points of sales kept that were not kept a year ago."),
    Signal("operating margin change", "%", 0.0, 5.0, 0.01,
           "The same before interest, taxes and one-off gains, where reported."),
    Signal("earnings yield over its median", "x", 1.0, 0.5, 0.02,
           "Cheap against its own last three years; says nothing about other companies."),
)  # fmt: skip
ANNOUNCED = (
    Signal("earnings surprise", "σ", 0.0, 2.0, 0.06,
           "Prices are slow to believe a surprise and drift its way for weeks."),
    Signal("move on the announcement", "σ", 0.0, 3.0, 0.04,
           "The market's own reading of the announcement drifts on as well."),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class FundamentalObservations:
    """The results of `observe_filings` and `observe_announcements`."""

    filed: Mapping[str, Floats]
    age: Floats
    announced: Mapping[str, Floats]
    drift_fraction: Floats


class FundamentalAgent(WeightedAgent[FundamentalObservations]):
    """Reads growth, margins, valuation and earnings surprises from what companies have filed and
    announced.

    Votes from the first complete trailing year, or while an announcement is fresh.
    """

    name = "fundamental"
    label = "Fundamental"
    icon = "landmark"
    warmup = 1
    default_weights = weights_by_name((*FILED, *ANNOUNCED))

    def observe(self, panel: Panel, since: int) -> FundamentalObservations:  # noqa: ARG002 valuation needs the past
        return FundamentalObservations(*observe_filings(panel), *observe_announcements(panel))

    def vote_with_weights(
        self, panel: Panel, since: int, observed: FundamentalObservations, weights: Weights
    ) -> Votes:
        drift = [
            replace(term, log_odds=term.log_odds * observed.drift_fraction[since:])
            for term in evidence_of_signals(ANNOUNCED, observed.announced, since, weights)
        ]
        evidence = evidence_of_signals(FILED, observed.filed, since, weights) + drift
        no_evidence = np.logical_and.reduce([np.isnan(term.log_odds) for term in evidence])
        age = observed.age[since:]
        unfetched = np.array([s in panel.unavailable.get("filings", {}) for s in panel.symbols])
        return self.build_votes(
            panel,
            since,
            evidence,
            abstain_where=[
                (no_evidence & np.isnan(age) & unfetched, "filings could not be fetched"),
                (no_evidence & np.isnan(age), "no filings known"),
                (
                    no_evidence & (age > STALE_AFTER),
                    f"last filing older than {STALE_AFTER:.0f} days",
                ),
                (no_evidence, "too few filings for a trailing year"),
            ],
        )


def observe_filings(panel: Panel) -> tuple[Mapping[str, Floats], Floats]:
    """Return the values of the signals of filings by name, and the days since the last filing; (T,
    N) each.

    They are NaN where filings are out of date.
    """
    figures = {name: np.full(panel.shape, np.nan) for name in _FILING_SIGNALS}
    age = np.full(panel.shape, np.nan)
    filings = panel.filings
    for column in range(len(panel.symbols)):
        rows = np.flatnonzero(filings.symbol == column)
        if len(rows):
            known_at = filings.known_at[rows]
            age[:, column] = days_since(known_at, panel.known_at)
            for name, values in _company_figures(filings, rows).items():
                figures[name][:, column] = latest_known(values, known_at, panel.known_at)
    for values in figures.values():
        values[~(age <= STALE_AFTER)] = np.nan
    income = figures.pop("net income")
    return {**figures, "earnings yield over its median": _valuation(panel, income)}, age


def observe_announcements(panel: Panel) -> tuple[Mapping[str, Floats], Floats]:
    """Return the last surprise, the move on it, and the fraction of the drift still to come; (T,
    N)."""
    surprise, reaction, age = (np.full(panel.shape, np.nan) for _ in range(3))
    close = rebase(panel.close, panel.close)
    volatility = forecast_volatility(close)
    earnings = panel.earnings
    for column in range(len(panel.symbols)):
        rows = np.flatnonzero(earnings.symbol == column)
        if len(rows):
            known_at = earnings.known_at[rows]
            age[:, column] = days_since(known_at, panel.known_at)
            values = standardised_surprises(earnings.eps_estimate[rows], earnings.eps_actual[rows])
            surprise[:, column] = latest_known(values, known_at, panel.known_at)
            reaction[:, column] = _reaction(
                known_at, panel.known_at, close[:, column], volatility[:, column]
            )
    fresh = age < DRIFT_DAYS
    observed = {
        "earnings surprise": np.where(fresh, surprise, np.nan),
        "move on the announcement": np.where(fresh, reaction, np.nan),
    }
    return observed, 1.0 - age / DRIFT_DAYS


_FILING_SIGNALS = (
    "revenue growth",
    "net income growth",
    "net margin",
    "net margin change",
    "operating margin change",
    "net income",
)


def _company_figures(filings: Filings, rows: NDArray[np.intp]) -> dict[str, Floats]:
    """Return figures of one company after each of its filings, (K,) each, in percent but the
    last."""
    year, quarter = filings.fiscal_year[rows], filings.fiscal_quarter[rows]
    revenue, revenue_before = trailing_twelve_months(year, quarter, filings.revenue[rows])
    income, income_before = trailing_twelve_months(year, quarter, filings.net_income[rows])
    operating, operating_before = trailing_twelve_months(
        year, quarter, filings.operating_income[rows]
    )
    margin = 100.0 * ratio(income, revenue)
    operating_margin = 100.0 * ratio(operating, revenue)
    return {
        "revenue growth": 100.0 * ratio(revenue - revenue_before, revenue_before),
        "net income growth": 100.0 * ratio(income - income_before, np.abs(income_before)),
        "net margin": margin,
        "net margin change": margin - 100.0 * ratio(income_before, revenue_before),
        "operating margin change": operating_margin
        - 100.0 * ratio(operating_before, revenue_before),
        "net income": income,
    }


def _valuation(panel: Panel, income: Floats) -> Floats:
    """Return the earnings yield over its own median; NaN for losses and in the first year."""
    yields = income / rebase(panel.close, panel.close)
    median = rolling.quantile(yields, 0.5, VALUATION_BARS, VALUATION_BARS // 3)
    return np.where(yields > 0.0, ratio(yields, median), np.nan)


def _reaction(announced: Times, rows: Times, close: Floats, volatility: Floats) -> Floats:
    """Measure the move from the last bar before the day of an announcement to the first bar after
    it, in standard deviations of two bars; (T,), known from that bar on."""
    bars = np.flatnonzero(~np.isnan(close))
    before = np.searchsorted(rows[bars], announced - np.timedelta64(1, "D"), side="right") - 1
    after = np.searchsorted(rows[bars], announced, side="right")
    known = (before >= 0) & (after < len(bars))
    start, stop = bars[before[known]], bars[after[known]]
    change = close[stop] / close[start] - 1.0
    return latest_known(ratio(change, volatility[start] * np.sqrt(2.0)), rows[stop], rows)
