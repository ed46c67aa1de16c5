"""A policy is numbers: equal to the network that was trained, refused when anything is off."""

import hashlib
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import ConfigurationError
from envs.observation import FEATURES, GROUPS, OBSERVATION_VERSION
from envs.policies.policy import (
    MANIFEST,
    TENSORS,
    Manifest,
    Network,
    Policy,
    load_policy,
    save_policy,
)
from envs.policies.shapley import shapley

K = len(FEATURES)


def network(seed: int, hidden: int = 8, actions: int = 2) -> Network:
    rng = np.random.default_rng(seed)
    sizes = (K, hidden, hidden, actions)
    layers = tuple(
        (rng.normal(size=(inputs, outputs)), rng.normal(size=outputs))
        for inputs, outputs in pairwise(sizes)
    )
    return Network(rng.normal(size=K), rng.uniform(0.5, 2.0, K), layers)


MANIFEST_OF_A_TEST = Manifest(
    observation_version=OBSERVATION_VERSION,
    features=FEATURES,
    actions=("flat", "long"),
    hidden=(8, 8),
    sha256="0" * 64,
    data="test",
    data_digest="",
    periods={},
    arguments={},
    seeds=(0,),
    seed=0,
    scores={},
)


@pytest.fixture
def folder(tmp_path):
    save_policy(tmp_path, network(1), 0.5, MANIFEST_OF_A_TEST)
    return tmp_path


def test_what_was_saved_is_what_is_loaded(folder):
    policy, saved = load_policy(folder), network(1)
    assert policy.temper == 0.5
    assert policy.version == hashlib.sha256((folder / TENSORS).read_bytes()).hexdigest()[:8]
    seen = np.random.default_rng(0).normal(size=(50, K))
    assert np.array_equal(policy.network.logits(seen), saved.logits(seen))
    assert sorted(path.name for path in folder.iterdir()) == [MANIFEST, TENSORS]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 300), st.integers(0, 299))
def test_a_rows_answer_does_not_depend_on_the_rows_beside_it(seed, rows, pick):
    rng = np.random.default_rng(seed)
    policy = Policy(network(seed), 1.0, MANIFEST_OF_A_TEST)
    seen = rng.normal(size=(rows, K))
    row = pick % rows
    assert policy.log_odds(seen)[row] == policy.log_odds(seen[row : row + 1])[0]
    assert np.array_equal(shapley(policy, seen)[row], shapley(policy, seen[row : row + 1])[0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16))
def test_the_shares_of_the_groups_add_up_to_the_difference_from_an_ordinary_bar(seed):
    policy = Policy(network(seed), 1.0, MANIFEST_OF_A_TEST)
    seen = np.random.default_rng(seed).normal(size=(20, K))
    difference = policy.log_odds(seen) - policy.log_odds(np.zeros((1, K)))
    assert np.allclose(shapley(policy, seen).sum(axis=1), difference, atol=1e-9)


def test_a_group_that_the_network_does_not_read_has_no_share():
    blind = network(2)
    unread = [FEATURES.index(name) for name in GROUPS[-1].features]
    blind.layers[0][0][unread] = 0.0
    seen = np.random.default_rng(0).normal(size=(20, K))
    shares = shapley(Policy(blind, 1.0, MANIFEST_OF_A_TEST), seen)
    assert (shares[:, -1] == 0.0).all()
    assert (shares[:, :-1] != 0.0).all()


def test_in_a_linear_network_a_share_is_the_groups_own_term():
    weight = np.random.default_rng(0).normal(size=(K, 2))
    linear = Network(np.zeros(K), np.ones(K), ((weight, np.zeros(2)),))
    seen = np.random.default_rng(1).normal(size=(20, K))
    shares = shapley(Policy(linear, 1.0, MANIFEST_OF_A_TEST), seen)
    for column, group in enumerate(GROUPS):
        own = [FEATURES.index(name) for name in group.features]
        assert np.allclose(shares[:, column], seen[:, own] @ (weight[own, 1] - weight[own, 0]))


def edit_manifest(folder, **changes):
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def truncate(folder):
    path = folder / TENSORS
    path.write_bytes(path.read_bytes()[:-64])


def truncate_and_stamp(folder):
    truncate(folder)
    stamp = hashlib.sha256((folder / TENSORS).read_bytes()).hexdigest()
    edit_manifest(folder, sha256=stamp)


def with_a_hole(folder):
    broken = network(1)
    broken.layers[1][0][0, 0] = np.nan
    save_policy(folder, broken, 0.5, MANIFEST_OF_A_TEST)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / TENSORS).unlink(), r"policy\.safetensors cannot be read"),
        (lambda f: (f / MANIFEST).unlink(), r"manifest\.json cannot be read"),
        (lambda f: (f / MANIFEST).write_text("{"), r"manifest\.json is not valid at text"),
        (lambda f: edit_manifest(f, seeds="many"), r"manifest\.json is not valid at seeds"),
        (lambda f: edit_manifest(f, pickle="x"), r"manifest\.json is not valid at pickle"),
        (lambda f: edit_manifest(f, format=2), "has format 2, this program reads 1"),
        (lambda f: edit_manifest(f, sha256="1" * 64), "damaged or belongs to another"),
        (truncate, "damaged or belongs to another"),
        (truncate_and_stamp, r"policy\.safetensors cannot be read"),
        (lambda f: edit_manifest(f, observation_version=99), "trained on observation version 99"),
        (lambda f: edit_manifest(f, features=["price"]), r"\(1 features\)"),
        (lambda f: edit_manifest(f, hidden=[8, 9]), "has shape"),
        (lambda f: edit_manifest(f, hidden=[8]), "has shape"),
        (lambda f: edit_manifest(f, actions=["short", "flat"]), "its actions lack long"),
        (with_a_hole, "'weight.1' holds something other than finite"),
    ],
)
def test_a_policy_that_does_not_match_is_refused_with_its_reason(folder, spoil, words):
    spoil(folder)
    with pytest.raises(ConfigurationError, match=words) as refusal:
        load_policy(folder)
    assert "python -m envs.train" in str(refusal.value)


def test_a_pickle_in_place_of_the_tensors_is_not_opened(folder, tmp_path):
    import pickle

    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (folder / TENSORS).write_bytes(pickle.dumps(Payload()))
    edit_manifest(folder, sha256=hashlib.sha256((folder / TENSORS).read_bytes()).hexdigest())
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_policy(folder)
    assert not (tmp_path / "ran").exists()
