"""The record as scores: everybody's, and one forecaster's."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from web.agents.score_cache import ScoreCache
from web.api.record_schemas import AgentRecordOut, RecordOut
from web.api.schemas import market_fields
from web.pages.agents import require_forecaster
from web.services import AppServices


@get("/record", sync_to_thread=True)
def record(
    services: NamedDependency[AppServices], score_cache: NamedDependency[ScoreCache]
) -> RecordOut:
    """The run's record: the committee and every agent, scored. `scores` is null before the first
    vote."""
    scored = score_cache.current()
    return RecordOut(
        scores=scored.scores, weights=dict(scored.current_weights), **market_fields(services)
    )


@get("/agents/{name:str}/record", sync_to_thread=True)
def agent_record(
    services: NamedDependency[AppServices],
    score_cache: NamedDependency[ScoreCache],
    name: FromPath[str],
) -> AgentRecordOut:
    """One agent's record, or the committee's. `record` is null before its first vote."""
    scored = score_cache.current()
    require_forecaster(services, scored, name)
    forecasters = scored.scores.forecasters if scored.scores else ()
    return AgentRecordOut(
        agent=name,
        weight=scored.current_weights.get(name),
        record=next((each for each in forecasters if each.name == name), None),
        **market_fields(services),
    )
