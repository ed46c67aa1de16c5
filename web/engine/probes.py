"""For whoever keeps the server running: is it alive, is it ready."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from domain.errors import QuorumError
from orchestrator.team.base import AgentHealth
from storage.journal.decision_records import SqlDecisionRecords
from web.services import EngineControl, ServedRun


@get("/health", include_in_schema=False, sync_to_thread=False)
def health(served_run: NamedDependency[ServedRun]) -> dict[str, Any]:
    """The process answers; nothing else is asked."""
    return {"status": "ok", "version": served_run.version, "simulated": served_run.simulated}


def _agent_problem(agent: AgentHealth) -> str:
    return f"agent {agent.agent} is {agent.state}" + (f": {agent.failure}" if agent.failure else "")


@get("/ready", include_in_schema=False, sync_to_thread=True)
def ready(
    served_run: NamedDependency[ServedRun],
    records: NamedDependency[SqlDecisionRecords],
    engine: NamedDependency[EngineControl],
) -> Response[dict[str, Any]]:
    """The database can be read, the agents are there and well, and nothing has kept the engine from
    its first decision; 503 and why otherwise."""
    agents = engine.health()
    reasons = [_agent_problem(agent) for agent in agents if agent.state in ("failing", "starting")]
    error = engine.status().error
    try:
        decisions = records.feed(served_run.market, served_run.run, 1)
        if error and not (agents and decisions):
            reasons.append(error)
        elif not agents:
            reasons.append("the agents are starting")
    except QuorumError as refusal:
        reasons.append(str(refusal))
    body = {
        "status": "not ready" if reasons else "ready",
        "because": reasons,
        "simulated": served_run.simulated,
    }
    return Response(body, status_code=503 if reasons else 200)
