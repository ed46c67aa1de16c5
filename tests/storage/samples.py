"""Small panels and cycles for the tests of storage."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from domain.decision import Action, AppliedLimit, Cycle, Decision, QualityVerdict, Vote
from domain.panel import Earnings, Filings, News, Panel
from domain.timeframe import Timeframe
from domain.votes import Reason

AGENTS = ("technical", "news", "fundamental", "risk", "rl")
START = datetime(2020, 1, 2, 21, tzinfo=UTC)
INPUTS: dict[str, Any] = {"weights": {"technical": 0.25}, "horizon": 5}


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def cycle(
    number: int = 0,
    symbols: tuple[str, ...] = ("AAPL", "MSFT"),
    run: str = "live",
    market: str = "demo",
    salt: str = "",
) -> Cycle:
    """The cycle of day `number`, complete with five votes a symbol, one of them an abstention."""
    text = f"{number} {symbols} {run} {market} {salt}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    decisions = tuple(decision(symbol, number, digest) for symbol in symbols)
    return Cycle(
        run, market, market == "demo", "XNYS", Timeframe.D1, day(number), digest, decisions
    )


def decision(symbol: str, number: int, digest: str) -> Decision:
    return Decision(
        symbol=symbol,
        action=Action.BUY,
        p_up=0.55,
        base_rate=0.53,
        edge=0.02,
        rank=1,
        target_weight=0.01 * number,
        price=100.0 + number,
        limits=(AppliedLimit("cap", 0.2, 0.1, "the risk agent's cap"),),
        verdict=QualityVerdict(symbol, (), ("a quiet day",)),
        why="Four of five lean up.",
        votes=tuple(vote(agent, symbol) for agent in AGENTS),
        receipt=f"{symbol}-{day(number):%Y%m%d}-{digest[:12]}",
    )


def vote(agent: str, symbol: str) -> Vote:
    if agent == "news":
        return Vote(agent, "1", symbol, None, None, 0.0, 1.0, "no headlines", ())
    evidence = (
        Reason("base rate", 0.53, "", 0.12),
        Reason('<b>RSI\x00 14</b> \u202e "', 74.2, "%", 0.08),
    )
    quantile = -0.04 if agent == "risk" else None
    return Vote(agent, "1", symbol, 0.55, 0.2, 0.25, 1.0, None, evidence, quantile)


def panel(
    days: int = 300,
    symbols: tuple[str, ...] = ("AAPL", "MSFT"),
    seed: int = 1,
    events: int = 50,
) -> Panel:
    """Prices with holes and a symbol that starts late; headlines of every kind of character."""
    random = np.random.default_rng(seed)
    known_at = np.datetime64("2019-01-02T21:00", "us") + np.arange(days) * np.timedelta64(1, "D")
    shape = (days, len(symbols))
    prices = {name: random.lognormal(size=shape) for name in ("open", "high", "low", "close")}
    volume = random.lognormal(10, 1, shape)
    hole = random.random(shape) < 0.05
    hole[: days // 3, -1] = True
    for column in (*prices.values(), volume):
        column[hole] = np.nan
    at = np.sort(random.choice(known_at, events))
    who = random.integers(0, len(symbols), events).astype(np.int32)
    texts = ("profit warning", "<script>", "\x00\x07", "\ud800", "\u202etfel", "Ä 😀")
    headlines = tuple(f"{texts[k % len(texts)]} {k}" for k in range(events))
    news = News(who, at, headlines, ("Reuters",) * events, random.random(events))
    some = min(events, 8)
    figures = [random.lognormal(size=some) for _ in range(4)]
    figures[1][:] = np.nan
    years, quarters = np.full(some, 2019, np.int32), np.arange(some, dtype=np.int32) % 4 + 1
    return Panel(
        symbols=symbols,
        calendar="XNYS",
        timeframe=Timeframe.D1,
        known_at=known_at,
        **prices,
        volume=volume,
        benchmark=random.lognormal(size=days),
        news=news,
        filings=Filings(who[:some], at[:some], years, quarters, *figures),
        earnings=Earnings(who[:some], at[:some], figures[0], figures[1]),
        unavailable={"news": {symbols[0]: "429 Too Many Requests"}},
        horizon=5,
        simulated=True,
    )
