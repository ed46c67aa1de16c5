"""One symbol, as a feature of the application."""

from web.feature import Feature
from web.symbols import api, pages
from web.symbols.live import SymbolsLive

SYMBOLS = Feature(
    pages=(
        pages.find_symbol,
        pages.symbol_page,
    ),
    api=(
        api.bars,
        api.votes,
        api.news,
        api.filings,
    ),
    live=SymbolsLive,
)
