"""How good an agent's votes on a panel were, by the scores of its record."""

import numpy as np

from domain.canonical import to_json
from domain.panel import Panel
from domain.votes import Votes
from orchestrator.evaluation.forward_returns import forward_returns
from orchestrator.evaluation.plausibility import implausible_figures
from orchestrator.evaluation.scorecards import ScoreInputs, ScoreSlices, scorecards
from quant.base_rate import base_rate
from quant.bootstrap_ratios import draw_bootstrap


def implausible_scores(panel: Panel, votes: Votes, seed: int) -> tuple[str, ...]:
    """Return, in words, what is too good to be true about votes on all rows of the panel."""
    bars, horizon = len(panel.known_at), panel.horizon
    inputs = ScoreInputs(base_rate(panel.open, horizon), forward_returns(panel).change)
    whole = ScoreSlices((), (), np.empty((0, bars)), votes.symbols)
    bootstrap = draw_bootstrap(bars, 2.0 * (horizon + 1), seed)
    card = scorecards(votes.agent, votes.log_odds, inputs, whole, bootstrap)[0]
    return implausible_figures(to_json(card), horizon)
