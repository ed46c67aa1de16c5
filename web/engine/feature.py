"""The engine and the watchlist, as a feature of the application."""

from web.engine import api, pages, probes
from web.engine.live import EngineLive
from web.feature import Feature
from web.shell import NavigationEntry

ENGINE = Feature(
    navigation=NavigationEntry("Engine", "/engine", "cpu"),
    pages=(
        pages.engine,
        pages.post_engine_action,
        pages.add_to_watchlist,
        pages.remove_from_watchlist,
        pages.open_ray_dashboard,
    ),
    api=(
        api.status,
        api.engine,
        api.post_engine_action,
        api.watchlist,
        api.replace_watchlist,
        api.add_to_watchlist,
        api.remove_from_watchlist,
    ),
    probes=(
        probes.health,
        probes.ready,
    ),
    live=EngineLive,
)
