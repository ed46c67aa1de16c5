"""The paper account, as a feature of the application."""

from web.feature import Feature
from web.portfolio import api, pages
from web.portfolio.live import PortfolioLive
from web.shell import NavigationEntry

PORTFOLIO = Feature(
    navigation=NavigationEntry("Portfolio", "/portfolio", "wallet"),
    pages=(
        pages.portfolio,
        pages.post_account_action,
    ),
    api=(
        api.account,
        api.suggestions,
        api.positions,
        api.equity,
        api.deposit,
        api.withdraw,
        api.reset,
        api.mode,
        api.profile,
        api.stop,
        api.resume,
        api.audit,
    ),
    live=PortfolioLive,
)
