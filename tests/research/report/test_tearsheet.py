"""A tear sheet needs nothing but itself, and says what it cannot know."""

import base64
import hashlib
import re

import numpy as np

from research.report.tearsheet import content_security_policy, render_tear_sheet
from tests.research.report.result_fixtures import curves, result

HOSTILE = "<script>alert(1)</script>"


def test_it_loads_nothing_and_runs_nothing() -> None:
    sheet = render_tear_sheet(result(), *curves())
    assert "<script" not in sheet
    assert " style=" not in sheet
    assert not re.findall(r'(?:src|href)="', sheet)
    assert "url(" not in sheet
    style = re.search(r"<style>(.*?)</style>", sheet, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in content_security_policy(sheet)
    assert "default-src 'none'" in content_security_policy(sheet)
    written = re.search(r'Content-Security-Policy" content="([^"]*)"', sheet)
    assert written is not None
    assert written[1].replace("&#39;", "'") == content_security_policy(sheet)


def test_every_headline_has_its_interval_and_what_is_unknown_is_a_dash() -> None:
    sheet = render_tear_sheet(result(), *curves())
    assert ">12.0 %</span>" in sheet
    assert "−8.0 % to 32.0 %, n 520" in sheet
    assert "no interval, n 520" in sheet  # of the drawdown, which has none here
    turnover = re.search(r'scope="row"[^>]*>\s*Turnover</th>(.*?)</tr>', sheet, re.DOTALL)
    assert turnover is not None
    assert "<b>–</b>" in turnover[1]


def test_it_says_that_it_is_simulated_what_was_supposed_and_that_survivors_were_chosen() -> None:
    sheet = render_tear_sheet(result(), *curves())
    assert "SIMULATED" in sheet
    assert "SIMULATED" not in render_tear_sheet(result(simulated=False), *curves())
    assert "survivorship bias" in sheet
    assert sheet.count("investment advice") == 1
    for supposed in ("100,000", "half spread bps", "kelly_fraction 0.25", "ab" * 32):
        assert supposed in sheet


def test_what_strangers_named_is_text() -> None:
    times, drawn = curves()
    drawn[HOSTILE] = np.ones(len(times))
    hostile = result(
        label=HOSTILE, symbols=[HOSTILE], notes=[HOSTILE], receipt={HOSTILE: HOSTILE},
        benchmarks={HOSTILE: {}},
    )  # fmt: skip
    sheet = render_tear_sheet(hostile, times, drawn)
    assert HOSTILE not in sheet
    assert "&lt;script&gt;" in sheet


def test_months_multiply_to_their_year_and_years_to_the_total() -> None:
    times, drawn = curves()
    sheet = render_tear_sheet(result(), times, drawn)
    rows = re.search(r'id="months".*?</section>', sheet, re.DOTALL)
    assert rows is not None
    cells = re.findall(r"<tr><th[^>]*>\s*(\d{4})</th>(.*?)</tr>", rows[0], re.DOTALL)
    years = []
    for _, row in cells:
        shown = [c.replace("−", "-") for c in re.findall(r"<b[^>]*>([^<]*)</b>", row)]
        months = [float(c) for c in shown[:-1] if c]
        assert np.isclose(
            np.prod([1 + m / 100 for m in months]) - 1, float(shown[-1]) / 100, atol=0.01
        )
        years.append(1 + float(shown[-1]) / 100)
    committee = drawn["committee"]
    assert np.isclose(np.prod(years), committee[-1] / committee[0], atol=0.01)


def test_a_result_with_little_in_it_is_still_a_sheet() -> None:
    times, drawn = curves()
    bare = result(robustness={}, forecasts=None, notes=[], receipt={}, benchmarks={}, agents={})
    sheet = render_tear_sheet(bare, times[:1], {"committee": drawn["committee"][:1]})
    assert "Monte Carlo" not in sheet
    assert "investment advice" in sheet
