"""For whoever keeps the server running: is it alive, is it ready."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from domain.errors import QuorumError
from orchestrator.team.base import AgentHealth
from web.services import House


@get("/health", include_in_schema=False, sync_to_thread=False)
def health(house: NamedDependency[House]) -> dict[str, Any]:
    """The process answers; nothing else is asked."""
    return {"status": "ok", "version": house.version, "simulated": house.simulated}


def _trouble(agent: AgentHealth) -> str:
    return f"agent {agent.agent} is {agent.state}" + (f": {agent.failure}" if agent.failure else "")


@get("/ready", include_in_schema=False, sync_to_thread=True)
def ready(house: NamedDependency[House]) -> Response[dict[str, Any]]:
    """The database can be read, the agents are there and well, and nothing has kept the engine from
    its first decision; 503 and why otherwise."""
    agents = house.engine.health()
    reasons = [_trouble(agent) for agent in agents if agent.state in ("failing", "starting")]
    error = house.engine.status().error
    try:
        decided = house.records.feed(house.market, house.run, 1)
        if error and not (agents and decided):
            reasons.append(error)
        elif not agents:
            reasons.append("the agents are starting")
    except QuorumError as refusal:
        reasons.append(str(refusal))
    body = {
        "status": "not ready" if reasons else "ready",
        "because": reasons,
        "simulated": house.simulated,
    }
    return Response(body, status_code=503 if reasons else 200)
