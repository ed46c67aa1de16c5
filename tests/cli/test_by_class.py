"""Coins from files beside shares from Yahoo: each class of symbols from its own market."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import stamina

from domain.errors import ConfigurationError
from domain.timeframe import Timeframe
from market.panels.panel_builder import PanelQuery, build_panels
from settings import load_settings
from tests.cli.conftest import Quorum, bars
from tests.market.yahoo_server import FakeCompany, YahooServer
from wiring.market import choose_market
from wiring.stores import open_stores, utc_now

NOW = datetime(2024, 3, 29, tzinfo=UTC)


def silent(_: str) -> None:
    pass


@pytest.fixture
def coins(quorum: Quorum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Quorum:
    """A home that holds imported coins and takes nothing else from files."""
    monkeypatch.setenv("QUORUM__MARKET__BY_CLASS", '{"crypto": "files"}')
    frame = bars(("BTC-USDT", "ETH-USDT"), days=300)
    frame["date"] += pd.Timestamp("2024-03-28") - frame["date"].max()
    frame.to_csv(tmp_path / "coins.csv", index=False)
    assert quorum("import", str(tmp_path / "coins.csv"))[0] == 0
    return quorum


@pytest.mark.usefixtures("coins")
@pytest.mark.parametrize("provider", ["yahoo", "auto"])
def test_a_panel_takes_each_class_from_its_own_market(provider: str) -> None:
    with YahooServer() as server, stamina.set_testing(True):
        server.companies["SPY"] = (
            FakeCompany()
        )  # which `auto` asks for to see whether Yahoo answers
        settings = load_settings({"market": {"provider": provider}, "yahoo": {"url": server.url}})
        with open_stores(settings) as stores:
            market = choose_market(settings, stores.market_data, utc_now, silent)
            assert market.name == "yahoo"
            assert market.feed is not None
            fetched = market.feed.refresh(["ACME", "BTC-USDT"], Timeframe.D1, NOW)
            assert {outcome.symbol for outcome in fetched} == {"ACME"}
            stored = stores.market_data.symbols("yahoo")
            assert stored == ["ACME", "BTC-USDT", "ETH-USDT"]
            built = build_panels(
                stores.market_data,
                PanelQuery(
                    market="yahoo", symbols=stored, timeframe=Timeframe.D1, as_of=NOW, horizon=5
                ),
            )
            assert [panel.symbols for panel, _ in built] == [("ACME",), ("BTC-USDT", "ETH-USDT")]


@pytest.mark.usefixtures("imported")
def test_files_may_leave_a_class_to_yahoo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUORUM__MARKET__BY_CLASS", '{"crypto": "yahoo"}')
    with YahooServer() as server, stamina.set_testing(True):
        server.companies["BTC-USD"] = FakeCompany()
        settings = load_settings({"market": {"provider": "auto"}, "yahoo": {"url": server.url}})
        with open_stores(settings) as stores:
            market = choose_market(settings, stores.market_data, utc_now, silent)
            assert market.name == "files"
            assert market.feed is not None
            fetched = market.feed.refresh(["AAPL", "BTC-USD"], Timeframe.D1, NOW)
            assert {outcome.symbol for outcome in fetched} == {"BTC-USD"}
            assert stores.market_data.symbols("files") == ["AAPL", "BTC-USD", "MSFT", "SPY"]


@pytest.mark.usefixtures("coins")
def test_the_simulated_market_never_stands_beside_a_class_of_its_own() -> None:
    settings = load_settings()
    with (
        open_stores(settings) as stores,
        pytest.raises(ConfigurationError, match=r"never mixed\. Remove by_class"),
    ):
        choose_market(settings, stores.market_data, utc_now, silent)


def test_what_files_hold_cannot_be_downloaded(coins: Quorum) -> None:
    code, _, error = coins("download", "BTC-USDT", "--market", "yahoo")
    assert code == 2
    assert "BTC-USDT cannot be downloaded" in error
    assert "quorum import PATH" in error
