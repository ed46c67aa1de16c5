"""The same market, changed: panels in which only that was changed which a vote must not see.

Pure; nothing is computed from prices, and the panel that was handed in stays as it is.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from domain.panel import Earnings, Filings, Floats, News, Panel

EventTable = TypeVar("EventTable", News, Filings, Earnings)

PRICES, HEADLINES, FILINGS, ANNOUNCEMENTS = "prices", "headlines", "filings", "announcements"
POWERS_OF_TWO = (0.25, 0.5, 2.0, 64.0)
"""Factors that leave every mantissa, and so every rounding, as it is."""
ODD_FACTORS = (0.1, 0.7, 3.0, 37.0)
"""Factors that leave nothing of a price but its ratios to others."""
SOURCES = (PRICES, HEADLINES, FILINGS, ANNOUNCEMENTS)


def replace_future(panel: Panel, rows: int, seed: int, of: Collection[str] = SOURCES) -> Panel:
    """Up to bar `rows - 1` the panel; afterwards prices, volumes, headlines and figures differ."""
    random = np.random.default_rng([seed, rows])
    factor = np.exp(random.normal(0, 0.3, panel.shape))
    factor[:rows] = 1.0
    if PRICES in of:
        panel = _map_bars(panel, lambda values: values * factor)
        panel = replace(panel, benchmark=panel.benchmark * factor[:, 0])
    count = _known_counts(panel, rows)
    if HEADLINES in of:
        panel = replace(panel, news=_replace_headlines(panel.news, count[HEADLINES]))
    if FILINGS in of:
        panel = replace(
            panel, filings=_scale_events(panel.filings, count[FILINGS], _FIGURES, random)
        )
    if ANNOUNCEMENTS in of:
        panel = replace(
            panel, earnings=_scale_events(panel.earnings, count[ANNOUNCEMENTS], _EPS, random)
        )
    return panel


def drop_later_events(panel: Panel, rows: int, source: str) -> Panel:
    """The panel without the headlines, filings or announcements known after bar `rows - 1`."""
    count = _known_counts(panel, rows)[source]
    if source == HEADLINES:
        return replace(panel, news=panel.news.head(count))
    if source == FILINGS:
        return replace(panel, filings=panel.filings.head(count))
    return replace(panel, earnings=panel.earnings.head(count))


def select_symbols(panel: Panel, symbols: tuple[str, ...]) -> Panel:
    """The same market seen through a panel of other symbols, in another order."""
    columns = [panel.symbols.index(symbol) for symbol in symbols]
    place = np.full(len(panel.symbols), -1, np.int32)
    place[columns] = np.arange(len(columns))
    narrow = _map_bars(panel, lambda values: np.ascontiguousarray(values[:, columns]))
    return replace(
        narrow,
        symbols=symbols,
        news=_select_events(panel.news, place),
        filings=_select_events(panel.filings, place),
        earnings=_select_events(panel.earnings, place),
    )


def rescale(panel: Panel, seed: int, factors: Sequence[float] = POWERS_OF_TWO) -> Panel:
    """Every symbol's prices and volumes times one of the `factors` each, and the benchmark."""
    random = np.random.default_rng(seed)
    price, volume = random.choice(factors, (2, len(panel.symbols)))
    scaled = _map_bars(panel, lambda values: values * price)
    benchmark = panel.benchmark * random.choice(factors)
    return replace(scaled, volume=panel.volume * volume, benchmark=benchmark)


def remove_bars(panel: Panel) -> Panel:
    """No symbol ever had a bar, the benchmark neither; events stay."""
    empty = _map_bars(panel, lambda values: np.full(values.shape, np.nan))
    return replace(empty, benchmark=np.full(len(panel.known_at), np.nan))


_FIGURES = ("revenue", "operating_income", "net_income", "shares")
_EPS = ("eps_estimate", "eps_actual")


def _map_bars(panel: Panel, change: Callable[[Floats], Floats]) -> Panel:
    return replace(
        panel, open=change(panel.open), high=change(panel.high), low=change(panel.low),
        close=change(panel.close), volume=change(panel.volume),
    )  # fmt: skip


def _known_counts(panel: Panel, rows: int) -> Mapping[str, int]:
    """How many events of each source were known at the close of bar `rows - 1`."""
    kinds = {
        HEADLINES: panel.news.known_at,
        FILINGS: panel.filings.known_at,
        ANNOUNCEMENTS: panel.earnings.known_at,
    }
    last = panel.known_at[rows - 1]
    return {kind: int(np.searchsorted(at, last, side="right")) for kind, at in kinds.items()}


def _replace_headlines(news: News, count: int) -> News:
    later = len(news.headline) - count
    invented = (f"Fraud, bankruptcy and collapse number {k}" for k in range(later))
    return replace(news, headline=(*news.headline[:count], *invented))


def _scale_events(
    events: EventTable, count: int, columns: Collection[str], random: np.random.Generator
) -> EventTable:
    """The events with the figures of those from number `count` on changed."""
    changed = {}
    for name in columns:
        factor = np.exp(random.normal(0, 0.5, len(events.known_at)))
        factor[:count] = 1.0
        changed[name] = getattr(events, name) * factor
    return replace(events, **changed)


def _select_events(events: EventTable, place: np.ndarray) -> EventTable:
    rows = np.flatnonzero(place[events.symbol] >= 0)
    columns: dict[str, Any] = {}
    for name in events.__dataclass_fields__:
        column = getattr(events, name)
        columns[name] = (
            column[rows] if isinstance(column, np.ndarray) else tuple(column[k] for k in rows)
        )
    return replace(events, **{**columns, "symbol": place[events.symbol[rows]]})
