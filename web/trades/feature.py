"""Closed trades, as a feature of the application."""

from web.feature import Feature
from web.shell import NavigationEntry
from web.trades import api, pages
from web.trades.live import TradesLive

TRADES = Feature(
    navigation=NavigationEntry("Trades", "/trades", "history"),
    pages=(
        pages.trades,
        pages.trades_file,
        pages.annotate_trade,
    ),
    api=(
        api.trades,
        api.annotate,
    ),
    live=TradesLive,
)
