"""An agent of your own: a gap between yesterday's close and today's open tends to close again.

    python examples/agent.py

votes on a panel of random prices, prints the newest vote on each symbol with its reasons, and
checks every promise that an agent must keep. `docs/extend/extending.md` says how to let it vote.
"""

from collections.abc import Mapping

import numpy as np

from agents.base import Abstentions, SignalAgent
from agents.evidence import Signal
from domain.panel import Floats, Panel
from domain.votes import Votes
from quant.per_symbol import lag, ratio
from research.lookahead.contract import check_agent
from research.lookahead.random_panel import random_panel

GAP = Signal(
    name="overnight gap",
    unit="%",
    centre=0.0,
    scale=3.0,
    weight=-0.02,
    rationale="An open far from the last close is often an overreaction that the days after undo.",
)
"""A gap of 3 % or more takes 0.02 off the log-odds of a rise; -3 % or less adds as much."""


class OvernightGapAgent(SignalAgent):
    """Expects that part of an overnight gap is given back within the horizon."""

    name = "overnight_gap"
    label = "Overnight gap"
    icon = "sunrise"
    warmup = 2
    """Bars of a symbol before its first vote: this one, and the one before it."""
    signals = (GAP,)

    def observe(self, panel: Panel, since: int) -> Mapping[str, Floats]:  # noqa: ARG002
        """Each signal by its name, (T, N), over all bars: `since` only says which are asked for."""
        gap = ratio(panel.open, lag(panel.close, 1)) - 1.0
        return {GAP.name: 100.0 * gap}

    def abstentions(
        self,
        panel: Panel,  # noqa: ARG002
        since: int,
        observed: Mapping[str, Floats],
    ) -> Abstentions:
        """Masks (R, N) over the bars asked for, each with the reason why there is no vote."""
        return [(np.isnan(observed[GAP.name][since:]), "no bar before this one")]


def describe(votes: Votes, col: int) -> str:
    """The newest vote on one symbol in words."""
    symbol, p_up = votes.symbols[col], votes.p_up[-1, col]
    if np.isnan(p_up):
        return f"{symbol}: no vote, {votes.abstention_reason(-1, col)}"
    reasons = (
        f"{reason.name} {reason.value:.2f} {reason.unit}: {reason.log_odds:+.4f}"
        for reason in votes.reasons(-1, col)
        if reason.value is not None
    )
    return f"{symbol}: {p_up:.1%} to rise ({'; '.join(reasons)})"


def main() -> None:
    agent, panel = OvernightGapAgent(), random_panel(seed=3)
    votes = agent.vote(panel)
    for col in range(len(votes.symbols)):
        print(describe(votes, col))
    check_agent(agent, panel)
    print("Every promise is kept.")


if __name__ == "__main__":
    main()
