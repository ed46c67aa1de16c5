"""A policy is numbers: equal to the networks that were trained, refused when anything is off."""

import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from domain.errors import ConfigurationError
from domain.model_files import MANIFEST_FILE, TENSORS_FILE, model_id
from domain.panel import Floats
from envs.env_settings import ActionScheme
from envs.observation import FEATURES
from envs.policies.files import (
    MAX_BYTES,
    decode_policy,
    encode_policy,
    load_policy,
    save_policy,
)
from envs.policies.network import Network
from envs.policies.policy import Member, OutputKind, Policy, Squash
from tests.envs.policies.policy_fixtures import (
    K,
    member,
    mixed_members,
    network,
    observations,
    policy,
)

SAVED = policy()
FILES = encode_policy(SAVED)


# Networks and members


@pytest.mark.parametrize("hidden", [(), (1,), (16, 16), (7, 5, 3)])
def test_a_network_is_what_it_looks_like(hidden: tuple[int, ...]) -> None:
    own, x = network(0, hidden, 3), observations(0, 300)
    values = x
    for depth, (weight, bias) in enumerate(own.layers):
        values = (np.maximum(values, 0.0) if depth else values) @ weight + bias
    assert np.allclose(own.outputs(x), values, atol=1e-12)
    assert own.hidden == hidden


def test_observations_of_other_features_are_not_computed() -> None:
    with pytest.raises(ValueError, match=r"\(4, 10\) is not \(M, 11\)"):
        network(0).outputs(np.zeros((4, K - 1)))


@settings(max_examples=30)
@given(st.integers(0, 2**16), st.integers(1, 300), st.integers(0, 299))
def test_a_rows_outputs_do_not_depend_on_the_rows_beside_it(seed: int, rows: int, pick: int):
    own, x = network(seed), observations(seed, rows)
    row = pick % rows
    assert (own.outputs(x)[row] == own.outputs(x[row : row + 1])[0]).all()


@pytest.mark.parametrize(
    ("kind", "actions", "squash", "read"),
    [
        ("logits", "flat-long", None, lambda out: out[:, 1] - out[:, 0]),
        ("values", "short-flat-long", None, lambda out: out[:, 2] - out[:, 1]),
        ("share", "short-share", "clip", lambda out: out[:, 0]),
    ],
)
def test_every_kind_of_member_leans_by_how_much_more_it_would_be_long_than_on_an_ordinary_bar(
    kind: OutputKind, actions: ActionScheme, squash: Squash | None, read: Callable[[Floats], Floats]
) -> None:
    own, x = member(3, "any", kind, actions, squash), observations(3, 40)
    ordinary = read(own.network.outputs(np.zeros((1, K))))
    assert np.allclose(own.signal(x), read(own.network.outputs(x)) - ordinary)
    assert own.signal(np.zeros((1, K)))[0] == 0.0


def constant(outputs: list[float]) -> Network:
    return Network(((np.zeros((K, len(outputs))), np.array(outputs)),))


@pytest.mark.parametrize(
    ("kind", "actions", "squash", "outputs", "share"),
    [
        ("logits", "flat-long", None, [0.1, 0.2], 1.0),
        ("values", "short-flat-long", None, [5.0, -1.0, 3.0], -1.0),
        ("share", "share", "clip", [0.3], 0.3),
        ("share", "share", "clip", [-2.0], 0.0),
        ("share", "short-share", "clip", [-2.0], -1.0),
        ("share", "share", "tanh", [0.0], 0.5),
        ("share", "share", "tanh", [50.0], 1.0),
        ("share", "short-share", "tanh", [0.0], 0.0),
        ("share", "short-share", "tanh", [-50.0], -1.0),
    ],
)
def test_a_member_would_hold_what_its_outputs_say(
    kind: OutputKind,
    actions: ActionScheme,
    squash: Squash | None,
    outputs: list[float],
    share: float,
) -> None:
    own = Member("any", 0, kind, actions, constant(outputs), 1.0, squash)
    assert own.share(observations(0, 3)).tolist() == [share] * 3


# Kept and read back


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    saved = policy(by_regime=True)
    save_policy(tmp_path, saved)
    loaded = load_policy(tmp_path)
    x = observations(0, 50)
    assert (loaded.evidence(x) == saved.evidence(x)).all()
    assert (loaded.share(x) == saved.share(x)).all()
    assert (loaded.reference.shares == saved.reference.shares).all()
    assert loaded.selection == "regimes"
    assert loaded.manifest == saved.manifest
    assert [each.name for each in loaded.members] == ["ppo-1", "a2c-1", "dqn-1", "sac-1", "ppo-2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [MANIFEST_FILE, TENSORS_FILE]


def test_a_policy_that_was_read_is_written_with_the_same_bytes_and_has_the_same_id() -> None:
    again = encode_policy(decode_policy(*FILES, "a test"))
    assert again == FILES
    assert model_id(*again) == hashlib.sha256(FILES[0] + FILES[1]).hexdigest()[:12]


def test_a_policy_that_could_not_be_read_is_not_written_and_the_former_stays(
    tmp_path: Path,
) -> None:
    save_policy(tmp_path, policy())
    broken = member(1)
    broken.network.layers[1][0][0, 0] = np.nan
    with pytest.raises(ConfigurationError, match=r"ppo-1\.weight\.1"):
        save_policy(tmp_path, policy(members=(broken,)))
    assert (
        (tmp_path / TENSORS_FILE).read_bytes(),
        (tmp_path / MANIFEST_FILE).read_bytes(),
    ) == FILES
    assert len(list(tmp_path.iterdir())) == 2


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.text(max_size=9),
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=9)
        | st.lists(st.text(max_size=9), max_size=3).map(tuple),
        max_size=4,
    )
)
def test_whatever_it_was_trained_with_is_read_back_as_it_was(arguments: dict[str, Any]) -> None:
    manifest = SAVED.manifest.model_copy(update={"arguments": arguments})
    files = encode_policy(replace(SAVED, manifest=manifest))
    assert decode_policy(*files, "a test").manifest.arguments == arguments
    assert encode_policy(decode_policy(*files, "a test")) == files


# Refused


def words_of(manifest: bytes, **changes: Any) -> bytes:
    """A manifest with other words, sealed as if it had been written so."""
    content = {**json.loads(manifest), **changes, "seal": ""}

    def text() -> bytes:
        return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()

    content["seal"] = hashlib.sha256(text()).hexdigest()
    return text()


def stamped(tensors: bytes, manifest: bytes, **changes: Any) -> tuple[bytes, bytes]:
    return tensors, words_of(manifest, sha256=hashlib.sha256(tensors).hexdigest(), **changes)


def with_tensor(name: str, change: Callable[[Floats], Any]) -> tuple[bytes, bytes]:
    """The two files with one tensor changed, and everything stamped and sealed."""
    numbers = load(FILES[0])
    numbers[name] = np.asarray(change(numbers[name].copy()))
    return stamped(save(numbers), FILES[1])


def with_members(change: Callable[[list[dict[str, Any]]], Any]) -> tuple[bytes, bytes]:
    members = json.loads(FILES[1])["members"]
    change(members)
    return stamped(*FILES, members=members)


def without(name: str) -> tuple[bytes, bytes]:
    numbers = load(FILES[0])
    del numbers[name]
    return stamped(save(numbers), FILES[1])


def half(numbers: Floats) -> Floats:
    return 0.5 * numbers


def holed(numbers: Floats) -> Floats:
    numbers[0] = np.nan
    return numbers


def other_way(numbers: Floats) -> Floats:
    return -numbers


OLD = json.dumps({"format": 1, "hidden": [16, 16], "sha256": "0" * 64}).encode()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ((FILES[0], b"{"), r"manifest\.json is not valid at text"),
        ((FILES[0], b"[" * 100_000), r"manifest\.json is not valid at text"),
        ((FILES[0], OLD), "of an older format, 1"),
        (stamped(*FILES, format=3), "has format 3, this program reads 2"),
        (stamped(*FILES, periods="all"), r"manifest\.json is not valid at periods"),
        (stamped(*FILES, pickle="x"), r"manifest\.json is not valid at pickle"),
        (stamped(*FILES, scores={"policy": {"x": {"value": 1e999, "low": 0.0, "high": 0.0}}}),
         r"not valid at scores\.policy\.x\.value"),
        ((FILES[0], FILES[1] + b"\n"), "was changed after it was written"),
        ((FILES[0], FILES[1].replace(b'"low": -0.25', b'"low": 0.25')), "was changed after"),
        (stamped(*FILES, observation_version=99), "trained on observation version 99"),
        (stamped(*FILES, features=["price"]), r"\(1 features\)"),
        (stamped(*FILES, selection="regimes"), r"'weights' has shape \(1, 5\), expected \(6, 5\)"),
        ((FILES[0], words_of(FILES[1], sha256="1" * 64)), "damaged or belongs to another"),
        ((FILES[0][:-64], FILES[1]), "damaged or belongs to another"),
        (stamped(FILES[0][:-64], FILES[1]), r"policy\.safetensors cannot be read"),
        (stamped(b"", FILES[1]), r"policy\.safetensors cannot be read"),
        (with_members(lambda m: m[0].update(kind="oracle")), r"not valid at members\.0\.kind"),
        (with_members(lambda m: m[0].update(actions="share")), "do not fit actions 'share'"),
        (with_members(lambda m: m[0].update(squash="tanh")), "does not fit outputs of kind"),
        (with_members(lambda m: m[0].update(hidden=[8, 9])), r"'ppo-1\.bias\.1' has shape \(8,\)"),
        (with_members(lambda m: m[0].update(seed=7)), r"'ppo-1\.bias\.0' has shape \(8,\), .*None"),
        (with_members(lambda m: m[4].update(m[0])), "'ppo-1' is named 2 times"),
        (with_members(lambda m: m.pop()), "has shape"),
        (with_members(lambda m: m.clear()), "not valid at members"),
        (with_members(lambda m: m.extend(m * 13)), "not valid at members"),
        (without("edges"), r"'edges' has shape None, expected \(11, 9\)"),
        (with_tensor("mean", lambda t: t.astype(np.float32)), "'mean' holds something other"),
        (with_tensor("dqn-1.weight.0", holed), "'dqn-1.weight.0' holds something other"),
        (with_tensor("tempers", lambda t: 1e300 * t), "'tempers' holds numbers beyond"),
        (with_tensor("scale", other_way), "'scale' must be positive"),
        (with_tensor("tempers", other_way), "'tempers' must not be negative"),
        (with_tensor("weights", half), "row of tensor 'weights' must sum to 1"),
        (with_tensor("weights", lambda t: t - np.eye(5)[:1] + np.eye(5)[1:2]), "none below 0"),
        (with_tensor("shares", half), "row of tensor 'shares' must sum to 1"),
        (with_tensor("edges", other_way), "'edges' must ascend"),
    ],
)  # fmt: skip
def test_files_that_do_not_match_are_refused_with_the_reason_and_the_remedy(
    files: tuple[bytes, bytes], reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason) as refusal:
        decode_policy(*files, "some/folder")
    assert "some/folder" in str(refusal.value)
    assert "train again" in str(refusal.value)


@pytest.mark.parametrize("name", [TENSORS_FILE, MANIFEST_FILE])
def test_a_missing_file_and_one_too_large_to_be_a_policy_are_refused_by_name(
    tmp_path: Path, name: str
) -> None:
    save_policy(tmp_path, policy())
    (tmp_path / name).unlink()
    with pytest.raises(ConfigurationError, match=f"{name} cannot be read"):
        load_policy(tmp_path)
    with (tmp_path / name).open("wb") as file:
        file.truncate(MAX_BYTES[name] + 1)
    with pytest.raises(ConfigurationError, match=f"{name} is larger than"):
        load_policy(tmp_path)


def test_a_write_that_was_interrupted_is_refused(tmp_path: Path) -> None:
    save_policy(tmp_path, policy())
    (tmp_path / TENSORS_FILE).write_bytes(encode_policy(policy(2))[0])
    with pytest.raises(ConfigurationError, match="damaged or belongs to another"):
        load_policy(tmp_path)


@settings(max_examples=100)
@given(st.data(), st.integers(0, 1))
def test_a_damaged_file_never_loads(data: st.DataObject, which: int) -> None:
    file_bytes = FILES[which]
    at = data.draw(st.integers(0, len(file_bytes) - 1))
    if data.draw(st.booleans()):
        broken = file_bytes[:at]
    else:
        broken = (
            file_bytes[:at]
            + bytes([file_bytes[at] ^ 1 << data.draw(st.integers(0, 7))])
            + file_bytes[at + 1 :]
        )
    files = (broken, FILES[1]) if which == 0 else (FILES[0], broken)
    with pytest.raises(ConfigurationError):
        decode_policy(*files, "a test")


@settings(max_examples=100)
@given(st.data())
def test_forged_tensors_are_refused_or_give_finite_evidence(data: st.DataObject) -> None:
    file_bytes = FILES[0]
    broken = bytearray(file_bytes)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(file_bytes) - 1))] = data.draw(st.integers(0, 255))
    try:
        forged = decode_policy(*stamped(bytes(broken), FILES[1]), "a test")
    except ConfigurationError:
        return
    assert np.isfinite(forged.evidence(observations(0, 5))).all()


def test_a_pickle_in_place_of_the_tensors_is_not_opened(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "ran"), "w"))

    with pytest.raises(ConfigurationError, match="cannot be read"):
        decode_policy(*stamped(pickle.dumps(Payload()), FILES[1]), "a test")
    assert not (tmp_path / "ran").exists()


def test_members_of_one_name_are_not_written() -> None:
    with pytest.raises(ConfigurationError, match="named 2 times"):
        encode_policy(policy(members=(member(1), member(1))))
    with pytest.raises(ConfigurationError, match="not valid at algorithm"):
        encode_policy(policy(members=(replace(member(1), algorithm="../up"),)))


def test_every_feature_has_a_mean_of_its_own() -> None:
    own: Policy = policy(members=mixed_members(1))
    assert own.mean.shape == own.scale.shape == (len(FEATURES),)
    raw = np.stack([own.mean, own.mean + 2.0 * own.scale, own.mean - 99.0 * own.scale])
    assert np.allclose(own.standardise(raw), [[0.0] * K, [2.0] * K, [-5.0] * K])
