"""The RL lab in a real browser: from the form over the stream to the promotion, and by keyboard."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web.browser.test_browser import (
    _accessibility_violations,
    _recording_errors,
    driven_browser,
    port,
    serve_home,
)
from tests.web.demo_app import DemoApp
from tests.web.lab_stub import ARGUMENTS, policy, record_stages

pytestmark = pytest.mark.browser

__all__ = ["driven_browser", "port"]

MOVED = "before => document.querySelector('.run-progress small').textContent !== before"
NOT_SHIPPED = "rows => rows.map(r => r.id.slice(6)).filter(id => id !== 'shipped')"
SMALL = {"steps": "256", "stages": "4", "seeds": "1", "episode": "20", "hidden": "4"}


def test_a_training_is_started_followed_on_the_stream_and_its_model_promoted(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    with serve_home(tmp_path / "home", port) as url, driven_browser.new_context() as context:
        page, complaints = _recording_errors(context.new_page())
        page.goto(f"{url}/lab")
        page.wait_for_selector("#live[data-state=live]")
        page.fill("#lab-steps", "many")
        page.click("#lab-form button.primary")
        page.wait_for_selector("#lab-steps-fault:has-text('is not a number')")
        assert page.input_value("#lab-steps") == "many"
        assert _accessibility_violations(page) == []
        page.uncheck("#lab-form input[value=ppo]")
        page.check("#lab-form input[value=a2c]")
        page.fill("#lab-symbols", "AAPL MSFT")
        page.click("#lab-form summary")
        for name, value in SMALL.items():
            page.fill(f"#lab-{name}", value)
        page.evaluate("document.querySelector('#lab-form').dataset.read = 'before'")
        page.click("#lab-form button.primary")
        page.wait_for_selector("#lab-runs .agent-state:has-text('Training')")
        page.wait_for_selector("#lab-runs .job-what:has-text('Policy a2c-0, 1 of 1')")
        page.wait_for_selector("#lab-runs .agent-state:has-text('Done')", timeout=90_000)
        page.wait_for_selector("#lab-models [data-opens^=promote]:visible >> nth=0")
        assert page.evaluate("document.querySelectorAll('.stream').length") == 1
        ((model,),) = [page.eval_on_selector_all("#lab-models [id^=model-]", NOT_SHIPPED)]
        page.focus(f"[data-opens=promote-{model}]")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"#promote-{model}[open]")
        assert _accessibility_violations(page) == []
        page.keyboard.press("Escape")
        assert "ships" in page.inner_text("#lab-seat .seat-name")
        page.click(f"[data-opens=promote-{model}]")
        page.click(f"#promote-{model} .primary")
        page.wait_for_selector(f"#lab-seat .seat-name:has-text('{model}')")
        assert _accessibility_violations(page) == []
        page.click("#lab-runs a.symbol")
        page.wait_for_selector("#held-out .curve.thin", state="attached")
        assert _accessibility_violations(page) == []
        assert [c for c in complaints if "422" not in c] == []
    assert demo_app.lab.models.active_model() == model


def test_a_run_s_own_page_grows_its_curves_and_keeps_still_under_a_dialog(
    driven_browser: Browser, demo_app: DemoApp, tmp_path: Path, port: int
) -> None:
    lab = demo_app.lab
    run = lab.create_run("slow")
    with (
        run.lock(),
        serve_home(tmp_path / "home", port) as url,
        driven_browser.new_context(viewport={"width": 390, "height": 800}) as context,
    ):
        page, complaints = _recording_errors(context.new_page())
        page.goto(f"{url}/lab/runs/slow")
        page.wait_for_selector("#run-slow :text('No curve yet')")
        page.wait_for_selector("#live[data-state=live]", state="attached")
        record_stages(run, 1)
        page.wait_for_selector("#curve-0 .curve.thin", state="attached", timeout=15_000)
        page.click("#curve-0 summary")
        before = page.text_content(".run-progress small")
        record_stages(run, 2, seed=1)
        page.wait_for_function(MOVED, arg=before)
        assert page.evaluate("document.querySelector('#curve-0 details').open")
        lab.finish_run("slow", policy(arguments=ARGUMENTS))
        page.wait_for_selector("#held-out .curve.thin", state="attached", timeout=15_000)
        page.click("[data-opens=delete-slow]")
        page.wait_for_selector("#delete-slow[open]")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert _accessibility_violations(page) == []
        assert complaints == []
