"""A real browser on a real server: pages load clean, a vote reaches its pixel, a restart heals."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from domain.events import EventKind
from tests.web.account_fixtures import build_account_history
from tests.web.browser.chromium import HOW_TO, find_chromium, launch_browser
from tests.web.conftest import BACKTEST_ID, OTHER_BACKTEST_ID
from tests.web.demo_app import NOW, DemoApp
from web.assets import MODULES

pytestmark = pytest.mark.browser

AXE = MODULES / "axe-core" / "axe.min.js"
PAGES = (
    "/", "/insights", "/decisions", "/engine", "/symbols/AAPL", "/agents", "/agents/risk",
    "/backtests", f"/backtests/{BACKTEST_ID}",
    f"/backtests/compare?ids={BACKTEST_ID},{OTHER_BACKTEST_ID}",
    "/portfolio", "/trades", "/trade?symbol=AAPL", "/orders", "/lab", "/lab/models/shipped",
)  # fmt: skip
LOOKS = (("dark", 1440), ("light", 390))


@pytest.fixture(scope="module")
def driven_browser() -> Iterator[Browser]:
    if find_chromium() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO)
        pytest.skip(HOW_TO)
    with launch_browser() as started:
        yield started


@contextmanager
def serve_home(folder: Path, port: int, *options: str) -> Iterator[str]:
    """The home's server in a process of its own, ended as a crash would end it."""
    command = [sys.executable, "-m", "tests.web.serve", str(folder), str(port), *options]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    try:
        _await(f"{url}/health")
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_pages_load_without_a_complaint_and_are_accessible(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    receipt = demo_app.records.latest("demo", "live")[0].decision.receipt
    with serve_home(tmp_path / "home", port) as url:
        for theme, width in LOOKS:
            context = driven_browser.new_context(
                viewport={"width": width, "height": 900}, bypass_csp=False
            )
            context.add_cookies([{"name": "theme", "value": theme, "url": url}])
            page, complaints = _recording_errors(context.new_page())
            for path in (*PAGES, f"/decisions/{receipt}", "/nowhere"):
                page.goto(url + path)
                if path != "/nowhere":
                    page.wait_for_selector("#live[data-state=live]", state="attached")
                if path.startswith("/symbols"):
                    page.wait_for_selector("px-chart[data-drawn]")
                assert _accessibility_violations(page) == [], f"{path} {theme} {width}"
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{path} is {wide} wide at {width}"
            unasked = [c for c in complaints if "404" not in c]
            assert unasked == []
            context.close()


@pytest.mark.parametrize("width", [1440, 1280, 1024, 390])
def test_the_votes_of_eight_agents_stand_beside_each_other(
    driven_browser: Browser, eight: str, width: int
) -> None:
    for theme in ("dark", "light"):
        context = driven_browser.new_context(viewport={"width": width, "height": 900})
        context.add_cookies([{"name": "theme", "value": theme, "url": eight}])
        page = context.new_page()
        page.goto(f"{eight}/insights")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cells = page.locator("#row-AAPL .vote").all()
        assert len(cells) == 8
        for cell in cells:
            box = cell.bounding_box()
            assert box is not None
            assert 0 <= box["x"] < box["x"] + box["width"] <= width
        assert _accessibility_violations(page) == []
        context.close()


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with eight agents."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = tmp_path_factory.mktemp("eight")
    with serve_home(folder, port, "--more", "wind", "tide", "moon") as url:
        yield url


def test_a_vote_reaches_its_pixel_and_a_restarted_server_is_found_again(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    with driven_browser.new_context() as context:
        page, _ = _recording_errors(context.new_page())
        with serve_home(tmp_path / "home", port) as url:
            page.goto(f"{url}/insights")
            page.wait_for_selector("#live[data-state=live]")
            _vote(demo_app, "NVDA", 0.61)
            page.wait_for_function(_shows("NVDA", "61"), timeout=5000)
        page.wait_for_selector("#live[data-state=offline]", timeout=20000)
        demo_app.run_cycle(NOW + timedelta(days=3))  # recorded while no server was running
        recorded = next(
            r for r in demo_app.records.latest("demo", "live") if r.decision.symbol == "XOM"
        )
        with serve_home(tmp_path / "home", port):
            link = f"#decision-XOM a[href='/decisions/{recorded.decision.receipt}']"
            page.wait_for_selector(link, timeout=30000)
            page.wait_for_selector("#live[data-state=live]")
            assert page.evaluate("document.querySelectorAll('.stream').length") == 1


def test_the_keyboard_alone_chooses_a_symbol_and_halts_the_engine(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    with serve_home(tmp_path / "home", port) as url, driven_browser.new_context() as context:
        page, complaints = _recording_errors(context.new_page())
        page.goto(f"{url}/insights")
        page.focus("#row-XOM a.symbol")
        page.keyboard.press("Enter")
        page.wait_for_selector("#why-XOM")
        page.keyboard.press("/")
        page.keyboard.type("msft")
        page.keyboard.press("Enter")
        page.wait_for_url("**/symbols/MSFT")
        page.wait_for_selector("px-chart[data-drawn]")
        page.goto(f"{url}/engine")
        page.focus("[data-opens=halt-dialog]")
        page.keyboard.press("Enter")
        page.focus("#halt-dialog .solid")
        page.keyboard.press("Enter")
        page.wait_for_selector(".engine-word:has-text('Halted')")
        page.fill("#new-symbol", "not a symbol!")
        page.keyboard.press("Enter")
        page.wait_for_selector("#watchlist-problem:has-text('is not a symbol')")
        assert [c for c in complaints if "422" not in c] == []
    assert demo_app.engine.state.value == "halted"


def test_a_backtest_is_refused_in_place_started_and_cancelled_without_a_new_page(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    with serve_home(tmp_path / "home", port) as url, driven_browser.new_context() as context:
        page, complaints = _recording_errors(context.new_page())
        page.goto(f"{url}/backtests")
        page.wait_for_selector("#live[data-state=live]")
        page.fill("#bt-capital", "much")
        page.click("#backtest-form button.primary")
        page.wait_for_selector("#backtest-problem:has-text('is not a number')")
        assert page.input_value("#bt-capital") == "much"
        page.fill("#bt-capital", "50000")
        page.click("#backtest-form button.primary")
        page.wait_for_selector("#jobs .agent-state:has-text('Running')")
        assert page.evaluate("document.querySelectorAll('.stream').length") == 1
        page.click("#jobs button")
        page.wait_for_selector("#jobs .agent-state:has-text('Cancelled')")
        page.goto(f"{url}/backtests/{BACKTEST_ID}/tearsheet")
        styled = "getComputedStyle(document.querySelector('.card')).borderStyle"
        assert page.evaluate(styled) == "solid"
        assert [c for c in complaints if "422" not in c] == []


def test_a_record_follows_what_settles_and_keeps_open_what_was_opened(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    with serve_home(tmp_path / "home", port) as url, driven_browser.new_context() as context:
        page, complaints = _recording_errors(context.new_page())
        page.goto(f"{url}/agents/technical")
        page.wait_for_selector("#live[data-state=live]")
        page.click("#record .words summary")
        page.evaluate("document.querySelector('#record h1').dataset.read = 'before'")
        events = demo_app.journal.events_after(0, 10_000)
        settled = next(e for e in events if e.kind is EventKind.DECISION_SETTLED)
        demo_app.journal.append(settled.kind, "live", settled.symbol, settled.payload)
        page.wait_for_selector("#record h1:not([data-read])", timeout=15000)
        page.wait_for_selector("#record .words[open]")
        assert complaints == []


def test_a_result_is_deleted_only_by_who_is_asked_twice(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    with serve_home(tmp_path / "home", port) as url, driven_browser.new_context() as context:
        page, complaints = _recording_errors(context.new_page())
        page.goto(f"{url}/backtests/{BACKTEST_ID}")
        page.click("[data-opens=delete-dialog]")
        page.click("#delete-dialog button:has-text('Keep it')")
        page.wait_for_selector("#delete-dialog", state="hidden")
        assert page.url.endswith(BACKTEST_ID)
        page.click("[data-opens=delete-dialog]")
        page.click("#delete-dialog .solid")
        page.wait_for_url("**/backtests")
        assert complaints == []
    assert [result.id for result in demo_app.backtests.results()] == [OTHER_BACKTEST_ID]


def test_money_notes_and_the_stop_work_in_place_and_the_journal_prints_clean(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    trip = build_account_history(demo_app.database, NOW).round_trips()[-1]
    with serve_home(tmp_path / "home", port) as url, driven_browser.new_context() as context:
        page, complaints = _recording_errors(context.new_page())
        page.goto(f"{url}/portfolio?lots=AAPL")
        page.wait_for_selector("#live[data-state=live]")
        assert _accessibility_violations(page) == []
        page.click("#money summary:has-text('Deposit')")
        page.fill("#deposit-amount", "much")
        page.click("#money form[action='/account/deposit'] button")
        page.wait_for_selector("#deposit-problem:has-text('is not a number')")
        assert page.input_value("#deposit-amount") == "much"
        page.fill("#deposit-amount", "500")
        page.click("#money form[action='/account/deposit'] button")
        page.wait_for_selector("#account-kpis:has-text('100,500.00 paid in')")
        page.click("[data-opens=stop-dialog]")
        page.click("#stop-dialog .solid")
        page.wait_for_selector("#guard .engine-word:has-text('Halted')")
        page.goto(f"{url}/trades?result=won")
        page.wait_for_selector("#live[data-state=live]")
        row = f"#trip-{trip.id}"
        page.click(f"{row} .edit summary")
        page.fill(f"{row} textarea", "sold too soon")
        page.fill(f"{row} .edit input:not([type=hidden])", "late, lesson")
        page.click(f"{row} .edit .button")
        page.wait_for_selector(f"{row} .tag:has-text('lesson')")
        assert page.url.endswith("?result=won")
        assert page.evaluate("document.querySelectorAll('.stream').length") == 1
        assert _accessibility_violations(page) == []
        page.emulate_media(media="print")
        for hidden in (".side", ".topbar", "#trade-filter", ".edit", ".page-actions"):
            assert not page.is_visible(hidden)
        assert page.is_visible(f"{row} .trip-note")
        assert [c for c in complaints if "422" not in c] == []


def _recording_errors(page: Page) -> tuple[Page, list[str]]:
    """The page and a list that gathers errors of its console, policy and scripts."""
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: message.type in ("error", "warning") and complaints.append(message.text),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


def _accessibility_violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary'][:200]}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]


def _vote(demo_app: DemoApp, symbol: str, p_up: float) -> None:
    events = demo_app.journal.events_after(0, 10_000)
    cast = next(e for e in events if e.kind is EventKind.VOTE_CAST and e.symbol == symbol)
    demo_app.journal.append(EventKind.VOTE_CAST, "live", symbol, {**cast.payload, "p_up": p_up})


def _shows(symbol: str, percent: str) -> str:
    cell = f"document.querySelector('#vote-{symbol}-technical b')"
    return f"() => {cell}?.textContent.startsWith('{percent}')"


def _await(url: str, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} never answered")
