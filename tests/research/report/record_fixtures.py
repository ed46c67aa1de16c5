"""A made-up record: agents that know a little, know nothing, or abstain."""

import numpy as np

from domain.record import ForecastRecord

AGENTS = ("technical", "news", "risk")
SYMBOLS = ("AAPL", "MSFT", "NVDA", "JPM", "XOM", "GLD")


def record(bars: int = 300, settled: bool = True, seed: int = 3) -> ForecastRecord:
    """`bars` daily rows of six symbols; without outcomes where it is not `settled`."""
    generator = np.random.default_rng(seed)
    shape = (bars, len(SYMBOLS))
    change = generator.normal(0.002, 0.03, shape)
    knowing = 0.1 + 0.2 * np.sign(change) * (generator.random(shape) < 0.3)
    log_odds = np.stack([knowing, generator.normal(0.1, 0.2, shape), np.full(shape, 0.15)])
    log_odds[1, generator.random(shape) < 0.5] = np.nan
    log_odds[2, : bars // 2] = np.nan
    change[-5:] = np.nan
    at = np.datetime64("2019-01-02T21:00", "us") + np.arange(bars) * np.timedelta64(1, "D")
    return ForecastRecord(
        agents=AGENTS,
        symbols=SYMBOLS,
        known_at=at,
        horizon=5,
        log_odds=log_odds,
        pooled=np.nanmean(log_odds, axis=0),
        base_rate=np.full(shape, 0.53),
        weights=np.full((bars, len(AGENTS)), 1 / len(AGENTS)),
        trust=np.ones((bars, len(AGENTS))),
        quantile_5=np.full(shape, -0.05),
        change=change if settled else np.full(shape, np.nan),
        regime=(np.arange(bars) // 100 % 4).astype(np.int32),
        receipts={},
    )
