"""The overview, as a feature of the application."""

from web.feature import Feature
from web.overview import pages
from web.overview.live import OverviewLive
from web.shell import NavigationEntry

OVERVIEW = Feature(
    navigation=NavigationEntry("Overview", "/", "layout-dashboard"),
    pages=(pages.overview,),
    live=OverviewLive,
)
