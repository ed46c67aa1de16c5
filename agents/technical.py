"""The technical agent: trend, momentum, mean reversion, volatility, volume and candlesticks.

It reads prices and volumes only, on the panel's own bars and on completed weeks (and days, where
the bars are shorter). Signs and sizes were set by hand on 2010 to 2018 and are modest, because
little can be known over a week of bars; `docs/extend/agents.md` has the results on later years.
"""

from collections.abc import Mapping

import numpy as np

from agents.base import Abstentions, SignalAgent
from agents.evidence import Signal
from domain.panel import Floats, Panel
from quant.features import indicators, price_volume, trends
from quant.per_symbol import (
    apply_to_completed_periods,
    by_symbol,
    day_numbers,
    rebase,
    week_numbers,
)
from quant.risk.symbol_risk import forecast_volatility

SIGNALS = (
    Signal("momentum 252 less 21 bars", "σ", 0.0, 2.0, 0.04,
           "Winners of the past year, the last month left out, tend to go on winning."),
    Signal("distance from SMA 200", "σ", 0.0, 1.5, 0.01,
           "Above its long average the ground is firmer; hardly measurable within a week."),
    Signal("EMA 50 over 200", "%", 0.0, 10.0, 0.01,
           "A slow average turned up says the same more calmly."),
    Signal("Donchian 55 position", "", 0.0, 1.0, 0.01,
           "A close near the top of its channel is a breakout, near the bottom a breakdown."),
    Signal("ADX 14, signed", "", 0.0, 40.0, -0.01,
           "A long one-way run tends to pause: measured, against the textbook."),
    Signal("MACD histogram", "σ", 0.0, 0.6, 0.01,
           "A thrust that gains speed; its own effect beside the others is next to nothing."),
    Signal("move over 21 bars", "σ", 0.0, 2.0, -0.01,
           "A month's gain is partly given back."),
    Signal("move over 5 bars", "σ", 0.0, 2.0, -0.03,
           "A week's move is partly given back, the steadiest effect at this horizon."),
    Signal("RSI 14", "", 50.0, 25.0, -0.02,
           "Overbought and oversold: stretched prices relax."),
    Signal("RSI 2", "", 50.0, 50.0, -0.02,
           "Two hard days in one direction invite the other side."),
    Signal("Bollinger position", "σ", 0.0, 2.0, -0.02,
           "Outside its band of twenty bars a price is stretched."),
    Signal("stochastic 14", "", 50.0, 50.0, -0.01,
           "Another reading of the same stretch, so with a small weight."),
    Signal("volatility regime", "x", 1.0, 0.75, 0.03,
           "After turbulence buyers are paid for their nerve; in calm they are not."),
    Signal("volume flow (OBV)", "x", 0.0, 5.0, 0.01,
           "Volume that gathers on rising days shows who is buying."),
    Signal("money flow index", "", 50.0, 40.0, -0.01,
           "Overbought and oversold once more, weighted by volume."),
    Signal("move on unusual volume", "σ", 0.0, 2.0, 0.01,
           "A move that many traded is a little likelier to be information."),
    Signal("candlestick patterns", "", 0.0, 3.0, 0.01,
           "Bullish less bearish among TA-Lib's 61; next to nothing, and so weighted."),
    Signal("weekly EMA 10 over 40", "%", 0.0, 15.0, 0.02,
           "The trend of completed weeks, deaf to the noise of days."),
    Signal("weekly RSI 14", "", 50.0, 25.0, 0.01,
           "Strength that has lasted for weeks is trend rather than stretch."),
    Signal("daily EMA 10 over 40", "%", 0.0, 5.0, 0.02,
           "The trend of completed days behind shorter bars."),
    Signal("daily RSI 14", "", 50.0, 25.0, -0.02,
           "A stretch of days weighs on the hours that follow."),
)  # fmt: skip


class TechnicalAgent(SignalAgent):
    """Reads trend, momentum, mean reversion, volatility, volume and candlestick patterns from
    prices and volumes.

    Votes from the symbol's bar number `warmup` on.
    """

    name = "technical"
    label = "Technical"
    icon = "activity"
    warmup = 15
    signals = SIGNALS

    def observe(self, panel: Panel, since: int) -> Mapping[str, Floats]:  # noqa: ARG002 needs the past
        return observe(panel)

    def abstentions(
        self,
        panel: Panel,
        since: int,
        observed: Mapping[str, Floats],  # noqa: ARG002
    ) -> Abstentions:
        age = by_symbol(lambda close: np.arange(1, len(close) + 1), panel.close)[since:]
        return [(age < self.warmup, f"fewer than {self.warmup} bars")]


def observe(panel: Panel) -> Mapping[str, Floats]:
    """Return every observation by the name of its signal, (T, N)."""
    open_, high, low, close = (
        rebase(prices, panel.close) for prices in (panel.open, panel.high, panel.low, panel.close)
    )
    volume = rebase(panel.volume, panel.volume)
    volatility = forecast_volatility(close)
    own_bars = {
        "momentum 252 less 21 bars": price_volume.momentum(close, 252, 21, volatility),
        "distance from SMA 200": trends.distance_from_sma(close, 200, volatility),
        "EMA 50 over 200": trends.ema_spread(close, 50, 200),
        "Donchian 55 position": indicators.donchian_position(high, low, close, 55),
        "ADX 14, signed": trends.signed_adx(high, low, close),
        "MACD histogram": trends.standardised_macd_histogram(close, volatility),
        "move over 21 bars": price_volume.standardised_return(close, 21, volatility),
        "move over 5 bars": price_volume.standardised_return(close, 5, volatility),
        "RSI 14": indicators.rsi(close, 14),
        "RSI 2": indicators.rsi(close, 2),
        "Bollinger position": indicators.bollinger_z(close, 20),
        "stochastic 14": indicators.stochastic(high, low, close, 14),
        "volatility regime": price_volume.relative_volatility(volatility),
        "volume flow (OBV)": trends.obv_oscillator(close, volume),
        "money flow index": indicators.mfi(high, low, close, volume),
        "move on unusual volume": price_volume.volume_confirmed_return(close, volume, volatility),
        "candlestick patterns": indicators.candlestick_balance(open_, high, low, close),
    }
    return {**own_bars, **_longer_bars(panel, close)}


def _longer_bars(panel: Panel, close: Floats) -> dict[str, Floats]:
    """Return the market in completed weeks, and in completed days where bars are shorter."""
    frames = {"weekly": week_numbers(panel.known_at)}
    if panel.timeframe.intraday:
        frames["daily"] = day_numbers(panel.known_at)
    observed = {}
    for name, period in frames.items():
        observed[f"{name} EMA 10 over 40"] = apply_to_completed_periods(
            close, period, lambda series: trends.ema_spread(series, 10, 40)
        )
        observed[f"{name} RSI 14"] = apply_to_completed_periods(close, period, indicators.rsi)
    return observed
