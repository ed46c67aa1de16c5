"""Probes for operators: is the server alive, is it ready."""

from typing import Any

from litestar import Response, get

from domain.errors import QuorumError
from orchestrator.team.base import AgentHealth
from storage.journal.decision_records import SqlDecisionRecords
from web.injection import Injected
from web.services import EngineControl, ServedRun


@get("/health", include_in_schema=False, sync_to_thread=False)
def health(served_run: Injected[ServedRun]) -> dict[str, Any]:
    """Respond that the process is alive; nothing else is checked."""
    return {"status": "ok", "version": served_run.version, "simulated": served_run.simulated}


def _agent_problem(agent: AgentHealth) -> str:
    return f"agent {agent.agent} is {agent.state}" + (f": {agent.failure}" if agent.failure else "")


@get("/ready", include_in_schema=False, sync_to_thread=True)
def ready(
    served_run: Injected[ServedRun],
    records: Injected[SqlDecisionRecords],
    engine: Injected[EngineControl],
) -> Response[dict[str, Any]]:
    """Check that the database can be read, the agents are loaded and healthy, and the engine was
    able to make its first decision; respond 503 with the reason otherwise."""
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
