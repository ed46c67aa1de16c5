"""Backtests, as a feature of the application."""

from web.backtests import api, pages, result_pages
from web.backtests.live import BacktestsLive
from web.feature import Feature
from web.shell import NavigationEntry

BACKTESTS = Feature(
    navigation=NavigationEntry("Backtests", "/backtests", "chart-line"),
    pages=(
        pages.backtests,
        pages.start_backtest,
        pages.cancel_backtest,
        pages.delete_backtest,
        result_pages.backtest,
        result_pages.compare,
        result_pages.tearsheet,
        result_pages.backtest_file,
    ),
    api=(
        api.backtests,
        api.start,
        api.backtest,
        api.cancel,
    ),
    live=BacktestsLive,
)
