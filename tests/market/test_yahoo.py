"""The real yfinance against a loopback server that answers as Yahoo does."""

import subprocess
import sys
from datetime import UTC, datetime

import pandas as pd
import pytest
import stamina

from domain.errors import InputError, ProviderError, RateLimitedError, UnknownSymbolError
from domain.timeframe import Timeframe
from market.provider import BAR_COLUMNS, EARNINGS_COLUMNS, FILING_COLUMNS, NEWS_COLUMNS
from market.providers.yahoo import YahooProvider
from tests.market.yahoo_server import FakeCompany, YahooServer

TODAY = datetime(2024, 3, 29, tzinfo=UTC)
YEAR = (datetime(2024, 1, 1, tzinfo=UTC), TODAY)
FOR_EVER = None


@pytest.fixture(autouse=True)
def _no_waiting():
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def server():
    with YahooServer() as server:
        yield server


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One for the module: yfinance keeps the first directory it was given open."""
    return tmp_path_factory.mktemp("home") / "yahoo"


@pytest.fixture
def yahoo(server, cache):
    return YahooProvider(cache, server.url, seconds_between_requests=0, clock=lambda: TODAY)


def test_daily_bars_are_stamped_with_the_exchanges_date_at_midnight_utc(yahoo, server):
    bars = yahoo.bars("ACME", Timeframe.D1, *YEAR)
    expected = server.companies["ACME"].daily()
    assert list(bars.columns) == BAR_COLUMNS
    assert bars["at"].iloc[0] == pd.Timestamp("2024-01-02", tz="UTC")
    assert bars["at"].dtype == "datetime64[us, UTC]"
    assert bars["close"].tolist() == pytest.approx(expected["close"].tolist())


def test_only_the_requested_range_is_given(yahoo):
    start, end = datetime(2024, 2, 5, tzinfo=UTC), datetime(2024, 2, 7, tzinfo=UTC)
    bars = yahoo.bars("ACME", Timeframe.D1, start, end)
    assert [at.day for at in bars["at"]] == [5, 6]


def test_splits_adjust_prices_and_dividends_only_adj_close(yahoo, server):
    server.companies["ACME"] = FakeCompany(
        splits={"2024-02-05": 4.0}, dividends={"2024-03-01": 0.5}
    )
    bars = yahoo.bars("ACME", Timeframe.D1, *YEAR).set_index("at")
    before, after = bars.loc["2024-02-02"], bars.loc["2024-03-04"]
    assert 24 <= before["close"].item() <= 28
    assert before["adj_close"].item() < before["close"].item()
    assert after["adj_close"].item() == after["close"].item()


def test_corporate_actions_are_splits_and_dividends(yahoo, server):
    server.companies["ACME"] = FakeCompany(
        splits={"2024-02-05": 4.0}, dividends={"2024-03-01": 0.5}
    )
    actions = yahoo.actions("ACME", *YEAR)
    assert actions[["kind", "value"]].to_numpy().tolist() == [["split", 4.0], ["dividend", 0.5]]
    assert actions["at"].tolist() == [
        pd.Timestamp("2024-02-05", tz="UTC"), pd.Timestamp("2024-03-01", tz="UTC")
    ]  # fmt: skip


@pytest.mark.parametrize("timeframe", [t for t in Timeframe if t.intraday])
def test_intraday_bars_are_stamped_with_their_opening_instant(yahoo, timeframe):
    start = datetime(2024, 3, 26, tzinfo=UTC)
    bars = yahoo.bars("ACME", timeframe, start, TODAY)
    assert bars["at"].iloc[0] == pd.Timestamp("2024-03-26 13:30", tz="UTC")
    assert bars["at"].diff().median() == timeframe.duration


def test_long_ranges_of_minutes_are_requested_in_pieces_and_no_further_back_than_yahoo_keeps(
    yahoo, server
):
    bars = yahoo.bars("ACME", Timeframe.M1, datetime(2023, 1, 1, tzinfo=UTC), TODAY)
    requested_days = [
        (end - start).days for interval, start, end in server.ranges if interval == "1m"
    ]
    assert len(requested_days) > 1
    assert max(requested_days) <= 7
    assert bars["at"].is_unique
    assert bars["at"].iloc[0] >= pd.Timestamp("2024-02-29", tz="UTC")


def test_a_range_that_yahoo_no_longer_keeps_is_refused_with_the_remedy(yahoo):
    with pytest.raises(InputError, match=r"keeps 5m bars only since 2024-01-30.*Ask for 1d"):
        yahoo.bars(
            "ACME", Timeframe.M5, datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC)
        )


def test_a_range_without_sessions_is_empty_and_no_failure(yahoo):
    bars = yahoo.bars(
        "ACME", Timeframe.D1, datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC)
    )
    assert bars.empty
    assert list(bars.columns) == BAR_COLUMNS


def test_an_unknown_symbol_differs_from_a_failure(yahoo):
    with pytest.raises(UnknownSymbolError, match="does not know NOPE"):
        yahoo.bars("NOPE", Timeframe.D1, *YEAR)


def test_it_recovers_when_yahoo_says_too_many_requests_once(yahoo, server):
    server.failures["/chart/"] = [(429, "Too Many Requests")] * 2
    assert len(yahoo.bars("ACME", Timeframe.D1, *YEAR)) == len(server.companies["ACME"].daily())
    assert server.request_counts["failed /chart/"] == 2


def test_a_lasting_429_becomes_an_error_that_says_so(yahoo, server, capsys):
    server.failures["/chart/"] = [(429, "Too Many Requests"), FOR_EVER]
    with pytest.raises(RateLimitedError, match="asked too often"):
        yahoo.bars("ACME", Timeframe.D1, *YEAR)
    assert capsys.readouterr().out == ""  # standard output belongs to --json


SOURCES = {
    "bars": ("/chart/", lambda yahoo: yahoo.bars("ACME", Timeframe.D1, *YEAR)),
    "actions": ("/chart/", lambda yahoo: yahoo.actions("ACME", *YEAR)),
    "quote": ("/chart/", lambda yahoo: yahoo.quote("ACME")),
    "news": ("/xhr/ncp", lambda yahoo: yahoo.news("ACME", *YEAR)),
    "filings": ("/fundamentals-timeseries/", lambda yahoo: yahoo.filings("ACME")),
    "earnings": ("/calendar/earnings", lambda yahoo: yahoo.earnings("ACME")),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "answer",
    [(200, '{"chart":'), (200, "<html>Oops</html>"), (200, "{}"), (500, "{}"), (503, ""),
     (401, '{"finance": {"error": {"code": "Unauthorized"}}}')],
)  # fmt: skip
def test_answers_out_of_shape_become_provider_errors(yahoo, server, source, answer):
    path, ask = SOURCES[source]
    server.failures[path] = [answer, FOR_EVER]
    with pytest.raises(ProviderError, match="ACME"):
        ask(yahoo)
    server.failures.clear()
    ask(yahoo)  # nothing of the failure has stuck


def test_a_closed_port_is_a_provider_error_and_not_reachable(cache):
    yahoo = YahooProvider(cache, "http://127.0.0.1:9", seconds_between_requests=0)
    assert not yahoo.is_reachable()
    with pytest.raises(ProviderError, match="Try again later"):
        yahoo.earnings("ACME")


def test_reachable_means_that_prices_are_given(yahoo, server):
    server.companies["SPY"] = FakeCompany(name="SPDR S&P 500")
    assert yahoo.is_reachable()
    server.failures["/chart/"] = [(429, "Too Many Requests"), FOR_EVER]
    assert not yahoo.is_reachable()


def test_no_news_is_an_empty_frame(yahoo):
    news = yahoo.news("ACME", *YEAR)
    assert news.empty
    assert list(news.columns) == NEWS_COLUMNS


def test_news_carry_their_instant_and_whether_they_name_the_company(yahoo, server):
    server.add_article("Acme beats expectations", "2024-03-04T13:00:00Z")
    server.add_article("Ten shares to watch", "2024-03-05T13:00:00Z", summary="Among them $ACME.")
    server.add_article("Rates rise again", "2024-03-06T13:00:00Z")
    server.add_article("Too old", "2020-03-06T13:00:00Z")
    news = yahoo.news("ACME", *YEAR)
    assert news["known_at"].dt.day.tolist() == [4, 5, 6]
    assert news["relevance"].tolist() == [1.0, 1.0, 0.3]
    assert news["source"].unique().tolist() == ["Daily Example"]


def test_a_hostile_headline_is_kept_as_harmless_text(yahoo, server):
    server.add_article(
        "<script>alert(1)</script>\x00\u202eevil\n" + "x" * 100_000,
        "2024-03-04T13:00:00Z",
        canonicalUrl={"url": "javascript:alert(1)"},
        provider=None,
    )
    (news,) = yahoo.news("ACME", *YEAR).to_dict("records")
    assert news["headline"].startswith("<script>alert(1)</script>evil x")
    assert len(news["headline"]) == 500
    assert news["headline"].isprintable()
    assert news["url"] == news["source"] == ""


def test_news_of_another_shape_are_a_failure_and_not_emptiness(yahoo, server):
    server.articles.append({"headline": "who knows"})
    with pytest.raises(ProviderError, match="another shape"):
        yahoo.news("ACME", *YEAR)


def test_statements_are_known_from_the_moment_they_are_fetched(yahoo, server):
    server.statements = {
        "annual": {"TotalRevenue": {"2022-09-30": 100.0, "2023-09-30": 110.0}},
        "quarterly": {
            "TotalRevenue": {"2023-06-30": 26.0, "2023-09-30": 28.0, "2023-12-31": 31.0},
            "NetIncome": {"2023-12-31": 3.0},
        },
    }
    filings = yahoo.filings("ACME")
    assert list(filings.columns) == FILING_COLUMNS
    assert (filings["known_at"] == pd.Timestamp(TODAY)).all()
    assert filings[["fiscal_year", "fiscal_quarter", "revenue"]].to_numpy().tolist() == [
        [2022, 4, 100.0], [2023, 3, 26.0], [2023, 4, 110.0], [2024, 1, 31.0]
    ]  # fmt: skip


def test_a_fund_files_nothing_and_that_is_no_failure(yahoo):
    assert yahoo.filings("ACME").empty


def test_earnings_are_known_at_the_end_of_the_hour_they_are_stamped_with(yahoo, server):
    server.add_earnings(
        ("February 01, 2024 at 4 PM EST", "1.0", "1.2"),
        ("November 02, 2023 at 12 AM EDT", "-", "0.9"),
        ("May 01, 2024 at 4 PM EDT", "1.1", "-"),
    )
    earnings = yahoo.earnings("ACME")
    assert list(earnings.columns) == EARNINGS_COLUMNS
    assert earnings["known_at"].tolist() == [
        pd.Timestamp("2023-11-03", tz="UTC"), pd.Timestamp("2024-02-01 22:00", tz="UTC")
    ]  # fmt: skip
    assert earnings["eps_actual"].tolist() == [0.9, 1.2]
    assert earnings["eps_estimate"].isna().tolist() == [True, False]


def test_a_quote_names_price_previous_close_and_company(yahoo, server):
    quote = yahoo.quote("ACME")
    closes = server.companies["ACME"].daily()["close"]
    assert (quote.price, quote.previous_close) == tuple(closes.iloc[[-1, -2]])
    assert (quote.name, quote.currency) == ("Acme Industries, Inc.", "USD")
    assert quote.at == datetime(2024, 3, 28, 20, tzinfo=UTC)


def test_what_yfinance_keeps_lies_in_the_directory_given(server, tmp_path):
    asking = """
import sys
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from domain.timeframe import Timeframe
from market.providers.yahoo import YahooProvider
year = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC)
provider = YahooProvider(Path(sys.argv[1]), sys.argv[2], seconds_between_requests=0)
print(len(provider.bars("ACME", Timeframe.D1, *year)))
"""
    command = [sys.executable, "-c", asking, str(tmp_path / "yahoo"), server.url]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert any((tmp_path / "yahoo").iterdir())
