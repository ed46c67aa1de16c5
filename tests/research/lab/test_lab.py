"""The RL lab: what cannot vote is not promoted, and what is promoted can be taken back."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from agents.registry import AgentSettings, build
from agents.rl import SHIPPED_POLICY
from domain.errors import (
    ConfigurationError,
    InputError,
    NotFoundError,
    UnknownSymbolError,
    VerificationError,
)
from domain.timeframe import Timeframe
from envs.observation import FEATURES
from envs.policies.files import encode_policy, save_policy
from envs.policies.policy import Policy
from envs.training.arguments import TrainingArguments
from envs.training.events import HeldOutPaths, RunEvaluated
from envs.training.run_folder import RunFolder
from research.lab.lab import CONFIGURED, ActiveModelSlot, RLLab
from research.lab.training_data import StoredMarket
from storage.database import Database
from storage.market_data.sql_store import SqlMarketDataStore
from storage.models.model_registry import SHIPPED, ModelRegistry
from tests.envs.policies.policy_fixtures import policy
from tests.research.conftest import NOW, SYMBOLS

HELD_OUT = HeldOutPaths(("2024-01-02",), (1.0,), {}, {"flat": (1.0,)}).encode()


def validate_model(folder: Path) -> object:
    return build("rl", AgentSettings(rl_policy=folder))


Make = Callable[..., RLLab]


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ModelRegistry]:
    database = Database(f"sqlite:///{tmp_path}/models.db")
    database.migrate()
    yield ModelRegistry(database, tmp_path / "rl" / "models")
    database.close()


@pytest.fixture
def make(models: ModelRegistry, store: SqlMarketDataStore, tmp_path: Path) -> Make:
    def make(
        watched: tuple[str, ...] = SYMBOLS,
        timeframe: Timeframe = Timeframe.D1,
        configured: Path | None = None,
    ) -> RLLab:
        market = StoredMarket(store, "demo", True, timeframe, lambda: watched, lambda: NOW)
        slot = ActiveModelSlot(SHIPPED_POLICY, configured, validate_model)
        return RLLab(models, tmp_path / "rl" / "runs", slot, market)

    return make


@pytest.fixture
def lab(make: Make) -> RLLab:
    return make()


def same(one: Policy, other: Policy) -> bool:
    return encode_policy(one) == encode_policy(other)


def other_version(manifest: bytes) -> bytes:
    """As a program would have written it that sees something else."""
    return manifest.replace(b'"observation_version": 1', b'"observation_version": 2')


def make_finished_run(lab: RLLab, name: str, trained: Policy) -> RunFolder:
    folder = RunFolder.create(
        lab._runs / name, TrainingArguments(), lab.market.training_data().history
    )
    with folder.lock():
        folder.record(RunEvaluated(*encode_policy(trained), HELD_OUT))
    return folder


def test_the_shipped_policy_is_active_until_a_model_is_promoted(lab: RLLab) -> None:
    assert (lab.models(), lab.active_model(), lab.previous_model()) == ((SHIPPED,), SHIPPED, None)
    assert lab.policy(SHIPPED).members
    id = lab.add(*encode_policy(policy(1)))
    assert lab.models() == (id, SHIPPED)
    assert same(lab.policy(id), policy(1))
    lab.promote(id, "test")
    assert (lab.active_model(), lab.previous_model()) == (id, SHIPPED)
    lab.roll_back("test")
    assert (lab.active_model(), lab.previous_model()) == (SHIPPED, None)


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
    lab: RLLab, spoil: Callable[[bytes, bytes], tuple[bytes, bytes]], why: str
) -> None:
    former = lab.add(*encode_policy(policy(1)))
    lab.promote(former, "test")
    id = lab.add(*spoil(*encode_policy(policy(2))))
    with pytest.raises(ConfigurationError, match=why):
        lab.promote(id, "test")
    with pytest.raises(ConfigurationError, match=why):
        lab.policy(id)
    assert lab.active_model() == former
    assert len(lab.promotions()) == 1


def test_a_model_that_was_damaged_since_is_neither_promoted_nor_rolled_back_to(
    lab: RLLab, models: ModelRegistry
) -> None:
    one, two = (lab.add(*encode_policy(policy(seed))) for seed in (1, 2))
    lab.promote(one, "test")
    lab.promote(two, "test")
    tensors = models.path(one) / "policy.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1])
    with pytest.raises(VerificationError, match=f"The model {one} is damaged"):
        lab.promote(one, "test")
    with pytest.raises(VerificationError, match=f"The model {one} is damaged"):
        lab.roll_back("test")
    assert lab.active_model() == two


def test_a_configured_policy_is_active_whatever_is_promoted(make: Make, tmp_path: Path) -> None:
    save_policy(tmp_path / "mine", policy(3))
    lab = make(configured=tmp_path / "mine")
    id = lab.add(*encode_policy(policy(1)))
    with pytest.raises(InputError, match=r"The setting agents.rl_policy.*Unset it"):
        lab.promote(id, "test")
    with pytest.raises(InputError, match=r"The setting agents.rl_policy.*Unset it"):
        lab.roll_back("test")
    assert lab.active_model() == CONFIGURED
    assert same(lab.policy(CONFIGURED), policy(3))


def test_unknown_ids_are_refused_with_the_nearest(lab: RLLab) -> None:
    id = lab.add(*encode_policy(policy(1)))
    of_models: tuple[Callable[[str], object], ...] = (
        lab.policy,
        lab.drift,
        lab.delete_model,
        lambda wrong: lab.promote(wrong, "test"),
    )
    for attempt in of_models:
        with pytest.raises(NotFoundError, match=f"did you mean '{id}'"):
            attempt(id[:-1])
        with pytest.raises(NotFoundError, match="There is no model"):
            attempt("../../etc")
    make_finished_run(lab, "20240101-ppo", policy(1))
    of_runs: tuple[Callable[[str], object], ...] = (lab.run, lab.register_model, lab.delete_run)
    for attempt in of_runs:
        with pytest.raises(NotFoundError, match="did you mean '20240101-ppo'"):
            attempt("20240101-pp")
        with pytest.raises(NotFoundError, match="There is no training run"):
            attempt("../models")


def test_the_policy_that_ships_is_not_deleted(lab: RLLab) -> None:
    with pytest.raises(InputError, match="cannot be deleted"):
        lab.delete_model(SHIPPED)


def test_a_folder_is_imported_whole_or_not_at_all(lab: RLLab, tmp_path: Path) -> None:
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


def test_a_done_run_is_kept_as_a_model_and_one_that_is_not_is_refused(lab: RLLab) -> None:
    make_finished_run(lab, "done", policy(5))
    id = lab.register_model("done")
    assert same(lab.policy(id), policy(5))
    assert lab.register_model("done") == id
    RunFolder.create(lab._runs / "begun", TrainingArguments(), lab.market.training_data().history)
    with pytest.raises(InputError, match="The run begun is not done"):
        lab.register_model("begun")
    assert {state.id for state in lab.runs()} == {"done", "begun"}
    lab.delete_run("done")
    assert {state.id for state in lab.runs()} == {"begun"}
    assert same(lab.policy(id), policy(5))


def test_a_run_that_goes_on_is_not_deleted(lab: RLLab) -> None:
    folder = RunFolder.create(
        lab._runs / "busy", TrainingArguments(), lab.market.training_data().history
    )
    with folder.lock(), pytest.raises(InputError, match="Another process is training"):
        lab.delete_run("busy")
    assert [state.id for state in lab.runs()] == ["busy"]


def test_nothing_is_started_where_nothing_can_train(lab: RLLab) -> None:
    assert not lab.can_train
    with pytest.raises(InputError, match="needs Ray"):
        lab.start(TrainingArguments(), SYMBOLS)


def test_lessons_are_the_bars_of_the_calendar_that_most_symbols_share(make: Make) -> None:
    lessons = make().market.training_data()
    assert lessons.history.symbols == ("AAPL", "JPM", "XOM", "SPY")
    assert lessons.left_out == ("BTC-USD",)
    assert lessons.history.simulated
    assert lessons.history.name.startswith("demo: AAPL, JPM and 2 more, 2022-01-03")
    assert lessons.history.usable.any(axis=0).all()
    coins = make().market.training_data(("BTC-USD",))
    assert (coins.history.symbols, coins.left_out) == (("BTC-USD",), ())
    unwatched = make(watched=("AAPL", "NVDA")).market.training_data()
    assert (unwatched.history.symbols, unwatched.left_out) == (("AAPL",), ("NVDA",))


def test_lessons_are_traded_at_what_the_paper_account_would_pay(
    lab: RLLab, store: SqlMarketDataStore
) -> None:
    history = lab.market.training_data(("AAPL",)).history
    stored_bars = store.bars("demo", "AAPL", Timeframe.D1)
    np.testing.assert_allclose(
        history.open[~np.isnan(history.open)], stored_bars["open"].to_numpy(), rtol=1e-9
    )


def test_lessons_that_cannot_be_are_refused(make: Make) -> None:
    with pytest.raises(UnknownSymbolError, match="NVDA"):
        make().market.training_data(("AAPL", "NVDA"))
    with pytest.raises(InputError, match=r"daily bars.*--timeframe 1d"):
        make(timeframe=Timeframe.H1).market.training_data()
    with pytest.raises(InputError, match="Nothing that is watched is stored"):
        make(watched=("NVDA",)).market.training_data()


def test_drift_is_reported_by_feature_and_not_where_too_little_was_seen(make: Make) -> None:
    measured = make().drift(SHIPPED)
    assert [each.feature for each in measured] == list(FEATURES)
    assert all(each.psi is not None and each.psi >= 0.0 for each in measured)
    far = make().drift(make().add(*encode_policy(policy(1))))  # trained on noise of another kind
    assert "drifted" in {each.word for each in far}
    assert {each.psi for each in make(watched=("NVDA",)).drift(SHIPPED)} == {None}


def test_scores_are_those_of_the_manifest(lab: RLLab) -> None:
    id = lab.add(*encode_policy(policy(1)))
    scores = lab.scores(id, SHIPPED)
    assert scores[id]["Sharpe ratio"].value == 1.0
    assert set(scores) == {id, SHIPPED}
