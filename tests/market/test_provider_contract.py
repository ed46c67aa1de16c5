"""Every provider that ships keeps the contract, and a fault in one is named."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import stamina

from domain.timeframe import Timeframe
from market.provider_contract import check_provider, find_faults
from market.providers.yahoo import YahooProvider
from market.registry import PROVIDERS, SHIPPED
from market.simulated.provider import LIVE_START, DemoProvider
from tests.market.yahoo_server import YahooServer

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 12, 30, tzinfo=UTC)
YEAR = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 3, 29, tzinfo=UTC))


def demo() -> DemoProvider:
    return DemoProvider(7, lambda: LIVE_START)


@pytest.mark.parametrize("symbol", ["AAPL", "SPY", "BTC-USD"])
def test_the_simulated_market_keeps_the_contract(symbol: str) -> None:
    check_provider(demo(), symbol, START, END)


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with stamina.set_testing(True, attempts=2), YahooServer() as server:
        yield server


def test_yahoo_keeps_the_contract(server: YahooServer, tmp_path: Path) -> None:
    yahoo = YahooProvider(
        tmp_path / "yahoo", server.url, seconds_between_requests=0, clock=lambda: YEAR[1]
    )
    check_provider(yahoo, "ACME", *YEAR)


def test_these_are_all_that_ship() -> None:
    assert set(SHIPPED) == {"yahoo", "demo"} <= set(PROVIDERS)


class FaultyProvider(DemoProvider):
    """Breaks the contract by `fault`."""

    def __init__(self, fault: str) -> None:
        super().__init__(7, lambda: LIVE_START)
        self._fault = fault

    def bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        if self._fault == "invents":
            return super().bars("AAPL", timeframe, start, end)
        bars = super().bars(symbol, timeframe, start, end)
        if self._fault == "naive":
            bars["at"] = bars["at"].dt.tz_localize(None)
        if self._fault == "upside down":
            bars["high"], bars["low"] = bars["low"], bars["high"]
        if self._fault == "backwards":
            bars = bars.iloc[::-1]
        if self._fault == "too much":
            return super().bars(symbol, timeframe, START, end)
        if self._fault == "columns":
            return bars.drop(columns="adj_close")
        return bars


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("naive", "`at` must be instants in UTC"),
        ("upside down", "open and close must lie between low and high"),
        ("backwards", "`at` must rise from bar to bar"),
        ("too much", "there are rows before the 2023-06-01"),
        ("columns", "the columns are"),
        ("invents", "must raise UnknownSymbolError"),
    ],
)
def test_a_broken_promise_is_named(fault: str, message: str) -> None:
    faults = find_faults(FaultyProvider(fault), "MSFT", datetime(2023, 6, 1, tzinfo=UTC), END)
    assert any(message in each for each in faults), faults
    with pytest.raises(AssertionError, match="bars: "):
        check_provider(FaultyProvider(fault), "MSFT", datetime(2023, 6, 1, tzinfo=UTC), END)
