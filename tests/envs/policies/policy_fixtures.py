"""Invented policies of any shape: random networks, deterministic in the seed."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from domain.panel import Floats
from envs.env_settings import NAMED_ACTIONS, ActionScheme
from envs.observation import FEATURES
from envs.policies.drift import build_reference
from envs.policies.ensemble import MEMBER_REGIMES
from envs.policies.network import Network
from envs.policies.policy import Manifest, Member, OutputKind, Policy, Score, Squash

K = len(FEATURES)
MANIFEST = Manifest(
    data="an invented market",
    simulated=True,
    data_digest="0" * 64,
    code_version="1",
    periods={"train": ("2010-01-01", "2015-12-31")},
    arguments={"steps": 4_096, "learning_rate": 1e-3, "algo": ("ppo", "dqn"), "bars": None},
    scores={"policy": {"Sharpe ratio": Score(value=1.0, low=-0.25, high=2.0)}},
)


def observations(seed: int, rows: int) -> Floats:
    """(rows, K) standardised observations."""
    return np.clip(1.5 * np.random.default_rng(seed).normal(size=(rows, K)), -5.0, 5.0)


def network(seed: int, hidden: Sequence[int] = (8, 8), outputs: int = 2) -> Network:
    rng = np.random.default_rng(seed)
    sizes = (K, *hidden, outputs)
    return Network(
        tuple(
            (0.5 * rng.normal(size=(into, out)), 0.5 * rng.normal(size=out))
            for into, out in pairwise(sizes)
        )
    )


def member(
    seed: int,
    algorithm: str = "ppo",
    kind: OutputKind = "logits",
    actions: ActionScheme = "flat-long",
    squash: Squash | None = None,
    temper: float = 0.4,
    hidden: Sequence[int] = (8, 8),
) -> Member:
    outputs = len(NAMED_ACTIONS[actions]) if actions in NAMED_ACTIONS else 1
    return Member(algorithm, seed, kind, actions, network(seed, hidden, outputs), temper, squash)


def mixed_members(seed: int) -> tuple[Member, ...]:
    """One member of every kind, with networks of different shapes."""
    return (
        member(seed, "ppo"),
        member(seed, "a2c", actions="short-flat-long", temper=0.2, hidden=(7,)),
        member(seed, "dqn", "values", temper=1.5, hidden=(5, 6, 3)),
        member(seed, "sac", "share", "share", "tanh", hidden=()),
        member(seed + 1, "ppo", "share", "short-share", "clip", temper=0.0),
    )


def policy(
    seed: int = 1,
    members: tuple[Member, ...] | None = None,
    *,
    by_regime: bool = False,
    change: Callable[[Floats], Floats] = lambda numbers: numbers,
) -> Policy:
    """Of `mixed_members` members unless others are given, at random weights; `change` makes other
    weights of them."""
    rng = np.random.default_rng(seed)
    voting = mixed_members(seed) if members is None else members
    weights = rng.uniform(0.1, 1.0, (len(MEMBER_REGIMES) if by_regime else 1, len(voting)))
    return Policy(
        mean=0.3 * rng.normal(size=K),
        scale=rng.uniform(0.5, 2.0, K),
        members=voting,
        weights=change(weights / weights.sum(axis=1, keepdims=True)),
        reference=build_reference(rng.normal(size=(500, K))),
        manifest=MANIFEST,
    )
