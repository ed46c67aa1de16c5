"""The record's pages: figures with what they rest on, and what a decision would have been."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agents.registry import describe_agent
from domain.canonical import to_json
from domain.record import ForecastRecord
from orchestrator.committee.learned_weights import influence_by_row
from orchestrator.evaluation.learning_benchmarks import influence_from_record
from orchestrator.evaluation.scoring import score_record
from tests.research.report.record_fixtures import record
from tests.web.conftest import Client, open_client
from tests.web.demo_app import NOW, DemoApp
from tests.web.test_stream import read_until, running_server
from web.formatting import agent_label
from web.live.score_cache import ScoreCache


def test_the_leaderboard_shows_everybody_with_what_is_settled(
    client: Client, demo_app: DemoApp
) -> None:
    page = client.get("/agents").text
    scores = score_record(demo_app.load_record())
    for each in scores.forecasters:
        row = re.search(rf'<a class="symbol"\s+href="/agents/{each.name}".*?</tr>', page, re.DOTALL)
        assert row is not None
        assert f"<b>{each.overall.votes:,}</b>" in row[0]
        assert f"{each.overall.settled:,} settled" in row[0]
    assert "Weights are equal: there is no record yet long enough" in page
    assert ">20.0 %</td>" in page


def test_before_the_first_vote_the_pages_say_when_a_record_begins(tmp_path: Path) -> None:
    with open_client(DemoApp(tmp_path)) as client:
        for path in ("/agents", "/agents/risk", "/agents/committee"):
            page = client.get(path)
            assert page.status_code == 200
            assert "No record yet" in page.text
        assert client.get("/api/v1/record").json()["scores"] is None


def test_votes_that_are_not_settled_show_dashes_and_no_score(
    demo_app: DemoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_app, "load_record", lambda: record(60, settled=False))
    with open_client(demo_app) as client:
        page = client.get("/agents").text
        assert "<b>360</b>" in page
        assert "0 settled" in page
        latest_state = re.search(r'id="leaderboard".*?</section>', page, re.DOTALL)
        assert latest_state is not None
        assert "0.00 %" not in latest_state[0]
        assert client.get("/agents/technical").status_code == 200


def test_a_record_too_good_to_be_true_is_called_so(
    demo_app: DemoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = record(bars=400, seed=5)
    knowing = np.where(made_up.change > 0, 0.6, -0.4)
    clairvoyant = replace(made_up, log_odds=np.stack([knowing, *made_up.log_odds[1:]]))
    monkeypatch.setattr(demo_app, "load_record", lambda: clairvoyant)
    with open_client(demo_app) as client:
        for path in ("/agents", "/agents/technical"):
            assert "Technical: too good to be true (rank IC" in client.get(path).text
        assert "too good to be true" not in client.get("/agents/risk").text


def test_an_agents_page_and_the_api_say_what_it_does(client: Client, demo_app: DemoApp) -> None:
    told = {each["agent"]: each for each in client.get("/api/v1/agents").json()["agents"]}
    for name in demo_app.agents:
        declared = describe_agent(name)
        assert html.escape(declared.description) in client.get(f"/agents/{name}").text
        assert (told[name]["label"], told[name]["description"]) == (
            declared.label,
            declared.description,
        )


def test_page_and_sentence_call_an_agent_alike(client: Client, demo_app: DemoApp) -> None:
    named = re.compile(r"\((\w+), (?:for|against)\)")
    for recorded in demo_app.records.latest("demo", "live"):
        stored = named.findall(recorded.decision.why)
        page = client.get(f"/decisions/{recorded.decision.receipt}").text
        shown = re.search(r"strongest: [^<]*", page)
        assert stored
        assert shown is not None
        assert named.findall(shown[0]) == [agent_label(agent) for agent in stored]


def test_best_and_worst_calls_lead_to_their_decisions(client: Client, demo_app: DemoApp) -> None:
    own = next(
        each
        for each in score_record(demo_app.load_record()).forecasters
        if each.name == "technical"
    )
    page = client.get("/agents/technical").text
    for call in (*own.best, *own.worst):
        assert call.receipt is not None
        assert f'href="/decisions/{call.receipt}"' in page
    assert client.get(f"/decisions/{own.best[0].receipt}").status_code == 200


def test_the_risk_agent_is_scored_on_what_it_forecasts(client: Client) -> None:
    page = client.get("/agents/risk").text
    assert "The 5% quantile and its rivals" in page
    assert "Kupiec" in page
    assert "The 5% quantile" not in client.get("/agents/news").text


def test_who_does_not_exist_is_told_who_does(client: Client) -> None:
    page = client.get("/agents/nobody")
    assert page.status_code == 404
    assert "technical, news, fundamental, risk, rl" in page.text


def test_a_record_is_scored_once_until_something_is_settled(demo_app: DemoApp) -> None:
    read: list[ForecastRecord] = []

    def counted() -> ForecastRecord:
        read.append(demo_app.load_record())
        return read[-1]

    scored = ScoreCache(replace(demo_app.services().record_scorer, load_record=counted))
    assert scored.current() is scored.current()
    assert len(read) == 1
    scored.on_events(())
    assert len(read) == 1
    events = demo_app.journal.events_after(0, 10_000)
    scored.on_events([event for event in events if event.kind.value == "decision.settled"][:1])
    scored.current()
    assert len(read) == 2


def test_a_record_with_enough_in_it_has_intervals_and_figures(
    demo_app: DemoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_app, "load_record", record)
    with open_client(demo_app) as client:
        page = client.get("/agents").text
    own = to_json(score_record(record()))["forecasters"][1]["overall"]["brier_skill"]
    low, high = (f"{own[end] * 100:.2f}".replace("-", "−") for end in ("low", "high"))
    assert f"{low} % to {high} %" in page
    for drawn in ("calibration", "regret", "weights"):
        assert f'<figure class="plot" id="{drawn}">' in page
    assert 'class="span"' in page


def test_a_settled_decision_tells_what_came_of_it_and_a_new_one_that_it_is_not_known(
    client: Client, demo_app: DemoApp
) -> None:
    history = demo_app.records.history("demo", "live", "AAPL", 10)
    outcome = demo_app.records.settled_outcome(history[-1].decision.receipt)
    assert outcome is not None
    page = client.get(f"/decisions/{history[-1].decision.receipt}").text
    section = re.search(r'id="aftermath".*?</section>', page, re.DOTALL)
    assert section is not None
    assert f"{outcome.change * 100:+.2f} %".replace("-", "−") in section[0]
    assert f"{outcome.settled_count} symbols" in section[0]
    newest = client.get(f"/decisions/{history[0].decision.receipt}").text
    assert "Not settled yet" in newest


def test_a_decision_shows_itself_without_each_agent_and_with_equal_weights(
    client: Client, demo_app: DemoApp
) -> None:
    decision = next(r.decision for r in demo_app.records.latest("demo", "live") if r.decision.p_up)
    page = client.get(f"/decisions/{decision.receipt}").text
    table = re.search(r'id="what-if".*?</section>', page, re.DOTALL)
    assert table is not None
    cast = [vote for vote in decision.votes if vote.log_odds is not None]
    assert table[0].count('<th scope="row">without ') == len(cast)
    same = re.search(r"with equal weights</th>\s*<td[^>]*>\s*([\d.]+) %", table[0])
    assert same is not None
    assert float(same[1]) == pytest.approx(decision.p_up * 100, abs=0.006)


def test_weights_that_would_be_earned_stand_beside_those_in_force(
    demo_app: DemoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_app, "load_record", record)
    forecasts = record()
    would = influence_by_row(
        forecasts.log_odds,
        forecasts.base_rate,
        forecasts.change,
        "earned",
        False,
        forecasts.horizon,
    )
    assert np.array_equal(influence_from_record(forecasts, calibrated=False).weights, would.weights)
    assert not np.allclose(would.weights[-1], 1 / len(forecasts.agents))
    with open_client(demo_app) as client:
        page = client.get("/agents").text
        one = client.get(f"/agents/{forecasts.agents[0]}").text
    assert f">{would.weights[-1, 0] * 100:.1f} %</td>" in page
    assert f"would have earned {would.weights[-1, 0] * 100:.1f} %" in one
    assert "Earned weights</th>" in page
    assert '<figure class="plot" id="trust">' in page


def test_weights_are_learnt_a_calendar_at_a_time(demo_app: DemoApp) -> None:
    """A coin's bar on a Sunday delays nothing that shares have settled."""
    forecasts = demo_app.load_record()
    both = influence_from_record(forecasts, calibrated=True)
    coins = [k for k, symbol in enumerate(forecasts.symbols) if symbol.endswith("-USD")]
    shares = [k for k in range(len(forecasts.symbols)) if k not in coins]
    rows = np.flatnonzero(~np.isnan(forecasts.base_rate[:, shares]).all(axis=1))
    alone = influence_by_row(
        forecasts.log_odds[:, rows[:, np.newaxis], shares],
        forecasts.base_rate[np.ix_(rows, shares)],
        forecasts.change[np.ix_(rows, shares)],
        "earned",
        True,
        forecasts.horizon,
    )
    assert np.array_equal(both.weights[rows], alone.weights)


def test_a_live_record_has_its_rivals_and_other_horizons(demo_app: DemoApp) -> None:
    benchmarks = demo_app.services().record_scorer.benchmarks(demo_app.load_record())
    forecasts = demo_app.load_record()
    settled = ~np.isnan(forecasts.change)
    assert settled.any()
    assert np.array_equal(benchmarks.changes[forecasts.horizon][settled], forecasts.change[settled])
    assert set(benchmarks.rivals) == {"historical simulation", "GARCH, normal"}
    assert np.isfinite(benchmarks.rivals["GARCH, normal"][settled]).all()


def test_an_agent_that_never_voted_has_dashes_and_no_line(
    demo_app: DemoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecasts = record()
    log_odds = forecasts.log_odds.copy()
    log_odds[0] = np.nan
    monkeypatch.setattr(demo_app, "load_record", lambda: replace(forecasts, log_odds=log_odds))
    with open_client(demo_app) as client:
        page = client.get("/agents").text
    row = re.search(rf'href="/agents/{forecasts.agents[0]}".*?</tr>', page, re.DOTALL)
    assert row is not None
    assert "0.00" not in row[0]
    rivals = re.search(r'id="ahead".*?</section>', page, re.DOTALL)
    assert rivals is not None
    label = agent_label(forecasts.agents[0])
    abstained = re.search(rf">\s*{label}</th>(.*?)</tr>", rivals[0], re.DOTALL)
    assert abstained is not None
    assert abstained[1].count("<b>–</b>") == 2


async def test_a_page_of_the_record_hears_when_something_is_settled(tmp_path: Path) -> None:
    demo_app = DemoApp(tmp_path)
    demo_app.fetch_demo_data()
    demo_app.run_cycle(NOW - timedelta(days=16))
    async with running_server(demo_app) as server:
        stream = server.dashboard("record")
        await read_until(stream, "sys.hello")
        demo_app.run_cycle()
        assert "record.moved" in str(await read_until(stream, "record.moved"))
    demo_app.database.close()


def test_trust_is_drawn_only_once_agents_are_told_apart(client: Client) -> None:
    page = client.get("/agents").text
    assert 'id="trust"' not in page
    assert "a trust of 1.00" in client.get("/agents/technical").text


def test_weights_are_told_of_one_calendar_not_of_two_in_turn(demo_app: DemoApp) -> None:
    scored = ScoreCache(demo_app.services().record_scorer).current()
    assert scored.calendar == "XNYS"
    shares = [
        k for k, symbol in enumerate(demo_app.load_record().symbols) if not symbol.endswith("-USD")
    ]
    traded = ~np.isnan(demo_app.load_record().base_rate[:, shares]).all(axis=1)
    assert len(scored.learned_at) == traded.sum()
