"""What every agent's vote starts with: the symbol's own base rate."""

from domain.panel import Panel
from domain.votes import Term
from quant.base_rate import base_rate, log_odds


def base_rate_term(panel: Panel, since: int) -> Term:
    """The first term of every vote: how often the symbol rose over the horizon so far."""
    rate = base_rate(panel.open, panel.horizon)
    return Term("base rate", 100.0 * rate[since:], log_odds(rate[since:]), "%")
