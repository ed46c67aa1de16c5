"""Pages say what was recorded, in words; refusals are pages too."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from jinja2 import meta

from domain.events import EngineState
from tests.web.conftest import BACKTEST_ID, OTHER_BACKTEST_ID, Client, open_client
from tests.web.demo_app import NOW, SYMBOLS, TOKEN, DemoApp, EngineStep
from web import formatting
from web.agents.pages import AgentPage, AgentsPage
from web.backtests.pages import BacktestsPage
from web.backtests.result_pages import BacktestComparePage, BacktestPage
from web.components.decision_cells import decision_cell
from web.components.symbol_rows import build_symbol_row
from web.decisions.pages import DecisionPage, DecisionsPage
from web.engine.pages import EnginePage
from web.http.problems import ProblemPage
from web.http.static_files import Assets
from web.insights.pages import InsightsPage
from web.lab.model_pages import ModelComparePage, ModelPage
from web.lab.pages import LabPage, RunPage
from web.live.recent_prices import RecentCloses
from web.orders.pages import OrderPage, OrdersPage
from web.orders.ticket_pages import TradePage
from web.overview.pages import OverviewPage
from web.portfolio.pages import PortfolioPage
from web.render import Renderer
from web.symbols.pages import SymbolPage
from web.trades.pages import TradesPage

CONTEXTS = (
    OverviewPage, InsightsPage, DecisionsPage, DecisionPage, SymbolPage, EnginePage, ProblemPage,
    AgentsPage, AgentPage, BacktestsPage, BacktestPage, BacktestComparePage, PortfolioPage,
    TradesPage, TradePage, OrdersPage, OrderPage, LabPage, RunPage, ModelPage, ModelComparePage,
)  # fmt: skip
SHARED_TEMPLATE_NAMES = {
    "asset", "loop", "cell", "decision", "price", "banner", "words",
    "icon", "bar", "pill", "time", "tally", "empty", "failed", "figure", "grid", "facts", "drawn",
    "warned", "calls", "trading_state", "positions", "row", "acting", "origin", "verdict", "engine",
    "drift_list", "model_actions",
}  # fmt: skip
"""Globals, macros imported by an outer template, and names that loops and `with` bind."""

PAGES = (
    "/", "/insights", "/decisions", "/engine", "/symbols/AAPL", "/agents", "/agents/risk",
    "/agents/committee", "/backtests", f"/backtests/{BACKTEST_ID}",
    f"/backtests/compare?ids={BACKTEST_ID},{OTHER_BACKTEST_ID}", "/portfolio", "/trades",
    "/trade?symbol=AAPL", "/orders",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_that_the_market_is_simulated(client: Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert "<strong>SIMULATED</strong>" in page.text
    assert page.text.count("advice") == 1


def test_the_matrix_shows_every_vote_and_decision(client: Client, demo_app: DemoApp) -> None:
    page = client.get("/insights?symbol=MSFT").text
    for symbol in SYMBOLS:
        for agent in demo_app.agents:
            assert f'id="vote-{symbol}-{agent}"' in page
        assert f'id="decision-{symbol}"' in page
    assert "Why MSFT?" in page


def test_ties_in_edge_are_ranked_by_the_edge_before_cost(client: Client, demo_app: DemoApp) -> None:
    page = client.get("/").text
    shown = re.findall(r'id="rank-([^"]+)"', page)
    decisions = {
        formatting.slug(r.decision.symbol): r.decision
        for r in demo_app.records.latest("demo", "live")
    }
    figures = [
        (decisions[s].edge or 0.0, decisions[s].p_up - decisions[s].base_rate) for s in shown
    ]
    assert figures == sorted(figures, reverse=True)


def test_what_could_not_be_fetched_is_not_called_absent(client: Client, demo_app: DemoApp) -> None:
    assert "No filings" in client.get("/symbols/GLD").text
    demo_app.store.record_fetch("demo", "GLD", "filings", NOW, "HTTP <429>")
    page = client.get("/symbols/GLD").text
    assert "Filings could not be fetched: HTTP &lt;429&gt;" in page
    assert "No filings" not in page


def test_a_cycle_under_way_moves_nothing_on_the_page(client: Client, demo_app: DemoApp) -> None:
    demo_app.engine.step = EngineStep("agents are voting", 0, 0)
    page = client.get("/insights").text
    assert "A cycle is under way: agents are voting" in page
    assert "progress-card" not in page


def test_a_sparkline_has_the_tone_of_the_days_it_draws() -> None:
    fallen_but_up_today = build_symbol_row("AAPL", (), None, RecentCloses((100.0, 80.0, 81.0)))
    assert fallen_but_up_today.price.tone == "up"
    assert fallen_but_up_today.sparkline_tone == "down"


def test_an_edge_shown_as_zero_has_no_colour(demo_app: DemoApp) -> None:
    recorded = demo_app.records.latest("demo", "live")[0]
    tiny = replace(recorded, decision=replace(recorded.decision, edge=0.00004))
    cell = decision_cell(tiny)
    assert (cell.edge, cell.edge_tone) == ("0.00", "flat")


def test_an_edge_that_costs_ate_is_no_highest_edge(client: Client, demo_app: DemoApp) -> None:
    edges = [r.decision.edge or 0.0 for r in demo_app.records.latest("demo", "live")]
    page = client.get("/").text
    assert ("none below zero after cost" in page) == (min(edges) >= 0)
    assert ("none above zero after cost" in page) == (max(edges) <= 0)


def test_an_abstention_is_never_drawn_as_a_neutral_vote(client: Client) -> None:
    page = client.get("/insights").text
    cell = re.search(r'<div class="vote[^>]*id="vote-GLD-fundamental".*?</div>', page, re.S)
    assert cell is not None
    assert "No view" in cell[0]
    assert "tone-none" in cell[0]
    assert "%" not in cell[0]


def test_a_decision_breaks_down_to_the_last_term(client: Client, demo_app: DemoApp) -> None:
    decision = demo_app.records.latest("demo", "live")[0].decision
    page = client.get(f"/decisions/{decision.receipt}").text
    for vote in decision.votes:
        for reason in vote.reasons:
            assert reason.name.replace("'", "&#39;") in page
    assert decision.receipt in page
    assert demo_app.records.inputs(decision.receipt).panel.digest in page


def test_a_decision_can_be_computed_again_from_its_page(client: Client, demo_app: DemoApp) -> None:
    receipt = demo_app.records.latest("demo", "live")[0].decision.receipt
    assert "The same to the last bit" in client.post(f"/decisions/{receipt}/verify").text


def test_before_the_first_decision_the_progress_is_shown(tmp_path: Path) -> None:
    demo_app = DemoApp(tmp_path)
    demo_app.engine.step = EngineStep("fetching bars of AAPL", 3, 12)
    with open_client(demo_app) as client:
        page = client.get("/").text
    assert "Getting ready for the first decision" in page
    assert "fetching bars of AAPL" in page
    assert "3 / 12" in page


def test_a_replay_is_labelled_with_its_dates(decided_home: Path) -> None:
    demo_app = DemoApp(decided_home, run="replay 2024-02-01 2024-03-01")
    with open_client(demo_app) as client:
        assert "2024-02-01 to 2024-03-01" in client.get("/").text


def test_the_engine_is_moved_by_its_buttons_and_halts_only_when_confirmed(
    client: Client, demo_app: DemoApp
) -> None:
    client.post("/engine/pause")
    assert demo_app.engine.state is EngineState.PAUSED
    client.post("/engine/resume")
    assert client.post("/engine/halt").status_code == 422
    assert demo_app.engine.state is EngineState.RUNNING
    client.post("/engine/halt", data={"sure": "yes"})
    assert demo_app.engine.state is EngineState.HALTED
    client.post("/engine/run")
    assert demo_app.engine.runs == 1


def test_the_engine_page_tells_why_it_is_halted_and_how_it_stands(client: Client) -> None:
    form = {"sure": "yes", "reason": "<b>odd</b> prices"}
    page = client.post("/engine/halt", data=form).text
    assert "&lt;b&gt;odd&lt;/b&gt; prices (halted on the engine&#39;s page)" in page
    assert "2024-03-15 22:00" in page
    assert "TSLA" in page
    assert "750 ms: panel 250 ms, vote 500 ms" in page


@pytest.mark.parametrize("path", ["/", "/engine", "/insights"])
def test_what_stands_in_the_engines_way_is_told_with_what_helps(
    client: Client, demo_app: DemoApp, path: str
) -> None:
    demo_app.engine.error = (
        "Ray could not start (no memory). Free some, or start with --in-process."
    )
    page = client.get(path).text
    assert "The engine cannot go on and keeps trying" in page
    assert "or start with --in-process." in page


def test_the_watchlist_is_edited_in_the_page(client: Client, demo_app: DemoApp) -> None:
    assert "TSLA" in client.post("/watchlist", data={"symbol": " tsla "}).text
    assert "TSLA" in demo_app.watchlist.symbols()
    client.post("/watchlist/remove", data={"symbol": "TSLA"})
    assert "TSLA" not in demo_app.watchlist.symbols()
    refused = client.post("/watchlist", data={"symbol": "<script>"})
    assert refused.status_code == 422
    assert "is not a symbol" in refused.text
    assert "<script>" not in refused.text.split('id="problem"')[1][:200]


def test_theme_and_palette_are_cookies_and_lead_back_to_our_own_pages_only(client: Client) -> None:
    client.post("/preferences", data={"theme": "dark", "palette": "safe", "back": "/engine"})
    page = client.get("/").text
    assert 'data-theme="dark" data-palette="safe"' in page
    away = client.post(
        "/preferences", data={"theme": "dark", "back": "//evil.example"}, follow_redirects=False
    )
    assert away.headers["location"] == "/"


def test_the_ray_dashboard_opens_with_its_token_in_a_cookie(client: Client) -> None:
    answer = client.get("/ray", follow_redirects=False)
    assert answer.headers["location"] == "http://localhost:8265"
    cookie = answer.headers["set-cookie"].lower()
    assert f"ray-authentication-token={TOKEN}" in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in client.get("/engine").text


def test_what_does_not_exist_is_a_page_with_a_remedy(client: Client) -> None:
    for path, expected in (
        ("/nowhere", "There is nothing at /nowhere"),
        ("/decisions/AAPL-19990101-000000000000", "There is no decision with receipt"),
        ("/symbols/ZZZZ", "Nothing is stored for ZZZZ"),
        ("/insights?symbol=ZZZZ", "Nothing is stored for ZZZZ"),
    ):
        page = client.get(path)
        assert page.status_code == 404
        assert expected in page.text
        assert "Traceback" not in page.text


@pytest.mark.parametrize("broken", ["web.overview.pages.overview_kpis", "web.shell.stream_cursor"])
def test_what_breaks_is_told_by_a_number_and_no_traceback(
    client: Client, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The second one breaks the page of the error too."""

    def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(broken, fail)
    answer = client.get("/")
    assert answer.status_code == 500
    assert re.search(r"The log says more under [0-9a-f]{8}", answer.text)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("page_type", CONTEXTS)
def test_templates_and_their_contexts_agree(page_type: Any) -> None:
    environment = Renderer(Assets()).environment
    used = _names(environment, page_type.template)
    given = {field.name for field in fields(page_type)}
    assert used <= given | SHARED_TEMPLATE_NAMES
    assert given <= used


def _names(environment: Any, template: str) -> set[str]:
    tree = environment.parse(environment.loader.get_source(environment, template)[0])
    names = set(meta.find_undeclared_variables(tree))
    for inner in meta.find_referenced_templates(tree):
        if inner and not inner.startswith(("components/ui", "lab/macros", "result/grids")):
            names |= _names(environment, inner)
    return names


@pytest.mark.parametrize("page", PAGES)
def test_what_is_read_aloud_has_no_line_breaks(client: Client, page: str) -> None:
    spoken = re.findall(r'(?:aria-label|alt|placeholder)="([^"]*)"', client.get(page).text)
    assert not [words for words in spoken if "\n" in words]
