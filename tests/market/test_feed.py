"""The feed over Yahoo's provider on loopback and a store in memory."""

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
    """A provider, a store and a feed with a clock that the test turns."""

    def __init__(self, server: YahooServer, cache, **settings: float) -> None:
        self.now = datetime(2024, 3, 8, 22, tzinfo=UTC)
        self.server = server
        self.store = MemoryMarketDataStore()
        provider = YahooProvider(
            cache, server.url, seconds_between_requests=0, clock=lambda: self.now
        )
        self.feed = Feed(provider, self.store, FeedSettings(**settings))

    def refresh(self, *symbols: str, timeframe: Timeframe = Timeframe.D1, **options):
        outcomes = self.feed.refresh(symbols or ("ACME",), timeframe, self.now, **options)
        return {(outcome.symbol, outcome.source): outcome for outcome in outcomes}

    def bars(self, symbol: str = "ACME") -> pd.DataFrame:
        return self.store.bars("yahoo", symbol, Timeframe.D1)

    def daily_chart_requests(self) -> int:
        return self.server.request_counts["chart 1d"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("home") / "yahoo"


@pytest.fixture
def feed(cache):
    with YahooServer() as server, stamina.set_testing(True, attempts=2):
        yield FeedFixture(server, cache)


def test_the_first_refresh_fetches_history_and_the_second_fetches_nothing(feed):
    first = feed.refresh()
    assert first["ACME", BARS].rows == len(feed.bars()) > 40
    assert {outcome.state for outcome in first.values()} == {FetchState.FETCHED}
    request_counts = dict(feed.server.request_counts)
    second = feed.refresh()
    assert {outcome.state for outcome in second.values()} == {FetchState.CACHED}
    assert dict(feed.server.request_counts) == request_counts


def test_a_later_refresh_fetches_only_what_is_missing(feed):
    feed.refresh()
    feed.now += timedelta(days=3)
    feed.server.ranges.clear()
    outcome = feed.refresh()["ACME", BARS]
    assert (outcome.state, outcome.rows) == (FetchState.FETCHED, 1)
    assert min(start for _, start, _ in feed.server.ranges[:1]) > datetime(2024, 2, 28, tzinfo=UTC)


def test_a_bar_that_is_still_running_is_not_stored(feed):
    feed.now = datetime(2024, 3, 8, 18, tzinfo=UTC)
    feed.refresh()
    assert feed.bars()["at"].iloc[-1] == pd.Timestamp("2024-03-07", tz="UTC")


@pytest.mark.parametrize(
    "change", [{"dividends": {"2024-03-11": 0.5}}, {"splits": {"2024-03-11": 4.0}}]
)
def test_a_dividend_or_split_replaces_the_whole_history(feed, change):
    feed.refresh()
    feed.server.companies["ACME"] = FakeCompany(**change)
    feed.now += timedelta(days=3)
    feed.refresh()
    expected = feed.server.companies["ACME"].daily()[: len(feed.bars())]
    assert feed.bars()["adj_close"].tolist() == pytest.approx(expected["adj"].tolist())
    assert feed.bars()["close"].tolist() == pytest.approx(expected["close"].tolist())


def test_a_rewritten_history_is_explained_at_once_however_lately_it_was_fetched(feed):
    feed.now = datetime(2024, 3, 11, 12, tzinfo=UTC)
    feed.refresh()
    feed.server.companies["ACME"] = FakeCompany(splits={"2024-03-11": 4.0})
    feed.now = datetime(2024, 3, 11, 21, tzinfo=UTC)
    assert feed.refresh()["ACME", "actions"].state is FetchState.FETCHED
    since = feed.now - timedelta(days=30)
    facts = feed.store.read_many("yahoo", ["ACME"], "actions", since, feed.now)
    assert 4.0 in facts["value"].tolist()
    assert feed.refresh()["ACME", "actions"].state is FetchState.CACHED


def test_intraday_bars_further_back_than_yahoo_keeps_are_rescaled_after_a_split(feed):
    def change(ratio: float) -> pd.DataFrame:
        old = feed.store.bars("yahoo", "ACME", Timeframe.H1)
        bars = old.assign(**{c: old[c] * ratio for c in ("open", "high", "low", "close")})
        return bars.assign(adj_close=bars["close"], volume=old["volume"] / ratio)

    feed.refresh(timeframe=Timeframe.H1)
    feed.store.put_bars("yahoo", "ACME", Timeframe.H1, change(2.0), replace=True)
    ancient = change(1.0).head(1).assign(at=pd.Timestamp("2021-03-08 14:30", tz="UTC"))
    feed.store.put_bars("yahoo", "ACME", Timeframe.H1, ancient)
    feed.now += timedelta(days=3)
    feed.refresh(timeframe=Timeframe.H1)
    bars = feed.store.bars("yahoo", "ACME", Timeframe.H1)
    assert bars["at"].iloc[0].year == 2021
    assert bars["close"].unique().tolist() == [50.0]
    assert bars["volume"].unique().tolist() == [1_000.0]


def test_one_unknown_symbol_never_fails_the_rest_and_progress_says_so(feed):
    steps = []
    outcomes = feed.refresh("NOPE", "ACME", progress=lambda *step: steps.append(step))
    assert steps[0][0] == f"NOPE {BARS}: {outcomes['NOPE', BARS].reason}"
    assert steps[1][0] == f"ACME {BARS}"
    assert outcomes["NOPE", BARS].state is FetchState.FAILED
    assert "does not know NOPE" in outcomes["NOPE", BARS].reason
    assert outcomes["ACME", BARS].state is FetchState.FETCHED
    assert "NOPE" in feed.store.last_fetch("yahoo", "NOPE", BARS).error


def test_news_that_could_not_be_fetched_are_noted_and_not_taken_for_none(feed):
    feed.server.failures["/xhr/ncp"] = [(500, "{}"), None]
    outcomes = feed.refresh()
    assert outcomes["ACME", "news"].state is FetchState.FAILED
    assert feed.store.last_fetch("yahoo", "ACME", "news").error
    assert feed.store.last_fetch("yahoo", "ACME", "filings").error is None


def test_what_could_not_be_renewed_is_stale_since_the_last_success(feed):
    feed.refresh()
    fetched = feed.now
    feed.now += timedelta(hours=1)
    feed.server.failures["/xhr/ncp"] = [(500, "{}"), None]
    news = feed.refresh()["ACME", "news"]
    assert (news.state, news.since) == (FetchState.STALE, fetched)
    assert "500" in news.reason


def test_a_provider_that_says_429_is_left_alone_until_its_pause_is_over(feed):
    feed.server.failures["/chart/"] = [(429, "Too Many Requests"), None]
    outcomes = feed.refresh("ACME", "OTHER")
    assert {outcome.state for outcome in outcomes.values()} == {FetchState.FAILED}
    assert "left alone until 22:05" in outcomes["OTHER", BARS].reason
    assert not feed.server.request_counts["news"]
    request_counts = feed.server.request_counts.total()
    feed.now += timedelta(minutes=2)
    feed.refresh("ACME", "OTHER")
    assert feed.server.request_counts.total() == request_counts
    feed.server.failures.clear()
    feed.now += timedelta(minutes=4)
    assert feed.refresh()["ACME", BARS].state is FetchState.FETCHED


def test_a_failure_is_not_tried_again_at_once(feed):
    feed.server.failures["/xhr/ncp"] = [(500, "{}"), None]
    feed.refresh()
    request_counts = feed.server.request_counts["failed /xhr/ncp"]
    feed.now += timedelta(seconds=30)
    assert feed.refresh()["ACME", "news"].state is FetchState.FAILED
    assert feed.server.request_counts["failed /xhr/ncp"] == request_counts


def test_filings_seen_before_keep_the_instant_at_which_they_were_first_seen(feed):
    feed.server.statements = {"annual": {"TotalRevenue": {"2023-12-31": 1.0}}, "quarterly": {}}
    feed.refresh()
    first_seen = feed.now
    feed.now += timedelta(days=1)
    feed.refresh()
    filings = feed.store.filings("yahoo", "ACME")
    assert filings["known_at"].tolist() == [pd.Timestamp(first_seen)]


def test_a_longer_history_is_fetched_when_requested(feed):
    feed.server.companies["ACME"] = FakeCompany(first="2020-01-02")
    feed.refresh()
    assert feed.bars()["at"].iloc[0] >= pd.Timestamp("2022-03-09", tz="UTC")
    feed.refresh(since=datetime(2020, 1, 1, tzinfo=UTC))
    assert feed.bars()["at"].iloc[0] == pd.Timestamp("2020-01-02", tz="UTC")


def test_progress_is_reported_step_by_step_and_coins_have_no_filings(feed):
    feed.server.companies["BTC-USD"] = FakeCompany(name="Bitcoin USD")
    steps = []
    feed.refresh("BTC-USD", progress=lambda *step: steps.append(step))
    assert steps == [("BTC-USD bars 1d", 1, 2), ("BTC-USD news", 2, 2)]
