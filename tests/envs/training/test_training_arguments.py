"""A run's arguments: read from words, written to JSON, refused where it cannot be."""

import argparse
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from envs.training.arguments import TrainingArguments, parse_arguments
from envs.training.options import add_options, arguments_from_options


def test_the_arguments_as_they_are_can_be_trained():
    TrainingArguments().validate()


@given(
    st.sampled_from([("ppo",), ("a2c", "dqn"), ("ppo", "a2c", "dqn")]),
    st.dates(date(2000, 1, 1), date(2010, 1, 1)),
    st.none() | st.integers(1, 1_000),
    st.floats(0.0, 0.99),
    st.none() | st.just(Path("bars.csv")),
)
def test_arguments_come_back_from_json_as_they_were(algo, day, copies, gamma, bars):
    arguments = TrainingArguments(algo=algo, train_until=day, copies=copies, gamma=gamma, bars=bars)
    assert parse_arguments(arguments.to_json()) == arguments


def test_what_is_left_out_is_as_by_default():
    assert parse_arguments({"algo": "dqn", "seeds": "2"}) == TrainingArguments(
        algo=("dqn",), seeds=2
    )


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"algo": ("ddpg",)}, "algo", "ddpg"),
        ({"algo": ()}, "algo", "none"),
        ({"algo": ("ppo", "ppo")}, "algo", "once"),
        ({"algo": ("dqn",), "actions": "share"}, "algo", "give flat-long or short-flat-long"),
        ({"algo": ("ppo", "sac")}, "algo", "sac cannot learn flat-long.*give share or short-share"),
        ({"algo": ("td3",)}, "algo", "td3 cannot learn"),
        ({"actions": "long"}, "actions", "long"),
        ({"reward": "money"}, "reward", "money"),
        ({"select": "best"}, "select", "best"),
        ({"half_spread_bps": -1.0}, "half_spread_bps", "half_spread_bps is -1.0"),
        ({"dearer": 2.0}, "dearer", "from 0 to 1"),
        ({"delay": -1}, "delay", "from 0 to 20"),
        ({"noise": float("nan")}, "noise", "noise is nan"),
        ({"capital": 0.0}, "capital", "above 0"),
        ({"episode": 0}, "episode", "at least 1"),
        ({"seeds": 0}, "seeds", "from 1"),
        ({"seeds": 65}, "seeds", "65 policies; a model holds up to 64"),
        ({"steps": 0}, "steps", "from 1"),
        ({"stages": 0}, "stages", "from 1"),
        ({"patience": 0}, "patience", "at least 1"),
        ({"copies": 0}, "copies", "from 1"),
        ({"batch": 1}, "batch", "from 2"),
        ({"learning_rate": 0.0}, "learning_rate", "above 0"),
        ({"learning_rate": float("nan")}, "learning_rate", "learning_rate is nan"),
        ({"gamma": 1.0}, "gamma", "below 1"),
        ({"entropy": -0.1}, "entropy", "at least 0"),
        ({"horizon": 0}, "horizon", "from 1"),
        ({"train_until": date(2020, 1, 1)}, "validate_until", "would end before training"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name_and_reason(changes, field, words):
    with pytest.raises(InputError, match=words) as refusal:
        replace(TrainingArguments(), **changes).validate()
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("plain", "field"),
    [({"seeds": "many"}, "seeds"), ({"train_until": "May"}, "train_until"), ({"lr": 1}, "lr")],
)
def test_words_that_cannot_be_read_are_refused_by_name(plain, field):
    with pytest.raises(InputError, match=field) as refusal:
        parse_arguments(plain)
    assert refusal.value.field == field


def test_a_label_is_a_few_words():
    arguments = TrainingArguments(algo=("ppo", "dqn"))
    assert arguments.label("simulated, seed 7") == "ppo, dqn x 5 seeds on simulated, seed 7"
    assert replace(arguments, seeds=1).label("bars.csv") == "ppo, dqn x 1 seed on bars.csv"


def parsed(*words: str) -> TrainingArguments:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return arguments_from_options(parser.parse_args(words))


@pytest.mark.parametrize(
    "words",
    [
        ("--algo", "ppo,a2c", "--symbol", "AAPL,MSFT"),
        ("--algo", "ppo", "a2c", "--symbol", "AAPL", "MSFT"),
        ("--algo", "ppo", "--algo", "a2c", "--symbols", "AAPL", "--symbol", "MSFT"),
    ],
)
def test_lists_are_written_with_commas_by_repetition_or_in_a_row(words):
    assert parsed(*words) == TrainingArguments(algo=("ppo", "a2c"), symbols=("AAPL", "MSFT"))


def test_no_words_are_the_arguments_as_they_are():
    assert parsed() == TrainingArguments()


def test_every_argument_has_a_sentence():
    for each in fields(TrainingArguments):
        sentence = TrainingArguments.__annotations__[each.name].__metadata__[0]
        assert sentence[0].isupper()
        assert sentence.endswith(".")
