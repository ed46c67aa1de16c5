"""What a home's own history is for the RL lab: bars to train on, and how the market looks now.

Bars are those that live cycles see and the paper account trades in, of one calendar at a time:
markets that close at other hours have no rows in common. Leaves out fetching.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from domain.errors import InputError
from domain.panel import Floats
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from envs.market_data import MarketHistory, abbreviate_symbols, build_history
from envs.observation import FEATURES, observe
from market.panels.bar_matrix import build_bar_matrix
from market.panels.panel_builder import PanelQuery, build_bar_panels
from market.store import MarketDataStore

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
RECENT_PERIOD = {False: timedelta(days=365), True: timedelta(days=30)}
"""How far back "now" reaches, by whether bars are intraday: months, for a few weeks of all symbols
together look unlike any others by chance."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Bars to train on; the symbols that were `left_out` close at other hours than the others, or
    nothing of them is stored."""

    history: MarketHistory
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredMarket:
    """One market as it is stored. `watched_symbols` are the symbols meant where none are named,
    `now` is its present."""

    store: MarketDataStore
    name: str
    simulated: bool
    timeframe: Timeframe
    watched_symbols: Callable[[], Sequence[str]]
    now: Callable[[], datetime]

    def training_data(self, symbols: Sequence[str] = ()) -> TrainingData:
        """All stored bars of `symbols` on the calendar that most of them share.

        Raises UnknownSymbolError for a symbol that was named and is not stored, InputError for bars
        that are not daily and where there are none or too few.
        """
        if self.timeframe.intraday:
            raise InputError(
                f"Policies are trained on daily bars, and market.timeframe is {self.timeframe}. "
                "Train with --timeframe 1d."
            )
        requested = tuple(dict.fromkeys(symbols or self.watched_symbols()))
        selected = _majority_calendar(requested if symbols else self._stored())
        if not selected:
            raise InputError(
                f"Nothing that is watched is stored in the market {self.name!r}. Import or "
                "download its history, or name symbols that are."
            )
        [(panel, factor)] = build_bar_panels(
            self.store,
            PanelQuery(
                market=self.name,
                symbols=selected,
                timeframe=self.timeframe,
                as_of=self.now(),
                since=EARLIEST,
            ),
        )
        matrix = build_bar_matrix([panel], [factor], [0])
        first, last = (str(at.astype("datetime64[D]")) for at in matrix.known_at[[0, -1]])
        name = f"{self.name}: {abbreviate_symbols(selected)}, {first} to {last}"
        history = build_history(panel, matrix, name, simulated=self.simulated)
        return TrainingData(history, tuple(each for each in requested if each not in selected))

    def latest_close(self) -> datetime | None:
        """Close of the newest stored bar of what is watched; None where there is none."""
        spans = (
            self.store.span(self.name, each, self.timeframe) for each in self.watched_symbols()
        )
        return max((span[1] for span in spans if span), default=None)

    def recent_observations(self) -> Floats:
        """(V, K) what an agent has seen lately of the watched symbols, whatever the calendar."""
        latest, stored = self.latest_close(), self._stored()
        if latest is None:
            return np.empty((0, len(FEATURES)))
        since = latest - RECENT_PERIOD[self.timeframe.intraday]
        panels = build_bar_panels(
            self.store,
            PanelQuery(
                market=self.name,
                symbols=stored,
                timeframe=self.timeframe,
                as_of=latest,
                since=since,
            ),
        )
        observations = [observe(panel).reshape(-1, len(FEATURES)) for panel, _ in panels]
        cells = np.concatenate(observations)
        return np.asarray(cells[~np.isnan(cells).any(axis=1)])

    def _stored(self) -> tuple[str, ...]:
        stored = set(self.store.symbols(self.name, self.timeframe))
        return tuple(symbol for symbol in self.watched_symbols() if symbol in stored)


def _majority_calendar(symbols: Sequence[str]) -> tuple[str, ...]:
    """Those on the calendar that most of them share; of two alike, the one named first."""
    calendars = Counter(map(calendar_of, symbols))
    most = max(calendars, key=calendars.__getitem__, default=None)
    return tuple(symbol for symbol in symbols if calendar_of(symbol) == most)
