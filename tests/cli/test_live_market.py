"""Deciding on Yahoo from a new home, over the real yfinance and a loopback server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import stamina

from tests.cli.conftest import Quorum
from tests.market.yahoo_server import FakeCompany, YahooServer


@pytest.fixture
def yahoo(quorum: Quorum, monkeypatch: pytest.MonkeyPatch) -> Iterator[YahooServer]:
    today = datetime.now(UTC)
    with YahooServer() as server, stamina.set_testing(True, attempts=2):
        server.companies["ACME"] = FakeCompany(
            first=f"{today - timedelta(days=500):%F}", last=f"{today - timedelta(days=1):%F}"
        )
        monkeypatch.setenv("QUORUM__YAHOO__URL", server.url)
        yield server


def test_a_new_home_fetches_what_it_needs_and_decides_on_the_real_market(
    quorum: Quorum, yahoo: YahooServer
) -> None:
    code, body, error = quorum("decide", "ACME", "--market", "yahoo", "--in-process", "--json")
    assert code == 0, error
    assert (body["market"], body["simulated"]) == ("yahoo", False)
    [decision] = body["decisions"]
    assert decision["votes"][0]["p_up"] is not None
    assert yahoo.request_counts["chart 1d"] >= 1


def test_what_is_stored_is_not_fetched_again(quorum: Quorum, yahoo: YahooServer) -> None:
    words = ("decide", "ACME", "--market", "yahoo", "--in-process", "--json")
    first = quorum(*words)[1]
    yahoo.request_counts.clear()
    assert quorum(*words)[1] == first
    assert yahoo.request_counts["chart 1d"] == 0


def test_a_symbol_that_yahoo_does_not_know_is_refused_by_name(
    quorum: Quorum, yahoo: YahooServer
) -> None:
    code, _, error = quorum("decide", "NOSUCH", "--market", "yahoo", "--in-process", "--json")
    assert code == 2
    assert "NOSUCH" in error


def test_a_provider_that_refuses_everything_is_reported_and_may_be_tried_again(
    quorum: Quorum, yahoo: YahooServer
) -> None:
    for path in ("chart", "ncp", "fundamentals", "earnings"):
        yahoo.failures[path] = [(429, "Too Many Requests"), None]
    code, _, error = quorum("download", "ACME", "--market", "yahoo", "--json")
    assert code == 4
    assert "asked too often" in error or "429" in error
