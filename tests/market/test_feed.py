"""The feed over Yahoo's provider on loopback and a library in memory."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import stamina

from domain.timeframe import Timeframe
from market.feed import Feed, FeedSettings, FetchState
from market.providers.yahoo import YahooProvider
from tests.market.memory_store import MemoryMarketDataStore
from tests.market.yahoo_server import FakeCompany, YahooServer

BARS = "bars 1d"


class FeedFixture:
    """A provider, a library and a feed with a clock that the test turns."""

    def __init__(self, server: YahooServer, cache, **settings: float) -> None:
        self.now = datetime(2024, 3, 8, 22, tzinfo=UTC)
        self.server = server
        self.library = MemoryMarketDataStore()
        provider = YahooProvider(
            cache, server.url, seconds_between_requests=0, clock=lambda: self.now
        )
        self.feed = Feed(provider, self.library, FeedSettings(**settings))

    def refresh(self, *symbols: str, **options):
        outcomes = self.feed.refresh(symbols or ("ACME",), Timeframe.D1, self.now, **options)
        return {(outcome.symbol, outcome.source): outcome for outcome in outcomes}

    def bars(self, symbol: str = "ACME") -> pd.DataFrame:
        return self.library.bars("yahoo", symbol, Timeframe.D1)

    def daily_chart_requests(self) -> int:
        return self.server.request_counts["chart 1d"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("home") / "yahoo"


@pytest.fixture
def feed(cache):
    with YahooServer() as server, stamina.set_testing(True, attempts=2):
        yield FeedFixture(server, cache)


def test_the_first_refresh_fetches_history_and_the_second_asks_for_nothing(house):
    first = house.refresh()
    assert first["ACME", BARS].rows == len(house.bars()) > 40
    assert {outcome.state for outcome in first.values()} == {FetchState.FETCHED}
    asked = dict(house.server.asked)
    second = house.refresh()
    assert {outcome.state for outcome in second.values()} == {FetchState.CACHED}
    assert dict(house.server.asked) == asked


def test_a_later_refresh_fetches_only_what_is_missing(house):
    house.refresh()
    house.now += timedelta(days=3)
    house.server.ranges.clear()
    outcome = house.refresh()["ACME", BARS]
    assert (outcome.state, outcome.rows) == (FetchState.FETCHED, 1)
    assert min(start for _, start, _ in house.server.ranges[:1]) > datetime(2024, 2, 28, tzinfo=UTC)


def test_a_bar_that_is_still_running_is_not_stored(house):
    house.now = datetime(2024, 3, 8, 18, tzinfo=UTC)
    house.refresh()
    assert house.bars()["at"].iloc[-1] == pd.Timestamp("2024-03-07", tz="UTC")


@pytest.mark.parametrize(
    "change", [{"dividends": {"2024-03-11": 0.5}}, {"splits": {"2024-03-11": 4.0}}]
)
def test_a_dividend_or_split_replaces_the_whole_history(house, change):
    house.refresh()
    house.server.shares["ACME"] = FakeCompany(**change)
    house.now += timedelta(days=3)
    house.refresh()
    told = house.server.shares["ACME"].daily()[: len(house.bars())]
    assert house.bars()["adj_close"].tolist() == pytest.approx(told["adj"].tolist())
    assert house.bars()["close"].tolist() == pytest.approx(told["close"].tolist())


def test_a_rewritten_history_is_explained_at_once_however_lately_it_was_asked(house):
    house.now = datetime(2024, 3, 11, 12, tzinfo=UTC)
    house.refresh()
    house.server.shares["ACME"] = FakeCompany(splits={"2024-03-11": 4.0})
    house.now = datetime(2024, 3, 11, 21, tzinfo=UTC)
    assert house.refresh()["ACME", "actions"].state is FetchState.FETCHED
    since = house.now - timedelta(days=30)
    facts = house.library.facts("yahoo", ["ACME"], "actions", since, house.now)
    assert 4.0 in facts["value"].tolist()
    assert house.refresh()["ACME", "actions"].state is FetchState.CACHED


def test_intraday_bars_further_back_than_yahoo_keeps_are_rescaled_after_a_split(house):
    def change(ratio: float) -> pd.DataFrame:
        old = house.library.bars("yahoo", "ACME", Timeframe.H1)
        bars = old.assign(**{c: old[c] * ratio for c in ("open", "high", "low", "close")})
        return bars.assign(adj_close=bars["close"], volume=old["volume"] / ratio)

    house.feed.refresh(["ACME"], Timeframe.H1, house.now)
    house.library.put_bars("yahoo", "ACME", Timeframe.H1, change(2.0), replace=True)
    ancient = change(1.0).head(1).assign(at=pd.Timestamp("2021-03-08 14:30", tz="UTC"))
    house.library.put_bars("yahoo", "ACME", Timeframe.H1, ancient)
    house.now += timedelta(days=3)
    house.feed.refresh(["ACME"], Timeframe.H1, house.now)
    bars = house.library.bars("yahoo", "ACME", Timeframe.H1)
    assert bars["at"].iloc[0].year == 2021
    assert bars["close"].unique().tolist() == [50.0]
    assert bars["volume"].unique().tolist() == [1_000.0]


def test_one_unknown_symbol_never_fails_the_rest_and_progress_says_so(house):
    steps = []
    outcomes = house.refresh("NOPE", "ACME", progress=lambda *step: steps.append(step))
    assert steps[0][0] == f"NOPE {BARS}: {outcomes['NOPE', BARS].why}"
    assert steps[1][0] == f"ACME {BARS}"
    assert outcomes["NOPE", BARS].state is FetchState.FAILED
    assert "does not know NOPE" in outcomes["NOPE", BARS].why
    assert outcomes["ACME", BARS].state is FetchState.FETCHED
    assert "NOPE" in house.library.fetched("yahoo", "NOPE", BARS).error


def test_news_that_could_not_be_fetched_are_noted_and_not_taken_for_none(house):
    house.server.failures["/xhr/ncp"] = [(500, "{}"), None]
    outcomes = house.refresh()
    assert outcomes["ACME", "news"].state is FetchState.FAILED
    assert house.library.fetched("yahoo", "ACME", "news").error
    assert house.library.fetched("yahoo", "ACME", "filings").error is None


def test_what_could_not_be_renewed_is_stale_since_the_last_success(house):
    house.refresh()
    fetched = house.now
    house.now += timedelta(hours=1)
    house.server.failures["/xhr/ncp"] = [(500, "{}"), None]
    news = house.refresh()["ACME", "news"]
    assert (news.state, news.since) == (FetchState.STALE, fetched)
    assert "500" in news.why


def test_a_provider_that_says_429_is_left_alone_until_its_pause_is_over(house):
    house.server.failures["/chart/"] = [(429, "Too Many Requests"), None]
    outcomes = house.refresh("ACME", "OTHER")
    assert {outcome.state for outcome in outcomes.values()} == {FetchState.FAILED}
    assert "left alone until 22:05" in outcomes["OTHER", BARS].why
    assert not house.server.asked["news"]
    asked = house.server.asked.total()
    house.now += timedelta(minutes=2)
    house.refresh("ACME", "OTHER")
    assert house.server.asked.total() == asked
    house.server.failures.clear()
    house.now += timedelta(minutes=4)
    assert house.refresh()["ACME", BARS].state is FetchState.FETCHED


def test_a_failure_is_not_asked_again_at_once(house):
    house.server.failures["/xhr/ncp"] = [(500, "{}"), None]
    house.refresh()
    asked = house.server.asked["failed /xhr/ncp"]
    house.now += timedelta(seconds=30)
    assert house.refresh()["ACME", "news"].state is FetchState.FAILED
    assert house.server.asked["failed /xhr/ncp"] == asked


def test_filings_seen_before_keep_the_instant_at_which_they_were_first_seen(house):
    house.server.statements = {"annual": {"TotalRevenue": {"2023-12-31": 1.0}}, "quarterly": {}}
    house.refresh()
    first_seen = house.now
    house.now += timedelta(days=1)
    house.refresh()
    filings = house.library.filings("yahoo", "ACME")
    assert filings["known_at"].tolist() == [pd.Timestamp(first_seen)]


def test_a_longer_history_is_fetched_when_asked_for(house):
    house.server.shares["ACME"] = FakeCompany(first="2020-01-02")
    house.refresh()
    assert house.bars()["at"].iloc[0] >= pd.Timestamp("2022-03-09", tz="UTC")
    house.refresh(since=datetime(2020, 1, 1, tzinfo=UTC))
    assert house.bars()["at"].iloc[0] == pd.Timestamp("2020-01-02", tz="UTC")


def test_progress_is_told_step_by_step_and_coins_have_no_filings(house):
    house.server.shares["BTC-USD"] = FakeCompany(name="Bitcoin USD")
    steps = []
    house.refresh("BTC-USD", progress=lambda *step: steps.append(step))
    assert steps == [("BTC-USD bars 1d", 1, 2), ("BTC-USD news", 2, 2)]
