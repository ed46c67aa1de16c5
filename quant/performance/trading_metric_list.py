"""The metrics of round trips and of the account, in the order of a page."""

from quant.performance import round_trips, trading_activity
from quant.performance.metric import Metric

# fmt: off
TRADING_METRICS: tuple[Metric, ...] = (
    Metric("trades", "Round trips", "", 0, "trades", round_trips.trade_count,
           "Lots that were bought and sold again, or sold and bought back.",
           "first in first out"),
    Metric("trade_win_rate", "Winning trades", "%", 1, "trades", round_trips.trade_win_rate,
           "Share of profits among the round trips with a profit or a loss.", "definition"),
    Metric("trade_payoff", "Payoff of trades", "", 1, "trades", round_trips.trade_payoff,
           "Mean return of the winning round trips over the size of the losing ones'.",
           "definition"),
    Metric("profit_factor", "Profit factor", "", 1, "trades", round_trips.profit_factor,
           "Sum of the profits over the sum of the losses of all round trips.", "definition"),
    Metric("expectancy", "Expectancy", "%", 1, "trades", round_trips.expectancy,
           "Mean return of a round trip on what was put in, after costs.", "definition"),
    Metric("holding", "Holding time", "bars", 0, "trades", round_trips.holding_bars,
           "Mean bars from entry to exit.", "definition"),
    Metric("best_trade", "Best trade", "%", 1, "trades", round_trips.best_trade,
           "The highest return of a round trip.", "definition"),
    Metric("worst_trade", "Worst trade", "%", 1, "trades", round_trips.worst_trade,
           "The lowest return of a round trip.", "definition"),
    Metric("adverse_excursion", "Adverse excursion", "%", 1, "trades",
           round_trips.adverse_excursion,
           "Mean of the worst move of the price against a round trip (MAE).", "Sweeney 1997"),
    Metric("favourable_excursion", "Favourable excursion", "%", 1, "trades",
           round_trips.favourable_excursion,
           "Mean of the best move of the price in favour of a round trip (MFE).", "Sweeney 1997"),
    Metric("exposure", "Exposure", "%", 0, "activity", trading_activity.exposure,
           "Mean share of equity that was invested.", "definition"),
    Metric("time_in_market", "Time in the market", "%", 0, "activity",
           trading_activity.time_in_market,
           "Share of bars at whose close anything was held.", "definition"),
    Metric("turnover", "Turnover", "x", -1, "activity", trading_activity.turnover,
           "How often a year the whole equity was exchanged.",
           "half of what was bought and sold over mean equity"),
    Metric("yearly_cost", "Costs a year", "%", -1, "activity", trading_activity.yearly_cost,
           "Commission, spread and impact a year, of mean equity.", "definition"),
)
# fmt: on
