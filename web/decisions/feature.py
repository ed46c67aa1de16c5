"""Decisions, as a feature of the application."""

from web.decisions import api, pages
from web.decisions.live import DecisionsLive
from web.feature import Feature
from web.shell import NavigationEntry

DECISIONS = Feature(
    navigation=NavigationEntry("Decisions", "/decisions", "list-checks"),
    pages=(
        pages.decisions,
        pages.decision,
        pages.verify,
    ),
    api=(
        api.latest,
        api.feed,
        api.by_receipt,
        api.verify,
    ),
    live=DecisionsLive,
)
