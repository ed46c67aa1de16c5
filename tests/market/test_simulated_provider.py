"""The simulated market: the same everywhere and always, and alike enough to a real one."""

import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError, ProviderError, UnknownSymbolError
from domain.timeframe import Timeframe
from market.panels.panel_builder import PanelQuery, build_panels
from market.provider import Provider
from market.simulated import rng
from market.simulated.price_process import (
    SIMULATED_REGIMES,
    earnings_announcements,
    market_returns,
    sentiment,
    simulate_prices,
)
from market.simulated.provider import HISTORY_START, LIVE_START, DemoProvider
from market.simulated.universe import LISTINGS, InstrumentKind
from tests.market.memory_store import MemoryMarketDataStore

WATCHLIST = [
    "AAPL",
    "MSFT",
    "NVDA",
    "AMZN",
    "GOOGL",
    "META",
    "TSLA",
    "JPM",
    "XOM",
    "SPY",
    "GLD",
    "BTC-USD",
]
LATER = datetime(2031, 6, 30, tzinfo=UTC)
DIGEST = "fefa79997d493dfb713510fcd0442179a498c30c4d31755922ef3c0116f6fe78"


def demo(now: datetime = LATER, seed: int = 7) -> DemoProvider:
    return DemoProvider(seed, lambda: now)


def daily(provider: Provider, symbol: str, start: datetime, end: datetime) -> pd.DataFrame:
    return provider.bars(symbol, Timeframe.D1, start, end)


def closes(symbols: list[str]) -> pd.DataFrame:
    frames = {s: daily(demo(), s, HISTORY_START, LATER).set_index("at")["close"] for s in symbols}
    return pd.DataFrame(frames).dropna()


def digest() -> str:
    """Of everything that is served for the default watchlist up to the present."""
    provider, served = demo(LIVE_START), hashlib.sha256()
    for symbol in WATCHLIST:
        for frame in (
            daily(provider, symbol, HISTORY_START, LIVE_START),
            provider.news(symbol, HISTORY_START, LIVE_START),
            provider.filings(symbol),
            provider.earnings(symbol),
        ):
            served.update(frame.to_csv(index=False).encode())
    return served.hexdigest()


def test_the_market_is_the_same_on_every_machine() -> None:
    """A new digest means a new simulated world: every recorded demo decision changes."""
    assert digest() == DIGEST


def test_the_market_is_the_same_in_another_process() -> None:
    script = "import test_simulated_provider as test; print(test.digest())"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        cwd=Path(__file__).parent,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.strip() == digest()


@settings(max_examples=40)
@given(
    symbol=st.sampled_from([*LISTINGS, "SIM1", "SIM9999"]),
    first=st.integers(0, 3000),
    length=st.integers(1, 900),
)
def test_any_range_is_cut_from_one_history(symbol: str, first: int, length: int) -> None:
    start = HISTORY_START + timedelta(days=first)
    end = min(start + timedelta(days=length), LATER)
    full = daily(demo(), symbol, HISTORY_START, LATER)
    part = daily(demo(), symbol, start, end)
    inside = full[(full["at"] >= start) & (full["at"] < end)]
    missing = len(inside) - len(part)
    assert missing in (0, 1)
    pd.testing.assert_frame_equal(
        part, inside.iloc[: len(part)].reset_index(drop=True), check_exact=True
    )


@pytest.mark.parametrize("symbol", ["AAPL", "XLE", "BTC-USD"])
def test_the_past_never_changes_as_time_goes_on(symbol: str) -> None:
    full = simulate_prices(3, symbol, 12)
    for blocks in (1, 2, 5):
        earlier = simulate_prices(3, symbol, blocks)
        for figure in ("date", "open", "high", "low", "close", "volume"):
            then = getattr(earlier, figure)
            assert getattr(full, figure)[: len(then)].tobytes() == then.tobytes()


@pytest.mark.parametrize("now", [LIVE_START, datetime(2024, 2, 9, 21, tzinfo=UTC)])
def test_nothing_is_published_before_its_time(now: datetime) -> None:
    provider, later = demo(now), demo()
    for symbol in ("AAPL", "SPY", "BTC-USD"):
        bars = daily(provider, symbol, HISTORY_START, LATER)
        assert bars["at"].max() <= now - timedelta(hours=20)
        for read in (
            lambda p, s=symbol: p.news(s, HISTORY_START, LATER),
            lambda p, s=symbol: p.filings(s),
        ):
            everything = read(later)
            known = everything[everything["known_at"] <= now].reset_index(drop=True)
            pd.testing.assert_frame_equal(read(provider), known, check_exact=True)
    assert len(provider.filings("AAPL")) >= 15
    assert provider.filings("AAPL").columns.tolist() == provider.filings("SPY").columns.tolist()


def test_a_session_appears_at_its_close_half_days_included() -> None:
    def last(now: str) -> str:
        at = datetime.fromisoformat(now).replace(tzinfo=UTC)
        return str(daily(demo(at), "AAPL", HISTORY_START, LATER)["at"].iloc[-1].date())

    assert last("2024-11-29T17:59") == "2024-11-27"
    assert last("2024-11-29T18:00") == "2024-11-29"


def test_everything_listed_is_served_and_passes_the_gate() -> None:
    end = datetime(2026, 6, 30, tzinfo=UTC)
    store, provider, symbols = MemoryMarketDataStore(), demo(), [*LISTINGS, "SIM1", "SIM42"]
    for symbol in symbols:
        store.put_bars("demo", symbol, Timeframe.D1, daily(provider, symbol, HISTORY_START, end))
        store.put_news("demo", symbol, provider.news(symbol, HISTORY_START, end))
        store.put_filings("demo", symbol, provider.filings(symbol))
        store.put_earnings("demo", symbol, provider.earnings(symbol))
    for panel, verdicts in build_panels(
        store,
        PanelQuery(
            market="demo",
            symbols=symbols,
            timeframe=Timeframe.D1,
            as_of=end,
            horizon=5,
            simulated=True,
        ),
    ):
        assert [v.findings for v in verdicts] == [()] * len(panel.symbols)
        assert not np.isnan(panel.close).any()


def test_names_move_together_and_gold_and_bonds_against_them() -> None:
    moves = closes(["SPY", "AAPL", "JPM", "XOM", "CVX", "GLD", "TLT"]).pct_change().dropna()
    related = moves.corr()
    assert related.loc["SPY", ["AAPL", "JPM"]].min() > 0.4
    assert related.loc["SPY", ["GLD", "TLT"]].max() < 0
    assert related.loc["XOM", "CVX"] > related.loc["XOM", "JPM"]


def test_moves_have_fat_tails_and_come_in_clusters() -> None:
    moves = closes(["SPY"])["SPY"].pct_change().dropna()
    assert moves.kurt() > 2
    assert moves.abs().autocorr(1) > 0.1
    assert abs(moves.autocorr(1)) < 0.1


def test_volume_reacts_to_the_size_of_moves() -> None:
    bars = daily(demo(), "AAPL", HISTORY_START, LATER)
    assert bars["volume"].corr(bars["close"].pct_change().abs()) > 0.3


def test_every_regime_comes_and_a_crisis_is_the_roughest() -> None:
    _, roughness = market_returns(7, 8)
    assert set(roughness) == {regime.volatility for regime in SIMULATED_REGIMES}
    assert max(SIMULATED_REGIMES, key=lambda regime: regime.volatility).name == "crisis"


def test_prices_stay_sane_for_a_century() -> None:
    for symbol in ("AAPL", "TSLA", "GLD"):
        close = simulate_prices(7, symbol, 72).close
        assert close.min() > 0.5
        assert close.max() < 1e10


def test_headlines_are_signed_simulated_and_hint_only_weakly_at_the_future() -> None:
    stories = demo().news("AAPL", HISTORY_START, LATER)
    assert stories["source"].str.startswith("Simulated").all()
    assert stories["known_at"].is_monotonic_increasing
    good = stories["headline"].str.contains("upgrades|beat|raises|gains|lift|outperforms")
    assert 0.15 < good.mean() < 0.5
    hints = []
    for symbol in ("AAPL", "MSFT", "JPM", "XOM", "KO", "GE"):
        prices = simulate_prices(7, symbol, 14)
        day = (prices.date.astype("datetime64[D]") - np.datetime64("2022-01-01")).astype(int)
        returns = prices.close[1:] / prices.close[:-1] - 1
        hints.append(np.corrcoef(sentiment(7, symbol, 14)[day[:-1]], returns)[0, 1])
    assert 0.01 < np.mean(hints) < 0.1


def test_prices_jump_and_drift_with_announced_surprises() -> None:
    surprises, jumps, drifts = [], [], []
    companies = [s for s, what in LISTINGS.items() if what.kind is InstrumentKind.COMPANY][:30]
    for symbol in companies:
        prices = simulate_prices(7, symbol, 7)
        day = (prices.date.astype("datetime64[D]") - np.datetime64("2022-01-01")).astype(int)
        announced, size = earnings_announcements(7, symbol, np.arange(0, 30))
        after = np.searchsorted(day, announced, side="right")
        surprises.append(size)
        jumps.append(prices.close[after] / prices.close[after - 1] - 1)
        drifts.append(prices.close[after + 40] / prices.close[after] - 1)
    assert np.corrcoef(np.ravel(surprises), np.ravel(jumps))[0, 1] > 0.4
    assert 0.05 < np.corrcoef(np.ravel(surprises), np.ravel(drifts))[0, 1] < 0.5


def test_the_fourth_filing_gives_the_full_year_and_better_quarters_beat_estimates() -> None:
    filed = demo().filings("MSFT").set_index(["fiscal_year", "fiscal_quarter"])["revenue"]
    assert filed[2023, 4] > filed[2023, 1] + filed[2023, 2] + filed[2023, 3]
    earnings = demo().earnings("MSFT")
    _, surprise = earnings_announcements(7, "MSFT", np.arange(-12, len(earnings) - 12))
    beats = np.sign(earnings["eps_actual"] - earnings["eps_estimate"])
    assert (beats == np.sign(surprise)).mean() > 0.9


def test_a_quote_is_the_last_close() -> None:
    quote = demo(datetime(2024, 1, 3, 12, tzinfo=UTC)).quote("AAPL")
    bars = daily(demo(), "AAPL", HISTORY_START, datetime(2024, 1, 3, tzinfo=UTC))
    assert (quote.price, quote.previous_close) == tuple(bars["close"].iloc[[-1, -2]])
    assert quote.name == "Apple (simulated)"
    with pytest.raises(ProviderError, match="no price of AAPL"):
        demo(HISTORY_START).quote("AAPL")


@pytest.mark.parametrize("symbol", ["NOPE", "EURUSD=X", "SIM0", "SIM10000"])
def test_what_is_not_listed_is_refused_by_name(symbol: str) -> None:
    for read in (demo().filings, demo().earnings, demo().quote):
        with pytest.raises(UnknownSymbolError, match=rf"{symbol}.*AAPL"):
            read(symbol)


def test_intraday_bars_are_refused() -> None:
    with pytest.raises(InputError, match="daily bars only"):
        demo().bars("AAPL", Timeframe.H1, HISTORY_START, LATER)


def test_random_numbers_have_the_moments_they_promise() -> None:
    index = np.arange(200_000)
    normal, uniform = rng.normal(7, "a", index), rng.uniform(7, "a", index)
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01
    assert abs(uniform.mean() - 0.5) < 0.003
    assert abs(np.corrcoef(normal, rng.normal(7, "b", index))[0, 1]) < 0.01
    assert abs(np.corrcoef(normal[1:], normal[:-1])[0, 1]) < 0.01
