"""The RL agent: policies trained to hold or leave a symbol, combined into one forecast.

Its evidence is how much more the ensemble wants to be long than on an average bar of its training,
in log-odds. Each member is scaled by a factor fitted on validation years, which calibrates the
probability, and the sum is reduced where members disagree (envs.policies.ensemble). The evidence is
split exactly into groups of observations (Shapley values, envs.policies.shapley) and the reduction
by disagreement. An ensemble that learned nothing has factors of zero and votes the base rate.

Leaves out the position held: an agent is a function of the market alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.base import WeightedAgent
from agents.evidence import Weights
from agents.settings import RlSettings
from domain.model_files import model_id
from domain.panel import Floats, Panel
from domain.votes import Evidence, Votes
from envs.observation import FEATURE_GROUPS, FEATURES, WARMUP, observe
from envs.policies.files import encode_policy, load_policy
from envs.policies.policy import Policy
from envs.policies.shapley import Explanation, explain

EVIDENCE_SHARE = 0.3
"""Fraction of the policy's evidence that is kept. What was learnt in one market is worth less in
another: at full strength the shipped policy, trained in simulation, was worse than the base rate
on real shares (docs/understand/rl.md)."""

SHIPPED_POLICY = Path(__file__).parent / "policies"
"""The shipped policy, with a README of its results."""

STRENGTH_WEIGHT = "the policy's evidence"
"""Name of that fraction among the coefficients."""

DISAGREEMENT = "disagreement"
"""Name of the reason for the reduction by the members' disagreement."""

AnySettings = TypeVar("AnySettings", bound=RlSettings)


@dataclass(frozen=True, slots=True, eq=False)
class RlObservations:
    """Observations (R, N, features), where there is one (R, N), and the evidence of those cells
    before `EVIDENCE_SHARE`."""

    observation: Floats
    present: NDArray[np.bool_]
    explained: Explanation


class RlAgent(WeightedAgent[RlObservations]):
    """Votes with policies that reinforcement learning trained to hold or leave a symbol.

    A policy is plain tensors; nothing executable is read.
    """

    name = "rl"
    label = "RL"
    icon = "sparkles"
    warmup = WARMUP
    default_weights: ClassVar[Mapping[str, float]] = {STRENGTH_WEIGHT: EVIDENCE_SHARE}
    votes_with_policy = True
    Settings = RlSettings

    def __init__(self, policy: Policy, weights: Mapping[str, float] | None = None) -> None:
        """`weights` may hold another fraction than `EVIDENCE_SHARE`."""
        super().__init__(weights)
        self._policy = policy
        self._model = model_id(*encode_policy(policy))

    @property
    def base_version(self) -> str:
        """The agent's own version and the policy's."""
        return f"rl/3+{self._model}"

    @classmethod
    def create(cls, settings: RlSettings) -> "RlAgent":
        """Raises ConfigurationError as `load` does."""
        return cls.load(settings.rl_policy)

    @classmethod
    def earlier_settings(
        cls, version: str, settings: AnySettings, models: Path | None
    ) -> Iterator[AnySettings]:
        """Return settings that may have made an agent of `version`: with the policy in force, the
        shipped one, and those of the folders in `models` that it names."""
        kept = () if models is None else models.glob("[!.]*")
        named = (folder for folder in kept if folder.name in version)
        for policy in (settings.rl_policy, None, *named):
            yield settings.model_copy(update={"rl_policy": policy})

    @classmethod
    def load(cls, directory: Path | None = None) -> "RlAgent":
        """Load the agent of the policy in `directory`, or of the shipped one.

        Raises ConfigurationError where the policy does not match this program.
        """
        return cls(load_policy(SHIPPED_POLICY if directory is None else directory))

    def observe(self, panel: Panel, since: int) -> RlObservations:
        observation = observe(panel, since)
        present = ~np.isnan(observation[:, :, 0])
        x = self._policy.standardise(observation[present])
        return RlObservations(observation, present, explain(self._policy, x))

    def vote_with_weights(
        self, panel: Panel, since: int, observed: RlObservations, weights: Weights
    ) -> Votes:
        strength = weights.get(STRENGTH_WEIGHT, EVIDENCE_SHARE)
        bars = np.cumsum(~np.isnan(panel.close), axis=0)[since:]
        return self.build_votes(
            panel,
            since,
            self._evidence(observed, strength),
            abstain_where=[
                (bars <= WARMUP, f"needs {WARMUP} bars of history"),
                (
                    ~observed.present & ~np.isnan(panel.close[since:]),
                    f"no price that moves in {WARMUP} bars",
                ),
            ],
        )

    def _evidence(self, observed: RlObservations, strength: float | Floats) -> list[Evidence]:
        """Return the evidence of each group and of the disagreement; NaN without an observation."""
        fraction = np.broadcast_to(strength, observed.present.shape)[observed.present]
        log_odds = np.full((len(FEATURE_GROUPS) + 1, *observed.present.shape), np.nan)
        log_odds[:, observed.present] = fraction * observed.explained.shares.T
        disputed = np.full(observed.present.shape, np.nan)
        disputed[observed.present] = 100.0 * (1.0 - observed.explained.agreement)
        evidence = []
        for group, own in zip(FEATURE_GROUPS, log_odds[:-1], strict=True):
            shown = observed.observation[:, :, FEATURES.index(group.displayed)].copy()
            evidence.append(Evidence(group.name, shown, own, group.unit))
        return [*evidence, Evidence(DISAGREEMENT, disputed, log_odds[-1], "%")]
