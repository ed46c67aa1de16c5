"""Facts on one symbol other than votes: past decisions, news and filings.

The symbol's page and its stream draw the same parts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from market.store import MarketDataStore
from storage.journal.decision_records import SqlDecisionRecords
from web import formatting
from web.components.decision_cells import DecisionCell, decision_cell
from web.live.latest_state import LatestState
from web.services import Clock, ServedRun

_HISTORY, _NEWS, _FILINGS = 12, 25, 8


@dataclass(frozen=True, slots=True)
class NewsLine:
    """A headline. `url` is None where the source gave no address that is safe to follow."""

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


class SymbolDetails:
    """Reads what is known of a symbol in the served run."""

    def __init__(
        self,
        served_run: ServedRun,
        store: MarketDataStore,
        records: SqlDecisionRecords,
        clock: Clock,
    ) -> None:
        self._served_run, self._store = served_run, store
        self._records, self._clock = records, clock

    def history(self, symbol: str) -> tuple[DecisionCell, ...]:
        """The newest decisions on the symbol, newest first."""
        served = self._served_run
        past = self._records.history(served.market, served.run, symbol, _HISTORY)
        return tuple(map(decision_cell, past))

    def fetch_error(self, symbol: str, kind: str) -> str:
        """Return why the last fetch of the symbol's `kind` ('news', 'filings') failed; '' if it
        succeeded."""
        status = self._store.last_fetch(self._served_run.market, symbol, kind)
        return formatting.single_line(status.error) if status and status.error else ""

    def known_now(self) -> datetime:
        """The instant up to which facts are shown now, by what is recorded."""
        return self.known_until(LatestState(self._served_run, self._records))

    def known_until(self, latest_state: LatestState) -> datetime:
        """Return the time up to which facts are shown: a replay and a simulation show no future."""
        served = self._served_run
        if (served.is_replay or served.simulated) and latest_state.as_of is not None:
            return latest_state.as_of
        return self._clock()

    def news(self, latest_state: LatestState, symbol: str) -> tuple[NewsLine, ...]:
        """The newest headlines, newest first."""
        until = self.known_until(latest_state)
        frame = self._store.news(self._served_run.market, symbol, None, until)
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

    def filings(self, latest_state: LatestState, symbol: str) -> tuple[FilingLine, ...]:
        """The newest reports, newest first."""
        until = self.known_until(latest_state)
        frame = self._store.filings(self._served_run.market, symbol, None, until)
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
