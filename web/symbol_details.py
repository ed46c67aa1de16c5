"""What is known of one symbol beside the votes: how it was decided so far, news and filings.

The page of a symbol and its stream show the same of it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from web import formatting
from web.live.latest_state import Board
from web.services import House
from web.views.decisions import DecisionCell, decision_cell

_HISTORY, _NEWS, _FILINGS = 12, 25, 8


@dataclass(frozen=True, slots=True)
class NewsLine:
    """`url` is None where the source gave no address that is safe to follow."""

    headline: str
    source: str
    url: str | None
    known_at: datetime


@dataclass(frozen=True, slots=True)
class FilingLine:
    period: str
    revenue: str
    net_income: str
    filed: str


def history_lines(house: House, symbol: str) -> tuple[DecisionCell, ...]:
    """The newest decisions on the symbol, newest first."""
    past = house.records.history(house.market, house.run, symbol, _HISTORY)
    return tuple(map(decision_cell, past))


def failure(house: House, symbol: str, what: str) -> str:
    """Why the symbol's `what` ('news', 'filings') could not be fetched last; empty if it could."""
    tried = house.library.fetched(house.market, symbol, what)
    return formatting.line(tried.error) if tried and tried.error else ""


def known_until(house: House, board: Board) -> datetime:
    """The instant up to which facts are shown: a replay and a simulation have no future."""
    if (house.replay or house.simulated) and board.as_of is not None:
        return board.as_of
    return house.clock()


def news_lines(house: House, board: Board, symbol: str) -> tuple[NewsLine, ...]:
    """The newest headlines, newest first."""
    frame = house.library.news(house.market, symbol, None, known_until(house, board))
    newest = frame.tail(_NEWS).iloc[::-1].to_dict("records")
    return tuple(
        NewsLine(
            formatting.line(str(fact["headline"])),
            formatting.line(_text(fact["source"]), 60),
            formatting.web_address(_text(fact["url"])),
            fact["known_at"].to_pydatetime(),
        )
        for fact in newest
    )


def filing_lines(house: House, board: Board, symbol: str) -> tuple[FilingLine, ...]:
    """The newest reports, newest first."""
    frame = house.library.filings(house.market, symbol, None, known_until(house, board))
    return tuple(
        FilingLine(
            _period(fact["fiscal_year"], fact["fiscal_quarter"]),
            _figure(fact["revenue"]),
            _figure(fact["net_income"]),
            fact["known_at"].strftime("%Y-%m-%d"),
        )
        for fact in frame.tail(_FILINGS).iloc[::-1].to_dict("records")
    )


def _period(year: int, quarter: int) -> str:
    return f"{year}" if quarter == 4 else f"{year} Q{quarter}"


def _figure(value: Any) -> str:
    return "–" if pd.isna(value) else formatting.quantity(float(value))


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)
