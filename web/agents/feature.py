"""The agents and their record, as a feature of the application."""

from web.agents import api, pages
from web.agents.live import AgentsLive
from web.feature import Feature
from web.live.score_cache import ScoreCache
from web.shell import NavigationEntry

AGENTS = Feature(
    navigation=NavigationEntry("Agents", "/agents", "users"),
    pages=(
        pages.agents,
        pages.agent,
    ),
    api=(
        api.agents,
        api.record,
        api.agent_record,
    ),
    services=(ScoreCache,),
    live=AgentsLive,
)
