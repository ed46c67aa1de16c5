"""A trained policy: an ensemble of networks, the strength of each signal, and where it is from.

A member is one algorithm with one seed. Members of every kind are read alike: how much more it
would be long here than on an ordinary bar of the training period (all standardised features zero).
Leaves out how signals become one forecast (`envs.policies.ensemble`), how it is explained
(`envs.policies.shapley`), and how a policy is stored (`envs.policies.files`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from domain.panel import Floats
from envs.env_settings import ACTION_SHARES, NAMED_ACTIONS, ActionScheme
from envs.policies.drift import FeatureReference
from envs.policies.ensemble import EnsembleForecast, classify_regimes, pool_signals
from envs.policies.network import IntArray, Network

CLIP = 5.0
"""Standardised features are clipped to ±CLIP, in training as in use."""

OutputKind = Literal["logits", "values", "share"]
"""What a network's outputs are: a logit for each named action (PPO, A2C), a value for each named
action (DQN), or one number that is squashed to a share of equity (SAC, TD3, PPO, A2C)."""
Squash = Literal["tanh", "clip"]
"""How the number becomes a share: "tanh", then stretched over the allowed shares; or "clip",
clipped to them."""


class Score(BaseModel):
    """A score with its 90% interval from resampling time. All three numbers are finite; an unknown
    score is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    low: float
    high: float


class Manifest(BaseModel):
    """Where a policy is from and how it scored. It holds no time of day, so the same run gives the
    same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str = Field(description="What people call the history it was trained on.")
    simulated: bool = Field(description="Whether that history was invented.")
    data_digest: str = Field(description="SHA-256 of its bars.")
    code_version: str = Field(description="Of the program that trained it.")
    periods: dict[str, tuple[str, str]] = Field(description="First and last day of each.")
    arguments: dict[str, str | int | float | bool | tuple[str, ...] | None]
    scores: dict[str, dict[str, Score]] = Field(
        description="On the held-out period: of `policy`, of each member and of each benchmark."
    )
    parent: str | None = Field(default=None, description="Id of the policy it went on from.")


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One algorithm with one seed. `temper` is the factor from its signal to log-odds, never below
    0: it is fitted on the validation period, and 0 for a member that has learnt nothing."""

    algorithm: str
    seed: int
    kind: OutputKind
    actions: ActionScheme
    network: Network
    temper: float
    squash: Squash | None = None

    @property
    def name(self) -> str:
        return f"{self.algorithm}-{self.seed}"

    @property
    def signal_network(self) -> Network:
        """The network with one output, how much the member would be long: long less flat of the
        logits or the values, or the number before it is squashed."""
        *before, (weight, bias) = self.network.layers
        if self.kind == "share":
            return self.network
        names = NAMED_ACTIONS[self.actions]
        long, flat = names.index("long"), names.index("flat")
        difference = (weight[:, [long]] - weight[:, [flat]], bias[[long]] - bias[[flat]])
        return Network((*before, difference))

    def signal(self, x: Floats) -> Floats:
        """Return (M,) output of `signal_network` at (M, K) standardised observations, less that of
        the ordinary bar."""
        network = self.signal_network
        ordinary = network.outputs(np.zeros((1, x.shape[1])))
        return np.asarray(network.outputs(x)[:, 0] - ordinary[0, 0])

    def share(self, x: Floats) -> Floats:
        """Return (M,) share of equity that the member would hold at (M, K) standardised
        observations."""
        outputs = self.network.outputs(x)
        if self.kind != "share":
            shares = np.array([ACTION_SHARES[name] for name in NAMED_ACTIONS[self.actions]])
            return np.asarray(shares[outputs.argmax(axis=1)])
        lowest = -1.0 if self.actions == "short-share" else 0.0
        if self.squash == "clip":
            return np.clip(outputs[:, 0], lowest, 1.0)
        return lowest + 0.5 * (np.tanh(outputs[:, 0]) + 1.0) * (1.0 - lowest)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """`mean`, `scale` (K,) standardise the features. `weights` (rows, members) weigh the members,
    each row summing to 1: one row for all bars (bagging), or one for each of
    `ensemble.MEMBER_REGIMES`.
    `reference` describes the distribution of the training data."""

    mean: Floats
    scale: Floats
    members: tuple[Member, ...]
    weights: Floats
    reference: FeatureReference
    manifest: Manifest

    @property
    def selection(self) -> Literal["bagging", "regimes"]:
        return "bagging" if len(self.weights) == 1 else "regimes"

    def standardise(self, observation: Floats) -> Floats:
        return standardise(observation, self.mean, self.scale)

    def forecast(self, x: Floats) -> EnsembleForecast:
        """Return the forecast of the ensemble at (M, K) standardised observations."""
        signals = np.stack([member.signal(x) for member in self.members])
        return self.pool(signals, self.regime(x))

    def pool(self, signals: Floats, regime: IntArray | None) -> EnsembleForecast:
        """Return the same forecast from known `signals` (members, M) and `regime` (M,)."""
        tempers = np.array([member.temper for member in self.members])
        return pool_signals(signals, tempers, self.weights, regime)

    def regime(self, x: Floats, mask: Floats | float = 1.0) -> IntArray | None:
        """Return (M,) the row of the weights for each of (M, K) standardised observations, each
        feature times `mask` (K,); None where one row applies to all."""
        if self.selection == "bagging":
            return None
        return classify_regimes(x * mask, self.mean, self.scale)

    def evidence(self, x: Floats) -> Floats:
        """Return (M,) log-odds to add to the base rate at (M, K) standardised observations; 0 on
        the ordinary bar."""
        return self.forecast(x).evidence

    def share(self, x: Floats) -> Floats:
        """Return (M,) weighted mean of the shares of equity that the members would hold."""
        regime = self.regime(x)
        rows = np.zeros(len(x), np.int64) if regime is None else regime
        shares = np.zeros(len(x))
        for weights, member in zip(self.weights.T, self.members, strict=True):
            shares += weights[rows] * member.share(x)
        return shares

    def tempers(self) -> Mapping[str, float]:
        """The temper of each member, by its name."""
        return {member.name: member.temper for member in self.members}


def standardise(observation: Floats, mean: Floats, scale: Floats) -> Floats:
    """Return (..., K) features in standard deviations of the training period, clipped to ±CLIP."""
    return np.clip((observation - mean) / scale, -CLIP, CLIP)
