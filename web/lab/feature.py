"""The RL lab, as a feature of the application."""

from web.feature import Feature
from web.lab import api, model_pages, pages
from web.lab.live import LabLive
from web.shell import NavigationEntry

LAB = Feature(
    navigation=NavigationEntry("RL lab", "/lab", "flask-conical"),
    pages=(
        pages.lab,
        pages.start_run,
        pages.run,
        pages.post_run_action,
        pages.delete_run,
        model_pages.model,
        model_pages.compare,
        model_pages.promote,
        model_pages.roll_back,
        model_pages.delete_model,
    ),
    api=(
        api.runs,
        api.start,
        api.run,
        api.post_run_action,
        api.delete_run,
        api.models,
        api.model,
        api.promote,
        api.roll_back,
        api.delete_model,
        api.drift,
    ),
    live=LabLive,
)
