import csv
import json
import math
import shlex
from collections import Counter
from dataclasses import replace
from datetime import date
from io import StringIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from domain.errors import ConfigurationError, InputError
from envs import sweep
from envs.market_data import history
from envs.simulated import simulate
from envs.sweeps.cli import print_ranking, progress_bar, train_command
from envs.sweeps.search import SearchDimension, draw_configurations, parse_search
from envs.sweeps.trials import SweepFolder, Trial
from envs.training.arguments import TrainingArguments
from envs.training.options import add_options, arguments_from_options
from envs.training.run import run_training

BASE = TrainingArguments(
    seeds=2, steps=450, stages=3, patience=3, copies=8, episode=60,
    train_until=date(2007, 6, 30), validate_until=date(2008, 1, 31),
)  # fmt: skip


@pytest.fixture(scope="module")
def market():
    return history(simulate(7, symbols=2, days=700), "small", simulated=True)


@pytest.mark.parametrize(
    ("word", "refusal"),
    [
        ("lerning_rate=1e-4..1e-2", "nearest is learning_rate"),
        ("gamma=a,b", "gamma: 'a' is not a number"),
        ("hidden=8.5,16", "hidden: '8.5' is not a whole number"),
        ("gamma=0.9..0.5", "reversed. Write gamma=0.5..0.9"),
        ("gamma=0.5..0.5", "empty"),
        ("gamma=0.5..inf", "no end"),
        ("gamma=..0.5", "is not a number"),
        ("gamma=", "says nothing to try"),
        ("gamma", "says nothing to try"),
        ("reward=log-return..drawdown", "has no range"),
        ("reward=profit", "'profit' is none of log-return"),
        ("algo=ppo,alphago", "'alphago' is none of ppo"),
        ("validate_until=2018-01-01,2019-01-01", "what is scored on"),
        ("half_spread_bps=0,2", "the cheapest would always win"),
        ("seeds=1,2", "luck"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_its_reason(word, refusal):
    with pytest.raises(InputError, match=refusal) as refused:
        parse_search([word])
    assert refused.value.field


def test_a_search_of_nothing_and_one_thing_twice_are_refused():
    with pytest.raises(InputError, match="nothing to search"):
        parse_search([])
    with pytest.raises(InputError, match="gamma is searched twice"):
        parse_search(["gamma=0.5,0.9", "gamma=0.1..0.2"])


@pytest.mark.parametrize("trials", [0, -3, 10**6])
def test_no_trials_and_too_many_are_refused(trials):
    with pytest.raises(InputError, match="--trials"):
        draw_configurations(BASE, parse_search(["gamma=0.1,0.2"]), trials, 0)


def test_a_number_that_could_never_be_trained_is_refused_whatever_else_is_drawn():
    with pytest.raises(InputError, match=r"gamma is 1\.5"):
        draw_configurations(BASE, parse_search(["gamma=0.5..1.5"]), 3, 0)


def test_lists_are_tried_in_every_combination_that_can_be_trained_and_none_twice():
    search = parse_search(["algo=ppo,dqn,sac", "actions=flat-long,share", "hidden=8,16,8"])
    drawn = draw_configurations(BASE, search, 100, 0)
    counts = Counter((each["algo"], each["actions"], each["hidden"]) for each in drawn)
    assert max(counts.values()) == 1
    assert {(algo, actions) for algo, actions, _ in counts} == {
        (("ppo",), "flat-long"), (("ppo",), "share"), (("dqn",), "flat-long"), (("sac",), "share"),
    }  # fmt: skip
    assert len(drawn) == 8


def test_where_no_combination_can_be_trained_the_reason_is_that_of_training():
    with pytest.raises(InputError, match="dqn cannot learn"):
        draw_configurations(BASE, parse_search(["algo=dqn", "actions=share,short-share"]), 4, 0)


@given(
    st.floats(1e-6, 1.0), st.floats(1.001, 1e6), st.booleans(), st.integers(0, 2**32 - 1)
)  # fmt: skip
def test_a_draw_lies_within_its_range(low, factor, whole, seed):
    low, high = (
        (math.ceil(low), math.ceil(low) + math.ceil(factor)) if whole else (low, low * factor)
    )
    value = SearchDimension("x", low=low, high=high, whole=whole).draw(np.random.default_rng(seed))
    assert low <= value <= high
    assert isinstance(value, int) == whole


def test_the_same_words_and_seed_draw_the_same_and_wide_ranges_are_drawn_by_their_logarithm():
    search = parse_search(["learning_rate=1e-4..1e-1", "hidden=4..64"])
    drawn = draw_configurations(BASE, search, 300, 5)
    assert drawn == draw_configurations(BASE, search, 300, 5)
    assert drawn != draw_configurations(BASE, search, 300, 6)
    low = sum(each["learning_rate"] < 10**-2.5 for each in drawn)
    assert 110 < low < 190


def test_the_command_of_the_best_is_read_back_as_its_arguments():
    import argparse

    wanted = replace(
        BASE, algo=("ppo", "a2c"), learning_rate=0.00123, gamma=0.95, tried=7,
        bars=None, actions="short-flat-long",
    )  # fmt: skip
    parser = argparse.ArgumentParser()
    add_options(parser)
    words = shlex.split(shlex.join(train_command(wanted)))
    assert words[:3] == ["python", "-m", "envs.train"]
    assert arguments_from_options(parser.parse_args(words[3:])) == wanted


def test_a_sweep_ranks_by_validation_alone_and_reports_how_many_were_tried(
    ray_session, market, tmp_path, monkeypatch
):
    monkeypatch.setattr(sweep, "load_market", lambda _: market)
    search = ["hidden=4,8", "gamma=0.5,0.9", "noise=0,0.1"]
    prepared_with = (BASE, search, 3, 1, tmp_path)
    folder, _ = sweep.prepare(*prepared_with)
    # Behind the validation period nothing is looked at: there, nothing is to be seen.
    blind = _without(market, date(2008, 1, 31))
    trials = []
    sweep.sweep(ray_session.ray, BASE, blind, folder, concurrent=1, on_trial=trials.append)

    assert folder.waiting == ()
    assert {each.number for each in trials} == {1, 2, 3}
    assert folder.best
    ended = [each for each in folder.trials if each.state == "done"]
    assert folder.best.score == max(each.score for each in ended)
    scores = _validation_score(folder.best.arguments(BASE), market)
    assert folder.best.score == pytest.approx(scores, abs=1e-12)

    record = json.loads((tmp_path / "sweep.json").read_text())
    assert len(record["configurations"]) == 3
    rows = list(csv.DictReader((tmp_path / "sweep.csv").open()))
    assert rows[0]["number"] == str(folder.best.number)
    assert {path.name for path in tmp_path.iterdir()} == {"sweep.json", "sweep.csv"}

    out = StringIO()
    print_ranking(Console(file=out, width=200), BASE, folder)
    assert "3 configurations were tried" in out.getvalue()
    last = out.getvalue().strip().splitlines()[-1]
    assert shlex.split(last) == train_command(replace(folder.best.arguments(BASE), tried=3))


def test_a_sweep_goes_on_with_what_was_left_and_only_its_own(
    ray_session, market, tmp_path, monkeypatch
):
    monkeypatch.setattr(sweep, "load_market", lambda _: market)
    search = ["gamma=0.5,0.9,1e-3"]
    folder, _ = sweep.prepare(BASE, search, 3, 1, tmp_path)
    folder.record(replace(folder.trials[0], state="done", scores=(0.1, 0.2, 9.0)))
    folder.record(replace(folder.trials[1], state="failed", error="odd"))
    again, _ = sweep.prepare(BASE, search, 3, 1, tmp_path)
    assert [each.number for each in again.waiting] == [3]
    trials = []
    sweep.sweep(ray_session.ray, BASE, market, again, concurrent=1, on_trial=trials.append)
    assert {each.number for each in trials} == {3}
    assert again.best
    assert again.best.score == 9.0
    assert [each.state for each in again.ranked][-1] == "failed"
    for other in ((replace(BASE, steps=900), search), (BASE, ["gamma=0.5,0.9,1e-2"])):
        with pytest.raises(InputError, match="holds another sweep"):
            sweep.prepare(*other, 3, 1, tmp_path)


def test_a_configuration_that_fails_is_reported_and_the_others_are_tried(
    ray_session, market, tmp_path, monkeypatch
):
    monkeypatch.setattr(sweep, "load_market", lambda _: market)
    folder, _ = sweep.prepare(BASE, ["gamma=0.5", "episode=60,5000"], 2, 0, tmp_path)
    with progress_bar(Console(quiet=True), BASE, folder) as tell:
        sweep.sweep(ray_session.ray, BASE, market, folder, on_trial=tell)
    states = {each.changes["episode"]: each for each in folder.trials}
    assert states[60].state == "done"
    assert states[5000].state == "failed"
    assert "5000" in states[5000].error


def test_none_at_once_is_refused(market, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "load_market", lambda _: market)
    folder, _ = sweep.prepare(BASE, ["gamma=0.5"], 1, 0, tmp_path)
    with pytest.raises(InputError, match="--concurrent 0"):
        sweep.sweep(None, BASE, market, folder, concurrent=0)


def test_a_damaged_record_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(ConfigurationError, match="damaged"):
        SweepFolder.create(tmp_path, {}, [{"gamma": 0.5}])
    assert (tmp_path / "sweep.json").read_text() == "{"


def test_a_record_is_read_as_it_was_written_without_scores_too(tmp_path):
    folder = SweepFolder.create(tmp_path, {"search": ["x"]}, [{"gamma": 0.5}, {"gamma": 0.6}])
    assert folder.best is None
    folder.record(Trial(2, {"gamma": 0.6}, "stopped", (math.nan, 0.5), 3.0))
    again = SweepFolder.create(tmp_path, {"search": ["x"]}, [{"gamma": 0.5}, {"gamma": 0.6}])
    assert str(again.trials) == str(folder.trials)
    assert again.best is None


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--search", "gama=0.1,0.2"], 2, "nearest is gamma"),
        (["--search", "gamma=0.1,0.2", "--trials", "0"], 2, "--trials 0"),
        (["--search", "gamma=0.1,0.2", "--bars", "nowhere.csv"], 2, "nowhere.csv"),
    ],
)
def test_the_command_line_refuses_in_words_and_leaves_nothing(
    words, code, message, tmp_path, capsys
):
    assert sweep.main([*words, "--out", str(tmp_path / "sweep")]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in " ".join(captured.err.split())
    assert not (tmp_path / "sweep").exists()


def test_a_file_is_no_folder_of_a_sweep(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"is a file, no folder\. Give another folder"):
        SweepFolder.create(tmp_path / "file", {}, [{"gamma": 0.5}])


def _without(market, day):
    """`market` with nothing but holes after `day`."""
    rows = market.dates > np.datetime64(day, "us")
    matrix = replace(
        market.bar_matrix,
        **{
            name: np.where(rows[:, None], np.nan, getattr(market.bar_matrix, name))
            for name in ("open", "high", "low", "close", "volume", "volatility")
        },
    )
    observation = np.where(rows[:, None, None], np.nan, market.observation)
    return replace(market, bar_matrix=matrix, observation=observation)


def _validation_score(arguments, market):
    """Mean over the policies of the best validation score, of an ordinary run."""
    best = {}
    for event in list(run_training(arguments, market, {}))[:-1]:
        score = event.scores["Sharpe ratio"]
        score = score if math.isfinite(score) else 0.0
        best[event.member] = max(best.get(event.member, -math.inf), score)
    return sum(best.values()) / len(best)
