"""How many real bars are withheld, and how many planted faults are not?

`python -m benchmarks faults data=FOLDER [seed=1] [plant=1000]`: imports the folder's bars, counts
and lists the bars in doubt, with and without their volume, and plants faults one at a time into a
copy of a random stretch: a tick in one field or in all, several bars at another price, pence among
pounds, a slip of the adjustment factor, a split mistaken for a dividend, a bar that repeats an
earlier one. A fault is caught where every bar of it is withheld, so that nothing fills, marks, pays
or trains on it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.support.imported_history import imported_store
from domain.symbols import AssetClass, asset_class
from domain.timeframe import Timeframe
from market.provider import BAR_COLUMNS
from market.series import BarSeries, build_symbol_series

FILES = ("bars_daily", "bars_1h_us", "crypto_1h")
END = datetime(2100, 1, 1, tzinfo=UTC)
PRICES = ["open", "high", "low", "close"]
BEFORE, AFTER = 300, 20
"""Bars of the stretch before and after the fault."""
SHOWN = 60

Plant = Callable[[pd.DataFrame, int, np.random.Generator], int]
"""Plants a fault at a row and returns how many bars it spoils."""


def run(data: str, seed: str = "1", plant: str = "1000") -> dict[str, Any]:
    """Return bars, bars withheld with their list, and shares of planted faults caught."""
    random = np.random.default_rng(int(seed))
    figures: dict[str, Any] = {}
    stretches: list[tuple[str, Timeframe, pd.DataFrame]] = []
    names = [name for name in FILES if (Path(data) / f"{name}.parquet").exists()]
    with imported_store(data, names) as (_, store):
        for timeframe in (Timeframe.D1, Timeframe.H1):
            frames = {
                symbol: store.bars("files", symbol, timeframe)
                for symbol in store.symbols("files", timeframe)
            }
            bars = max(sum(map(len, frames.values())), 1)
            figures[f"{timeframe} bars"] = bars
            without = {symbol: frame.assign(volume=0.0) for symbol, frame in frames.items()}
            for words, of in (("", frames), (" without volume", without)):
                listed = _list_withheld(of, timeframe)
                figures[f"{timeframe} withheld{words}"] = len(listed)
                figures[f"{timeframe} withheld{words} of 10,000"] = round(
                    1e4 * len(listed) / bars, 2
                )
                figures[f"{timeframe} list{words}"] = "; ".join(listed[:SHOWN])
            for symbol, frame in frames.items():
                if len(frame) > BEFORE + AFTER and asset_class(symbol) is not AssetClass.INDEX:
                    stretches.append((symbol, timeframe, frame))
    return figures | _plant_all(stretches, random, int(plant))


def _list_withheld(frames: dict[str, pd.DataFrame], timeframe: Timeframe) -> list[str]:
    return [
        f"{symbol} {at:.16}"
        for symbol, frame in frames.items()
        for at in _series(frame, symbol, timeframe).withheld.at.astype(str)
    ]


def _series(frame: pd.DataFrame, symbol: str, timeframe: Timeframe) -> BarSeries:
    return build_symbol_series(frame, symbol, timeframe, END)


def _plant_all(
    stretches: list[tuple[str, Timeframe, pd.DataFrame]], random: np.random.Generator, count: int
) -> dict[str, Any]:
    planted, caught = dict.fromkeys(FAULTS, 0), dict.fromkeys(FAULTS, 0)
    missed: list[str] = []
    for _ in range(count):
        symbol, timeframe, frame = stretches[random.integers(len(stretches))]
        row = int(random.integers(BEFORE, len(frame) - AFTER))
        stretch = frame.iloc[row - BEFORE : row + AFTER].reset_index(drop=True)[BAR_COLUMNS].copy()
        name = str(random.choice(list(FAULTS)))
        spoiled = FAULTS[name](stretch, BEFORE, random)
        closed_at = _series(stretch, symbol, timeframe).known_at
        clean = _series(frame.iloc[row : row + spoiled], symbol, timeframe).closed_at
        planted[name] += 1
        if np.isin(clean, closed_at).any():
            missed.append(f"{name} {symbol} {frame['at'].iloc[row]:%Y-%m-%d %H:%M}")
        else:
            caught[name] += 1
    total = sum(planted.values())
    return {
        "planted": total,
        "caught": sum(caught.values()),
        "caught %": round(100 * sum(caught.values()) / max(total, 1), 2),
        **{f"caught {name}": f"{caught[name]} of {planted[name]}" for name in FAULTS},
        "missed": "; ".join(missed[:SHOWN]),
    }


def _tick(bars: pd.DataFrame, row: int, random: np.random.Generator) -> int:
    """Multiply one field by a factor between 1.25 and 10, or divide by it; a high that is too high
    or a low that is too low."""
    field = str(random.choice(PRICES))
    up = field == "high" or (field != "low" and random.random() < 0.5)
    return _multiply(bars, [field], row, 1, _factor(random, 1.25, 10.0, up))


def _tick_in_all(bars: pd.DataFrame, row: int, random: np.random.Generator) -> int:
    factor = _factor(random, 1.25, 10.0, random.random() < 0.5)
    return _multiply(bars, [*PRICES, "adj_close"], row, 1, factor)


def _level(bars: pd.DataFrame, row: int, random: np.random.Generator) -> int:
    factor = _factor(random, 1.3, 10.0, random.random() < 0.5)
    return _multiply(bars, [*PRICES, "adj_close"], row, int(random.integers(2, 10)), factor)


def _pence(bars: pd.DataFrame, row: int, random: np.random.Generator) -> int:
    factor = 100.0 if random.random() < 0.5 else 0.01
    return _multiply(bars, [*PRICES, "adj_close"], row, int(random.integers(1, 8)), factor)


def _factor_slip(bars: pd.DataFrame, row: int, random: np.random.Generator) -> int:
    factor = _factor(random, 1.03, 4.0, random.random() < 0.5)
    return _multiply(bars, ["adj_close"], row, int(random.integers(1, 4)), factor)


def _split_as_dividend(bars: pd.DataFrame, row: int, random: np.random.Generator) -> int:
    ratio = float(random.choice([1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0]))
    before = bars.index < row
    bars.loc[before, PRICES] *= ratio
    bars.loc[before, "volume"] /= ratio
    return AFTER


def _repeated(bars: pd.DataFrame, row: int, random: np.random.Generator) -> int:
    figures = [*PRICES, "adj_close", "volume"]
    bars.loc[row, figures] = bars.loc[row - int(random.integers(1, 40)), figures]
    return 1


FAULTS: dict[str, Plant] = {
    "tick": _tick,
    "tick in all fields": _tick_in_all,
    "level": _level,
    "pence": _pence,
    "factor slip": _factor_slip,
    "split as dividend": _split_as_dividend,
    "repeated bar": _repeated,
}


def _factor(random: np.random.Generator, least: float, most: float, up: bool) -> float:
    factor = float(np.exp(random.uniform(np.log(least), np.log(most))))
    return factor if up else 1.0 / factor


def _multiply(bars: pd.DataFrame, fields: list[str], row: int, count: int, factor: float) -> int:
    bars.loc[row : row + count - 1, fields] *= factor
    return count
