"""The RL agent: policies trained to hold or leave a symbol, read as one forecast.

Its evidence is how much more the ensemble wants to be long here than on an ordinary bar of its
training, in log-odds, each member tempered by a factor that was fitted on validation years so that
the probability is a forecast and not a wish, and less where the members disagree
(envs.policies.ensemble). It is split exactly into groups of observations (Shapley values,
envs.policies.shapley) and what the disagreement took off. An ensemble that had learned nothing
would have factors of zero and vote the base rate.

Left out: the position held. An agent is a function of the market alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.coefficients import version
from agents.evidence import BY_HAND, Weights, base_rate_term
from domain.models import model_id
from domain.panel import Floats, Panel
from domain.votes import Term, Votes, cast
from envs.observation import FEATURES, GROUPS, WARMUP, observe
from envs.policies.files import encode, load_policy
from envs.policies.policy import Policy
from envs.policies.shapley import Explained, explain

TRUST = 0.3
"""Share of the policy's evidence that is kept. What was learnt in one market is worth less in
another: at full strength the shipped policy, trained in simulation, was worse than the base rate
on real shares (docs/rl.md)."""

SHIPPED = Path(__file__).parent / "policies"
"""The policy that comes with Quorum, and the README of what it is worth."""


STRENGTH = "the policy's evidence"
"""Name of the trust among the coefficients."""

DISAGREEMENT = "disagreement"
"""Name of the reason that says what the members' disagreement took off."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The observation (R, N, features), where there is one (R, N), and the evidence of those
    cells, not yet trusted."""

    observation: Floats
    present: NDArray[np.bool_]
    explained: Explained


class RlAgent:
    """Votes with one policy of plain tensors; nothing executable is read."""

    name = "rl"
    warmup = WARMUP
    shipped: Mapping[str, float] = {STRENGTH: TRUST}

    def __init__(self, policy: Policy, weights: Mapping[str, float] | None = None) -> None:
        """With a fitted share of the evidence in place of `TRUST`, where `weights` has one."""
        self._policy = policy
        self._weights = BY_HAND if weights is None else weights
        self.version = version(f"rl/3+{model_id(*encode(policy))}", weights)

    @classmethod
    def load(cls, directory: Path | None = None) -> "RlAgent":
        """The agent of the policy in `directory`, or of the one that ships.

        Raises ConfigurationError where the policy does not match this program.
        """
        return cls(load_policy(SHIPPED if directory is None else directory))

    def tuned(self, weights: Mapping[str, float]) -> Self:
        return type(self)(self._policy, weights)

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        return self.weigh(panel, since, self.see(panel, since), self._weights)

    def see(self, panel: Panel, since: int) -> Seen:
        observation = observe(panel, since)
        present = ~np.isnan(observation[:, :, 0])
        x = self._policy.standardise(observation[present])
        return Seen(observation, present, explain(self._policy, x))

    def weigh(self, panel: Panel, since: int, seen: Seen, weights: Weights) -> Votes:
        strength = weights.get(STRENGTH, TRUST)
        bars = np.cumsum(~np.isnan(panel.close), axis=0)[since:]
        return cast(
            panel,
            since,
            agent=self.name,
            version=self.version,
            terms=[base_rate_term(panel, since), *self._evidence(seen, strength)],
            silent=[
                (bars <= WARMUP, f"needs {WARMUP} bars of history"),
                (
                    ~seen.present & ~np.isnan(panel.close[since:]),
                    f"no price that moves in {WARMUP} bars",
                ),
            ],
        )

    def _evidence(self, seen: Seen, strength: float | Floats) -> list[Term]:
        """One term a group, and one of the disagreement; NaN where there is no observation."""
        trust = np.broadcast_to(strength, seen.present.shape)[seen.present]
        log_odds = np.full((len(GROUPS) + 1, *seen.present.shape), np.nan)
        log_odds[:, seen.present] = trust * seen.explained.shares.T
        disputed = np.full(seen.present.shape, np.nan)
        disputed[seen.present] = 100.0 * (1.0 - seen.explained.agreement)
        terms = []
        for group, own in zip(GROUPS, log_odds[:-1], strict=True):
            shown = seen.observation[:, :, FEATURES.index(group.shown)].copy()
            terms.append(Term(group.name, shown, own, group.unit))
        return [*terms, Term(DISAGREEMENT, disputed, log_odds[-1], "%")]
