"""The features of the application, in the order of the main navigation."""

from web.agents.feature import AGENTS
from web.backtests.feature import BACKTESTS
from web.decisions.feature import DECISIONS
from web.engine.feature import ENGINE
from web.feature import Feature
from web.insights.feature import INSIGHTS
from web.lab.feature import LAB
from web.orders.feature import ORDERS
from web.overview.feature import OVERVIEW
from web.portfolio.feature import PORTFOLIO
from web.symbols.feature import SYMBOLS
from web.trades.feature import TRADES

FEATURES: tuple[Feature, ...] = (
    OVERVIEW,
    PORTFOLIO,
    ORDERS,
    TRADES,
    INSIGHTS,
    DECISIONS,
    AGENTS,
    BACKTESTS,
    LAB,
    ENGINE,
    SYMBOLS,
)
