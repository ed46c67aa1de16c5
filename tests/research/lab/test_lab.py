"""The RL lab: what cannot vote is not promoted, and what is promoted can be taken back."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from agents.registry import AgentSettings, build
from agents.rl import SHIPPED as SHIPPED_POLICY
from domain.errors import (
    ConfigurationError,
    InputError,
    NotFoundError,
    UnknownSymbolError,
    VerificationError,
)
from domain.timeframe import Timeframe
from envs.observation import FEATURES
from envs.policies.files import encode, save_policy
from envs.policies.policy import Policy
from envs.training.arguments import Arguments
from envs.training.events import HeldOut, Judged
from envs.training.run_folder import RunFolder
from research.lab.lab import CONFIGURED, Lab, Seat
from research.lab.training_data import HomeMarket
from storage.database import Database
from storage.market_data.sql_store import SqlLibrary
from storage.models.model_registry import SHIPPED, Models
from tests.envs.policies.policy_fixtures import policy
from tests.research.conftest import NOW, SYMBOLS

HELD_OUT = HeldOut(("2024-01-02",), (1.0,), {}, {"flat": (1.0,)}).encode()


def try_out(folder: Path) -> object:
    return build("rl", AgentSettings(rl_policy=folder))


Make = Callable[..., Lab]


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    database = Database(f"sqlite:///{tmp_path}/models.db")
    database.migrate()
    yield Models(database, tmp_path / "rl" / "models")
    database.close()


@pytest.fixture
def make(models: Models, library: SqlLibrary, tmp_path: Path) -> Make:
    def make(
        watched: tuple[str, ...] = SYMBOLS,
        timeframe: Timeframe = Timeframe.D1,
        configured: Path | None = None,
    ) -> Lab:
        market = HomeMarket(library, "demo", True, timeframe, lambda: watched, lambda: NOW)
        seat = Seat(SHIPPED_POLICY, configured, try_out)
        return Lab(models, tmp_path / "rl" / "runs", seat, market)

    return make


@pytest.fixture
def lab(make: Make) -> Lab:
    return make()


def same(one: Policy, other: Policy) -> bool:
    return encode(one) == encode(other)


def other_version(manifest: bytes) -> bytes:
    """As a program would have written it that sees something else."""
    return manifest.replace(b'"observation_version": 1', b'"observation_version": 2')


def finished_run(lab: Lab, name: str, made: Policy) -> RunFolder:
    folder = RunFolder.create(lab._runs / name, Arguments(), lab.market.lessons().history)
    with folder.holding():
        folder.keep(Judged(*encode(made), HELD_OUT))
    return folder


def test_the_policy_that_ships_has_the_seat_until_a_model_is_promoted(lab: Lab) -> None:
    assert (lab.models(), lab.seated(), lab.former()) == ((SHIPPED,), SHIPPED, None)
    assert lab.policy(SHIPPED).members
    id = lab.add(*encode(policy(1)))
    assert lab.models() == (id, SHIPPED)
    assert same(lab.policy(id), policy(1))
    lab.promote(id, "test")
    assert (lab.seated(), lab.former()) == (id, SHIPPED)
    lab.roll_back("test")
    assert (lab.seated(), lab.former()) == (SHIPPED, None)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda tensors, manifest: (tensors[:-8], manifest), "damaged or belongs to another"),
        (lambda tensors, manifest: (tensors, other_version(manifest)), "manifest.json was changed"),
        (lambda tensors, manifest: (b"", manifest), "damaged"),
        (lambda tensors, manifest: (tensors, b"{}"), "manifest.json is not valid"),
    ],
)
def test_a_model_that_cannot_vote_is_refused_and_the_former_stays(
    lab: Lab, spoil: Callable[[bytes, bytes], tuple[bytes, bytes]], why: str
) -> None:
    former = lab.add(*encode(policy(1)))
    lab.promote(former, "test")
    id = lab.add(*spoil(*encode(policy(2))))
    with pytest.raises(ConfigurationError, match=why):
        lab.promote(id, "test")
    with pytest.raises(ConfigurationError, match=why):
        lab.policy(id)
    assert lab.seated() == former
    assert len(lab.promotions()) == 1


def test_a_model_that_was_damaged_since_is_neither_promoted_nor_rolled_back_to(
    lab: Lab, models: Models
) -> None:
    one, two = (lab.add(*encode(policy(seed))) for seed in (1, 2))
    lab.promote(one, "test")
    lab.promote(two, "test")
    tensors = models.path(one) / "policy.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1])
    with pytest.raises(VerificationError, match=f"The model {one} is damaged"):
        lab.promote(one, "test")
    with pytest.raises(VerificationError, match=f"The model {one} is damaged"):
        lab.roll_back("test")
    assert lab.seated() == two


def test_a_setting_keeps_the_seat_from_every_promotion(make: Make, tmp_path: Path) -> None:
    save_policy(tmp_path / "mine", policy(3))
    lab = make(configured=tmp_path / "mine")
    id = lab.add(*encode(policy(1)))
    with pytest.raises(InputError, match=r"The setting agents.rl_policy.*Unset it"):
        lab.promote(id, "test")
    with pytest.raises(InputError, match=r"The setting agents.rl_policy.*Unset it"):
        lab.roll_back("test")
    assert lab.seated() == CONFIGURED
    assert same(lab.policy(CONFIGURED), policy(3))


def test_unknown_ids_are_refused_with_the_nearest(lab: Lab) -> None:
    id = lab.add(*encode(policy(1)))
    of_models: tuple[Callable[[str], object], ...] = (
        lab.policy,
        lab.drift,
        lab.delete,
        lambda wrong: lab.promote(wrong, "test"),
    )
    for attempt in of_models:
        with pytest.raises(NotFoundError, match=f"did you mean '{id}'"):
            attempt(id[:-1])
        with pytest.raises(NotFoundError, match="There is no model"):
            attempt("../../etc")
    finished_run(lab, "20240101-ppo", policy(1))
    of_runs: tuple[Callable[[str], object], ...] = (lab.run, lab.keep, lab.forget)
    for attempt in of_runs:
        with pytest.raises(NotFoundError, match="did you mean '20240101-ppo'"):
            attempt("20240101-pp")
        with pytest.raises(NotFoundError, match="There is no training run"):
            attempt("../models")


def test_the_policy_that_ships_is_not_deleted(lab: Lab) -> None:
    with pytest.raises(InputError, match="cannot be deleted"):
        lab.delete(SHIPPED)


def test_a_folder_is_imported_whole_or_not_at_all(lab: Lab, tmp_path: Path) -> None:
    save_policy(tmp_path / "there", policy(4))
    id = lab.import_folder(tmp_path / "there")
    shutil.rmtree(tmp_path / "there")
    assert same(lab.policy(id), policy(4))
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "manifest.json").write_text("{}")
    for folder in (tmp_path / "odd", tmp_path / "missing"):
        with pytest.raises(ConfigurationError, match=f"The policy in {folder} is refused"):
            lab.import_folder(folder)
    assert lab.models() == (id, SHIPPED)


def test_a_done_run_is_kept_as_a_model_and_one_that_is_not_is_refused(lab: Lab) -> None:
    finished_run(lab, "done", policy(5))
    id = lab.keep("done")
    assert same(lab.policy(id), policy(5))
    assert lab.keep("done") == id
    RunFolder.create(lab._runs / "begun", Arguments(), lab.market.lessons().history)
    with pytest.raises(InputError, match="The run begun is not done"):
        lab.keep("begun")
    assert {state.id for state in lab.runs()} == {"done", "begun"}
    lab.forget("done")
    assert {state.id for state in lab.runs()} == {"begun"}
    assert same(lab.policy(id), policy(5))


def test_a_run_that_goes_on_is_not_deleted(lab: Lab) -> None:
    folder = RunFolder.create(lab._runs / "busy", Arguments(), lab.market.lessons().history)
    with folder.holding(), pytest.raises(InputError, match="Another process is training"):
        lab.forget("busy")
    assert [state.id for state in lab.runs()] == ["busy"]


def test_nothing_is_started_where_nothing_can_train(lab: Lab) -> None:
    assert not lab.trains
    with pytest.raises(InputError, match="needs Ray"):
        lab.start(Arguments(), SYMBOLS)


def test_lessons_are_the_bars_of_the_calendar_that_most_symbols_share(make: Make) -> None:
    lessons = make().market.lessons()
    assert lessons.history.symbols == ("AAPL", "JPM", "XOM", "SPY")
    assert lessons.left_out == ("BTC-USD",)
    assert lessons.history.simulated
    assert lessons.history.name.startswith("demo: AAPL, JPM and 2 more, 2022-01-03")
    assert lessons.history.usable.any(axis=0).all()
    coins = make().market.lessons(("BTC-USD",))
    assert (coins.history.symbols, coins.left_out) == (("BTC-USD",), ())
    unwatched = make(watched=("AAPL", "NVDA")).market.lessons()
    assert (unwatched.history.symbols, unwatched.left_out) == (("AAPL",), ("NVDA",))


def test_lessons_are_traded_at_what_the_paper_account_would_pay(
    lab: Lab, library: SqlLibrary
) -> None:
    history = lab.market.lessons(("AAPL",)).history
    stored = library.bars("demo", "AAPL", Timeframe.D1)
    np.testing.assert_allclose(
        history.open[~np.isnan(history.open)], stored["open"].to_numpy(), rtol=1e-9
    )


def test_lessons_that_cannot_be_are_refused(make: Make) -> None:
    with pytest.raises(UnknownSymbolError, match="NVDA"):
        make().market.lessons(("AAPL", "NVDA"))
    with pytest.raises(InputError, match=r"daily bars.*--timeframe 1d"):
        make(timeframe=Timeframe.H1).market.lessons()
    with pytest.raises(InputError, match="Nothing that is watched is stored"):
        make(watched=("NVDA",)).market.lessons()


def test_drift_is_told_by_feature_and_not_where_too_little_was_seen(make: Make) -> None:
    told = make().drift(SHIPPED)
    assert [each.feature for each in told] == list(FEATURES)
    assert all(each.psi is not None and each.psi >= 0.0 for each in told)
    far = make().drift(make().add(*encode(policy(1))))  # trained on noise of another kind
    assert "drifted" in {each.word for each in far}
    assert {each.psi for each in make(watched=("NVDA",)).drift(SHIPPED)} == {None}


def test_scores_are_those_of_the_manifest(lab: Lab) -> None:
    id = lab.add(*encode(policy(1)))
    scores = lab.scores(id, SHIPPED)
    assert scores[id]["Sharpe ratio"].value == 1.0
    assert set(scores) == {id, SHIPPED}
