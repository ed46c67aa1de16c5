"""`quorum rl`: train, look, promote, verify what was decided before, take it back."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from envs.policies.files import encode_policy, save_policy
from envs.training.options import options
from envs.training.run_folder import RUN
from research.lab import local_training
from tests.cli.conftest import Quorum
from tests.envs.policies.policy_fixtures import policy

TRAIN = (
    "rl", "train", "--market", "files", "--symbol", "AAPL", "--symbol", "MSFT", "--symbol", "SPY",
    "--seeds", "1", "--steps", "512", "--stages", "2", "--copies", "4",
)  # fmt: skip


def model_id_of(home: Path, seed: int) -> str:
    """The id of a model with an invented policy."""
    from storage.models.model_files import ModelFiles

    return ModelFiles(home / "rl" / "models").add(*encode_policy(policy(seed)))


def assert_refused(answer: tuple[int, Any, str], code: int, *words: str) -> str:
    """The error of a refusal with `code`, in which all of `words` are."""
    assert answer[0] == code, answer
    for word in words:
        assert word in answer[2]
    return answer[2]


def test_what_is_trained_is_kept_shown_and_can_be_compared(imported: Quorum, home: Path) -> None:
    code, trained, errors = imported(*TRAIN, "--json")
    assert code == 0, errors
    assert "Training on files: AAPL, MSFT, SPY" in errors
    assert trained["members"] == ["ppo-0"]
    assert trained["arguments"]["steps"] == 512
    assert trained["arguments"]["episode"] < 252  # of which so short a history has several
    assert (trained["simulated"], trained["votes"]) == (False, False)
    assert set(trained["periods"]) == {"train", "validation", "test"}
    assert set(trained["all_scores"]) > {"policy", "ppo-0", "buy and hold", "flat"}
    for figure in trained["scores"].values():
        assert figure["low"] <= figure["value"] <= figure["high"]

    [run] = imported("rl", "runs", "--json")[1]["runs"]
    assert (run["id"], run["state"]) == (trained["run"], "done")
    assert not (home / "rl" / "runs" / run["id"] / "bars.npz").exists()
    listed = imported("rl", "models", "--json")[1]["models"]
    assert [(each["id"], each["votes"]) for each in listed] == [
        (trained["id"], False), ("shipped", True),
    ]  # fmt: skip
    assert_refused(imported("rl", "resume", run["id"]), 2, f"The run {run['id']} is done")
    for words in (
        ("rl", "runs"), ("rl", "models"), ("rl", "show", trained["id"]),
        ("rl", "compare", trained["id"], "shipped"),
    ):  # fmt: skip
        code, out, err = imported(*words)
        assert code == 0, err
        assert "ppo" in out.lower()
    assert "SIMULATED" in imported("rl", "models")[1]


def test_a_run_that_was_stopped_is_gone_on_with(
    imported: Quorum, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = imported(*TRAIN, "--json")[1]

    def interrupted(*_: Any) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(local_training, "_train", interrupted)
        assert imported(*TRAIN)[0] == 130
    run = imported("rl", "runs", "--json")[1]["runs"][0]
    assert run["state"] == "interrupted"
    code, resumed, errors = imported("rl", "resume", run["id"], "--json")
    assert code == 0, errors
    assert resumed["run"] == run["id"] != whole["run"]
    assert resumed["id"] == whole["id"]  # the very same model


def test_what_cannot_be_trained_is_refused_and_nothing_is_left(
    imported: Quorum, home: Path
) -> None:
    assert_refused(imported(*TRAIN, "--algo", "sac"), 2, "sac cannot learn flat-long")
    assert_refused(imported(*TRAIN, "--train-until", "soon"), 2, "train_until is 'soon'")
    assert_refused(imported(*TRAIN, "--train-until", "2030-01-01"), 2)
    assert_refused(imported(*TRAIN, "--half-spread-bps", "-1"), 2, "half_spread_bps")
    assert_refused(imported(*TRAIN, "--episode", "5000"), 2, "An episode of 5000 bars")
    assert_refused(imported(*TRAIN, "--symbol", "NVDA"), 2, "NVDA")
    assert_refused(imported(*TRAIN, "--timeframe", "1h"), 2, "daily bars")
    assert not list((home / "rl").glob(f"runs/*/{RUN}"))
    assert [each["id"] for each in imported("rl", "models", "--json")[1]["models"]] == ["shipped"]


def test_decisions_of_before_and_after_a_promotion_are_verified(
    imported: Quorum, home: Path
) -> None:
    def decide(day: str) -> tuple[str, str]:
        words = ("decide", "AAPL", "--market", "files", "--as-of", day, "--in-process", "--json")
        [decision] = imported(*words)[1]["decisions"]
        versions = {vote["agent"]: vote["version"] for vote in decision["votes"]}
        return decision["receipt"], versions["rl"]

    model = model_id_of(home, 1)
    before, shipped = decide("2020-03-26")
    promotion = imported("rl", "promote", model, "--json")[1]
    assert promotion == {"votes": model, "before": "shipped", "changed": True}
    assert "votes already" in imported("rl", "promote", model)[1]
    after, promoted = decide("2020-03-27")
    assert (shipped == promoted, model in promoted) == (False, True)
    for receipt in (before, after):
        assert imported("receipt", receipt, "--verify", "--json")[1]["verified"] is True
    assert_refused(imported("rl", "delete", model), 2, f"The model {model} is promoted")

    assert imported("rl", "roll-back", "--json")[1]["votes"] == "shipped"
    assert_refused(imported("rl", "roll-back"), 2, "No promotion is left")
    for receipt in (before, after):
        assert imported("receipt", receipt, "--verify", "--json")[1]["verified"] is True
    assert_refused(imported("rl", "delete", model), 2, "was promoted once", "--yes")
    assert imported("rl", "delete", model, "--yes")[0] == 0
    assert_refused(
        imported("receipt", after, "--verify"), 6, f"agent rl was version {promoted} then"
    )
    assert imported("receipt", before, "--verify", "--json")[1]["verified"] is True


def test_a_model_that_cannot_vote_is_listed_refused_and_leaves_the_former(
    quorum: Quorum, home: Path
) -> None:
    sound, broken = model_id_of(home, 1), model_id_of(home, 2)
    quorum("rl", "promote", sound)
    tensors = home / "rl" / "models" / broken / "policy.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-4])
    assert_refused(quorum("rl", "promote", broken), 6, f"The model {broken} is damaged")
    refusal = assert_refused(quorum("rl", "show", broken, "--json"), 3, "is refused", "damaged")
    assert json.loads(refusal.splitlines()[-1])["error"]["kind"] == "DamagedError"
    listed = {each["id"]: each for each in quorum("rl", "models", "--json")[1]["models"]}
    assert listed[sound]["votes"]
    assert "damaged" in listed[broken]["broken"]
    assert "refused" in quorum("rl", "models")[1]
    assert quorum("rl", "delete", broken)[0] == 0


def test_unknown_ids_are_answered_with_the_nearest(quorum: Quorum, home: Path) -> None:
    model = model_id_of(home, 1)
    for verb in ("show", "promote", "delete"):
        assert_refused(quorum("rl", verb, model[:-1]), 2, f"did you mean '{model}'?")
    assert_refused(quorum("rl", "compare", model), 2, "has nothing beside it")
    error = json.loads(
        assert_refused(quorum("rl", "resume", "nothing", "--json"), 2).splitlines()[-1]
    )
    assert error["error"]["kind"] == "NotFoundError"


def test_a_folder_is_imported_and_another_is_refused(
    quorum: Quorum, home: Path, tmp_path: Path
) -> None:
    save_policy(tmp_path / "there", policy(3))
    code, model, _ = quorum("rl", "import", str(tmp_path / "there"), "--json")
    assert code == 0
    assert quorum("rl", "show", model["id"], "--json")[1]["data"] == "an invented market"
    assert_refused(quorum("rl", "import", str(tmp_path)), 3, "manifest.json cannot be read")
    file = tmp_path / "there" / "manifest.json"
    assert_refused(quorum("rl", "import", str(file)), 2, "manifest.json is a file, no folder")
    assert_refused(quorum("rl", "import", ""), 2, "A path is empty")
    file.unlink()
    os.mkfifo(file)  # reading it would wait for a writer
    assert_refused(quorum("rl", "import", str(file.parent)), 3, "manifest.json is no regular file")


def test_a_runs_folder_stands_for_its_policy_and_one_without_is_refused(
    quorum: Quorum, home: Path, tmp_path: Path
) -> None:
    save_policy(tmp_path / "run" / "policy", policy(3))
    of_run = quorum("rl", "import", str(tmp_path / "run"), "--json")[1]["id"]
    assert quorum("rl", "import", str(tmp_path / "run" / "policy"), "--json")[1]["id"] == of_run
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / RUN).write_text("{}")
    assert_refused(quorum("rl", "import", str(tmp_path / "begun")), 2, "begun is not done")


def test_the_help_of_training_shows_every_default_and_whose_it_is(
    quorum: Quorum, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    code, out, _ = quorum("rl", "train", "--help")
    assert code == 0
    text = " ".join(out.split())
    assert text.count("(default: ") == len(options()) - 3  # bars are the home's
    for default in ("ppo", "5", "200000", "setting market.horizon", "60% of the bars"):
        assert f"(default: {default})" in text


@pytest.mark.parametrize(
    "words", [("--algo", "ppo,a2c"), ("--algo", "ppo", "--algo", "a2c"), ("--algo", "ppo a2c")]
)
def test_a_list_is_written_with_commas_or_by_repetition(
    imported: Quorum, words: tuple[str, ...]
) -> None:
    code, trained, errors = imported(
        *TRAIN[:4], "--symbols", "AAPL,msft,SPY", *TRAIN[10:], *words, "--json"
    )
    assert code == 0, errors
    assert "Training on files: AAPL, MSFT, SPY" in errors
    assert trained["members"] == ["ppo-0", "a2c-0"]


def test_a_configured_policy_stays_active(
    quorum: Quorum, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_policy(tmp_path / "mine", policy(3))
    monkeypatch.setenv("QUORUM__AGENTS__RL_POLICY", str(tmp_path / "mine"))
    assert_refused(quorum("rl", "promote", model_id_of(home, 1)), 2, "The setting agents.rl_policy")
    assert "agents.rl_policy" in quorum("rl", "models")[1]


def test_drift_is_reported_for_the_model_that_votes(imported: Quorum) -> None:
    words = ("rl", "drift", "--market", "files", "--symbol", "AAPL,SPY")
    drift = imported(*words, "--json")[1]
    assert (drift["model"], drift["market"], drift["simulated"]) == ("shipped", "files", False)
    assert len(drift["features"]) == 11
    assert all(each["word"] in ("stable", "shifting", "drifted") for each in drift["features"])
    assert "PSI" in imported(*words)[1]


@pytest.mark.parametrize("verb", ["models", "runs"])
def test_an_empty_home_has_nothing_to_show_but_what_ships(quorum: Quorum, verb: str) -> None:
    code, out, _ = quorum("rl", verb)
    assert code == 0
    assert ("shipped" in out) is (verb == "models")
