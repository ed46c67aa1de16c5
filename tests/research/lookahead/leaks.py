"""Signals that break a promise: leaks from later rows, and ways around the panel.

Importable by a fresh process, which imports no more than this.
"""

import ctypes
import logging
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time as clock
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from time import time

import numpy as np
import pandas as pd

from domain.instants import Times
from domain.panel import Floats, Panel
from quant.per_symbol import pct_change
from tests.research.lookahead.faulty_agents import FaultyAgent

_REMEMBERED: dict[tuple[str, int], float] = {}
_AVERAGES: dict[str, float] = {}
WEEK = 5


def next_week(panel: Panel) -> Floats:
    """(T, N) the return of the next five bars; NaN where it is not known yet."""
    ahead = np.full(panel.shape, np.nan)
    ahead[:-WEEK] = panel.close[WEEK:] / panel.close[:-WEEK] - 1.0
    return ahead


def remembered_week(panel: Panel) -> Floats:
    """Next week's return, as this process first saw it."""
    instants = panel.known_at.astype(np.int64).tolist()
    ahead = next_week(panel)
    for row, column in np.argwhere(~np.isnan(ahead)):
        key = panel.symbols[column], instants[row]
        _REMEMBERED.setdefault(key, float(ahead[row, column]))
    return np.array(
        [[_REMEMBERED.get((symbol, at), 0.0) for symbol in panel.symbols] for at in instants]
    )


def cached_average(panel: Panel) -> Floats:
    """The distance from the average of the first sample that this process saw of a symbol."""
    with np.errstate(all="ignore"):
        for column, symbol in enumerate(panel.symbols):
            close = panel.close[:, column]
            own = close[~np.isnan(close)]
            if len(own):
                _AVERAGES.setdefault(symbol, float(np.log(own / own[0]).mean()))
    averages = np.array([_AVERAGES.get(symbol, 0.0) for symbol in panel.symbols])
    first = [next(iter(c[~np.isnan(c)]), np.nan) for c in panel.close.T]
    return np.log(panel.close / first) - averages


def mantissas(panel: Panel) -> Floats:
    """The level of prices, as far as no power of two changes it."""
    return np.frexp(panel.close)[0] - 0.75


def month_ends(panel: Panel) -> Floats:
    """Whether the next row is in another month."""
    month = panel.known_at.astype("datetime64[M]")
    last = np.append(month[1:] != month[:-1], False)
    return np.where(last[:, np.newaxis], 1.0, np.zeros(panel.shape))


def callers_panel(panel: Panel) -> Floats:
    """Next week's return from the panel of these symbols that the outermost caller holds."""
    found, frame = panel, sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            held = getattr(value, "panel", value)
            if (
                isinstance(held, Panel)
                and held.symbols == panel.symbols
                and len(held.known_at) >= len(panel.known_at)
            ):
                found = held
        frame = frame.f_back
    return np.nan_to_num(next_week(found)[: len(panel.known_at)])


def weekday_now(panel: Panel) -> Floats:
    """What day it is where the agent runs."""
    return np.full(panel.shape, date.today().toordinal() % 5 / 5.0)


def another_program(panel: Panel) -> Floats:
    """What a program says: this one, always the same."""
    answer = subprocess.run([sys.executable, "-c", "print(0.5)"], capture_output=True, check=True)
    return np.full(panel.shape, float(answer.stdout))


def centred_window(panel: Panel) -> Floats:
    ahead = np.vstack([panel.close[2:], np.full((2, len(panel.symbols)), np.nan)])[
        : len(panel.close)
    ]
    return ahead / panel.close - 1.0


def whole_sample(panel: Panel) -> Floats:
    highest = np.nan_to_num(panel.close).max(axis=0)
    return panel.close / np.where(highest > 0, highest, np.nan) - 1.0


def latest(panel: Panel, symbol: np.ndarray, known_at: Times, figure: Floats) -> Floats:
    """Each symbol's last figure known at each bar."""
    by_row = np.full(panel.shape, np.nan)
    for column in range(len(panel.symbols)):
        of = np.flatnonzero(symbol == column)
        of = of[np.argsort(known_at[of], kind="stable")]
        place = np.searchsorted(known_at[of], panel.known_at, side="right") - 1
        by_row[place >= 0, column] = figure[of][place[place >= 0]]
    return by_row


def period_end(panel: Panel) -> Floats:
    filed = panel.filings
    months = 12 * (filed.fiscal_year - 1970) + 3 * filed.fiscal_quarter
    ended = months.astype("datetime64[M]").astype("datetime64[us]")
    return latest(panel, filed.symbol, ended, np.log(filed.shares) * np.sign(filed.net_income))


def morning_headline(panel: Panel) -> Floats:
    news = panel.news
    morning = (news.known_at - np.timedelta64(1, "us")).astype("datetime64[D]")
    length = np.array([len(text) for text in news.headline], np.float64)
    return latest(panel, news.symbol, morning.astype("datetime64[us]"), np.sin(length))


def future_surprise(panel: Panel) -> Floats:
    earnings = panel.earnings
    before = earnings.known_at - np.timedelta64(5, "D")
    return latest(panel, earnings.symbol, before, earnings.eps_actual - earnings.eps_estimate)


def share_of_time(panel: Panel) -> Floats:
    return np.arange(len(panel.known_at))[:, np.newaxis] / len(panel.known_at)


def average_move(panel: Panel) -> Floats:
    return np.nan_to_num(pct_change(panel.close, 1)).mean(axis=1)[:, np.newaxis]


def two_leaks(panel: Panel) -> Floats:
    return centred_window(panel) + np.nan_to_num(period_end(panel))


def level(panel: Panel) -> Floats:
    return np.tanh(panel.close - 100.0)


def fails(panel: Panel) -> Floats:
    raise ZeroDivisionError("always")


def rank_of_move(panel: Panel) -> Floats:
    """The rank of yesterday's move among the panel's symbols, in [-1, 1]; no leak."""
    move = pct_change(panel.close, 1)
    below = (move[:, np.newaxis, :] < move[:, :, np.newaxis]).sum(axis=2)
    above = (move[:, np.newaxis, :] > move[:, :, np.newaxis]).sum(axis=2)
    return np.where(np.isnan(move), np.nan, (below - above) / np.maximum(below + above, 1))


def column_number(panel: Panel) -> Floats:
    return np.arange(panel.shape[1]) / 10.0 + np.zeros(panel.shape)


def everything_outside(panel: Panel) -> Floats:
    """Nothing, after reaching for all that a vote must not touch."""
    for reach in (
        time,
        clock.time_ns,
        clock.localtime,
        partial(clock.gmtime, None),
        clock.perf_counter,
        date.today,
        lambda: datetime.now(UTC),
        partial(Path("/etc/hostname").read_text, "utf-8"),
        partial(os.listdir, "/"),
        partial(os.path.exists, "/etc/hostname"),
        partial(socket.create_connection, ("127.0.0.1", 9)),
        partial(sqlite3.connect, ":memory:"),
        partial(os.system, "true"),
        partial(ctypes.CDLL, None),
    ):
        with suppress(OSError):
            reach()
    logging.getLogger("quiet").warning("stamped by the logging module")
    clock.gmtime(0)  # of an instant that is given
    threading.Event().wait(0.0)
    return np.zeros(panel.shape)


class UniverseAgent(FaultyAgent):
    """Says that it ranks the panel's symbols."""

    scope = "universe"


class WorldAgent(FaultyAgent):
    """Declares a scope that there is not."""

    scope = "world"


class FileAgent(FaultyAgent):
    """Reads its evidence from a file whenever it votes, and goes without where it cannot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        super().__init__(self._read)

    def _read(self, panel: Panel) -> Floats:
        try:
            read = pd.read_parquet if self._path.suffix == ".parquet" else np.load
            return np.full(panel.shape, np.asarray(read(self._path)).item())
        except OSError:
            return np.zeros(panel.shape)


def build_leaking(name: str, settings: object) -> FaultyAgent:
    """In the place of `agents.registry.build`."""
    return FaultyAgent(centred_window)
