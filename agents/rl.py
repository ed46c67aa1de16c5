"""The RL agent: a policy trained in simulation to hold or leave a symbol, read as a forecast.

Its evidence is how much more the policy wants to be long here than on an ordinary bar of its
training, in log-odds, tempered by a factor that was fitted on validation years so that the
probability is a forecast and not a wish. It is split exactly into groups of observations
(Shapley values, envs.shapley). A policy that had learned nothing would have a factor of zero and
vote the base rate.

Left out: the position held. An agent is a function of the market alone.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.evidence import base_rate_term
from domain.panel import Floats, Panel
from domain.votes import Term, Votes, cast
from envs.observation import FEATURES, GROUPS, WARMUP, observe
from envs.policy import Policy, load_policy
from envs.shapley import shapley

TRUST = 0.3
"""Share of the policy's evidence that is kept. What was learnt in one market is worth less in
another: at full strength the shipped policy, trained in simulation, was worse than the base rate
on real shares (docs/rl.md)."""

SHIPPED = Path(__file__).parent / "policies"
"""The policy that comes with Quorum, and the README of what it is worth."""


class RlAgent:
    """Votes with one policy of plain tensors; nothing executable is read."""

    name = "rl"
    warmup = WARMUP

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.version = f"rl/2+{policy.version}"

    @classmethod
    def load(cls, directory: Path | None = None) -> "RlAgent":
        """The agent of the policy in `directory`, or of the one that ships.

        Raises ConfigurationError where the policy does not match this program.
        """
        return cls(load_policy(SHIPPED if directory is None else directory))

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        observation = observe(panel, since)
        seen = ~np.isnan(observation[:, :, 0])
        bars = np.cumsum(~np.isnan(panel.close), axis=0)[since:]
        return cast(
            panel,
            since,
            agent=self.name,
            version=self.version,
            terms=[base_rate_term(panel, since), *self._evidence(observation, seen)],
            silent=[
                (bars <= WARMUP, f"needs {WARMUP} bars of history"),
                (~seen & ~np.isnan(panel.close[since:]), f"no price that moves in {WARMUP} bars"),
            ],
        )

    def _evidence(self, observation: Floats, seen: NDArray[np.bool_]) -> list[Term]:
        """One term a group; NaN where there is no observation."""
        standardised = self._policy.network.standardise(observation[seen])
        shares = TRUST * self._policy.temper * shapley(self._policy, standardised)
        terms = []
        for index, group in enumerate(GROUPS):
            log_odds = np.full(seen.shape, np.nan)
            log_odds[seen] = shares[:, index]
            value = observation[:, :, FEATURES.index(group.shown)].copy()
            terms.append(Term(group.name, value, log_odds, group.unit))
        return terms
