"""Orders from the ticket to the blotter: looked at, placed once, followed, amended, cancelled."""

import csv
import io
import re
import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from domain.trading.account import OrderFilled
from domain.trading.orders import Order, OrderStatus, OrderType, Side, Ticket, TimeInForce
from storage.accounts.account_log import SqlAccountLog
from storage.accounts.blotter import SqlBlotter
from tests.web.conftest import Client, open_client
from tests.web.demo_app import NOW, DemoApp
from tests.web.test_security import HOSTILE
from tests.web.test_stream import _flat, _html, read_until, running_server
from trading.account import ledger
from trading.orders.confirmation_tokens import TOKEN_LIFETIME
from web.orders.views import order_row
from web.shell import stream_cursor

BUY = {"symbol": "aapl", "side": "buy", "kind": "limit", "quantity": "10", "limit": "150",
       "term": "gtc"}  # fmt: skip


@pytest.fixture(scope="module")
def read_only_app(
    decided_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Client, DemoApp]]:
    """An app for what is refused and so changes nothing."""
    home = tmp_path_factory.mktemp("read-only") / "home"
    shutil.copytree(decided_home, home)
    demo_app = DemoApp(home)
    with open_client(demo_app) as client:
        yield client, demo_app
    demo_app.database.close()


def preview_fields(client: Client, ticket: dict[str, str]) -> dict[str, str]:
    """What the page sends to place `ticket`, read from its preview."""
    page = client.post("/trade/preview", data=ticket)
    assert page.status_code == 200, page.text
    return confirmation_fields(page.text)


def confirmation_fields(page: str) -> dict[str, str]:
    form = re.search(r'<form class="confirm".*?</form>', page, re.S)
    assert form is not None
    found = re.findall(r'name="(\w+)" value="([^"]*)"', form[0])
    return {name: value.replace("&#39;", "'") for name, value in found}


def place(demo_app: DemoApp, key: str = "", **fields: Any) -> Order:
    """A manual order, through the account's service."""
    ticket_fields: dict[str, Any] = {
        "symbol": "AAPL",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 10.0,
        "limit_price": 150.0,
        "time_in_force": TimeInForce.GTC,
    } | fields
    ticket, account_service = Ticket(**ticket_fields), demo_app.account_service()
    token = account_service.preview(ticket).confirmation_token
    assert token is not None
    return account_service.place(ticket, confirmation_token=token, key=key or uuid.uuid4().hex)


def blotter(demo_app: DemoApp) -> SqlBlotter:
    return SqlBlotter(demo_app.database, "demo", demo_app.run)


def fill(demo_app: DemoApp, order: Order, quantity: float, price: float) -> None:
    signed = quantity * order.side.sign
    happened = OrderFilled(order.id, order.symbol, signed, price, 0.15, 0.4, "limit")
    accounts = SqlAccountLog(demo_app.database, ledger.apply)
    accounts.transact("demo", "live", demo_app.market_time, lambda _: (happened,))


def test_a_symbols_page_leads_to_its_ticket_and_an_address_fills_it_in(client: Client) -> None:
    assert 'href="/trade?symbol=AAPL"' in client.get("/symbols/AAPL").text
    page = client.get("/trade?symbol=MSFT&side=sell&quantity=2.5&kind=stop&stop=300").text
    assert 'name="symbol" value="MSFT"' in page
    assert re.search(r'value="sell" checked', page)
    assert 'name="quantity" inputmode="decimal" autocomplete="off" value="2.5"' in page
    assert '<option value="stop" selected>' in page
    assert "Last close" in page


def test_a_preview_says_what_the_order_would_do_and_places_nothing(
    client: Client, demo_app: DemoApp
) -> None:
    price, known_at = demo_app.account_service().last_price("AAPL")
    page = client.post("/trade/preview", data=BUY).text
    for expected in (
        "Buy 10 AAPL: limit 150.00, good till cancelled",
        f"{price:,.2f}", f"{known_at:%Y-%m-%d %H:%M}",
        "Takes from the cash", "1,500.15", "0.15", "Order limit", "Position limit", "Cash",
        "Fills at the limit where a bar trades through it", "A commission of 1 bp",
        f'data-seconds="{TOKEN_LIFETIME.seconds}"',
    ):  # fmt: skip
        assert expected in page, expected
    assert blotter(demo_app).orders() == ()


def test_what_was_previewed_is_placed_once_however_often_it_is_sent(
    client: Client, demo_app: DemoApp
) -> None:
    sent = preview_fields(client, BUY)
    with ThreadPoolExecutor(4) as several:
        futures = [
            several.submit(client.post, "/trade", data=sent, follow_redirects=False)
            for _ in range(4)
        ]
        answers = [each.result() for each in futures]
    assert {answer.status_code for answer in answers} == {303}
    (line,) = blotter(demo_app).orders()
    assert {answer.headers["location"] for answer in answers} == {f"/orders/{line.order.id}"}
    assert (line.order.symbol, line.order.quantity, line.order.limit_price) == ("AAPL", 10.0, 150.0)
    page = client.get(f"/orders/{line.order.id}").text
    assert "Buy 10 AAPL, limit 150.00" in page


def test_a_quote_that_expired_places_nothing_and_is_answered_with_a_fresh_one(
    client: Client, demo_app: DemoApp
) -> None:
    demo_app.clock_time = NOW
    sent = preview_fields(client, BUY)
    demo_app.clock_time = NOW + TOKEN_LIFETIME + timedelta(seconds=1)
    answer = client.post("/trade", data=sent)
    assert answer.status_code == 422
    assert "The quote expired 1.0 s ago" in answer.text
    assert blotter(demo_app).orders() == ()
    fresh = confirmation_fields(answer.text)
    assert fresh["key"] == sent["key"]
    assert client.post("/trade", data=fresh, follow_redirects=False).status_code == 303


def test_a_quote_confirms_no_other_ticket(client: Client, demo_app: DemoApp) -> None:
    sent = preview_fields(client, BUY)
    for changed in ({"quantity": "11"}, {"side": "sell"}, {"quote": "1:1:1"}, {"key": ""}):
        assert client.post("/trade", data={**sent, **changed}).status_code == 422
    assert blotter(demo_app).orders() == ()


def test_a_key_is_for_one_ticket(client: Client, demo_app: DemoApp) -> None:
    sent = preview_fields(client, BUY)
    client.post("/trade", data=sent)
    other = preview_fields(client, {**BUY, "quantity": "11"}) | {"key": sent["key"]}
    answer = client.post("/trade", data=other)
    assert answer.status_code == 422
    assert "was used for another order" in answer.text
    assert len(blotter(demo_app).orders()) == 1


@pytest.mark.parametrize(
    ("field", "typed", "expected"),
    [
        ("symbol", {"symbol": ""}, "none is named"),
        ("symbol", {"symbol": "<b>AAPL</b>"}, "is not a symbol"),
        ("symbol", {"symbol": "ZZZZ"}, "so it has no price"),
        ("side", {"side": "hold"}, "none of buy, sell"),
        ("kind", {"kind": "iceberg"}, "none of market, limit"),
        ("quantity", {"quantity": ""}, "Nothing is given"),
        ("quantity", {"quantity": "ten"}, "Enter a number such as 2.5"),
        ("quantity", {"quantity": "0"}, "is not above zero"),
        ("quantity", {"quantity": "-3"}, "is not above zero"),
        ("quantity", {"quantity": "nan"}, "is not a number"),
        ("quantity", {"quantity": "1e308"}, "Give a number of units from"),
        ("quantity", {"quantity": "1e999"}, "is too large"),
        ("quantity", {"quantity": "0.00001"}, "no whole number of lots"),
        ("quantity", {"quantity": "100000"}, "of equity; an order may be 25.0%"),
        ("quantity", {"quantity": "0.001", "measure": "value"}, "buys no lot"),
        ("quantity", {"side": "sell"}, "There is nothing to reduce"),
        ("measure", {"measure": "lots"}, "none of units, value"),
        ("limit", {"limit": ""}, "Nothing is given"),
        ("limit", {"limit": "150.0051"}, "off the tick"),
        ("stop", {"kind": "stop", "stop": "1"}, "on the wrong side of the last price"),
        ("stop", {"kind": "stop limit", "stop": "x"}, "is not a number"),
        ("trail", {"kind": "trailing stop", "trail": "120"}, "a share between 0 and 1"),
        ("trail_in", {"kind": "trailing stop", "trail": "5", "trail_in": "?"}, "percent"),
        ("term", {"term": "forever"}, "none of day, gtc, ioc, fok"),
        ("term", {"term": "fok"}, "is closed"),
        ("stop_loss", {"stop_loss": "151"}, "The bracket is crossed"),
        ("take_profit", {"take_profit": "149"}, "The bracket is crossed"),
        ("note", {"note": "n" * 201}, "Give at most 200"),
    ],
)
def test_what_is_refused_stands_beside_its_field_with_all_that_was_typed(
    read_only_app: tuple[Client, DemoApp], field: str, typed: dict[str, str], expected: str
) -> None:
    client, demo_app = read_only_app
    answer = client.post("/trade/preview", data={**BUY, "note": "as typed", **typed})
    assert answer.status_code in (404, 422)
    fault = re.search(rf'id="t-{field}-fault">(.*?)</small>', answer.text)
    assert fault is not None
    assert expected in fault[1].replace("&#39;", "'")
    assert "<b>AAPL" not in answer.text
    assert blotter(demo_app).orders() == ()
    if field != "note":
        assert 'value="as typed"' in answer.text
    assert 'name="quote"' not in answer.text


def test_every_field_that_is_wrong_is_told_at_once(read_only_app: tuple[Client, DemoApp]) -> None:
    page = read_only_app[0].post("/trade/preview", data={**BUY, "quantity": "x", "limit": "y"}).text
    assert page.count('aria-invalid="true"') == 2


def test_a_price_that_the_kind_has_no_use_for_is_not_looked_at(client: Client) -> None:
    page = client.post("/trade/preview", data={**BUY, "kind": "market", "limit": "x"})
    assert page.status_code == 200
    assert "Buy 10 AAPL: market" in page.text


def test_a_value_buys_whole_lots_and_the_same_ones_when_it_is_placed(
    client: Client, demo_app: DemoApp
) -> None:
    sent = preview_fields(client, {**BUY, "measure": "value", "quantity": "1,000"})
    client.post("/trade", data=sent)
    (line,) = blotter(demo_app).orders()
    assert line.order.quantity == 6.6666
    assert sent["measure"] == "units"


def test_an_account_that_is_halted_says_so_before_anything_is_typed(
    client: Client, demo_app: DemoApp
) -> None:
    demo_app.account_service().emergency_stop(
        flatten=False, reason="odd <b>prices</b>", by="a test"
    )
    assert (
        "halted and takes no order (emergency stop: odd &lt;b&gt;"
        in client.get("/trade?symbol=AAPL").text
    )
    answer = client.post("/trade/preview", data=BUY)
    assert answer.status_code == 422
    assert "Resume trading first" in answer.text


def test_a_bracket_holds_its_exits_until_the_order_fills(client: Client, demo_app: DemoApp) -> None:
    sent = preview_fields(client, {**BUY, "stop_loss": "140", "take_profit": "180"})
    page = client.post("/trade", data=sent).text
    assert "Buy 10 AAPL" in page
    assert [line.order.status for line in blotter(demo_app).orders()] == [
        OrderStatus.ACCEPTED, OrderStatus.ACCEPTED, OrderStatus.WORKING,
    ]  # fmt: skip
    page = client.get("/orders").text
    assert page.count('">its parent</a> fills') == 4  # in the open orders and in all
    accepted = blotter(demo_app).orders(status=OrderStatus.ACCEPTED)[0]
    working = replace(accepted, order=replace(accepted.order, status=OrderStatus.WORKING))
    assert (bool(order_row(accepted).parent_url), order_row(working).parent_url) == (True, "")


def test_orders_are_listed_filtered_and_paged_by_their_address(
    client: Client, demo_app: DemoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.orders.pages.PAGE_SIZE", 4)
    for symbol in ("AAPL", "MSFT") * 3:
        demo_app.account_service().cancel(place(demo_app, symbol=symbol).id)
    still_open = place(demo_app, symbol="XOM", limit_price=90.0, note="for the record")
    newest = client.get("/orders").text
    assert _log(newest).count('<tr role="row" id') == 4
    older = re.search(r'class="button" href="(/orders\?before=\d+)"', newest)
    assert older is not None
    assert _log(client.get(older[1]).text).count('<tr role="row" id') == 3
    for query, count in (
        ("symbol=xom", 1), ("status=working", 1), ("source=manual&symbol=AAPL", 3),
        ("source=committee", 0), ("status=cancelled&symbol=XOM", 0),
    ):  # fmt: skip
        page = client.get(f"/orders?{query}").text
        assert _log(page).count('<tr role="row" id') == count, query
        assert f'id="open-{still_open.id}"' in page
    assert "for the record" in newest
    assert client.get("/orders?status=lost").status_code == 422
    assert client.get("/orders?symbol=%3Cb%3E").status_code == 422


def test_an_order_is_amended_and_cancelled_in_place(client: Client, demo_app: DemoApp) -> None:
    order = place(demo_app)
    back = "/orders?symbol=AAPL"
    changed = {"quantity": "12", "limit": "151.5", "back": back}
    answer = client.post(f"/orders/{order.id}/amend", data=changed, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    now = blotter(demo_app).order(order.id).order
    assert (now.quantity, now.limit_price) == (12.0, 151.5)
    for wrong, expected in (
        ({"limit": "x"}, "not a number"),
        ({"limit": "151.5555"}, "off the tick"),
        ({}, "changes"),
    ):
        refused = client.post(f"/orders/{order.id}/amend", data=wrong)
        assert refused.status_code == 422
        assert expected in re.search(r'id="problem".*?</p>', refused.text)[0]  # type: ignore[index]
    away = {"back": "//evil.example"}
    gone = client.post(f"/orders/{order.id}/cancel", data=away, follow_redirects=False)
    assert gone.headers["location"] == "/orders"
    assert blotter(demo_app).order(order.id).order.status is OrderStatus.CANCELLED
    assert client.post(f"/orders/{order.id}/amend", data=changed).status_code == 422
    assert client.post("/orders/none/cancel", data={}).status_code == 404


def test_all_are_cancelled_only_when_it_was_confirmed(client: Client, demo_app: DemoApp) -> None:
    for symbol in ("AAPL", "MSFT"):
        place(demo_app, symbol=symbol)
    assert client.post("/orders/cancel", data={}).status_code == 422
    assert len(blotter(demo_app).orders(open_only=True)) == 2
    client.post("/orders/cancel", data={"sure": "yes"})
    assert blotter(demo_app).orders(open_only=True) == ()


def test_the_emergency_stop_is_on_the_orders_page(client: Client, demo_app: DemoApp) -> None:
    place(demo_app)
    assert 'action="/account/stop"' in client.get("/orders").text
    client.post("/account/stop", data={"sure": "yes", "reason": "enough", "back": "/orders"})
    page = client.get("/orders").text
    assert "Halted" in page
    assert "No open order" in page


def test_what_filled_is_told_with_its_price_and_costs(client: Client, demo_app: DemoApp) -> None:
    order = place(demo_app, quantity=1000.0 / 8, limit_price=150.0)
    fill(demo_app, order, 25.0, 149.5)
    page = client.get(f"/orders/{order.id}").text
    assert "Partly filled" in page
    fills = page[page.index('id="fills"') :]
    for expected in ("149.50", "3,737.50", "0.15", "0.40", ">limit<"):
        assert expected in fills


def test_files_hold_every_order_and_fill_and_no_formula(client: Client, demo_app: DemoApp) -> None:
    order = place(demo_app, note="=HYPERLINK(1)")
    fill(demo_app, order, 4.0, 149.5)
    place(demo_app, symbol="MSFT")
    rows = _rows(client.get("/orders/orders.csv"))
    assert [row["symbol"] for row in rows] == ["MSFT", "AAPL"]
    assert rows[1]["note"] == "'=HYPERLINK(1)"
    assert (rows[1]["filled"], rows[1]["average"], rows[1]["stop"]) == ("4.0", "149.5", "")
    assert rows[1]["placed_at"] == "2024-03-15T22:00:00Z"
    assert len(_rows(client.get("/orders/orders.csv?status=working"))) == 1
    (filled,) = _rows(client.get("/orders/fills.csv?symbol=AAPL"))
    assert (filled["order"], filled["units"], filled["moment"]) == (order.id, "4.0", "limit")


def test_hostile_notes_are_harmless_wherever_they_are_shown(
    client: Client, demo_app: DemoApp
) -> None:
    notes = [note.encode("utf-8", "ignore").decode()[:200] for note in HOSTILE]
    orders = [place(demo_app, symbol="MSFT", note=note) for note in notes]
    tickets = (f"/trade?{urlencode({'note': note, 'symbol': note})}" for note in notes)
    for path in ("/orders", f"/orders/{orders[0].id}", *tickets):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<hx-partial" not in page
        assert not any(c in page for c in "\x00\x07\x1b\u202e\u2066")


async def test_orders_appear_and_change_on_the_stream_as_on_the_page(demo_app: DemoApp) -> None:
    async with running_server(demo_app) as server:
        stream = server.dashboard("orders,order-log", since=stream_cursor(server.services.journal))
        await read_until(stream, "sys.hello")
        order = place(demo_app)
        demo_app.notifier.notify()
        messages = await read_until(stream, f'id="order-{order.id}"')
        assert f'id="open-{order.id}"' in _html(messages)
        fill(demo_app, order, 4.0, 149.5)
        demo_app.notifier.notify()
        messages = await read_until(stream, "Partly filled")
        assert 'hx-target="#fills"' in _html(messages)
        demo_app.account_service().cancel(order.id)
        messages = await read_until(stream, "No open order")
        log = re.search(r'#order-log"[^>]*>(.*?)</hx-partial>', _html(messages))
        assert log is not None
        drawn = _flat(log[1])
    with open_client(demo_app) as client:
        assert drawn in _flat(client.get("/orders").text)


async def test_the_open_orders_are_a_message_of_their_own(demo_app: DemoApp) -> None:
    """So that the page can hold them back while somebody points at a button."""
    async with running_server(demo_app) as server:
        stream = server.dashboard("orders,order-log", since=stream_cursor(server.services.journal))
        await read_until(stream, "sys.hello")
        place(demo_app)
        demo_app.notifier.notify()
        messages = await read_until(stream, "#open-orders")
    (alone,) = [t for t in messages if "#open-orders" in t.data]
    assert alone.data.count("<hx-partial") == 1


async def test_a_filtered_page_is_told_to_read_itself_again(demo_app: DemoApp) -> None:
    async with running_server(demo_app) as server:
        stream = server.dashboard("order-pages", since=stream_cursor(server.services.journal))
        await read_until(stream, "sys.hello")
        place(demo_app)
        demo_app.notifier.notify()
        assert (await read_until(stream, "orders changed"))[-1].event == "sys.reset"


def test_programs_preview_place_amend_and_cancel(client: Client, demo_app: DemoApp) -> None:
    ticket = {"symbol": "aapl", "side": "buy", "kind": "limit", "quantity": 10, "limit": 150}
    seen = client.post("/api/v1/orders/preview", json=ticket).json()
    assert seen["ticket"]["symbol"] == "AAPL"
    assert seen["costs"] == pytest.approx(0.15)
    assert all(check["passed"] for check in seen["checks"])
    body = {"ticket": seen["ticket"], "quote": seen["quote"]}
    headers = {"Idempotency-Key": "a-key-of-mine"}
    first = client.post("/api/v1/orders", json=body, headers=headers)
    again = client.post("/api/v1/orders", json={**body, "key": "a-key-of-mine"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["order"] == again.json()["order"]
    assert first.json()["simulated"] is True
    id = first.json()["order"]["id"]
    assert client.get(f"/api/v1/orders/{id}").json()["order"]["limit"] == 150
    amended = client.patch(f"/api/v1/orders/{id}", json={"limit": 149.5}).json()
    assert (amended["order"]["limit"], amended["order"]["quantity"]) == (149.5, 10)
    assert client.delete(f"/api/v1/orders/{id}").json()["order"]["status"] == "cancelled"
    assert client.delete(f"/api/v1/orders/{id}").status_code == 200
    place(demo_app)
    assert len(client.delete("/api/v1/orders").json()["orders"]) == 1


def test_programs_read_orders_and_fills_to_their_end(client: Client, demo_app: DemoApp) -> None:
    orders = [place(demo_app, symbol=symbol) for symbol in ("AAPL", "MSFT") * 3 + ("AAPL",)]
    for order in orders[:3]:
        fill(demo_app, order, 1.0, 149.5)
    assert _walk(client, "orders?limit=3", "orders") == sorted(
        (line.number for line in blotter(demo_app).orders()), reverse=True
    )
    assert len(_walk(client, "orders?limit=2&symbol=MSFT", "orders")) == 3
    assert len(_walk(client, "orders?status=partially%20filled", "orders")) == 3
    assert len(_walk(client, "orders?open=true&source=manual", "orders")) == 7
    assert len(_walk(client, "fills?limit=2", "fills")) == 3
    (published,) = client.get(f"/api/v1/fills?order={orders[0].id}").json()["fills"]
    assert (published["units"], published["price"], published["source"]) == (1.0, 149.5, "manual")


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [
        ({"quantity": 0}, 422, "Give a number of units from"),
        ({"quantity": -1}, 422, "to sell, choose the side"),
        ({"quantity": 1e308}, 422, "Give a number of units from"),
        ({"quantity": None}, 422, "Give one of them"),
        ({"value": 5.0}, 422, "Give one of them"),
        ({"value": 1e-9, "quantity": None}, 422, "buys no lot"),
        ({"symbol": "ZZZZ"}, 404, "has no price"),
        ({"side": "hold"}, 422, "none of buy, sell"),
        ({"limit": None}, 422, "needs a limit"),
        ({"limit": 150.001}, 422, "off the tick"),
        ({"stop": 1}, 422, "has no stop"),
        ({"stop_loss": 200}, 422, "The bracket is crossed"),
        ({"limit": "much"}, 400, "limit"),
        ({"stoploss": 140}, 400, "unknown field `stoploss`"),
    ],
)
def test_a_ticket_that_is_no_order_is_a_problem_with_a_remedy(
    read_only_app: tuple[Client, DemoApp], change: dict[str, Any], status: int, expected: str
) -> None:
    client, demo_app = read_only_app
    ticket = {"symbol": "AAPL", "side": "buy", "kind": "limit", "quantity": 10, "limit": 150}
    answer = client.post("/api/v1/orders/preview", json={**ticket, **change})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert expected in answer.json()["detail"]
    assert blotter(demo_app).orders() == ()


def test_a_problem_names_the_field_that_was_refused(read_only_app: tuple[Client, DemoApp]) -> None:
    ticket = {"symbol": "AAPL", "side": "buy", "kind": "limit", "quantity": 10}
    for change, field in (
        ({"limit": 150.001}, "limit"),
        ({"limit": 150, "quantity": 0}, "quantity"),
    ):
        answer = read_only_app[0].post("/api/v1/orders/preview", json={**ticket, **change})
        assert answer.json()["field"] == field
    assert "field" not in read_only_app[0].get("/api/v1/orders/none").json()


def test_not_a_number_is_no_quantity_to_programs_either(client: Client) -> None:
    body = b'{"symbol": "AAPL", "side": "buy", "quantity": NaN}'
    headers = {"content-type": "application/json"}
    answer = client.post("/api/v1/orders/preview", content=body, headers=headers)
    assert answer.status_code == 400


def test_a_check_that_fails_is_told_without_a_quote_and_refused_when_placed(
    client: Client, demo_app: DemoApp
) -> None:
    ticket = {"symbol": "AAPL", "side": "sell", "quantity": 1}
    seen = client.post("/api/v1/orders/preview", json=ticket).json()
    assert seen["quote"] is None
    assert "There is nothing to reduce" in str(seen["checks"])
    for quote, key, expected in (
        ("", "k", "is not of this order"),
        ("1:2:3", "k", "is not of this order"),
        ("x", "", "needs a key"),
        ("x", "\x00", "no idempotency key"),
        ("x", "k" * 101, "no idempotency key"),
    ):
        answer = client.post("/api/v1/orders", json={"ticket": ticket, "quote": quote, "key": key})
        assert answer.status_code == 422
        assert expected in answer.json()["detail"]
    assert blotter(demo_app).orders() == ()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "orders/none", 404),
        ("PATCH", "orders/none", 404),
        ("DELETE", "orders/none", 404),
        ("GET", "orders/%00", 404),
        ("GET", "orders?limit=0", 400),
        ("GET", "orders?status=lost", 422),
        ("GET", "fills?symbol=%3Cb%3E", 422),
    ],
)
def test_what_does_not_exist_is_a_problem(
    read_only_app: tuple[Client, DemoApp], method: str, path: str, status: int
) -> None:
    answer = read_only_app[0].request(
        method, f"/api/v1/{path}", json={} if method == "PATCH" else None
    )
    assert answer.status_code == status
    assert answer.json()["status"] == status


def _log(page: str) -> str:
    return page[page.index('<div id="order-log"') : page.index('<div id="fills"')]


def _rows(answer: Any) -> list[dict[str, str]]:
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))


def _walk(client: Client, path: str, noun: str) -> list[int]:
    """The numbers of a list, page by page."""
    seen: list[int] = []
    before = ""
    while True:
        page = client.get(f"/api/v1/{path}{before}").json()
        seen += [line["number"] for line in page[noun]]
        if page["next"] is None:
            return seen
        before = f"{'&' if '?' in path else '?'}before={page['next']}"
