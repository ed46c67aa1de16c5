"""What is hashed or kept has the bytes that release 0.1.0 gave it.

`canonical-0.1.0.json` holds the canonical bytes of every kind of account event, of an account, its
orders, decisions, a receipt's inputs, a panel's manifest and the published events, as that release
wrote them. It is never edited: digests in the homes of that release stand on these very bytes.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from safetensors.numpy import load

from domain.account_json import (
    account_event_from_json,
    account_event_to_json,
    account_from_json,
    account_to_json,
    kind_of,
    order_from_json,
)
from domain.canonical import canonical_bytes, decision_from_json
from domain.events import EventKind
from domain.stored_names import ENTRY_KINDS
from domain.trading.account import AccountEntry
from envs.policies.files import encode_policy, load_policy
from envs.training.arguments import parse_arguments
from envs.training.member_training import TrainingContext
from storage.accounts.account_log import SqlAccountLog
from storage.database import Database
from tests.golden.test_home import ARCHIVE, MODEL, home, rows  # noqa: F401
from trading.account import ledger

STORED = json.loads((Path(__file__).parent / "canonical-0.1.0.json").read_text())


def test_every_kind_of_account_event_is_there() -> None:
    assert {each["kind"] for each in STORED["account events"]} == set(ENTRY_KINDS)


@pytest.mark.parametrize("stored", STORED["account events"], ids=lambda each: each["kind"])
def test_an_account_event_has_the_bytes_it_had(stored: dict[str, str]) -> None:
    event = account_event_from_json(stored["kind"], json.loads(stored["bytes"]))
    assert kind_of(event) == stored["kind"]
    assert canonical_bytes(account_event_to_json(event)).decode() == stored["bytes"]


def test_an_account_and_its_orders_have_the_bytes_they_had() -> None:
    account = account_from_json(json.loads(STORED["account"]))
    assert canonical_bytes(account_to_json(account)).decode() == STORED["account"]
    for stored in STORED["orders"]:
        assert canonical_bytes(order_from_json(json.loads(stored))).decode() == stored


def test_a_decision_has_the_bytes_it_had() -> None:
    for stored in STORED["decisions"]:
        assert canonical_bytes(decision_from_json(json.loads(stored))).decode() == stored


def test_a_receipt_has_the_digest_it_had() -> None:
    inputs = STORED["receipt inputs"]
    again = canonical_bytes(json.loads(inputs["bytes"]))
    assert again.decode() == inputs["bytes"]
    assert hashlib.sha256(again).hexdigest() == inputs["digest"]


def test_a_model_has_the_bytes_it_had(home: Path) -> None:  # noqa: F811
    folder = home / "rl" / "models" / MODEL
    tensors, manifest = encode_policy(load_policy(folder))
    assert tensors == (folder / "policy.safetensors").read_bytes()
    assert manifest == (folder / "manifest.json").read_bytes()


def test_an_account_written_again_publishes_what_it_published(home: Path, tmp_path: Path) -> None:  # noqa: F811
    """Every order, fill and account event of the live account, in order, from its entries."""
    published = rows(
        home,
        "SELECT kind, payload FROM event WHERE run = 'live' AND kind IN "
        "('order.changed', 'order.filled', 'account.changed') ORDER BY seq",
    )
    times = iter(
        datetime.fromisoformat(json.loads(payload)["at"])
        for kind, payload in published
        if kind == EventKind.ACCOUNT_CHANGED
    )
    database = Database(f"sqlite:///{tmp_path}/again.db")
    database.migrate()
    accounts = SqlAccountLog(database, ledger.apply)
    again = []
    for entries in transactions(home):
        result = accounts.transact("demo", "live", next(times), lambda _, e=entries: e)
        again += [
            (event.kind.value, canonical_bytes(event.payload).decode()) for event in result.events
        ]
    assert again == published


def transactions(home: Path) -> Iterator[list[Any]]:  # noqa: F811
    """The entries of the live account, those that were recorded together in one list."""
    stored = rows(
        home,
        "SELECT e.recorded_at, e.number, e.at, e.kind, e.body FROM entry e JOIN account a "
        "ON e.account = a.id WHERE a.run = 'live' ORDER BY e.number",
    )
    for _, together in groupby(stored, key=lambda row: row[0]):
        yield [
            AccountEntry(
                number,
                datetime.fromtimestamp(at / 1e6, UTC),
                account_event_from_json(kind, json.loads(body)),
            )
            for _, number, at, kind, body in together
        ]


def test_a_checkpoint_belongs_to_the_run_that_it_belonged_to(home: Path) -> None:  # noqa: F811
    """What the key of a checkpoint is made of is as it was, so that a run can be resumed."""
    [folder] = (home / "rl" / "runs").iterdir()
    run = json.loads((folder / "run.json").read_text())
    context = SimpleNamespace(
        arguments=parse_arguments(run["arguments"]),
        market=SimpleNamespace(digest=run["data_digest"]),
    )
    checkpoint = load((folder / "checkpoints" / "ppo-0.safetensors").read_bytes())
    assert TrainingContext.run_key(context, "ppo-0").tolist() == checkpoint["run"].tolist()
