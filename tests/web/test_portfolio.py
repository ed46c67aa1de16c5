"""The account's pages and answers: true figures, honest blanks, refusals in place, live over the
stream, and what people write beside their trades."""

import csv
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from domain.events import EventKind
from domain.trading.account import (
    Account,
    LastBar,
    Position,
    RiskState,
    TradingMode,
    TradingState,
    TradingStateChanged,
)
from domain.trading.orders import Order, OrderType
from orchestrator.account.service import AccountService
from tests.web.account_fixtures import CAPITAL, AccountFixture, build_account_history
from tests.web.conftest import Client, open_client
from tests.web.demo_app import NOW, DemoApp
from tests.web.test_stream import read_until, running_server
from trading.account.history import CashFlow, account_history
from trading.account.valuation import holdings, value_account
from trading.limits import LimitSettings
from web.components.trading_state import suggestion_lines, trading_state_view
from web.portfolio.suggestion_cache import SuggestionCache
from web.portfolio.tax_lots import profit_by_symbol
from web.portfolio.views import account_kpis, allocations, position_lines
from web.trades.views import trade_totals

HOSTILE = '<script>alert(1)</script>"\x1b\u202e =HYPERLINK("x")'


@pytest.fixture(scope="module")
def traded_home(decided_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The decided home with an account that has a past of sixty days."""
    folder = tmp_path_factory.mktemp("traded") / "home"
    shutil.copytree(decided_home, folder)
    demo_app = DemoApp(folder)
    build_account_history(demo_app.database, NOW)
    demo_app.database.close()
    return folder


@pytest.fixture
def demo_app(traded_home: Path, tmp_path: Path) -> Iterator[DemoApp]:
    home = tmp_path / "home"
    shutil.copytree(traded_home, home)
    opened = DemoApp(home)
    yield opened
    opened.database.close()


@pytest.fixture
def account_fixture(demo_app: DemoApp) -> AccountFixture:
    return AccountFixture(demo_app.database)


@pytest.fixture(scope="module")
def read_only_app(traded_home: Path) -> Iterator[DemoApp]:
    """The same for those who only read."""
    opened = DemoApp(traded_home)
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def read_only_client(read_only_app: DemoApp) -> Iterator[Client]:
    with open_client(read_only_app) as opened:
        yield opened


@pytest.fixture(scope="module")
def read_only_account(read_only_app: DemoApp) -> AccountFixture:
    return AccountFixture(read_only_app.database)


# What it is worth ------------------------------------------------------------------------------


def test_the_page_and_the_api_tell_the_same_account(
    read_only_client: Client, read_only_account: AccountFixture
) -> None:
    body, account = read_only_client.get("/api/v1/account").json(), read_only_account.account()
    page = read_only_client.get("/portfolio").text
    worth = account.cash + sum(
        p.quantity * account.last_bars[symbol].close for symbol, p in account.positions.items()
    )
    assert body["equity"] == pytest.approx(worth)
    assert f"{worth:,.2f}" in page
    assert f"{account.cash:,.2f}" in page
    assert body["deposited"] == CAPITAL
    for position in read_only_client.get("/api/v1/positions").json()["positions"]:
        row = re.search(rf'id="position-{position["symbol"]}".*?</tr>', page, re.S)
        assert row is not None
        assert f"{position['value']:,.2f}" in row[0]
        assert sum(lot["units"] for lot in position["lots"]) == pytest.approx(position["units"])


def test_what_every_symbol_brought_adds_up_to_the_profit(read_only_account: AccountFixture) -> None:
    account = read_only_account.account()
    closes = {symbol: bar.close for symbol, bar in account.last_bars.items()}
    brought = profit_by_symbol(
        read_only_account.round_trips(), read_only_account.blotter.lots(), closes
    )
    assert sum(brought.values()) == pytest.approx(value_account(account).profit)


def test_a_position_without_a_price_is_a_dash_and_no_zero(
    read_only_account: AccountFixture,
) -> None:
    account = read_only_account.account()
    last_bars = {s: bar for s, bar in account.last_bars.items() if s != "AAPL"}
    unpriced = replace(account, last_bars=last_bars)
    valuation = value_account(unpriced)
    assert (valuation.equity, valuation.unrealised, valuation.drawdown, valuation.exposure) == (
        None,
    ) * 4
    values = {kpi.label: kpi.value for kpi in account_kpis(unpriced, None)}
    assert values["Equity"] == values["Today"] == values["Drawdown now"] == "–"
    line = position_lines(unpriced)[-1]
    assert (line.symbol, line.last, line.value, line.unrealised) == ("AAPL", "–", "–", "–")


def test_an_exit_is_shown_with_its_position(
    read_only_client: Client, read_only_account: AccountFixture
) -> None:
    (holding,) = [each for each in holdings(read_only_account.account()) if each.symbol == "AAPL"]
    assert [order.order_type for order in holding.stop_orders] == [OrderType.STOP]
    assert f'href="/orders/{holding.stop_orders[0].id}"' in read_only_client.get("/portfolio").text


def test_closing_opens_a_ticket_that_only_reduces(
    read_only_client: Client, read_only_account: AccountFixture
) -> None:
    units = read_only_account.account().positions["AAPL"].quantity
    page = read_only_client.get("/portfolio").text
    address = re.search(r'href="(/trade\?symbol=AAPL[^"]*)"', page)
    assert address is not None
    assert f"side=sell&amp;quantity={units:.12g}&amp;reduce_only=yes" in address[1]
    ticket = read_only_client.get(address[1].replace("&amp;", "&"))
    assert ticket.status_code == 200
    assert f"{units:.12g}" in ticket.text


def test_lots_are_shown_on_demand_oldest_first(
    read_only_client: Client, read_only_account: AccountFixture
) -> None:
    page = read_only_client.get("/portfolio?lots=jpm").text
    shown = page.split('id="lots"')[1].split('id="equity-past"')[0]
    lots = read_only_account.blotter.lots()["JPM"]
    assert len(lots) > 1
    days = re.findall(r'datetime="(\d{4}-\d\d-\d\d)', shown)
    assert days == [f"{lot.opened_at:%Y-%m-%d}" for lot in lots]
    assert read_only_client.get("/portfolio?lots=%3Cb%3E").status_code == 422


def test_a_new_account_says_how_it_begins(tmp_path: Path) -> None:
    demo_app = DemoApp(tmp_path)
    demo_app.fetch_demo_data()
    with open_client(demo_app) as client:
        page, journal = client.get("/portfolio").text, client.get("/trades").text
        assert client.get("/api/v1/equity").json()["points"] == []
    for expected in ("Nothing is held", "No curve yet", "All in cash", "Neither yet", "100,000.00"):
        assert expected in page
    assert "No trade has been closed yet" in journal
    assert "nan" not in page.lower().replace("finance", "").replace("financial", "")


@given(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=30), st.floats(0.0, 1e6))
def test_the_slices_of_an_allocation_fill_it(values: list[float], cash: float) -> None:
    at = datetime(2024, 1, 2, tzinfo=UTC)
    names = [f"S{k}" for k in range(len(values))]
    account = Account(
        opened_at=at, currency="USD", mode=TradingMode.AUTO, profile="balanced", cash=cash,
        positions={name: Position(1.0, 1.0, 0.0, at) for name in names},
        last_bars={name: LastBar(at, value) for name, value in zip(names, values, strict=True)},
    )  # fmt: skip
    for part in allocations(account, dict.fromkeys(names, "Energy")):
        assert sum(slice.width for slice in part.slices) == pytest.approx(100, abs=0.05)
        ends = [slice.x + slice.width for slice in part.slices[:-1]]
        assert ends == pytest.approx([slice.x for slice in part.slices[1:]], abs=0.01)


# How it got there -----------------------------------------------------------------------------

steps = st.lists(st.floats(0.8, 1.25), min_size=2, max_size=40)


@given(steps, st.data())
def test_an_account_that_holds_the_benchmark_equals_it_whatever_is_paid_in(
    moves: list[float], data: st.DataObject
) -> None:
    rows = len(moves) + 1
    times = np.arange(rows).astype("datetime64[D]").astype("datetime64[us]")
    closes = 100.0 * np.cumprod([1.0, *moves])
    paid = data.draw(st.lists(st.floats(0.0, 1e5), min_size=rows, max_size=rows))
    equity, flows = np.empty(rows), []
    equity[0] = 1000.0
    for k in range(1, rows):
        equity[k] = (equity[k - 1] + paid[k]) * moves[k - 1]
        flows.append(CashFlow(k, paid[k]))
    past = account_history(times, equity, np.ones(rows), flows, ("SPY", times, closes))
    assert past.benchmark_equity == pytest.approx(equity)
    assert past.growth == pytest.approx(closes / closes[0])
    assert (past.drawdown <= 1e-12).all()


def test_an_account_that_was_empty_for_a_while_keeps_its_growth() -> None:
    times = np.arange(5).astype("datetime64[D]").astype("datetime64[us]")
    equity = np.array([1000.0, 1100.0, 0.0, 0.0, 550.0])
    flows = [CashFlow(2, -1100.0), CashFlow(4, 500.0)]
    past = account_history(times, equity, np.zeros(5), flows, None)
    assert past.growth == pytest.approx([1.0, 1.1, 1.1, 1.1, 1.21])
    assert (past.drawdown == 0.0).all()


def test_a_reset_begins_anew(read_only_account: AccountFixture) -> None:
    curve = read_only_account.blotter.curve()
    flows = [CashFlow(30, 5_000.0, reset=True)]
    past = account_history(curve.times, curve.equity, curve.exposure, flows, None)
    assert past.times[0] == curve.times[30]
    assert past.growth[0] == 1.0
    assert past.benchmark == ""
    assert np.isnan(past.benchmark_equity[1:]).all()


def test_the_curve_stands_beside_the_benchmark_with_its_sample(read_only_client: Client) -> None:
    page = read_only_client.get("/portfolio").text
    assert "SPY, bought and held" in page
    assert re.search(r"\d+ rows of bars, \d+ days: too few to tell skill from luck", page)
    body = read_only_client.get("/api/v1/equity").json()
    assert body["benchmark"] == "SPY"
    assert body["points"][0]["growth"] == 1.0
    assert all(point["drawdown"] <= 0 for point in body["points"])


def test_the_assumptions_are_told_beside_the_result(read_only_client: Client) -> None:
    supposed = read_only_client.get("/portfolio").text.split('id="rules"')[1]
    for expected in ("Half spread", "2 bps", "Volume cap", "2.5 %", "next open"):
        assert expected in supposed


# Risk limits, mode, money ----------------------------------------------------------------------


def test_the_risk_limits_say_what_tripped_who_when_and_what_ends_it(
    client: Client, account_fixture: AccountFixture
) -> None:
    tripped = replace(
        account_fixture.account().risk,
        trading_state=TradingState.REDUCING,
        reason="drawdown <b>16 %</b>",
        by="drawdown breaker",
        since=NOW,
        until=datetime(2024, 4, 4).date(),
    )
    account_fixture.append(NOW, TradingStateChanged(tripped))
    for path in ("/portfolio", "/engine"):
        panel = client.get(path).text.split('id="guard"')[1].split("</section>")[0]
        assert "Reducing" in panel
        assert "drawdown &lt;b&gt;16 %&lt;/b&gt;" in panel
        assert "drawdown breaker" in panel
        assert "2024-03-15 22:00 UTC" in panel
        assert "by itself on 2024-04-04" in panel
        assert 'data-opens="resume-dialog"' in panel
    body = client.get("/api/v1/account").json()["guard"]
    assert (body["standing"], body["until"]) == ("reducing", "2024-04-04")


def test_a_drawdown_limit_that_starts_again_does_not_hide_the_drawdown(
    client: Client, account_fixture: AccountFixture
) -> None:
    account = account_fixture.account()
    equity = value_account(account).equity
    assert equity is not None
    account_fixture.append(
        NOW, TradingStateChanged(replace(account.risk, peak_equity=equity, by="resumed"))
    )
    fallen = -client.get("/api/v1/equity").json()["points"][-1]["drawdown"]
    assert fallen > 0.0005
    page = client.get("/portfolio").text
    kpi = page.split("Drawdown now")[1].split("</div>")[0]
    assert f"{fallen * 100:.1f} %" in kpi
    gauge = page.split("Drawdown since reset")[1].split("</li>")[0]
    assert "0.0 %" in gauge


def test_a_broken_log_is_told_and_the_engines_page_still_opens(
    client: Client, demo_app: DemoApp
) -> None:
    with demo_app.database.writing() as connection:
        connection.execute(text("UPDATE entry SET at = at + 1 WHERE number = 5"))
        connection.execute(text("DELETE FROM snapshot"))
    panel = client.get("/engine").text.split('id="guard"')[1].split("</section>")[0]
    assert "Broken" in panel
    assert "broken at entry 5" in panel
    assert "data-opens" not in panel
    assert client.get("/portfolio").status_code == 409
    assert "broken at entry 5" in client.get("/api/v1/account").json()["detail"]


@pytest.mark.parametrize(
    ("losses", "word"), [(0, "within"), (3, "within"), (4, "close"), (5, "reached"), (9, "reached")]
)
def test_a_gauge_says_in_words_how_near_its_limit_is(losses: int, word: str) -> None:
    at = datetime(2024, 1, 2, tzinfo=UTC)
    account = Account(
        at, "USD", TradingMode.AUTO, "balanced", cash=100.0, risk=RiskState(losses=losses)
    )
    gauge = trading_state_view(account, LimitSettings()).gauges[2]
    assert (gauge.used, gauge.limit, gauge.word) == (str(losses), "5", word)


def test_a_limit_that_is_off_and_a_figure_not_known_are_told_apart() -> None:
    at = datetime(2024, 1, 2, tzinfo=UTC)
    account = Account(at, "USD", TradingMode.AUTO, "balanced", cash=100.0)
    loss, drawdown, losses = trading_state_view(account, LimitSettings(drawdown=None)).gauges
    assert (loss.used, loss.limit, loss.word) == ("–", "5.0 %", "not known yet")
    assert (drawdown.limit, drawdown.word) == ("", "no limit")
    assert (losses.used, losses.word) == ("0", "within")


def test_the_emergency_stop_is_confirmed_halts_and_stays_until_resumed(
    client: Client, account_fixture: AccountFixture
) -> None:
    assert client.post("/account/stop", data={"reason": "odd"}).status_code == 422
    assert account_fixture.account().risk.trading_state is TradingState.ACTIVE
    stopped = client.post(
        "/account/stop", data={"sure": "yes", "reason": "<i>odd</i>", "back": "/engine"}
    )
    assert stopped.url.path == "/engine"
    assert "&lt;i&gt;odd&lt;/i&gt;" in stopped.text
    assert account_fixture.account().risk.trading_state is TradingState.HALTED
    assert account_fixture.account().orders == {}
    assert client.post("/account/resume").status_code == 422
    client.post("/account/resume", data={"sure": "yes"})
    assert account_fixture.account().risk.trading_state is TradingState.ACTIVE


def test_money_moves_by_what_was_typed_and_is_recorded(
    client: Client, account_fixture: AccountFixture
) -> None:
    cash = account_fixture.account().cash
    client.post("/account/deposit", data={"amount": "1,250.50", "note": "bonus"})
    assert account_fixture.account().cash == pytest.approx(cash + 1250.50)
    client.post("/account/withdraw", data={"amount": "250.50", "back": "https://evil.example"})
    assert account_fixture.account().cash == pytest.approx(cash + 1000)
    kinds = [entry["kind"] for entry in client.get("/api/v1/audit?limit=1000").json()["entries"]]
    assert kinds[-2:] == kinds[1:2] * 2  # as the cash that it was opened with


@pytest.mark.parametrize("move", ["deposit", "withdraw"])
def test_an_amount_that_cannot_be_changes_nothing(
    client: Client, account_fixture: AccountFixture, move: str
) -> None:
    before = account_fixture.account()
    for amount in ("", "0", "-5", "much", "nan", "1e308", "1e999", "²", "<b>"):
        refused = client.post(f"/account/{move}", data={"amount": amount})
        assert refused.status_code == 422, amount
        assert 'id="problem"' in refused.text
        assert "<b>" not in refused.text.split('id="problem"')[1].split("</section>")[0]
    assert account_fixture.account() == before


def test_more_than_the_cash_is_not_paid_out(
    client: Client, account_fixture: AccountFixture
) -> None:
    refused = client.post("/account/withdraw", data={"amount": "99,000"})
    assert refused.status_code == 422
    answer = client.post("/api/v1/account/withdraw", json={"amount": 99_000})
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert account_fixture.account().cash > 0


def test_a_new_beginning_is_confirmed_by_typing(
    client: Client, account_fixture: AccountFixture
) -> None:
    for word in ("", "yes", "<b>reset"):
        refused = client.post("/account/reset", data={"capital": "5000", "word": word})
        assert refused.status_code == 422
        assert "Type reset" in refused.text
    assert account_fixture.account().positions
    client.post("/account/reset", data={"capital": "5,000", "word": " Reset "})
    account = account_fixture.account()
    assert (account.cash, account.deposited, dict(account.positions)) == (5000, 5000, {})
    assert "5,000.00" in client.get("/portfolio").text


def test_mode_and_profile_are_switched_and_wrong_ones_refused(
    client: Client, account_fixture: AccountFixture
) -> None:
    page = client.post("/account/mode", data={"mode": "suggest"}).text
    assert account_fixture.account().mode is TradingMode.SUGGEST
    assert re.search(r'value="suggest"\s+aria-pressed="true"', page)
    client.post("/account/profile", data={"profile": "conservative"})
    assert account_fixture.account().profile == "conservative"
    assert client.post("/account/mode", data={"mode": "yolo"}).status_code == 422
    assert client.post("/account/profile", data={"profile": "<b>"}).status_code == 422
    assert client.post("/account/explode", data={}).status_code == 404
    body = client.post("/api/v1/account/mode", json={"mode": "observe"}).json()
    assert (body["mode"], body["profile"]) == ("observe", "conservative")


def test_a_suggestion_opens_the_ticket_filled_in(
    read_only_client: Client, read_only_account: AccountFixture
) -> None:
    order = replace(read_only_account.order(NOW, "XOM", 81.25), reason="target 9.1 % of equity")
    (line,) = suggestion_lines((order,))
    assert (line.side, line.quantity, line.reason) == ("buy", "81.25", "target 9.1 % of equity")
    ticket = read_only_client.get(line.url)
    assert ticket.status_code == 200
    assert 'value="XOM"' in ticket.text
    assert 'value="81.25"' in ticket.text


def test_the_api_stops_and_resumes(client: Client) -> None:
    stopped = client.post("/api/v1/account/stop", json={"reason": "odd", "flatten": True}).json()
    assert stopped["guard"]["standing"] == "halted"
    assert "odd" in stopped["guard"]["reason"]
    resumed = client.post("/api/v1/account/resume").json()
    assert resumed["guard"]["standing"] == "active"


@pytest.mark.parametrize("path", ["/account/stop", "/account/reset", "/api/v1/account/stop"])
def test_another_site_moves_nothing(
    client: Client, account_fixture: AccountFixture, path: str
) -> None:
    before = account_fixture.account()
    answer = client.post(path, json={}, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403
    assert account_fixture.account() == before


# Trades ----------------------------------------------------------------------------------------


def test_the_filter_lives_in_the_address_and_the_totals_are_its_own(
    read_only_client: Client, read_only_account: AccountFixture
) -> None:
    every = read_only_account.round_trips()
    symbol = every[0].symbol
    for query, left in (
        ("", every),
        (f"?symbol={symbol.lower()}", [t for t in every if t.symbol == symbol]),
        ("?result=won", [t for t in every if t.profit > 0]),
        ("?result=lost", [t for t in every if t.profit <= 0]),
        (f"?since={every[1].closed_at:%Y-%m-%d}", every[1:]),
        (f"?until={every[0].closed_at:%Y-%m-%d}", every[:1]),
    ):
        body = read_only_client.get(f"/api/v1/trades{query}").json()
        assert [trip["id"] for trip in body["trades"]] == [t.id for t in reversed(left)]
        assert body["totals"]["count"] == len(left)
        assert body["totals"]["profit"] == pytest.approx(sum(t.profit for t in left))
        page = read_only_client.get(f"/trades{query}").text
        assert page.count('role="row" id="trip-') == len(left)
        assert f"n {len(left)}" in page
        rows = read_only_client.get(f"/trades/trades.csv{query}").text
        assert len(list(csv.DictReader(io.StringIO(rows)))) == len(left)


def test_a_filter_that_cannot_be_is_refused_with_what_could(read_only_client: Client) -> None:
    for query in (
        "result=maybe", "since=yesterday", "until=2024-13-01", "symbol=%3Cb%3E",
        "since=2024-02-02&until=2024-02-01",
    ):  # fmt: skip
        for path in ("/trades", "/trades/trades.csv", "/api/v1/trades"):
            assert read_only_client.get(f"{path}?{query}").status_code == 422


def test_a_note_and_tags_are_kept_escaped_and_found_again(
    client: Client, account_fixture: AccountFixture
) -> None:
    trip = account_fixture.round_trips()[0]
    answer = client.post(
        f"/trades/{trip.id}",
        data={"note": HOSTILE, "tags": "  late ,<b>x</b>, late", "back": "/trades?result=won"},
    )
    assert answer.status_code == 200
    page = client.get("/trades?tag=late").text
    assert page.count('role="row" id="trip-') == 1
    assert "<script>alert" not in page
    assert "<b>x" not in page
    assert not set(page) & set("\x1b\u202e")
    noted = account_fixture.round_trips()[0]
    assert (noted.note, noted.tags) == (HOSTILE, ("late", "<b>x</b>"))
    assert client.get("/trades?tag=early").text.count('role="row" id="trip-') == 0


def test_the_api_changes_only_what_it_is_given(
    client: Client, account_fixture: AccountFixture
) -> None:
    trip = account_fixture.round_trips()[0]
    address = f"/api/v1/trades/{trip.id}"
    assert client.patch(address, json={"note": "why", "tags": ["a", "b, c"]}).status_code == 200
    body = client.patch(address, json={"tags": ["z"]}).json()["trade"]
    assert (body["note"], body["tags"]) == ("why", ["z"])
    assert client.patch("/api/v1/trades/none", json={"note": ""}).status_code == 404
    assert client.patch(address, json={"note": "a" * 100_000}).status_code == 422
    assert client.post("/trades/none", data={"note": "x"}).status_code == 404


def test_the_file_of_trades_hides_no_formula(
    client: Client, account_fixture: AccountFixture
) -> None:
    trip = account_fixture.round_trips()[0]
    client.post(f"/trades/{trip.id}", data={"note": '=HYPERLINK("x")', "tags": "@tag"})
    answer = client.get("/trades/trades.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = [r for r in csv.DictReader(io.StringIO(answer.text)) if r["id"] == trip.id]
    assert (row["note"], row["tags"]) == ('\'=HYPERLINK("x")', "'@tag")
    assert float(row["profit"]) == trip.profit


def test_a_trade_leads_to_the_decision_it_came_from(client: Client, demo_app: DemoApp) -> None:
    account_fixture = AccountFixture(demo_app.database)
    decision = demo_app.records.latest("demo", "live")[0].decision
    account_fixture.trade(NOW, decision.symbol, 2.0, 10.0, receipt=decision.receipt)
    lots = account_fixture.blotter.lots()[decision.symbol]
    account_fixture.trade(NOW, decision.symbol, -sum(lot.quantity for lot in lots), 11.0)
    assert account_fixture.round_trips()[-1].receipt == decision.receipt
    page = client.get("/trades").text
    assert f'href="/decisions/{decision.receipt}"' in page
    assert client.get(f"/decisions/{decision.receipt}").status_code == 200


def test_a_long_journal_is_paged_to_its_end(
    client: Client, account_fixture: AccountFixture
) -> None:
    at = NOW
    for _ in range(120):
        account_fixture.trade(at, "GLD", 1.0, 10.0)
        account_fixture.trade(at, "GLD", -1.0, 10.5)
    first = client.get("/trades?symbol=GLD").text
    assert first.count('role="row" id="trip-') == 100
    older = re.search(r'href="(/trades\?symbol=GLD&amp;skip=100)"', first)
    assert older is not None
    second = client.get(older[1].replace("&amp;", "&")).text
    assert second.count('role="row" id="trip-') == 20
    whole = client.get("/trades?symbol=GLD&show=all").text
    assert whole.count('role="row" id="trip-') == 120


def test_totals_of_nothing_are_unknown() -> None:
    totals = trade_totals(())
    assert (totals.count, totals.profit) == (0, 0.0)
    assert (totals.hit_rate, totals.mean, totals.ratio, totals.days) == (None,) * 4


def test_the_log_is_read_to_its_end_without_gap(
    read_only_client: Client, read_only_account: AccountFixture
) -> None:
    seen: list[int] = []
    after = 0
    while True:
        page = read_only_client.get(f"/api/v1/audit?after={after}&limit=100").json()
        seen += [entry["number"] for entry in page["entries"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == list(range(1, read_only_account.account().entry_count + 1))
    assert len({entry["digest"] for entry in page["entries"]}) == len(page["entries"])


# Live ------------------------------------------------------------------------------------------


async def test_the_portfolio_follows_the_account_with_the_markup_of_the_page(
    demo_app: DemoApp,
) -> None:
    account_fixture = AccountFixture(demo_app.database)
    async with running_server(demo_app) as server:
        stream = server.dashboard("account,positions,guard,trips")
        await read_until(stream, "sys.hello")
        account_fixture.trade(NOW, "GLD", 3.0, 100.0)
        account_fixture.close_bar(NOW, GLD=110.0)
        demo_app.notifier.notify()
        messages = await read_until(stream, "position-GLD")
    sent = " ".join(each.data for each in messages)
    with open_client(demo_app) as client:
        page = client.get("/portfolio").text
    for target in ("account-kpis", "positions", "equity-past", "allocation", "movers", "guard"):
        part = re.search(
            rf'<hx-partial hx-target="#{target}" hx-swap="outerMorph">(.*?)</hx-partial>', sent
        )
        assert part is not None, target
        assert _flat(part[1]) in _flat(page), target
    assert any(each.event == "trips.moved" for each in messages)


def _flat(html: str) -> str:
    return re.sub(r"\s+", "", html)


def test_suggestions_are_made_once_until_something_happens(demo_app: DemoApp) -> None:
    computed_at = []

    class CountingAccountService(AccountService):
        def __init__(self) -> None:
            pass

        def suggestions(self) -> tuple[Order, ...]:
            computed_at.append(demo_app.journal.last_seq())
            return ()

    suggestion_cache = SuggestionCache(demo_app.journal, CountingAccountService())
    assert suggestion_cache.current() == suggestion_cache.current() == ()
    demo_app.journal.append(EventKind.AGENT_CHANGED, "live", None, {"market": "demo"})
    suggestion_cache.current()
    assert computed_at == [computed_at[0], computed_at[0] + 1]
