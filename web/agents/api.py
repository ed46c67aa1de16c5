"""The scored record: of the whole committee, and of one agent."""

from litestar import get
from litestar.params import FromPath

from agents.registry import describe_agent
from web import formatting
from web.agents.pages import require_forecaster
from web.agents.schemas import AgentOut, AgentRecordOut, AgentsOut, RecordOut
from web.injection import Injected
from web.live.score_cache import ScoreCache
from web.schemas import market_fields
from web.services import EngineControl, ServedRun


@get("/agents", sync_to_thread=True)
def agents(served_run: Injected[ServedRun], engine: Injected[EngineControl]) -> AgentsOut:
    """Return the agents and their health."""
    found = tuple(
        AgentOut(
            agent=agent.agent,
            label=formatting.agent_label(agent.agent),
            description=describe_agent(agent.agent).description,
            version=agent.version,
            state=agent.state,
            restarts=agent.restarts,
            seconds=agent.seconds,
            failure=agent.failure,
        )
        for agent in engine.health()
    )
    return AgentsOut(agents=found, **market_fields(served_run))


@get("/record", sync_to_thread=True)
def record(served_run: Injected[ServedRun], score_cache: Injected[ScoreCache]) -> RecordOut:
    """Return the run's record: the committee and every agent, scored. `scores` is null before the
    first vote."""
    scored = score_cache.current()
    return RecordOut(
        scores=scored.scores, weights=dict(scored.current_weights), **market_fields(served_run)
    )


@get("/agents/{name:str}/record", sync_to_thread=True)
def agent_record(
    served_run: Injected[ServedRun],
    score_cache: Injected[ScoreCache],
    name: FromPath[str],
) -> AgentRecordOut:
    """Return the record of one agent or the committee. `record` is null before its first vote."""
    scored = score_cache.current()
    require_forecaster(served_run, scored, name)
    forecasters = scored.scores.forecasters if scored.scores else ()
    return AgentRecordOut(
        agent=name,
        weight=scored.current_weights.get(name),
        record=next((each for each in forecasters if each.name == name), None),
        **market_fields(served_run),
    )
