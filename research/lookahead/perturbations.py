"""The same market told otherwise: panels in which only that was changed which a vote must not see.

Pure; nothing is computed from prices, and the panel that was handed in stays as it is.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from domain.panel import Earnings, Filings, Floats, News, Panel

Events = TypeVar("Events", News, Filings, Earnings)

PRICES, HEADLINES, FILINGS, ANNOUNCEMENTS = "prices", "headlines", "filings", "announcements"
SOURCES = (PRICES, HEADLINES, FILINGS, ANNOUNCEMENTS)


def another_future(panel: Panel, rows: int, seed: int, of: Collection[str] = SOURCES) -> Panel:
    """Up to bar `rows - 1` the panel; afterwards prices, volumes, headlines and figures differ."""
    random = np.random.default_rng([seed, rows])
    factor = np.exp(random.normal(0, 0.3, panel.shape))
    factor[:rows] = 1.0
    if PRICES in of:
        panel = _with_bars(panel, lambda values: values * factor)
        panel = replace(panel, benchmark=panel.benchmark * factor[:, 0])
    count = _known(panel, rows)
    if HEADLINES in of:
        panel = replace(panel, news=_other_news(panel.news, count[HEADLINES]))
    if FILINGS in of:
        panel = replace(panel, filings=_times(panel.filings, count[FILINGS], _FIGURES, random))
    if ANNOUNCEMENTS in of:
        panel = replace(panel, earnings=_times(panel.earnings, count[ANNOUNCEMENTS], _EPS, random))
    return panel


def without_later(panel: Panel, rows: int, source: str) -> Panel:
    """The panel without the headlines, filings or announcements known after bar `rows - 1`."""
    count = _known(panel, rows)[source]
    if source == HEADLINES:
        return replace(panel, news=panel.news.first(count))
    if source == FILINGS:
        return replace(panel, filings=panel.filings.first(count))
    return replace(panel, earnings=panel.earnings.first(count))


def select(panel: Panel, symbols: tuple[str, ...]) -> Panel:
    """The same market seen through a panel of other symbols, in another order."""
    columns = [panel.symbols.index(symbol) for symbol in symbols]
    place = np.full(len(panel.symbols), -1, np.int32)
    place[columns] = np.arange(len(columns))
    narrow = _with_bars(panel, lambda values: np.ascontiguousarray(values[:, columns]))
    return replace(
        narrow,
        symbols=symbols,
        news=_of(panel.news, place),
        filings=_of(panel.filings, place),
        earnings=_of(panel.earnings, place),
    )


def rescaled(panel: Panel, seed: int) -> Panel:
    """Every symbol's prices and volumes times a power of two of its own."""
    random = np.random.default_rng(seed)
    price, volume = random.choice([0.25, 0.5, 2.0, 64.0], (2, len(panel.symbols)))
    scaled = _with_bars(panel, lambda values: values * price)
    return replace(scaled, volume=panel.volume * volume, benchmark=panel.benchmark * 2.0)


def without_bars(panel: Panel) -> Panel:
    """No symbol ever had a bar, the benchmark neither; events stay."""
    empty = _with_bars(panel, lambda values: np.full(values.shape, np.nan))
    return replace(empty, benchmark=np.full(len(panel.known_at), np.nan))


_FIGURES = ("revenue", "operating_income", "net_income", "shares")
_EPS = ("eps_estimate", "eps_actual")


def _with_bars(panel: Panel, changed: Callable[[Floats], Floats]) -> Panel:
    return replace(
        panel, open=changed(panel.open), high=changed(panel.high), low=changed(panel.low),
        close=changed(panel.close), volume=changed(panel.volume),
    )  # fmt: skip


def _known(panel: Panel, rows: int) -> Mapping[str, int]:
    """How many events of each source were known at the close of bar `rows - 1`."""
    kinds = {
        HEADLINES: panel.news.known_at,
        FILINGS: panel.filings.known_at,
        ANNOUNCEMENTS: panel.earnings.known_at,
    }
    last = panel.known_at[rows - 1]
    return {kind: int(np.searchsorted(at, last, side="right")) for kind, at in kinds.items()}


def _other_news(news: News, count: int) -> News:
    later = len(news.headline) - count
    told = (f"Fraud, bankruptcy and collapse number {k}" for k in range(later))
    return replace(news, headline=(*news.headline[:count], *told))


def _times(
    events: Events, count: int, columns: Collection[str], random: np.random.Generator
) -> Events:
    """The events with the figures of those from number `count` on changed."""
    changed = {}
    for name in columns:
        factor = np.exp(random.normal(0, 0.5, len(events.known_at)))
        factor[:count] = 1.0
        changed[name] = getattr(events, name) * factor
    return replace(events, **changed)


def _of(events: Events, place: np.ndarray) -> Events:
    kept = np.flatnonzero(place[events.symbol] >= 0)
    columns: dict[str, Any] = {}
    for name in events.__dataclass_fields__:
        column = getattr(events, name)
        columns[name] = (
            column[kept] if isinstance(column, np.ndarray) else tuple(column[k] for k in kept)
        )
    return replace(events, **{**columns, "symbol": place[events.symbol[kept]]})
