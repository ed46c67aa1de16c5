"""What is known of one symbol beside the votes: how it was decided so far, news and filings.

The page of a symbol and its stream show the same of it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from web import formatting
from web.services import AppServices
from web.state.latest_state import LatestState
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


def history_lines(services: AppServices, symbol: str) -> tuple[DecisionCell, ...]:
    """The newest decisions on the symbol, newest first."""
    past = services.records.history(services.market, services.run, symbol, _HISTORY)
    return tuple(map(decision_cell, past))


def fetch_error(services: AppServices, symbol: str, kind: str) -> str:
    """Why the symbol's `kind` ('news', 'filings') could not be fetched last; empty if it could."""
    status = services.store.last_fetch(services.market, symbol, kind)
    return formatting.single_line(status.error) if status and status.error else ""


def known_until(services: AppServices, latest_state: LatestState) -> datetime:
    """The instant up to which facts are shown: a replay and a simulation have no future."""
    if (services.replay or services.simulated) and latest_state.as_of is not None:
        return latest_state.as_of
    return services.clock()


def news_lines(
    services: AppServices, latest_state: LatestState, symbol: str
) -> tuple[NewsLine, ...]:
    """The newest headlines, newest first."""
    frame = services.store.news(services.market, symbol, None, known_until(services, latest_state))
    newest = frame.tail(_NEWS).iloc[::-1].to_dict("records")
    return tuple(
        NewsLine(
            formatting.single_line(str(fact["headline"])),
            formatting.single_line(_text(fact["source"]), 60),
            formatting.safe_url(_text(fact["url"])),
            fact["known_at"].to_pydatetime(),
        )
        for fact in newest
    )


def filing_lines(
    services: AppServices, latest_state: LatestState, symbol: str
) -> tuple[FilingLine, ...]:
    """The newest reports, newest first."""
    frame = services.store.filings(
        services.market, symbol, None, known_until(services, latest_state)
    )
    return tuple(
        FilingLine(
            _period(fact["fiscal_year"], fact["fiscal_quarter"]),
            _format_amount(fact["revenue"]),
            _format_amount(fact["net_income"]),
            fact["known_at"].strftime("%Y-%m-%d"),
        )
        for fact in frame.tail(_FILINGS).iloc[::-1].to_dict("records")
    )


def _period(year: int, quarter: int) -> str:
    return f"{year}" if quarter == 4 else f"{year} Q{quarter}"


def _format_amount(value: Any) -> str:
    return "–" if pd.isna(value) else formatting.abbreviated_number(float(value))


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)
