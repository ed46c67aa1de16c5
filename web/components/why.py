"""Why one symbol is decided as it is: the decision and each agent's contribution to it."""

from dataclasses import dataclass

from web import formatting
from web.components.decision_cells import DecisionCell, decision_cell
from web.components.vote_breakdown import AgentContribution, agent_contributions
from web.live.latest_state import LatestState

MAX_TERMS = 6
"""Terms of an agent shown next to the matrix; the decision's own page shows all."""


@dataclass(frozen=True, slots=True)
class SymbolExplanation:
    """`decision` is None until the symbol's first one."""

    symbol: str
    slug: str
    decision: DecisionCell | None
    agents: tuple[AgentContribution, ...]


def explain_symbol(latest_state: LatestState, symbol: str) -> SymbolExplanation:
    recorded = latest_state.decisions.get(symbol)
    return SymbolExplanation(
        symbol=symbol,
        slug=formatting.slug(symbol),
        decision=decision_cell(recorded) if recorded else None,
        agents=agent_contributions(recorded.decision, MAX_TERMS) if recorded else (),
    )
