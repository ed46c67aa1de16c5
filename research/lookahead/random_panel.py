"""Panels of invented symbols with everything real ones do to an agent.

Random walks, holes, late listings, prices that stand still, no volume, few or many events.
Deterministic in the seed. Meant for invariants; nothing here resembles a market.
"""

from dataclasses import replace

import numpy as np

from domain.instants import Times
from domain.panel import Earnings, Filings, News, Panel
from domain.timeframe import Timeframe

SYMBOLS = ("WALK", "HOLES", "LATE", "STILL", "DRY", "WILD")
HEADLINES = (
    "{} beats expectations and raises guidance",
    "{} shares plunge after profit warning",
    "{} to present at investor conference",
    "Regulator opens probe into {} accounting",
    "{} announces record revenue and buyback",
)


def random_panel(
    seed: int, bars: int = 320, timeframe: Timeframe = Timeframe.D1, horizon: int = 5
) -> Panel:
    """A panel of the six `SYMBOLS` over `bars` bars, with news, filings and earnings.

    WALK is ordinary; HOLES lacks a tenth of its bars; LATE lists after a third of the time;
    STILL hardly ever moves; DRY has no volume and no events; WILD jumps by tens of percent.
    """
    rng = np.random.default_rng(seed)
    known_at = _closes(bars, timeframe)
    width = len(SYMBOLS)
    noise = rng.standard_t(4, (bars, width)) * np.array([0.01, 0.015, 0.02, 0.0, 0.01, 0.08])
    noise[:: bars // 3 + 1, SYMBOLS.index("STILL")] = 0.01
    close = rng.uniform(3, 300, width) * np.exp(np.clip(np.cumsum(noise, axis=0), -8, 8))
    gap = np.where(noise == 0.0, 0.0, rng.normal(0, 0.004, (bars, width)))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(gap)
    spread = np.where(noise == 0.0, 0.0, np.abs(rng.normal(0, 0.006, (bars, width))))
    high = np.maximum(open_, close) * (1 + spread)
    low = np.minimum(open_, close) * (1 - spread / 2)
    volume = np.round(rng.lognormal(13, 0.6, (bars, width)))
    volume[:, SYMBOLS.index("DRY")] = 0.0
    volume[rng.random(bars) < 0.1, SYMBOLS.index("WILD")] = 0.0
    missing = np.zeros((bars, width), bool)
    missing[:, SYMBOLS.index("HOLES")] = rng.random(bars) < 0.1
    missing[: bars // 3, SYMBOLS.index("LATE")] = True
    for values in (open_, high, low, close, volume):
        values[missing] = np.nan
    benchmark = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, bars)))
    benchmark[rng.random(bars) < 0.02] = np.nan
    return Panel(
        symbols=SYMBOLS,
        calendar="XNYS",
        timeframe=timeframe,
        known_at=known_at,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        benchmark=benchmark,
        news=_news(rng, known_at),
        filings=_filings(rng, known_at),
        earnings=_earnings(rng, known_at),
        horizon=horizon,
        simulated=True,
    )


def unrelated_panel(seed: int, like: Panel, bars: int = 400) -> Panel:
    """A random panel of symbols of its own, with the timeframe and horizon of `like`: long enough
    for every signal that ships."""
    panel = random_panel(seed, bars, like.timeframe, like.horizon)
    return replace(panel, symbols=tuple(f"{symbol}-{seed}" for symbol in panel.symbols))


def _closes(bars: int, timeframe: Timeframe) -> Times:
    if timeframe.intraday:
        sessions = bars // 7 + 1
        hours = np.arange(15, 22).astype("timedelta64[h]")
        closes: Times = (_weekdays(sessions)[:, np.newaxis] + hours).ravel()[:bars]
    else:
        closes = _weekdays(bars) + np.timedelta64(21, "h")
    return closes.astype("datetime64[us]")


def _weekdays(count: int) -> Times:
    days = np.busday_offset("2021-01-04", np.arange(count), roll="forward")
    weekdays: Times = days.astype("datetime64[us]")
    return weekdays


def _event_days(rng: np.random.Generator, known_at: Times, count: int) -> Times:
    span = (known_at[-1] - known_at[0]).astype(np.int64)
    at = known_at[0] + (rng.random(count) * span).astype("timedelta64[us]")
    return np.sort(at.astype("datetime64[D]") + np.timedelta64(1, "D")).astype("datetime64[us]")


def _keep_known(at: Times, known_at: Times) -> int:
    return int(np.searchsorted(at, known_at[-1], side="right"))


def _news(rng: np.random.Generator, known_at: Times) -> News:
    at = _event_days(rng, known_at, len(known_at))
    at = at[: _keep_known(at, known_at)]
    symbol = rng.integers(0, 4, len(at)).astype(np.int32)
    kinds = rng.integers(0, len(HEADLINES), len(at))
    return News(
        symbol=symbol,
        known_at=at,
        headline=tuple(
            HEADLINES[kind].format(SYMBOLS[column])
            for kind, column in zip(kinds, symbol, strict=True)
        ),
        source=tuple(("wire", "blog")[kind % 2] for kind in kinds),
        relevance=rng.choice([1.0, 0.5], len(at)),
    )


def _filings(rng: np.random.Generator, known_at: Times) -> Filings:
    days = (known_at[-1] - known_at[0]).astype("timedelta64[D]").astype(int)
    quarters = days // 91 + 8
    rows = [
        (known_at[0] + np.timedelta64(91 * (q - 7) + 9 * column, "D"), column, q, size)
        for column, size in ((0, 1e9), (1, 3e8), (2, 5e6), (5, 2e10))
        for q in range(quarters)
    ]
    rows = sorted(row for row in rows if row[0] <= known_at[-1])
    quarter = np.array([q % 4 + 1 for _, _, q, _ in rows], np.int32)
    scale = np.array([size for *_, size in rows]) * np.where(quarter == 4, 4.0, 1.0)
    revenue = scale * rng.lognormal(0, 0.2, len(rows))
    revenue[rng.random(len(rows)) < 0.05] = np.nan
    return Filings(
        symbol=np.array([column for _, column, _, _ in rows], np.int32),
        known_at=np.array([at for at, *_ in rows], "datetime64[D]").astype("datetime64[us]"),
        fiscal_year=np.array([2019 + q // 4 for _, _, q, _ in rows], np.int32),
        fiscal_quarter=quarter,
        revenue=revenue,
        operating_income=np.where(quarter == 2, np.nan, 0.2 * revenue),
        net_income=scale * rng.normal(0.1, 0.1, len(rows)),
        shares=np.full(len(rows), 1e8),
    )


def _earnings(rng: np.random.Generator, known_at: Times) -> Earnings:
    at = _event_days(rng, known_at, len(known_at) // 40 + 2)
    at = at[: _keep_known(at, known_at)]
    estimate = rng.normal(1.0, 0.5, len(at))
    actual = estimate + rng.normal(0, 0.1, len(at))
    return Earnings(
        symbol=rng.integers(0, 3, len(at)).astype(np.int32),
        known_at=at,
        eps_estimate=estimate,
        eps_actual=np.where(rng.random(len(at)) < 0.1, np.nan, actual),
    )
