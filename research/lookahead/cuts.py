"""Where to cut a panel: at instants at which a look ahead shows.

A leak of one bar changes a vote only right before what it saw, so the cuts fall on the eves of news
and of irregular sessions, on last bars of weeks, months and quarters, and before a bar on every
weekday of every week of a month (every hour of the day, for shorter bars), besides random ones.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from domain.instants import Times
from domain.panel import Bools, Filings, Panel

DEFAULT_CUTS = 50
"""Enough for one cut of every kind and of every place in the calendar."""
SHARE_OF_GAPS = 0.02
"""Share of a symbol's opens that count as price gaps, the largest."""
SPLIT_RATIO = 1.4
"""Shares over those of the filing before from which a split lies between them; 3 for 2 is 1.5."""
EARLY_CLOSE = np.timedelta64(90, "m")
"""A session is short if it ends this much earlier in the day than the one before."""

CutRows = NDArray[np.intp]


def choose_cuts(panel: Panel, count: int, seed: int, voted: Bools | None = None) -> list[int]:
    """Choose `count` numbers of bars to cut the panel to, the most telling first; the same for the
    same arguments.

    First the shortest and all but one, then one cut of every kind (`_telling_rows`), then one of
    every place in the calendar (`_rows_by_date`), then random ones. `voted` (T,) marks bars with a
    vote: a cut after another bar shows nothing, and is made only where no bar of its kind has one.
    """
    bars = len(panel.known_at)
    random = np.random.default_rng(seed)
    useful = np.ones(bars, bool) if voted is None else voted
    dates = _rows_by_date(panel)
    np.random.default_rng((seed, 1)).shuffle(dates)
    kinds = [_prefer(rows, useful) for rows in [*_telling_rows(panel), *dates] if len(rows)]
    anywhere = _prefer(np.arange(1, bars + 1), useful)
    chosen = [*kinds[: max(count - 2, 0)], *[anywhere] * (count - 2 - len(kinds))]
    return [1, max(bars - 1, 1), *(int(random.choice(rows)) for rows in chosen)][:count]


def _prefer(rows: CutRows, useful: Bools) -> CutRows:
    """Those of `rows` whose last bar is useful, or all if none is."""
    chosen = rows[useful[rows - 1]]
    return chosen if len(chosen) else rows


def _telling_rows(panel: Panel) -> Iterator[CutRows]:
    """Yield, for each kind of instant, the numbers of bars before it; the bar after is unseen."""
    known_at = panel.known_at
    splits = panel.filings.known_at[_first_after_split(panel.filings)]
    for events in (panel.filings.known_at, panel.earnings.known_at, panel.news.known_at, splits):
        before = np.unique(np.searchsorted(known_at, events, side="left"))
        yield before[(before > 0) & (before < len(known_at))]
    weeks = (known_at.astype("datetime64[D]").astype(int) + 3) // 7  # day 0 was a Thursday
    months = known_at.astype("datetime64[M]").astype(int)
    sessions = known_at.astype("datetime64[D]")
    for period in (weeks, months, months // 3):
        yield _changes(period)
    if panel.timeframe.intraday:
        yield _changes(sessions)
    yield _before_pauses(sessions)
    yield _before_short_sessions(known_at, sessions)
    present = ~np.isnan(panel.close)
    yield 1 + np.flatnonzero((present[1:] != present[:-1]).any(axis=1))
    yield _before_price_gaps(panel)


def _rows_by_date(panel: Panel) -> list[CutRows]:
    """Return the numbers of bars before a bar on each weekday of each week of a month, or at each
    hour of a day: a leak of the next bar's date shows before one of them."""
    after = panel.known_at[1:]
    if panel.timeframe.intraday:
        places = after.astype("datetime64[h]").astype(int) % 24
    else:
        days = after.astype("datetime64[D]")
        in_month = (days - after.astype("datetime64[M]").astype(days.dtype)).astype(int)
        places = in_month // 7 * 7 + days.astype(int) % 7
    return [1 + np.flatnonzero(places == place) for place in np.unique(places)]


def _changes(period: NDArray[np.generic]) -> CutRows:
    return 1 + np.flatnonzero(period[1:] != period[:-1])


def _first_after_split(filings: Filings) -> Bools:
    """Mark filings (M,) whose shares are many more or fewer than in the company's last one: prices
    are adjusted, so this is all that a panel shows of a split."""
    marked = np.zeros(len(filings.known_at), bool)
    for symbol in np.unique(filings.symbol):
        own = np.flatnonzero((filings.symbol == symbol) & (filings.shares > 0.0))
        marked[own[1:]] = np.abs(np.diff(np.log(filings.shares[own]))) > np.log(SPLIT_RATIO)
    return marked


def _before_pauses(sessions: Times) -> CutRows:
    """Before holidays: at least one weekday is skipped."""
    return 1 + np.flatnonzero(np.busday_count(sessions[:-1], sessions[1:]) > 1)


def _before_short_sessions(known_at: Times, sessions: Times) -> CutRows:
    ends = np.append(_changes(sessions), len(known_at)) - 1
    time_of_day = known_at[ends] - sessions[ends]
    short = 1 + np.flatnonzero(time_of_day[1:] < time_of_day[:-1] - EARLY_CLOSE)
    rows: CutRows = ends[short - 1] + 1
    return rows


def _before_price_gaps(panel: Panel) -> CutRows:
    """Before the largest moves from a close to the next open; splits that were not adjusted for are
    among them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = np.abs(np.log(panel.open[1:] / panel.close[:-1]))
    gaps = np.where(np.isfinite(gaps), gaps, 0.0)
    if not len(gaps):
        return np.empty(0, np.intp)
    return 1 + np.flatnonzero((gaps > np.quantile(gaps, 1.0 - SHARE_OF_GAPS, axis=0)).any(axis=1))
