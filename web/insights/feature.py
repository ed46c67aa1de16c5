"""Insights, as a feature of the application."""

from web.feature import Feature
from web.insights import pages
from web.insights.live import InsightsLive
from web.shell import NavigationEntry

INSIGHTS = Feature(
    navigation=NavigationEntry("Insights", "/insights", "brain-circuit"),
    pages=(pages.insights,),
    live=InsightsLive,
)
