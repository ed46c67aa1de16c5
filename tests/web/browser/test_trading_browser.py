"""Trading in a real browser: by keyboard, without scripts, and while the lists move."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from domain.trading.orders import OrderStatus
from tests.web.browser.test_browser import (
    _accessibility_violations,
    _recording_errors,
    driven_browser,
    port,
    serve_home,
)
from tests.web.demo_app import DemoApp
from tests.web.test_orders import blotter, place

pytestmark = pytest.mark.browser

__all__ = ["driven_browser", "port"]


def test_the_keyboard_alone_looks_at_an_order_mends_it_and_places_it(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    with serve_home(tmp_path / "home", port) as url, driven_browser.new_context() as context:
        page, complaints = _recording_errors(context.new_page())
        page.goto(f"{url}/trade")
        page.wait_for_selector("#live[data-state=live]")
        _type(page, "aapl", "Tab", "ArrowRight", "ArrowLeft", "Tab")
        _type(page, "1e9", "Tab", "Tab", "lim", "Tab", "Tab", "150.0051", "Enter")
        page.wait_for_selector("#t-limit-fault:has-text('off the tick')")
        assert page.input_value("#t-limit") == "150.0051"
        assert _accessibility_violations(page) == []
        _type(page, "Control+A", "150", "Enter")
        page.wait_for_selector("#t-quantity-fault:has-text('an order may be')")
        assert _accessibility_violations(page) == []
        page.focus("#t-quantity")
        _type(page, "Control+A", "3", "Enter")
        page.wait_for_selector("#preview .place")
        assert _accessibility_violations(page) == []
        page.focus("#preview .place")
        page.keyboard.press("Enter")
        page.wait_for_url("**/orders/*")
        assert _accessibility_violations(page) == []
        assert [c for c in complaints if "422" not in c] == []
    (line,) = blotter(demo_app).orders()
    assert (line.order.symbol, line.order.quantity, line.order.limit_price) == ("AAPL", 3.0, 150.0)


def test_without_scripts_an_order_is_previewed_refused_placed_and_cancelled(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    with (
        serve_home(tmp_path / "home", port) as url,
        driven_browser.new_context(java_script_enabled=False) as context,
    ):
        page = context.new_page()
        page.goto(f"{url}/trade?symbol=AAPL")
        page.fill("#t-quantity", "many")
        page.click("#ticket-form button")
        assert "Enter a number such as 2.5" in page.inner_text("#t-quantity-fault")
        page.fill("#t-quantity", "2")
        page.click("#ticket-form button")
        page.click("#preview .place")
        page.click("text=All orders")
        page.click(".amend summary")
        page.fill(".amend input[name=quantity]", "3")
        page.click(".amend-form button")
        assert "Buy 3 AAPL" in page.inner_text("#open-orders")
        page.click(".order-acts button:has-text('Cancel')")
        assert "No open order" in page.inner_text("#open-orders")
    (line,) = blotter(demo_app).orders()
    assert (line.order.quantity, line.order.status) == (3.0, OrderStatus.CANCELLED)


def test_a_double_click_places_once_and_a_quote_that_ran_out_is_renewed(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    with serve_home(tmp_path / "home", port) as url, driven_browser.new_context() as context:
        page, complaints = _recording_errors(context.new_page())
        page.clock.install()
        page.goto(f"{url}/trade?symbol=AAPL&quantity=2")
        page.click("#ticket-form button")
        page.wait_for_selector("#preview .place")
        first = page.get_attribute("#preview", "data-quote")
        page.clock.run_for(6_000)
        assert page.inner_text("[data-left]") in ("8", "9")
        page.clock.run_for(10_000)
        page.wait_for_selector("#preview .renew:visible")
        assert not page.is_visible("#preview .place")
        assert _accessibility_violations(page) == []
        page.click("#preview .renew")
        page.wait_for_selector("#preview .place:visible")
        assert page.get_attribute("#preview", "data-quote") != first
        page.dblclick("#preview .place")
        page.wait_for_url("**/orders/*")
        assert complaints == []
    assert len(blotter(demo_app).orders()) == 1


def test_what_is_typed_into_an_open_order_survives_the_orders_of_others(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    order = place(demo_app)
    with serve_home(tmp_path / "home", port) as url, driven_browser.new_context() as context:
        page, complaints = _recording_errors(context.new_page())
        page.goto(f"{url}/orders")
        page.wait_for_selector("#live[data-state=live]")
        page.click(f"#amend-{order.id} summary")
        page.fill(f"#limit-{order.id}", "x")
        page.press(f"#limit-{order.id}", "Enter")
        page.wait_for_selector(f"#amend-problem-{order.id}:has-text('is not a number')")
        page.fill(f"#limit-{order.id}", "149.5")
        other = place(demo_app, symbol="MSFT")
        page.wait_for_selector(f"#order-{other.id}")
        assert not page.is_visible(f"#open-{other.id}")  # nothing moves under the pointer
        page.evaluate("document.activeElement.blur()")
        page.mouse.move(5, 5)
        page.wait_for_selector(f"#open-{other.id}")
        assert page.input_value(f"#limit-{order.id}") == "149.5"
        assert _accessibility_violations(page) == []
        page.click(f"#amend-{order.id} button")
        page.wait_for_selector(f"#open-{order.id}:has-text('limit 149.50')")
        page.click(f"#open-{order.id} button:has-text('Cancel')")
        page.wait_for_selector(f"#open-{order.id}", state="detached")
        page.click("[data-opens=stop-dialog] >> nth=0")
        page.click("#stop-dialog .solid")
        page.wait_for_selector("#open-orders:has-text('No open order')")
        assert page.evaluate("document.querySelectorAll('.stream').length") == 1
        assert [c for c in complaints if "422" not in c] == []


def _type(page: Page, *keys: str) -> None:
    """Presses named keys and types everything else."""
    for key in keys:
        if key[0].isupper() and len(key) > 1:
            page.keyboard.press(key)
        else:
            page.keyboard.type(key)
