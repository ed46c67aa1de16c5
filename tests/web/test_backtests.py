"""The pages of backtests: bad input beside what was typed, jobs on the stream, files."""

import io
import re

import pyarrow.parquet as pq
import pytest

from research.backtest.request import BacktestRequest, build_request
from research.report.tearsheet import content_security_policy
from tests.web.conftest import BACKTEST_ID, OTHER_BACKTEST_ID, Client, open_client
from tests.web.demo_app import AGENTS, SYMBOLS, DemoApp
from tests.web.test_stream import _html, read_until, running_server

GOOD = {
    "symbols": "aapl, MSFT", "start": "2023-01-02", "end": "2024-02-01", "agents": ["risk", "news"],
    "capital": "50,000", "half_spread_bps": "2", "commission_bps": "1.5", "weighting": "earned",
    "delay": "1", "impact": "0.5", "volume_cap": "10", "calibrated": "yes", "walk_forward": "500",
    "seed": "11",
}  # fmt: skip


def test_the_form_starts_from_the_watchlist_and_its_history(client: Client) -> None:
    page = client.get("/backtests").text
    assert f">{' '.join(SYMBOLS)}</textarea>" in page
    assert 'name="end" type="date" value="2024-03-15"' in page
    assert page.count('name="agents"') == len(AGENTS)


def test_what_is_asked_for_is_what_is_started(client: Client, demo_app: DemoApp) -> None:
    answer = client.post("/backtests", data=GOOD)
    assert answer.status_code == 200
    (request,) = demo_app.backtests.requests
    assert request.symbols == ("AAPL", "MSFT")
    assert request.agents == ("risk", "news")
    assert (request.capital, request.delay, request.committee.weighting) == (50_000.0, 1, "earned")
    assert (request.costs.half_spread_bps, request.costs.commission_bps) == (2.0, 1.5)
    assert (request.costs.impact, request.costs.volume_cap) == (0.5, 0.1)
    assert (request.committee.calibrated, request.walk_forward, request.seed) == (True, 500, 11)
    assert "AAPL, MSFT, 2023-01-02 to 2024-02-01" in answer.text


def test_a_backtest_has_the_limits_and_the_sizing_of_the_account(
    client: Client, demo_app: DemoApp
) -> None:
    client.post("/account/profile", data={"profile": "conservative"})
    client.post("/backtests", data=GOOD)
    (request,) = demo_app.backtests.requests
    careful = demo_app.trading_rules("conservative")
    assert request.limits == careful.trading.limits
    assert request.committee.sizing == careful.committee.sizing


def test_what_is_folded_away_may_be_left_as_it_is(client: Client, demo_app: DemoApp) -> None:
    plain = {**GOOD, "walk_forward": "", "calibrated": "no"}
    assert client.post("/backtests", data=plain).status_code == 200
    assert demo_app.backtests.requests[0].walk_forward is None


def test_the_api_takes_the_same_options_in_their_own_units(
    client: Client, demo_app: DemoApp
) -> None:
    given = {"symbols": ["AAPL"], "volume_cap": 0.1, "calibrated": True, "walk_forward": 300}
    headers = {"Origin": "http://localhost"}
    assert client.post("/api/v1/backtests", json=given, headers=headers).status_code == 202
    (request,) = demo_app.backtests.requests
    assert (request.costs.volume_cap, request.committee.calibrated, request.walk_forward) == (
        0.1, True, 300,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("symbols", "", "none is named"),
        ("symbols", "<b>AAPL</b>", "is not a symbol"),
        ("symbols", "AAPL TSLA", "nothing is stored for TSLA"),
        ("start", "2024-02-02", "Exchange the dates"),
        ("start", "yesterday", "is no date. Write it as 2015-01-31"),
        ("start", "", "is no date"),
        ("end", "2023-13-40", "is no date"),
        ("agents", [], "nobody votes"),
        ("agents", ["risk", "oracle"], "is not one of the agents here"),
        ("capital", "much", "Enter a number such as 2.5"),
        ("capital", "-5", "cannot be traded"),
        ("capital", "nan", "is not a number"),
        ("half_spread_bps", "-1", "cannot be charged"),
        ("commission_bps", "1e9", "cannot be charged"),
        ("weighting", "loudest", "none of equal, earned"),
        ("delay", "4", "none of 0, 1, 2, 3"),
        ("impact", "-1", "Give 0 to 99"),
        ("volume_cap", "0", "Give more than 0, up to 100"),
        ("calibrated", "perhaps", "none of no, yes"),
        ("walk_forward", "59", "a whole number from 60 on"),
        ("walk_forward", "2.5", "is not whole"),
        ("seed", "²", "Enter a whole number such as 1000"),
        ("seed", "9" * 40, "is too large"),
    ],
)
def test_bad_input_is_told_beside_what_was_typed(
    client: Client, demo_app: DemoApp, field: str, value: str | list[str], expected: str
) -> None:
    typed = {**GOOD, "symbols": "aapl, MSFT", field: value}
    answer = client.post("/backtests", data=typed)
    assert answer.status_code == 422
    problem = re.search(r'id="backtest-problem".*?</div>', answer.text, re.DOTALL)
    assert problem is not None
    assert expected in problem[0]
    assert "<b>AAPL" not in answer.text
    assert demo_app.backtests.requests == []
    if field != "capital":
        assert 'value="50,000"' in answer.text
    if field != "symbols":
        assert ">aapl, MSFT</textarea>" in answer.text


def test_a_period_without_history_is_refused(client: Client) -> None:
    old = {**GOOD, "start": "1999-01-01", "end": "2000-01-01"}
    answer = client.post("/backtests", data=old)
    assert answer.status_code == 422
    assert "has bars from 2022-01-0" in answer.text


def test_more_jobs_than_may_run_are_refused_in_the_form(client: Client) -> None:
    for _ in range(2):
        assert client.post("/backtests", data=GOOD).status_code == 200
    answer = client.post("/backtests", data=GOOD)
    assert answer.status_code == 422
    assert "2 backtests are running" in answer.text


async def test_a_job_is_followed_to_its_result_on_the_stream(demo_app: DemoApp) -> None:
    async with running_server(demo_app) as server:
        stream = server.dashboard("backtests,results")
        await read_until(stream, "sys.hello")
        job = demo_app.backtests.start(backtest_request())
        demo_app.backtests.update_job(
            job, what="agents are voting", done=1, total=4, seconds_left=41.0
        )
        demo_app.notifier.notify()
        html = _html(await read_until(stream, "agents are voting"))
        assert 'hx-target="#jobs"' in html
        assert "about 40 s left" in html
        assert f'action="/backtests/jobs/{job}/cancel"' in html
        demo_app.backtests.add_result("20240316-new", 3)
        demo_app.backtests.update_job(job, state="done", result_id="20240316-new")
        demo_app.notifier.notify()
        html = _html(await read_until(stream, "/backtests/20240316-new"))
        assert "Cancel" not in html


def test_a_job_is_cancelled_and_a_failed_one_says_why(client: Client, demo_app: DemoApp) -> None:
    client.post("/backtests", data=GOOD)
    assert "Cancelled" in client.post("/backtests/jobs/job-1/cancel").text
    demo_app.backtests.update_job(
        "job-1", state="failed", error="Nothing <b>stored</b>. Import some."
    )
    page = client.get("/backtests").text
    assert "Nothing &lt;b&gt;stored&lt;/b&gt;. Import some." in page
    assert client.post("/backtests/jobs/none/cancel").status_code == 404


def test_a_result_shows_intervals_robustness_assumptions_and_its_receipt(client: Client) -> None:
    page = client.get(f"/backtests/{BACKTEST_ID}").text
    for expected in (
        "−8.0 % to 32.0 %", "What the forecasts were worth", "overfitting (PBO)",
        "Were trading dearer", "Were orders later", "Returns drawn again",
        "survivorship bias", "half spread bps", "ab" * 32, "Drawdown of the committee",
    ):  # fmt: skip
        assert expected in page, expected
    assert client.get("/backtests/none").status_code == 404


def test_a_result_is_labelled_by_its_own_market_whatever_the_house_shows(
    client: Client, demo_app: DemoApp
) -> None:
    demo_app.backtests.add_result("20240317-real", 4, simulated=False, market="files")
    real = client.get("/backtests/20240317-real").text
    assert "SIMULATED" not in real
    assert ">FILES<" in real
    assert "SIMULATED" in client.get(f"/backtests/{BACKTEST_ID}").text
    listed = client.get("/backtests").text
    row = re.search(r'href="/backtests/20240317-real".*?</tr>', listed, re.DOTALL)
    assert row is not None
    assert "files market" in row[0]
    mixed = client.get(f"/backtests/compare?ids={BACKTEST_ID},20240317-real").text
    assert "No real market is shown" not in mixed
    assert "demo and files".upper() in mixed.upper()


def test_a_result_says_in_sentences_what_it_comes_to(client: Client, demo_app: DemoApp) -> None:
    demo_app.backtests.add_result("20240318-luck", 5, luck={"sharpe": {"beaten": 12, "of": 20}})
    page = client.get("/backtests/20240318-luck").text
    order = [page.index(f'id="{part}') for part in ("equity", "drawdown", "verdict", "contest")]
    assert order == sorted(order)
    assert "better than 12 of 20 committees that vote at random: that can be luck" in page


def test_results_are_compared_over_the_days_of_all_of_them(client: Client) -> None:
    page = client.get(f"/backtests/compare?ids={BACKTEST_ID}&ids={OTHER_BACKTEST_ID}").text
    assert page.count('<th scope="col" class="right">2024') == 4  # the figure's table, the grid
    for ids in ("", BACKTEST_ID, f"{BACKTEST_ID},none", ",".join(f"x{k}" for k in range(9))):
        answer = client.get(f"/backtests/compare?ids={ids}")
        assert answer.status_code in (404, 422)


def test_a_tear_sheet_is_served_under_its_own_policy_and_nothing_more(client: Client) -> None:
    answer = client.get(f"/backtests/{BACKTEST_ID}/tearsheet")
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert policies[0].startswith(content_security_policy(answer.text))
    assert policies[0].endswith("sandbox")
    assert "'self'" not in policies[0]
    assert answer.headers["x-frame-options"] == "DENY"


def test_tables_are_downloaded_as_they_are_kept_and_as_csv(client: Client) -> None:
    parquet = client.get(f"/backtests/{BACKTEST_ID}/files/fills.parquet")
    assert "attachment" in parquet.headers["content-disposition"]
    rows = pq.read_table(io.BytesIO(parquet.content)).to_pydict()
    lines = client.get(f"/backtests/{BACKTEST_ID}/files/fills.csv").text.splitlines()
    assert lines[0] == '"known_at","symbol","price"'
    assert len(lines) == 1 + len(rows["symbol"])
    assert lines[2].endswith('"MSFT",')  # an unknown price is empty
    equity = client.get(f"/backtests/{BACKTEST_ID}/files/equity.csv").text
    assert equity.count("\n") == 521


@pytest.mark.parametrize(
    "name", ["summary.json", "tearsheet.html", "..%2Fquorum.db", "fills", "fills.exe", ".csv"]
)
def test_no_other_file_is_handed_out(client: Client, name: str) -> None:
    assert client.get(f"/backtests/{BACKTEST_ID}/files/{name}").status_code == 404


def test_a_result_is_deleted(client: Client) -> None:
    page = client.post(f"/backtests/{OTHER_BACKTEST_ID}/delete").text
    assert OTHER_BACKTEST_ID not in page
    assert BACKTEST_ID in page


def test_where_no_backtests_are_run_the_page_is_empty_and_says_what_helps(
    demo_app: DemoApp,
) -> None:
    demo_app.backtests.delete(BACKTEST_ID)
    demo_app.backtests.delete(OTHER_BACKTEST_ID)
    with open_client(demo_app) as client:
        assert "No backtest yet" in client.get("/backtests").text


def backtest_request() -> BacktestRequest:
    return build_request(
        market="demo", symbols=("AAPL",), start="2023-01-02", end="2023-06-01", agents=("risk",)
    )
