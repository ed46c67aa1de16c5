"""Agents and providers of other distributions: found by entry points, and one that is broken stops
nobody else."""

import json
from pathlib import Path

import pytest

from agents import registry
from tests.distributions import AGENT, PROVIDER, install, quorum

SHIPPED = list(registry.SHIPPED)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where distributions are installed; one with a sound agent is."""
    entry = "[quorum.agents]\ntide = quorum_tide:TideAgent\n"
    install(tmp_path / "site", "quorum-tide", entry, AGENT)
    return tmp_path / "site"


def test_an_agent_of_another_package_is_listed_and_checked_like_any_other(
    folder: Path, home: Path
) -> None:
    done = quorum(folder, home, "agents", "--json")
    assert done.returncode == 0, done.stderr
    listed = {each["agent"]: each for each in json.loads(done.stdout)["agents"]}
    assert [*listed] == [*SHIPPED, "tide"]
    assert listed["tide"]["label"] == "Tide"
    assert listed["tide"]["description"] == "Goes with the tide: what rose lately rises on."
    checked = quorum(folder, home, "check", "tide", "--cuts", "2", "--symbol", "AAPL", "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["kept"]


def test_it_votes_in_a_worker_of_its_own(folder: Path, home: Path) -> None:
    (home / "quorum.toml").write_text(
        '[agents]\nenabled = ["risk", "tide"]\n[agents.options.tide]\nbars = 3\n'
    )
    done = quorum(folder, home, "decide", "BTC-USD", "--json")
    assert done.returncode == 0, done.stderr
    votes = json.loads(done.stdout)["decisions"][0]["votes"]
    assert {vote["agent"]: vote["abstained_because"] for vote in votes} == {
        "risk": None,
        "tide": None,
    }


def test_settings_that_it_refuses_are_named(folder: Path, home: Path) -> None:
    (home / "quorum.toml").write_text("[agents.options.tide]\nbar = 3\n")
    done = quorum(folder, home, "check", "tide")
    assert done.returncode == 3
    assert "'agents.options.tide.bar' is refused: known are bars" in done.stderr
    (home / "quorum.toml").write_text("[agents.options.tyde]\nbars = 3\n")
    done = quorum(folder, home, "agents")
    assert done.returncode == 3
    assert "'tyde' is not an agent. Did you mean 'tide'?" in done.stderr


def test_options_of_an_agent_that_has_none_are_refused(folder: Path, home: Path) -> None:
    (home / "quorum.toml").write_text("[agents.options.risk]\nbars = 3\n")
    done = quorum(folder, home, "agents")
    assert done.returncode == 3
    assert "'agents.options.risk.bars' is refused" in done.stderr


def test_a_broken_package_is_named_and_the_others_work(folder: Path, home: Path) -> None:
    install(
        folder, "quorum-broken", "[quorum.agents]\nbroken = quorum_broken:Broken\n",
        "import a_library_nobody_has\n",
    )  # fmt: skip
    listed = quorum(folder, home, "agents", "--json")
    assert listed.returncode == 0, listed.stderr
    named = [each["agent"] for each in json.loads(listed.stdout)["agents"]]
    assert named == [*SHIPPED, "tide"]
    assert "'broken' of quorum-broken 1.0 cannot be loaded" in listed.stderr
    assert "Repair that package or uninstall it" in listed.stderr
    done = quorum(folder, home, "decide", "BTC-USD", "--in-process", "--json")
    votes = {v["agent"]: v for v in json.loads(done.stdout)["decisions"][0]["votes"]}
    assert "quorum-broken 1.0" in votes["broken"]["abstained_because"]
    assert votes["tide"]["abstained_because"] is None


def test_names_that_clash_or_cannot_be_are_left_out_with_the_remedy(
    folder: Path, home: Path
) -> None:
    install(folder, "quorum-rude", "[quorum.agents]\nrisk = quorum_tide:TideAgent\n")
    install(folder, "quorum-odd", "[quorum.agents]\nBig Tide = quorum_tide:TideAgent\n")
    install(folder, "quorum-ebb", "[quorum.agents]\ntide = quorum_tide:TideAgent\n")
    install(folder, "quorum-torn", "[quorum.agents]\nno equals sign here\n")
    done = quorum(folder, home, "agents", "--json")
    assert done.returncode == 0, done.stderr
    assert [each["agent"] for each in json.loads(done.stdout)["agents"]] == SHIPPED
    told = " ".join(done.stderr.split())
    assert "'risk' of quorum-rude 1.0 is left out: Quorum has that name itself" in told
    assert "'Big Tide' of quorum-odd 1.0 is left out: its name must be lower-case letters" in told
    assert "'tide' is left out: quorum-ebb 1.0 and quorum-tide 1.0 both offer one" in told
    assert "of quorum-torn 1.0" in told
    assert told.count("ninstall") >= 4


def test_an_agent_whose_name_is_not_its_entry_points_is_refused(folder: Path, home: Path) -> None:
    install(folder, "quorum-alias", "[quorum.agents]\nebb = quorum_tide:TideAgent\n")
    done = quorum(folder, home, "check", "ebb")
    assert done.returncode == 3
    assert "'ebb' of quorum-alias 1.0 calls itself 'tide'" in done.stderr


def test_a_provider_of_another_package_is_a_market(folder: Path, home: Path) -> None:
    entry = "[quorum.providers]\nstill = quorum_still:StillProvider\n"
    install(folder, "quorum-still", entry, PROVIDER)
    done = quorum(folder, home, "download", "BTC-USD", "--market", "still", "--json")
    assert done.returncode == 0, done.stderr
    bars = json.loads(done.stdout)["outcomes"][0]
    assert (bars["symbol"], bars["state"]) == ("BTC-USD", "fetched")
    assert bars["rows"] > 700
    misspelt = quorum(folder, home, "download", "BTC-USD", "--market", "stil")
    assert misspelt.returncode == 3
    assert "'stil' is not a market. Did you mean 'still'?" in misspelt.stderr


def test_a_provider_that_crashes_is_one_that_did_not_answer(folder: Path, home: Path) -> None:
    entry = "[quorum.providers]\nstill = quorum_still:StillProvider\n"
    broken = PROVIDER.replace("        self._refuse(symbol)\n", "        1 / 0\n", 1)
    install(folder, "quorum-still", entry, broken)
    done = quorum(folder, home, "download", "BTC-USD", "--market", "still", "--json")
    assert done.returncode == 0, done.stderr
    outcomes = {each["source"]: each for each in json.loads(done.stdout)["outcomes"]}
    assert outcomes["bars 1d"]["state"] == "failed"
    assert "quorum-still 1.0 crashed (ZeroDivisionError" in outcomes["bars 1d"]["why"]
    assert outcomes["news"]["state"] == "fetched"


def test_a_provider_that_cannot_be_made_is_named_with_the_remedy(folder: Path, home: Path) -> None:
    install(
        folder, "quorum-shut", "[quorum.providers]\nshut = quorum_shut:Shut\n",
        "class Shut:\n    def __init__(self):\n        raise OSError('no licence')\n",
    )  # fmt: skip
    done = quorum(folder, home, "download", "AAPL", "--market", "shut")
    assert done.returncode == 3
    assert "'shut' of quorum-shut 1.0 cannot be made (OSError: no licence)" in done.stderr
    assert quorum(folder, home, "download", "AAPL", "--market", "demo").returncode == 0
