"""Models are there whole or not at all, and promotions are recorded and can be undone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.errors import InputError, NotFoundError, StorageError, VerificationError
from domain.events import EventKind
from domain.model_files import MANIFEST_FILE, TENSORS_FILE
from storage.database import Database
from storage.journal.sql_journal import SqlJournal
from storage.models.model_files import ModelFiles
from storage.models.model_registry import SHIPPED, ModelRegistry
from tests.storage.models.model_writer import model

ROOT = Path(__file__).parents[3]


@pytest.fixture
def models(database: Database, tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(database, tmp_path / "models")


@pytest.fixture
def files(tmp_path: Path) -> ModelFiles:
    return ModelFiles(tmp_path / "models")


def in_force(models: ModelRegistry) -> str:
    return models.active_model() or SHIPPED


def test_a_model_is_read_as_it_was_added(files: ModelFiles, tmp_path: Path) -> None:
    identity = files.add(*model(1))
    assert files.read(identity) == model(1)
    assert files.path(identity) == tmp_path / "models" / identity
    assert {path.name for path in files.path(identity).iterdir()} == {TENSORS_FILE, MANIFEST_FILE}


def test_adding_a_model_twice_is_adding_it_once(files: ModelFiles) -> None:
    first = files.add(*model(1))
    (kept,) = files.models()
    assert files.add(*model(1)) == first
    assert files.models() == (kept,)


def test_other_bytes_are_another_model(files: ModelFiles) -> None:
    tensors, manifest = model(1)
    ids = {files.add(tensors, manifest), files.add(tensors, manifest + b" ")}
    assert {kept.id for kept in files.models()} == ids
    assert len(ids) == 2


@pytest.mark.parametrize("name", [TENSORS_FILE, MANIFEST_FILE])
def test_a_damaged_model_is_refused_and_put_right_by_adding_it_again(
    files: ModelFiles, name: str
) -> None:
    identity = files.add(*model(1))
    file = files.path(identity) / name
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(VerificationError, match=f"The model {identity} is damaged"):
        files.read(identity)
    assert files.add(*model(1)) == identity
    assert files.read(identity) == model(1)


def test_a_model_with_a_file_missing_is_reported_and_put_right(files: ModelFiles) -> None:
    identity = files.add(*model(1))
    (files.path(identity) / TENSORS_FILE).unlink()
    with pytest.raises(StorageError, match=f"The model {identity} cannot be read"):
        files.read(identity)
    (files.path(identity) / MANIFEST_FILE).unlink()
    assert files.models() == ()
    files.add(*model(1))
    assert files.read(identity) == model(1)


def test_an_unknown_model_is_named_with_the_nearest(files: ModelFiles) -> None:
    identity = files.add(*model(1))
    with pytest.raises(NotFoundError, match=f"did you mean '{identity}'"):
        files.path(identity[:-1])
    for odd in ("..", ".", "", "../models", "/etc"):
        with pytest.raises(NotFoundError, match="There is no model"):
            files.read(odd)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="nothing was kept"):
            ModelFiles(tmp_path / "models").add(*model(1))
    finally:
        tmp_path.chmod(0o700)


def test_a_file_where_the_folder_should_be_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be kept in"):
        ModelFiles(tmp_path / "models").add(*model(1))


def test_killed_at_random_moments_a_model_is_there_whole_or_not_at_all(
    files: ModelFiles, tmp_path: Path
) -> None:
    moments, count = random.Random(7), 0
    for kill in range(12):
        command = [sys.executable, "-m", "tests.storage.models.model_writer"]
        with subprocess.Popen(
            [*command, str(tmp_path / "models"), str(kill * 10_000)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            kept = [process.stdout.readline().strip()]
            time.sleep(moments.uniform(0.0, 0.03))
            process.send_signal(signal.SIGKILL)
            kept += process.stdout.read().split()
        for identity in kept[:-1]:
            files.read(identity)
        count += len(kept)
        for each in files.models():
            files.read(each.id)
    assert count > 12
    files.add(*model(0))
    left = {path.name for path in (tmp_path / "models").iterdir()}
    assert left == {each.id for each in files.models()}  # what was half written is swept away


def test_the_policy_that_ships_is_in_force_until_a_model_is_promoted(models: ModelRegistry) -> None:
    assert models.active_model() is None
    assert models.promotions() == ()
    one = models.add(*model(1))
    assert models.active_model() is None
    models.promote(one, "page")
    assert models.active_model() == one


def test_a_promotion_is_an_event_in_the_same_transaction(
    models: ModelRegistry, database: Database
) -> None:
    one, two = models.add(*model(1)), models.add(*model(2))
    events = [
        models.promote(one, "page"),
        models.promote(two, "terminal"),
        models.roll_back("page"),
    ]
    assert tuple(events) == SqlJournal(database).events_after(0)
    assert {event.kind for event in events if event} == {EventKind.MODEL_PROMOTED}
    assert [event.payload for event in events if event] == [
        {"model": one, "previous": None, "by": "page", "undoes": False},
        {"model": two, "previous": one, "by": "terminal", "undoes": False},
        {"model": one, "previous": two, "by": "page", "undoes": True},
    ]
    newest, *_ = models.promotions()
    assert (newest.model, newest.previous, newest.by, newest.undoes) == (one, two, "page", True)
    assert [each.seq for each in models.promotions()] == [3, 2, 1]


def test_promoting_what_is_in_force_changes_nothing(
    models: ModelRegistry, database: Database
) -> None:
    one = models.add(*model(1))
    assert models.promote(SHIPPED, "page") is None
    assert models.promote(one, "page") is not None
    assert models.promote(one, "page") is None
    assert SqlJournal(database).last_seq() == 1


def test_rolling_back_goes_back_step_by_step_to_the_policy_that_ships(
    models: ModelRegistry,
) -> None:
    one, two, three = (models.add(*model(number)) for number in (1, 2, 3))
    for identity in (one, two):
        models.promote(identity, "page")
    models.roll_back("page")
    assert in_force(models) == one
    models.promote(three, "page")
    models.promote(SHIPPED, "page")
    for expected in (three, one, SHIPPED):
        models.roll_back("page")
        assert in_force(models) == expected
    with pytest.raises(InputError, match="No promotion is left to be rolled back"):
        models.roll_back("page")


def test_a_roll_back_that_is_not_accepted_leaves_everything_as_it_is(
    models: ModelRegistry, database: Database
) -> None:
    one, two = models.add(*model(1)), models.add(*model(2))
    models.promote(one, "page")
    models.promote(two, "page")

    def refuse(identity: str) -> None:
        raise VerificationError(f"{identity} is damaged")

    with pytest.raises(VerificationError, match=f"{one} is damaged"):
        models.roll_back("page", refuse)
    assert models.active_model() == two
    assert SqlJournal(database).last_seq() == 2


def test_only_what_exists_can_be_promoted(models: ModelRegistry) -> None:
    one, two = models.add(*model(1)), models.add(*model(2))
    with pytest.raises(NotFoundError, match="There is no model 'nothing'"):
        models.promote("nothing", "page")
    models.promote(one, "page")
    models.promote(two, "page")
    models.delete(one, allow_promoted=True)
    with pytest.raises(NotFoundError, match=f"There is no model '{one}'"):
        models.roll_back("page")
    assert models.active_model() == two


def test_a_model_that_is_or_was_promoted_is_not_deleted_by_accident(models: ModelRegistry) -> None:
    one, two, idle = (models.add(*model(number)) for number in (1, 2, 3))
    models.promote(one, "page")
    with pytest.raises(InputError, match=f"The model {one} is promoted"):
        models.delete(one, allow_promoted=True)
    models.promote(two, "page")
    with pytest.raises(InputError, match=f"The model {one} was promoted once"):
        models.delete(one)
    models.delete(one, allow_promoted=True)
    models.delete(idle)
    assert {each.id for each in models.models()} == {two}
    with pytest.raises(NotFoundError):
        models.delete(idle)


def test_a_promotion_that_cannot_be_recorded_is_none(
    models: ModelRegistry, sqlite: Database
) -> None:
    one = models.add(*model(1))
    gone = ModelRegistry(sqlite, models.path(one).parent)
    with sqlite.writing() as connection:
        connection.execute(text("DROP TABLE promotion"))
    with pytest.raises(StorageError):
        gone.promote(one, "page")
    assert SqlJournal(sqlite).last_seq() == 0
