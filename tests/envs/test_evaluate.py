"""A saved policy on other bars: evaluated as after training, with what it has seen before named."""

import json
from dataclasses import replace
from datetime import date

import pytest

from envs.evaluate import evaluate, main
from envs.market_data import history
from envs.observation import FEATURES
from envs.policies.files import save_policy
from envs.simulated import simulate
from tests.envs.policies import policy_fixtures

BARS = simulate(3, symbols=2, days=500)
MARKET = history(BARS, "bars.parquet")
ARGUMENTS = {"actions": "short-share", "algo": "ppo", "half_spread_bps": 5.0, "unknown here": 1}
MANIFEST = policy_fixtures.MANIFEST.model_copy(
    update={
        "simulated": False,
        "data": "bars of old",
        "data_digest": MARKET.digest,
        "arguments": ARGUMENTS,
        "periods": {
            "train": ("2006-03-27", "2006-12-29"),
            "validation": ("2007-01-01", "2007-06-29"),
            "test": ("2007-07-10", "2007-11-30"),
        },
    }
)
POLICY = replace(policy_fixtures.policy(), manifest=MANIFEST)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    BARS.to_parquet(folder / "bars.parquet")
    save_policy(folder / "run" / "policy", POLICY)
    return folder


def output_of(capsys) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_on_the_bars_it_was_trained_on_it_is_evaluated_on_its_test_period():
    result = evaluate(POLICY, MARKET, None, None)
    assert (result.first, result.seen) == ("2007-07-10", "")
    names = [member.name for member in POLICY.members]
    assert list(result.scores)[: len(names) + 1] == ["policy", *names]
    assert [each.feature for each in result.drift] == list(FEATURES)


def test_days_it_has_learnt_from_are_reported():
    result = evaluate(POLICY, MARKET, date(2007, 1, 1), date(2007, 10, 1))
    assert (result.first, result.last) == ("2007-01-01", "2007-10-01")
    assert "on these bars up to 2007-06-29" in result.seen
    other = replace(MARKET, digest="another")
    assert "on bars of old up to 2007-06-29" in evaluate(POLICY, other, None, None).seen
    invented = replace(other, simulated=True)
    assert evaluate(POLICY, invented, None, None).seen == ""


def test_the_command_prints_tables_or_json_and_a_runs_folder_will_do(saved, capsys):
    command = [str(saved / "run"), "--bars", str(saved / "bars.parquet")]
    assert main(command) == 0
    output = output_of(capsys)
    assert "buy and hold" in output
    assert "stable" in output or "shifting" in output or "drifted" in output
    assert main([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["data"] == "bars.parquet"
    assert result["scores"]["buy and hold"]["Sharpe over buy and hold"]["value"] == 0.0
    assert len(result["drift"]) == len(FEATURES)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["run"], 2, "does not exist"),
        (["nowhere"], 3, "manifest.json cannot be read"),
        (["bars.parquet"], 2, "is a file, no folder"),
        (["run", "--symbol", "SIM00,ACME"], 2, "hold nothing of ACME"),
        (["run", "--from", "2030-01-01"], 2, "No bars are left to judge by from 2030-01-01"),
        (["run", "--from", "2007-03-01", "--until", "2007-02-01"], 2, "No bars are left"),
    ],
)
def test_what_cannot_be_evaluated_ends_with_its_code_and_reason(
    saved, capsys, options, code, message
):
    policy, *rest = options
    bars = "bars.parquet" if rest or policy == "nowhere" else "none.parquet"
    assert main([str(saved / policy), "--bars", str(saved / bars), *rest]) == code
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_seed_of_no_market_and_a_day_of_no_calendar_are_refused(saved, capsys):
    assert main([str(saved / "run"), "--market-seed", "-1"]) == 2
    assert "market_seed is -1" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([str(saved / "run"), "--from", "2007-02-30"])
    assert "'2007-02-30' is no day" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [("--symbol", "SIM01"), ("--symbols", "sim01,SIM01")])
def test_some_symbols_of_the_bars_can_be_evaluated_alone(saved, capsys, flags):
    command = [*flags, str(saved / "run"), "--bars", str(saved / "bars.parquet"), "--json"]
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["data"] == "bars.parquet: SIM01"
