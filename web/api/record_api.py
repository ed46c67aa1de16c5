"""The record as scores: everybody's, and one forecaster's."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from web.agents.score_cache import Scored
from web.api.record_schemas import AgentRecordOut, RecordOut
from web.api.schemas import about
from web.pages.agents import known
from web.services import House


@get("/record", sync_to_thread=True)
def record(house: NamedDependency[House], scored: NamedDependency[Scored]) -> RecordOut:
    """The run's record: the committee and every agent, scored. `scores` is null before the first
    vote."""
    standing = scored.standing()
    return RecordOut(scores=standing.found, weights=dict(standing.now), **about(house))


@get("/agents/{name:str}/record", sync_to_thread=True)
def agent_record(
    house: NamedDependency[House], scored: NamedDependency[Scored], name: FromPath[str]
) -> AgentRecordOut:
    """One agent's record, or the committee's. `record` is null before its first vote."""
    standing = scored.standing()
    known(house, standing, name)
    told = standing.found.forecasters if standing.found else ()
    return AgentRecordOut(
        agent=name,
        weight=standing.now.get(name),
        record=next((each for each in told if each.name == name), None),
        **about(house),
    )
