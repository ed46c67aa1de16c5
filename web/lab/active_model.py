"""Performance of the agent that votes with RL policies: its weight, earned weight, live record."""

from agents.registry import policy_agent
from orchestrator.evaluation.record_scorer import ScoredRecord
from research.report.forecaster_view import forecaster_view
from research.report.formatting import format_number
from research.report.tables import LabelledValue

SHOWN_SCORES = ("Brier skill", "Hits above base rate")
"""Scores of its record that are shown next to its weight."""


def active_model_facts(record: ScoredRecord) -> tuple[LabelledValue, ...]:
    """Return the facts of the agent's settled votes, whichever policies cast them; dashes where
    there are none yet."""
    agent = policy_agent()
    earned, trust = (
        record.latest_by_agent(record.earned_weights),
        record.latest_by_agent(record.earned_trust),
    )
    scores_view = forecaster_view(record.scores_json, agent) if record.scores_json else None
    scores = {line.name: line for line in scores_view.overall} if scores_view else {}
    facts = [
        LabelledValue(
            name, line.cells[0].text, line.cells[0].interval and f"{line.cells[0].interval}"
        )
        for name, line in scores.items()
        if name in SHOWN_SCORES
    ]
    return (
        LabelledValue("Weight now", format_number(record.current_weights.get(agent), "%", 1)),
        LabelledValue("Earned by its votes", format_number(earned.get(agent), "%", 1)),
        LabelledValue("Trust earned", format_number(trust.get(agent)), "1: counts as it is"),
        *facts,
        LabelledValue("Votes", scores_view.settled if scores_view else "none settled yet"),
    )
