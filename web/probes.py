"""For whoever keeps the server running: is it alive, is it ready."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from domain.errors import QuorumError
from web.house import House


@get("/health", include_in_schema=False, sync_to_thread=False)
def health(house: NamedDependency[House]) -> dict[str, Any]:
    """The process answers; nothing else is asked."""
    return {"status": "ok", "version": house.version, "simulated": house.simulated}


@get("/ready", include_in_schema=False, sync_to_thread=True)
def ready(house: NamedDependency[House]) -> Response[dict[str, Any]]:
    """The database can be read and no agent is failing; 503 and why otherwise."""
    reasons = [
        f"agent {agent.agent} is {agent.state}"
        for agent in house.engine.health()
        if agent.state in ("failing", "starting")
    ]
    try:
        house.journal.last_seq()
    except QuorumError as refusal:
        reasons.append(str(refusal))
    body = {
        "status": "not ready" if reasons else "ready",
        "because": reasons,
        "simulated": house.simulated,
    }
    return Response(body, status_code=503 if reasons else 200)
