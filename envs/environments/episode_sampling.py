"""Episodes: the windows of history in which one can be played, and what is drawn at its start.

A window lies within the given rows, its last bar included. A symbol is traded in a window only if
it has a bar and an observation in every row, so no missing number is ever traded. Each copy of an
environment draws from its own generator, always the same count of numbers, so that its draws depend
neither on the other copies nor on which randomisation is on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.errors import InputError
from domain.panel import Bools, Floats
from envs.env_settings import EnvSettings
from envs.environments.batched_observation import NOISE_ROWS, Ints, ObservationArray
from envs.market_data import MarketHistory

_NUMBERS_PER_EPISODE = 4
"""Numbers drawn per episode: window, cost factor, delay, row of the noise table."""


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeSample:
    """D drawn episodes, each array (D,): the `row` at whose close the episode starts, the symbol
    set `traded`, the factor on costs, the `delay` in bars and the row of the noise table; and
    `tradable` (D, N), the symbols of the set that can be traded."""

    row: Ints
    traded: Ints
    cost_factor: Floats
    delay: Ints
    noise_row: Ints
    tradable: Bools


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeWindows:
    """W windows: the first `row` (W,) of each, its symbol set `traded` (W,), and `tradable` (W, N),
    the symbols that have every bar in it."""

    row: Ints
    traded: Ints
    tradable: Bools
    settings: EnvSettings

    def sample(self, generators: Sequence[np.random.Generator]) -> EpisodeSample:
        """Draw one episode from each generator."""
        numbers = np.array([generator.random(_NUMBERS_PER_EPISODE) for generator in generators]).T
        window = (numbers[0] * len(self.row)).astype(np.int64)
        settings = self.settings
        return EpisodeSample(
            row=self.row[window],
            traded=self.traded[window],
            cost_factor=1.0 + settings.dearer * (2.0 * numbers[1] - 1.0),
            delay=(numbers[2] * (settings.delay + 1)).astype(np.int64),
            noise_row=(numbers[3] * NOISE_ROWS).astype(np.int64),
            tradable=self.tradable[window],
        )


def episode_windows(
    history: MarketHistory,
    observations: ObservationArray,
    rows: range,
    settings: EnvSettings,
    *,
    portfolio: bool,
) -> EpisodeWindows:
    """Return all windows of `settings.episode` bars after their first: of each symbol alone, or of
    all symbols together where at least one has every bar.

    Raises InputError where `observations` does not match the history, the rows lie outside it, or
    no window fits.
    """
    _check_inputs(history, observations, rows, settings.episode)
    usable = history.usable & np.isfinite(observations).all(axis=-1)
    full = _complete_windows(usable, rows, settings.episode)
    if not full.any():
        raise InputError(
            f"No symbol has {settings.episode + 1} bars in a row, each with an observation, in the "
            f"{len(rows)} rows given. Shorten the episodes, bring more bars, or leave out symbols "
            "whose price never moves."
        )
    if portfolio:
        first = np.flatnonzero(full.any(axis=1))
        return EpisodeWindows(
            rows.start + first, np.zeros(len(first), np.int64), full[first], settings
        )
    first, symbol = np.nonzero(full)
    return EpisodeWindows(rows.start + first, symbol, np.ones((len(first), 1), bool), settings)


def _complete_windows(usable: Bools, rows: range, bars: int) -> Bools:
    """Return (F, N) whether a symbol is usable in a row of `rows` and in the `bars` after it, for
    the F rows that have so many after them."""
    counted = np.vstack([np.zeros((1, usable.shape[1]), int), np.cumsum(usable, axis=0)])
    last = rows.stop - bars
    inside = counted[rows.start + bars + 1 : last + bars + 1] - counted[rows.start : last]
    full: Bools = inside == bars + 1
    return full


def _check_inputs(
    history: MarketHistory, observations: ObservationArray, rows: range, bars: int
) -> None:
    shape = history.observation.shape
    if observations.shape[:2] != shape[:2] or observations.ndim != 3:
        raise InputError(
            f"What is seen is of shape {observations.shape}, but the history has {shape[0]} bars "
            f"of {shape[1]} symbols. Standardise the observation of the same history."
        )
    if len(rows) == 0 or rows.step != 1 or rows.start < 0 or rows.stop > shape[0]:
        raise InputError(
            f"{rows} are no rows of a history of {shape[0]}. Give a range within them, at least "
            f"{bars + 1} rows long."
        )
    if bars >= len(rows):
        raise InputError(
            f"An episode of {bars} bars needs {bars + 1} rows, but {len(rows)} are given. Shorten "
            "the episodes or bring more bars.",
            field="episode",
        )
