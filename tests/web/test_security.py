"""Other sites, other names and hostile text get nowhere."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar, get
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from market.provider import NEWS_COLUMNS
from tests.web.conftest import BACKTEST_ID, Client
from tests.web.demo_app import NOW, DemoApp
from web import formatting
from web.security.permissions import OPTION, Permission, require_permission

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</hx-partial><hx-partial hx-target='body'>gone</hx-partial>",
    "{{ 7 * 7 }}{% raw %}",
    "\x00\x07\x1b[31mcontrol\x9f",
    "\u202eright to left\u2066 isolated",
    "half \ud800 character",
    "line one\r\n\r\ndata: forged\n\nevent: sys.reset",
    "A" * 100_000,
)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1:80", ""])
def test_a_name_that_was_rebound_is_refused(client: Client, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:8765", "127.0.0.1:1", "[::1]:8765"])
def test_loopback_names_are_answered(client: Client, host: str) -> None:
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/engine/pause", "/api/v1/engine/pause", "/preferences", "/trade", "/trade/preview",
        "/orders/cancel", "/orders/1/amend", "/orders/1/cancel", "/api/v1/orders",
        "/api/v1/orders/preview",
    ],
)  # fmt: skip
def test_another_site_changes_nothing(
    client: Client, demo_app: DemoApp, path: str, headers: dict[str, str]
) -> None:
    for method in ("POST", "PATCH", "DELETE"):
        assert client.request(method, path, headers=headers).status_code == 403
    assert demo_app.engine.state.value == "running"


def test_our_own_pages_may(client: Client) -> None:
    headers = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
    assert client.post("/engine/pause", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2f..%2fpyproject.toml",
        "/static/%2e%2e/%2e%2e/pyproject.toml",
        "/static//etc/passwd",
        "/static/quorum.css%00.txt",
    ],
)
def test_no_path_leads_out_of_the_static_files(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_static_files_are_kept_for_ever_under_their_hash(client: Client) -> None:
    page = client.get("/").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = client.get(address)
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/static/quorum.css").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/health", "/api/v1/status", "/static/quorum.css", "/no"])
def test_head_is_answered_as_get_is_without_the_body(client: Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert get.headers["content-type"].count("charset") <= 1
    assert client.head("/api/v1/events").status_code == 405


def test_what_the_router_refuses_passes_the_same_door(client: Client) -> None:
    assert client.patch("/", headers={"host": "evil.example"}).status_code == 403
    refused = client.patch("/")
    assert refused.status_code == 405
    assert "content-security-policy" in refused.headers


def test_every_answer_carries_the_policy(client: Client) -> None:
    for path in ("/", "/nowhere", "/api/v1/status", "/static/quorum.css"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'self'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy


def test_no_page_needs_more_than_the_policy_allows(client: Client) -> None:
    for path in (
        "/", "/insights", "/symbols/AAPL", "/engine", "/decisions", "/agents", "/agents/risk",
        "/backtests", f"/backtests/{BACKTEST_ID}", "/portfolio", "/trades",
        "/trade?symbol=AAPL", "/orders",
    ):  # fmt: skip
        page = client.get(path).text
        assert " style=" not in page
        assert " onclick=" not in page
        assert "<script>" not in page


def test_hostile_headlines_reach_page_and_json_harmless(client: Client, demo_app: DemoApp) -> None:
    count = len(HOSTILE)
    frame = pd.DataFrame(
        {
            "symbol": "AAPL",
            "known_at": pd.DatetimeIndex(
                [NOW - timedelta(hours=4, minutes=k) for k in range(count)]
            ),
            "headline": pd.Series(HOSTILE, dtype=object),
            "summary": "",
            "source": "<b>source</b>",
            "url": ["javascript:alert(1)", "data:text/html,x", "http://ok.example/a", *[""] * 6],
            "relevance": 1.0,
        }
    )[NEWS_COLUMNS]
    demo_app.store.put_news("demo", "AAPL", frame)
    demo_app.run_cycle(NOW)
    page = client.get("/symbols/AAPL").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "javascript:" not in page
    assert "data:text" not in page
    assert "A" * 400 not in page
    assert "http://ok.example/a" in page
    assert not any(c in page for c in "\x00\x07\x1b\u202e\u2066")
    news = client.get("/api/v1/symbols/AAPL/news").json()["news"]
    assert {item["headline"] for item in news} >= {HOSTILE[0], HOSTILE[-1]}
    receipt = next(
        r for r in demo_app.records.latest("demo", "live") if r.decision.symbol == "AAPL"
    ).decision.receipt
    for path in (f"/decisions/{receipt}", "/insights", "/", "/decisions"):
        assert "<script>alert" not in client.get(path).text


@given(st.text())
def test_a_line_is_one_line_without_characters_that_act(text: str) -> None:
    shown = formatting.single_line(text)
    assert len(shown) <= formatting.MAX_LINE_LENGTH
    assert not set(shown) & set("\x00\n\r\x1b\u202e\u2066\ud800")


@given(st.text(), st.text())
def test_different_texts_have_different_ids(one: str, other: str) -> None:
    assert (formatting.slug(one) == formatting.slug(other)) == (one == other)


@given(st.text())
def test_an_address_is_followed_only_to_the_web(text: str) -> None:
    for address in (text, f"javascript:{text}", f"data:{text}"):
        shown = formatting.safe_url(address)
        assert shown is None or shown.lower().startswith(("http://", "https://"))


def test_times_are_said_in_utc() -> None:
    assert formatting.instant(datetime(2020, 3, 2, 21, tzinfo=UTC)) == "2020-03-02 21:00 UTC"


def test_every_route_declares_its_permission(client: Client) -> None:
    handlers = [
        (route.path, handler)
        for route in client.app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.http_methods != {"OPTIONS"}
    ]
    assert len(handlers) > 100
    undeclared = [path for path, handler in handlers if handler.opt.get(OPTION) not in Permission]
    assert undeclared == []


def test_a_route_without_a_permission_is_refused() -> None:
    @get("/new", sync_to_thread=False)
    def new() -> str:
        return "served"

    with TestClient(Litestar([new], guards=[require_permission])) as client:
        assert client.get("/new").status_code == 403
