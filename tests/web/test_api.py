"""The JSON API: schemas, problems with a remedy, and the truth about simulation."""

import json

import pytest

from domain.canonical import to_json
from orchestrator.evaluation.scoring import score_record
from tests.web.conftest import BACKTEST_ID, Client
from tests.web.demo_app import SYMBOLS, DemoApp

PATHS = (
    "status", "engine", "agents", "watchlist", "decisions", "decisions/latest",
    "symbols/AAPL/bars", "symbols/AAPL/votes", "symbols/AAPL/news", "symbols/AAPL/filings",
    "record", "agents/risk/record", "agents/committee/record",
    "backtests", f"backtests/{BACKTEST_ID}",
    "lab/runs", "lab/models", "lab/models/shipped", "lab/models/shipped/drift",
    "orders", "fills", "account", "account/suggestions", "positions", "equity", "trades", "audit",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_says_that_it_is_simulated(client: Client, path: str) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200
    assert answer.json()["simulated"] is True
    assert answer.json()["market"] == "demo"


def test_decisions_have_the_fields_of_the_command_line(client: Client, demo_app: DemoApp) -> None:
    answer = client.get("/api/v1/decisions/latest").json()
    stored = demo_app.records.latest("demo", "live")
    assert [decision["symbol"] for decision in answer["decisions"]] == sorted(SYMBOLS)
    for published, recorded in zip(answer["decisions"], stored, strict=True):
        assert to_json(recorded.decision).items() <= published.items()


def test_bars_say_whether_they_count(client: Client) -> None:
    bars = client.get("/api/v1/symbols/AAPL/bars?limit=5").json()["bars"]
    assert [bar["left_out"] for bar in bars] == [False] * 5


def test_the_feed_is_read_to_its_end_without_gap_or_repeat(client: Client) -> None:
    seen: list[int] = []
    before = ""
    while True:
        page = client.get(f"/api/v1/decisions?limit=5{before}").json()
        seen += [decision["seq"] for decision in page["decisions"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    everything = client.get("/api/v1/decisions?limit=500").json()["decisions"]
    assert seen == [decision["seq"] for decision in everything]
    assert len(seen) == len(set(seen))


def test_a_receipt_verifies(client: Client, demo_app: DemoApp) -> None:
    receipt = demo_app.records.latest("demo", "live")[0].decision.receipt
    assert client.get(f"/api/v1/decisions/{receipt}").json()["receipt"] == receipt
    answer = client.post(f"/api/v1/decisions/{receipt}/verify").json()
    assert answer["same"] is True
    assert answer["differences"] == []


def test_the_watchlist_is_replaced_added_to_and_removed_from(client: Client) -> None:
    address = "/api/v1/watchlist"
    assert client.put(address, json={"symbols": ["msft", "BTC/USDT"]}).json()["symbols"] == [
        "MSFT",
        "BTC-USDT",
    ]
    assert client.post(address, json={"symbol": "AAPL"}).json()["symbols"][-1] == "AAPL"
    assert "MSFT" not in client.delete(f"{address}/MSFT").json()["symbols"]
    assert client.delete(f"{address}/MSFT").status_code == 404
    client.post(address, json={"symbol": "brk.b"})
    added = client.post(address, json={"symbol": "ABC.XY"}).json()
    assert added["symbols"][-2:] == ["BRK-B", "ABC.XY"]
    assert added["notes"] == {"ABC.XY": "calendar unknown: New York's is assumed"}
    assert "BRK-B" not in client.delete(f"{address}/BRK.B").json()["symbols"]
    assert client.put(address, json={"symbols": []}).status_code == 422


def test_the_engine_is_moved(client: Client) -> None:
    assert client.post("/api/v1/engine/pause").json()["state"] == "paused"
    assert client.post("/api/v1/engine/resume").json()["state"] == "running"
    assert client.post("/api/v1/engine/explode").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("symbols/ZZZZ/bars", 404),
        ("symbols/ZZZZ/votes", 404),
        ("symbols/ZZZZ/news", 404),
        ("symbols/ZZZZ/filings", 404),
        ("symbols/%3Cscript%3E/bars", 422),
        ("symbols/AAPL/bars?limit=0", 400),
        ("symbols/AAPL/bars?limit=many", 400),
        ("decisions?before=x", 400),
        ("decisions/none", 404),
        ("events?since=nonsense", 422),
        ("agents/nobody/record", 404),
        ("backtests/none", 404),
        ("backtests/..%2F..%2Fetc", 404),
        ("trades?result=maybe", 422),
        ("trades?limit=0", 400),
        ("trades?skip=-1", 400),
        ("audit?after=x", 400),
        ("nowhere", 404),
    ],
)
def test_bad_input_is_a_problem_with_a_remedy(client: Client, path: str, status: int) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["simulated"] is True
    assert len(problem["detail"]) > len(problem["title"])
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("body", [b"{oops", b"", b'{"symbols": ["\xff\xfe"]}'])
def test_malformed_json_is_a_problem(client: Client, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = client.put("/api/v1/watchlist", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_the_schema_names_every_address(client: Client) -> None:
    schema = client.get("/api/v1/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    for path in (
        "status", "watchlist", "decisions/{receipt}/verify", "symbols/{symbol}/bars", "record",
        "agents/{name}/record", "backtests", "backtests/{id}", "backtests/jobs/{job}/cancel",
        "orders", "orders/preview", "orders/{id}", "fills",
        "account", "positions", "equity", "trades", "trades/{id}", "audit", "account/stop",
        "account/deposit", "account/withdraw", "account/reset", "account/mode", "account/profile",
        "account/resume",
    ):  # fmt: skip
        assert f"/api/v1/{path}" in schema["paths"]
    references = [part.split('"')[0] for part in json.dumps(schema).split("#/components/schemas/")]
    assert set(references[1:]) <= set(schema["components"]["schemas"])


def test_probes_answer(client: Client) -> None:
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/ready").json()["status"] == "ready"


def test_an_engine_that_never_got_to_decide_is_not_ready_and_says_why(
    client: Client, demo_app: DemoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_app.engine, "health", lambda: ())
    assert client.get("/ready").json()["because"] == ["the agents are starting"]
    demo_app.engine.error = "Ray could not start. Free memory."
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["because"] == ["Ray could not start. Free memory."]


def test_an_engine_that_has_decided_before_stays_ready_while_it_tries_again(
    client: Client, demo_app: DemoApp
) -> None:
    demo_app.engine.error = "Nobody answers. Check the network."
    assert client.get("/ready").status_code == 200
    assert client.get("/api/v1/engine").json()["error"] == demo_app.engine.error


def test_a_halt_keeps_its_reason(client: Client) -> None:
    client.post("/api/v1/engine/halt?reason=odd%20prices")
    body = client.get("/api/v1/engine").json()
    assert (body["state"], body["reason"]) == ("halted", "odd prices (halted through the API)")
    assert body["missing"] == ["TSLA"]
    assert body["seconds"] == {"panel": 0.25, "vote": 0.5}
    client.post("/api/v1/engine/resume")
    assert client.get("/api/v1/engine").json()["reason"] is None


def test_the_record_is_told_as_it_is_scored(client: Client, demo_app: DemoApp) -> None:
    body = client.get("/api/v1/record").json()
    benchmarks = demo_app.services().record_scorer.benchmarks(demo_app.load_record())
    scores = score_record(
        demo_app.load_record(),
        changes=benchmarks.changes,
        quantile_benchmarks=benchmarks.rivals,
        learned=benchmarks.earned_influence,
    )
    assert body["scores"] == to_json(scores)
    assert body["weights"] == pytest.approx(dict.fromkeys(demo_app.agents, 0.2))
    own = client.get("/api/v1/agents/risk/record").json()
    assert own["record"] in body["scores"]["forecasters"]
    assert own["record"]["overall"]["settled"] > 0


def test_a_backtest_is_started_followed_and_cancelled(client: Client, demo_app: DemoApp) -> None:
    body = {"symbols": ["aapl"], "start": "2023-01-02", "agents": ["risk"], "capital": 5000}
    started = client.post("/api/v1/backtests", json=body)
    assert started.status_code == 202
    (request,) = demo_app.backtests.requests
    assert (request.symbols, request.agents, request.capital) == (("AAPL",), ("risk",), 5000.0)
    job = started.json()["job"]
    assert client.get("/api/v1/backtests").json()["jobs"][0]["id"] == job
    ended = client.post(f"/api/v1/backtests/jobs/{job}/cancel").json()
    assert ended["jobs"][0]["state"] == "cancelled"
    refused = client.post("/api/v1/backtests", json={"symbols": ["AAPL"], "delay": -1})
    assert refused.status_code == 422
    assert "is none of 0, 1, 2, 3" in refused.json()["detail"]
