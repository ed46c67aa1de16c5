"""How the agent that votes with policies does now: its weight, what it earned, its live record."""

from agents.registry import policy_agent
from research.report.forecaster_view import forecaster_view
from research.report.formatting import number
from research.report.tables import Fact
from web.agents.score_cache import Standing

SHOWN = ("Brier skill", "Hits above base rate")
"""Scores of its record that are told beside its weight."""


def seat_facts(standing: Standing) -> tuple[Fact, ...]:
    """Of its settled votes, whichever policies cast them; dashes where there are none yet."""
    agent = policy_agent()
    earned, trust = standing.newest(standing.earned), standing.newest(standing.trust)
    record = forecaster_view(standing.scores, agent) if standing.scores else None
    scores = {line.name: line for line in record.overall} if record else {}
    told = [
        Fact(name, line.cells[0].text, line.cells[0].between and f"{line.cells[0].between}")
        for name, line in scores.items()
        if name in SHOWN
    ]
    return (
        Fact("Weight now", number(standing.now.get(agent), "%", 1)),
        Fact("Earned by its votes", number(earned.get(agent), "%", 1)),
        Fact("Trust earned", number(trust.get(agent)), "1: counts as it is"),
        *told,
        Fact("Votes", record.settled if record else "none settled yet"),
    )
