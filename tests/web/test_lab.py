"""The RL lab's pages: the active model, runs on the stream, models, and what bad input does."""

import json
import re
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from envs.training.arguments import TrainingArguments
from envs.training.events import HeldOutPaths
from envs.training.run import run_training
from storage.models.model_registry import SHIPPED
from tests.web import lab_stub
from tests.web.conftest import Client, open_client
from tests.web.demo_app import SYMBOLS, DemoApp
from tests.web.lab_stub import ARGUMENTS, K, policy, record_stages, training_history
from tests.web.test_stream import _html, read_until, running_server
from trading.costs import CostSettings
from web.lab.figures import overlaid_equity

GOOD = {
    "symbols": "aapl, MSFT", "algo": ["ppo", "dqn"], "actions": "flat-long",
    "reward": "differential-sharpe", "steps": "20,000", "seeds": "3", "train_until": "2023-01-31",
    "validate_until": "2023-08-31", "half_spread_bps": "2", "commission_bps": "1.5",
    "select": "regimes", "stages": "5", "patience": "2", "episode": "60", "dearer": "0.5",
    "delay": "1", "noise": "0.1", "seed": "4", "hidden": "8",
}  # fmt: skip
XSS = "<script>alert(1)</script>"


def test_the_page_says_which_model_is_active_what_it_was_worth_and_where_it_learnt(
    client: Client,
) -> None:
    page = _visible_text(client.get("/lab").text)
    assert "The policy that ships SIMULATED" in page
    assert re.search(
        r"(Better|Worse|No better) than its base rate in the simulated market −?\d\.\d % \[", page
    )
    assert re.search(r"return 1 \d\.\d\d (stable|shifting|drifted)", page)
    assert "Weight now 20.0 %" in page
    assert "No training run yet" in page


@pytest.mark.parametrize(
    ("skill", "words"),
    [
        ((-0.005, -0.010, -0.001), "Worse than its base rate −0.5 % [−1.0 %, −0.1 %]"),
        ((0.001, -0.002, 0.004), "No better than its base rate 0.1 % [−0.2 %, 0.4 %]"),
        ((0.004, 0.001, 0.007), "Better than its base rate 0.4 % [0.1 %, 0.7 %]"),
    ],
)
def test_what_it_was_worth_is_said_by_its_whole_interval(
    client: Client, demo_app: DemoApp, skill: tuple[float, float, float], words: str
) -> None:
    model = demo_app.lab.add_model(policy(1, skill=skill, simulated=False))
    assert words in _visible_text(client.get(f"/lab/models/{model}").text)
    invented = demo_app.lab.add_model(policy(1, skill=skill))
    expected = words.replace("base rate ", "base rate in the simulated market ")
    assert expected in _visible_text(client.get(f"/lab/models/{invented}").text)


def test_drift_is_told_by_feature_in_a_number_and_a_word(client: Client, demo_app: DemoApp) -> None:
    """The policies of these tests were trained on standard normal observations."""
    model = demo_app.lab.add_model(policy(1))
    page = _visible_text(client.get(f"/lab/models/{model}").text)
    drift = client.get(f"/api/v1/lab/models/{model}/drift").json()["drift"]
    assert len(drift) == K
    for each in drift:
        assert f"{each['feature']} {each['psi']:.2f} {each['word']}" in page
    assert "drifted" in {each["word"] for each in drift}


def test_where_too_little_was_seen_the_page_says_so_and_not_zero(tmp_path: Path) -> None:
    new = DemoApp(tmp_path)
    with open_client(new) as client:
        page = _visible_text(client.get("/lab").text)
    assert page.count("too few bars yet") == K
    assert "Weight now –" in page
    new.database.close()


def test_the_form_starts_from_the_watchlist_its_history_and_the_costs_in_force(
    client: Client,
) -> None:
    page = client.get("/lab").text
    assert f">{' '.join(SYMBOLS)}</textarea>" in page
    assert 'name="train_until" type="date" value="2023-04-28"' in page
    assert 'name="episode" inputmode="numeric" autocomplete="off" value="134"' in page
    assert 'name="half_spread_bps" inputmode="decimal" autocomplete="off" value="2"' in page


def test_what_is_watched_and_not_stored_is_not_proposed(client: Client, demo_app: DemoApp) -> None:
    demo_app.watchlist.add("TSLA")
    assert f">{' '.join(SYMBOLS)}</textarea>" in client.get("/lab").text
    assert client.post("/api/v1/lab/runs", json={"steps": 2_000}).status_code == 202


def test_size_and_borrowing_cost_in_training_what_they_cost_in_the_paper_account(
    demo_app: DemoApp,
) -> None:
    costs = CostSettings(impact=0.5, borrow_bps=50.0)
    demo_app.settings = demo_app.settings.model_copy(update={"costs": costs})
    with open_client(demo_app) as client:
        client.post("/lab/runs", data=GOOD)
    ((arguments, _),) = demo_app.lab.training_jobs.started
    assert (arguments.impact, arguments.borrow_bps) == (0.5, 50.0)


def test_what_is_asked_for_is_what_is_trained(client: Client, demo_app: DemoApp) -> None:
    answer = client.post("/lab/runs", data=GOOD)
    assert answer.status_code == 200
    ((arguments, symbols),) = demo_app.lab.training_jobs.started
    assert symbols == ("AAPL", "MSFT")
    assert arguments == TrainingArguments(
        algo=("ppo", "dqn"), reward="differential-sharpe", steps=20_000, seeds=3,
        train_until=date(2023, 1, 31), validate_until=date(2023, 8, 31), half_spread_bps=2.0,
        commission_bps=1.5, select="regimes", stages=5, patience=2, episode=60, dearer=0.5,
        delay=1, noise=0.1, seed=4, hidden=8,
    )  # fmt: skip
    assert "Training" in _element_html(answer.text, "lab-runs")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("symbols", "", "None is named"),
        ("symbols", XSS, "is not a symbol"),
        ("symbols", "AAPL TSLA", "Nothing is stored for TSLA"),
        ("algo", [], "The algorithms are none"),
        ("algo", ["sac"], "sac cannot learn flat-long"),
        ("actions", "everything", "is none of flat-long"),
        ("reward", "", "is none of log-return"),
        ("select", "best", "is none of bagging, regimes"),
        ("steps", "many", "Enter a whole number such as 1000"),
        ("steps", "0", "it must be from 1 to"),
        ("seeds", "2.5", "is not whole"),
        ("seeds", "101", "from 1 to 100"),
        ("train_until", "yesterday", "is no date. Write it as 2015-01-31"),
        ("validate_until", "2023-01-31", "would end before training"),
        ("half_spread_bps", "dear", "Enter a number such as 2.5"),
        ("commission_bps", "-1", ""),
        ("stages", "99999", "from 1 to the number of steps"),
        ("patience", "0", "at least 1"),
        ("episode", "0", "at least 1"),
        ("episode", "400", "Shorten the episodes"),
        ("dearer", "2", "from 0 to 1"),
        ("delay", "21", "from 0 to 20"),
        ("noise", "nan", ""),
        ("seed", "-1", "from 0 to"),
        ("hidden", "4096", "from 1 to 1024"),
    ],
)
def test_bad_input_is_told_beside_its_field_and_what_was_typed_stays(
    client: Client, demo_app: DemoApp, field: str, value: str | list[str], expected: str
) -> None:
    answer = client.post("/lab/runs", data={**GOOD, field: value})
    assert answer.status_code == 422
    fault = re.search(f'id="lab-{field}-fault">(.*?)</small>', answer.text)
    assert fault is not None
    assert expected in unescape(fault[1])
    assert "<use" in fault[1]  # an icon, not colour alone
    assert XSS not in answer.text
    assert demo_app.lab.training_jobs.started == []
    if field != "steps":
        assert 'value="20,000"' in answer.text


def test_every_field_that_cannot_be_read_is_told_at_once(client: Client) -> None:
    answer = client.post("/lab/runs", data={**GOOD, "steps": "x", "seeds": "y", "noise": "z"})
    assert answer.text.count('aria-invalid="true"') == 3
    assert re.search(r"<details[^>]* open", answer.text)  # noise is folded away otherwise


def test_a_third_training_is_refused_in_the_form(client: Client) -> None:
    for _ in range(2):
        assert client.post("/lab/runs", data=GOOD).status_code == 200
    answer = client.post("/lab/runs", data=GOOD)
    assert answer.status_code == 422
    assert "2 trainings are running" in _element_html(answer.text, "lab-form")


async def test_a_run_is_followed_to_its_model_on_the_stream(demo_app: DemoApp) -> None:
    lab = demo_app.lab
    async with running_server(demo_app) as server:
        stream = server.dashboard("lab-runs,lab-models,lab-run")
        await read_until(stream, "sys.hello")
        run = lab.lab().start(ARGUMENTS, ("AAPL",))
        demo_app.notifier.notify()
        html = _html(await read_until(stream, f"run-{run}"))
        assert 'hx-target="#lab-runs"' in html
        assert f'action="/lab/runs/{run}/stop"' in html
        record_stages(lab.run(run), 1)
        demo_app.notifier.notify()
        html = _html(await read_until(stream, "dqn-1, 4 of 4"))
        assert "Validation: Sharpe ratio" in html  # the curves of the run's own page
        model = lab.finish_run(run, policy(arguments=ARGUMENTS))
        demo_app.notifier.notify()
        html = _html(await read_until(stream, f"model-{model}"))
        assert "Growth on the held-out years" in html
        assert f'action="/lab/runs/{run}/stop"' not in html


async def test_what_does_not_move_is_told_once(demo_app: DemoApp) -> None:
    demo_app.lab.create_run("still")
    async with running_server(demo_app) as server:
        stream = server.dashboard("lab-runs,lab-models,lab-run")
        messages = await read_until(stream, "sys.hb", seconds=20)
        assert _html(messages).count('hx-target="#lab-runs"') == 1
        assert _html(messages).count('hx-target="#lab-models"') == 1


def test_a_run_shows_its_curves_its_held_out_years_and_what_was_asked(
    client: Client, demo_app: DemoApp
) -> None:
    run = demo_app.lab.create_run("kept")
    record_stages(run, 4)
    demo_app.lab.finish_run("kept", policy(arguments=ARGUMENTS))
    page = client.get("/lab/runs/kept").text
    words = _visible_text(page)
    for expected in (
        "PPO, mean", "DQN, mean", "buy and hold", "the ensemble", "dqn-1", "Data digest",
        "Environment steps that a policy is trained for. ", "Its model", "Done",
    ):  # fmt: skip
        assert expected in words
    assert page.count('class="curve thin') == 4 * 3  # members: in two scores, and held out
    assert 'style="' not in page
    body = client.get("/api/v1/lab/runs/kept").json()
    assert body["held_out"]["dates"][0] == "2024-01-02"
    assert body["model"] == demo_app.lab.lab().models()[0]


def test_a_run_is_stopped_resumed_kept_and_deleted(client: Client, demo_app: DemoApp) -> None:
    lab = demo_app.lab
    client.post("/lab/runs", data=GOOD)
    (state,) = lab.lab().runs()
    address = f"/lab/runs/{state.id}"
    back = {"back": address}
    assert "Stopped" in client.post(f"{address}/stop", data=back).text
    assert "Training" in client.post(f"{address}/resume", data=back).text
    assert client.post(f"{address}/explode").status_code == 404
    lab.training_jobs.unlock(state.id)
    lab_stub.record_evaluation(lab.run(state.id), policy(3, arguments=lab.run(state.id).arguments))
    assert list(lab.lab().models()) == [SHIPPED]
    assert "Its model" in client.post(f"{address}/keep", data=back).text
    assert len(lab.lab().models()) == 2
    assert client.post(f"{address}/delete").status_code == 422
    client.post(f"{address}/delete", data={"sure": "yes"})
    assert lab.lab().runs() == ()
    assert client.get(address).status_code == 404
    assert len(lab.lab().models()) == 2


def test_damaged_runs_and_models_break_nothing_else(client: Client, demo_app: DemoApp) -> None:
    lab = demo_app.lab
    broken = lab.create_run("broken")
    (broken.path / "run.json").write_text("{")
    failed = lab.create_run("failed")
    failed.fail(f"Nothing {XSS} left")
    half = lab.create_run("half")
    record_stages(half, 1)
    (half.path / "progress.csv").write_text("member,steps,seconds,Sharpe ratio\nppo-0,x,1\n")
    done = lab.create_run("done")
    lab.finish_run("done", policy(arguments=ARGUMENTS))
    (done.path / "held-out.json").write_text("[]")
    model = lab.add_model(policy(5))
    (lab.models.path(model) / "manifest.json").write_text("{}")
    for path in ("/lab", f"/lab/models/{model}", "/lab/runs/failed", "/lab/runs/done",
                 "/lab/runs/broken", "/lab/runs/half"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert XSS not in answer.text
    page = _visible_text(client.get("/lab").text)
    assert f"models/{model} is refused" in page
    assert page.count("cannot be read") >= 1
    assert "does not hold equity paths" in _visible_text(client.get("/lab/runs/done").text)
    listed = {each["id"]: each for each in client.get("/api/v1/lab/models").json()["models"]}
    assert listed[model]["manifest"] is None
    assert "is refused" in listed[model]["refused"]
    refusal = client.post(f"/lab/models/{model}/promote", data={"sure": "yes"})
    assert refusal.status_code >= 400
    assert lab.lab().active_model() == SHIPPED
    client.post("/lab/runs/broken/delete", data={"sure": "yes"})
    assert client.get("/lab/runs/broken").status_code == 404
    assert not broken.path.exists()


def test_nothing_of_a_manifest_or_a_run_is_run_by_the_page(
    client: Client, demo_app: DemoApp
) -> None:
    lab = demo_app.lab
    arguments = replace(ARGUMENTS, parent=XSS)
    run = lab.create_run("odd", arguments, replace(training_history(), name=XSS))
    record_stages(run, 1)
    model = lab.finish_run(
        "odd", policy(arguments=arguments, data=XSS, parent=XSS, simulated=False)
    )
    lab.lab().promote(model, XSS)
    for path in ("/lab", f"/lab/models/{model}", "/lab/runs/odd",
                 f"/lab/compare?models={model},shipped"):  # fmt: skip
        page = client.get(path).text
        assert XSS not in page
        assert "&lt;script&gt;" in page


def test_a_model_is_promoted_only_when_confirmed_and_rolled_back(
    client: Client, demo_app: DemoApp
) -> None:
    lab = demo_app.lab
    model = lab.add_model(policy(1))
    assert client.post(f"/lab/models/{model}/promote").status_code == 422
    assert lab.lab().active_model() == SHIPPED
    page = client.post(f"/lab/models/{model}/promote", data={"sure": "yes"}).text
    assert f"Model {model}" in _visible_text(_element_html(page, "lab-seat"))
    becomes_active = "The policy that ships becomes the active model again"
    assert becomes_active in _element_html(page, "lab-seat")
    assert client.post(f"/lab/models/{model}/delete", data={"sure": "yes"}).status_code == 422
    assert client.post("/lab/roll-back").status_code == 422
    assert "The policy that ships" in _element_html(
        client.post("/lab/roll-back", data={"sure": "yes"}).text, "lab-seat"
    )
    assert [promotion.by for promotion in lab.models.promotions()] == ["on the RL lab's page"] * 2


def test_models_are_compared_where_they_differ(client: Client, demo_app: DemoApp) -> None:
    lab = demo_app.lab
    models = []
    for place, algo in enumerate((("ppo",), ("ppo", "a2c"))):
        arguments = replace(ARGUMENTS, algo=algo)
        lab.create_run(f"run-{place}", arguments)
        models.append(lab.finish_run(f"run-{place}", policy(place, arguments=arguments)))
    page = _visible_text(client.get(f"/lab/compare?models={models[0]}&models={models[1]}").text)
    assert "Algorithms ppo ppo a2c" in page
    assert "Growth on the held-out years" in page
    assert "Commission, bps" not in page  # is the same
    for wrong in ("", models[0], ",".join([*models, "none"])):
        assert client.get(f"/lab/compare?models={wrong}").status_code in (404, 422)


def test_runs_that_keep_other_days_are_compared_from_the_first_that_both_reach() -> None:
    days = [str(day) for day in np.arange("2024-01-01", "2024-02-01", dtype="datetime64[D]")]
    equity = [1.0 + place for place in range(len(days))]
    runs = {
        "even": HeldOutPaths(tuple(days[::2]), tuple(equity[::2]), {}, {}),
        "odd": HeldOutPaths(tuple(days[1::2]), tuple(equity[1::2]), {}, {}),
    }
    figure = overlaid_equity("equity", "Growth", runs)
    assert "2024-01-02" in figure
    assert "2024-01-30" in figure
    assert "even: from 0 % to 1,400 %, lowest 0 %, highest 1,400 %." in figure
    assert "odd: from 0 % to 1,400 %, lowest 0 %, highest 1,400 %." in figure


def test_without_ray_the_page_says_how_to_train_and_shows_what_there_is(demo_app: DemoApp) -> None:
    demo_app.can_train = False
    demo_app.lab.create_run("terminal")
    with open_client(demo_app) as client:
        page = client.get("/lab").text
        assert "quorum rl train" in page
        assert 'name="steps"' not in page
        assert 'href="/lab/runs/terminal"' in page
        assert "/resume" not in page
        assert client.post("/lab/runs", data=GOOD).status_code == 422


def test_programs_do_all_of_it_over_the_api(client: Client, demo_app: DemoApp) -> None:
    headers = {"Origin": "http://localhost"}
    body = {"algo": ["a2c"], "steps": 5000, "noise": 0.25}
    started = client.post("/api/v1/lab/runs", json=body, headers=headers)
    assert started.status_code == 202
    ((arguments, symbols),) = demo_app.lab.training_jobs.started
    assert (arguments.algo, arguments.steps, arguments.noise) == (("a2c",), 5000, 0.25)
    assert symbols == tuple(symbol for symbol in SYMBOLS if symbol != "BTC-USD")
    run = started.json()["id"]
    assert client.get("/api/v1/lab/runs").json()["runs"][0]["state"] == "running"
    stopped = client.post(f"/api/v1/lab/runs/{run}/stop").json()
    assert stopped["training"]["state"] == "cancelled"
    assert client.delete(f"/api/v1/lab/runs/{run}").json()["runs"] == []
    refusal = client.post("/api/v1/lab/runs", json={"steps": 0})
    assert (refusal.status_code, refusal.json()["field"]) == (422, "steps")
    assert client.post("/api/v1/lab/runs", json={"stepz": 1}).status_code in (400, 422)
    model = demo_app.lab.add_model(policy(1))
    assert client.post(f"/api/v1/lab/models/{model}/promote").json()["seated"] == model
    assert client.get(f"/api/v1/lab/models/{model}").json()["model"]["members"]["ppo-1"] == 0.1
    assert client.delete(f"/api/v1/lab/models/{model}").status_code == 422
    assert client.post("/api/v1/lab/roll-back").json()["seated"] == SHIPPED
    address = f"/api/v1/lab/models/{model}"
    assert "was promoted once" in client.delete(address).json()["detail"]
    assert len(client.delete(f"{address}?voted=true").json()["models"]) == 1
    schema = json.dumps(client.get("/api/v1/openapi.json").json()["paths"])
    for path in (
        "/lab/runs",
        "/lab/models/{id}/promote",
        "/lab/roll-back",
        "/lab/runs/{id}/{move}",
    ):
        assert path in schema


def test_another_sites_page_moves_nothing(client: Client, demo_app: DemoApp) -> None:
    headers = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/lab/runs", data=GOOD, headers=headers).status_code == 403
    answer = client.post("/lab/roll-back", data={"sure": "yes"}, headers=headers)
    assert answer.status_code == 403
    assert demo_app.lab.training_jobs.started == []


def test_a_real_training_is_shown_from_its_first_stage_to_its_model(
    client: Client, demo_app: DemoApp
) -> None:
    lab = demo_app.lab
    arguments = replace(
        ARGUMENTS, algo=("a2c",), seeds=2, steps=512, stages=2, copies=8, hidden=4, episode=20,
        train_until=date(2023, 7, 31), validate_until=date(2023, 10, 31),
    )  # fmt: skip
    run = lab.create_run("real", arguments)
    for event in run_training(arguments, training_history(), {}):
        run.record(event)
    assert "Keep as model" in _visible_text(client.get("/lab").text)
    client.post("/lab/runs/real/keep")
    page = _visible_text(client.get("/lab/runs/real").text)
    assert "A2C, mean" in page
    assert "the ensemble" in page
    assert "2 A2C, voting alike" in _visible_text(client.get("/lab").text)


def _element_html(page: str, id: str) -> str:
    """The section called so."""
    return page[page.index(f'id="{id}"') :].split("</section>")[0]


def _visible_text(page: str) -> str:
    """What is read of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
