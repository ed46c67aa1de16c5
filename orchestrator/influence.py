"""What each agent counts for: its weight in the pool, and how much of its evidence is believed.

Pure. Both are learnt from settled votes alone, by rules whose whole memory is a small ledger.
"""

from dataclasses import dataclass

import numpy as np

from domain.panel import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """Of A agents on R rows, or on one row that holds for all.

    `weights` (R, A) sum to one over the agents. `trust` (R, A) is the factor on an agent's
    evidence, that is on its log-odds less those of the base rate; 1 takes it as it was given.
    """

    weights: Floats
    trust: Floats


def equal(agents: int) -> Influence:
    """Everybody counts the same and is taken at their word."""
    return Influence(np.full((1, agents), 1.0 / agents), np.ones((1, agents)))
