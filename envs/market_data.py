"""History to train on: bars as they were traded, the observations of them, and a split by date.

Reads files; calls no provider. A gap separates the three periods, so that no outcome that starts in
one period ends in the next.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.errors import InputError
from domain.instants import Times
from domain.panel import BarMatrix, Floats, Panel
from domain.symbols import parse_symbol
from domain.timeframe import Timeframe
from envs.observation import WARMUP, observe
from quant.risk.symbol_risk import VOLATILITY_BARS, realised_volatility
from storage.paths import refuse_unless_file

COLUMNS = ["symbol", "date", "open", "high", "low", "close", "volume"]
_PRICES = COLUMNS[2:6]
PRICE_TOLERANCE = 1.0 - 1e-3
"""Tolerance for comparing prices, which absorbs rounding and adjusting."""
SESSION_LENGTH = np.timedelta64(390, "m")
"""Assumed length of a bar read from a file; only that it opens after the previous one closed
matters."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketHistory:
    """`bar_matrix`: T bars of N symbols of one calendar as they were traded; `observation` (T, N,
    K): K features as the agent observes them at the closes. `name` is the display name, `simulated`
    whether the market is simulated, `digest` the SHA-256 of the bars."""

    name: str
    simulated: bool
    bar_matrix: BarMatrix
    observation: Floats
    digest: str

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.bar_matrix.symbols

    @property
    def dates(self) -> Times:
        """(T,) the instant from which each bar is known."""
        return self.bar_matrix.known_at

    @property
    def open(self) -> Floats:
        """(T, N) opening prices, NaN where there was no bar."""
        return self.bar_matrix.open

    @property
    def close(self) -> Floats:
        """(T, N) closing prices, NaN where there was no bar."""
        return self.bar_matrix.close

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(T, N) whether the symbol has a bar and an observation."""
        return ~(np.isnan(self.open) | np.isnan(self.close) | np.isnan(self.observation[..., 0]))


@dataclass(frozen=True, slots=True)
class DataPeriods:
    """Rows of a history for training, validation and test, in order of time."""

    train: range
    validation: range
    test: range


def copy_history(source: MarketHistory) -> MarketHistory:
    """Copy the history into arrays owned by this process. Arrays in shared memory are read-only,
    and every compiled loop would be compiled again for them."""
    arrays = {
        each.name: getattr(source.bar_matrix, each.name).copy() for each in fields(BarMatrix)[1:]
    }
    bar_matrix = replace(source.bar_matrix, **arrays)
    return replace(source, bar_matrix=bar_matrix, observation=source.observation.copy())


def read_bars(path: Path) -> pd.DataFrame:
    """Read tidy bars (columns COLUMNS, prices adjusted) from a .csv or .parquet file.

    Raises InputError for a missing file, a folder, one of another type and one that cannot be read.
    """
    refuse_unless_file(path, "Give the path of a file of bars.")
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise InputError(f"{path} is neither .csv nor .parquet. Give tidy bars in one of the two.")
    try:
        if kind == ".parquet":
            return pd.read_parquet(path)
        # Only an empty cell is missing: pandas would also read the symbol NA as missing.
        return pd.read_csv(path, dtype={"symbol": str}, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise InputError(f"{path} does not exist. Give the path of a file of bars.") from None
    except (ValueError, OSError) as error:  # pandas and pyarrow raise ValueError
        raise InputError(f"{path} cannot be read ({error}). Write it again.") from None


def select_symbols(bars: pd.DataFrame, symbols: Sequence[str]) -> pd.DataFrame:
    """Return the rows of `symbols`, however the bars spell them; all rows where none are named.

    Raises InputError for a symbol that has no row.
    """
    if not symbols or "symbol" not in bars.columns:
        return bars
    spelled = bars["symbol"].map({each: _canonical(each) for each in bars["symbol"].unique()})
    known = set(spelled)
    if missing := [symbol for symbol in symbols if symbol not in known]:
        raise InputError(
            f"The bars hold nothing of {', '.join(missing)}, only of "
            f"{abbreviate_symbols(sorted(known))}. Leave it out, or give a file that has it."
        )
    return bars[spelled.isin(symbols)]


def abbreviate_symbols(symbols: Sequence[str]) -> str:
    """Return the first few symbols and the number of the others: "AAPL, MSFT and 12 more"."""
    shown = symbols if len(symbols) <= 3 else symbols[:2]
    more = len(symbols) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def history(bars: pd.DataFrame, name: str, *, simulated: bool = False) -> MarketHistory:
    """Build aligned arrays and observations from tidy bars, one row per symbol and date. Prices are
    adjusted already, so they are traded as they are and no dividends are paid.

    Raises InputError for missing columns, repeated or impossible rows and too short a history.
    """
    if missing := [column for column in COLUMNS if column not in bars.columns]:
        raise InputError(f"The bars have no column {', '.join(missing)}; needed are {COLUMNS}.")
    table = bars[COLUMNS].copy()
    if table.empty:
        raise InputError("The bars hold no rows. Give a file with bars.")
    if pd.api.types.is_numeric_dtype(table["date"]):
        raise InputError(
            f"{table['date'].iloc[0]} is a number and no date. Write dates as 2020-12-31."
        )
    try:
        table["date"] = pd.to_datetime(table["date"]).dt.tz_localize(None)  # the exchange's day
        table[COLUMNS[2:]] = table[COLUMNS[2:]].astype(np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"The bars hold a date or number that is none ({error}). Correct it."
        ) from None
    table = table.sort_values(["date", "symbol"])
    _refuse_bad_rows(table)
    wide = table.pivot(index="date", columns="symbol")
    open_, high, low, close, volume = (
        np.ascontiguousarray(wide[column].to_numpy(np.float64)) for column in COLUMNS[2:]
    )
    dates: Times = wide.index.to_numpy("datetime64[us]")
    panel = Panel(
        symbols=tuple(str(symbol) for symbol in wide["close"].columns),
        calendar="any",
        timeframe=Timeframe.D1,
        known_at=dates,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        benchmark=np.full(len(dates), np.nan),
    )
    bar_matrix = BarMatrix(
        symbols=panel.symbols,
        known_at=dates,
        opened_at=dates - SESSION_LENGTH,
        session_end=dates,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        volatility=realised_volatility(close, VOLATILITY_BARS),
        dividend=np.zeros(close.shape),
    )
    return build_history(panel, bar_matrix, name, simulated=simulated)


def build_history(
    panel: Panel, bar_matrix: BarMatrix, name: str, *, simulated: bool
) -> MarketHistory:
    """Build a history from a panel, which is observed, and the same rows and symbols as they were
    traded.

    Raises InputError for too short a history.
    """
    if len(bar_matrix.known_at) <= WARMUP:
        raise InputError(
            f"{len(bar_matrix.known_at)} dates are too few: the first {WARMUP} only warm up."
        )
    return MarketHistory(name, simulated, bar_matrix, observe(panel), bars_digest(bar_matrix))


def bars_digest(bar_matrix: BarMatrix) -> str:
    """Return the SHA-256 of the symbols and numbers."""
    digest = hashlib.sha256("\n".join(bar_matrix.symbols).encode())
    for each in fields(bar_matrix)[1:]:
        digest.update(np.ascontiguousarray(getattr(bar_matrix, each.name)).tobytes())
    return digest.hexdigest()


def split_periods(dates: Times, train_until: date, validate_until: date, gap: int) -> DataPeriods:
    """Return the rows up to and including each date, without the last `gap` rows of a period that
    another one follows, because their outcomes reach into it.

    Raises InputError where a period would hold no rows.
    """
    days = dates.astype("datetime64[D]")
    first, second = (
        int(np.searchsorted(days, np.datetime64(day, "D"), side="right"))
        for day in (train_until, validate_until)
    )
    periods = DataPeriods(
        train=range(WARMUP, first - gap),
        validation=range(first, second - gap),
        test=range(second, len(dates)),
    )
    for name in ("train", "validation", "test"):
        if len(getattr(periods, name)) <= gap:
            raise InputError(
                f"No bars are left for the {name} period: bars run from {_day(dates[0])} to "
                f"{_day(dates[-1])}, training until {train_until}, validation until "
                f"{validate_until}. Move the dates or bring more bars."
            )
    return periods


def _refuse_bad_rows(table: pd.DataFrame) -> None:
    if unnamed := int(table[["symbol", "date"]].isna().any(axis=1).sum()):
        raise InputError(f"{unnamed} rows have no symbol or no date. Correct the file.")
    repeated = table.duplicated(["symbol", "date"])
    values = table[[*_PRICES, "volume"]].to_numpy(np.float64)
    bad = ~np.isfinite(values).all(axis=1) | (values[:, :4] <= 0).any(axis=1) | (values[:, 4] < 0)
    open_, high, low, close = values[:, :4].T
    beyond = (high < np.maximum(open_, close) * PRICE_TOLERANCE) | (
        low * PRICE_TOLERANCE > np.minimum(open_, close)
    )
    for mask, problem in (
        (repeated, "occurs twice"),
        (bad, "has an impossible price or volume"),
        (beyond, "opens or closes beyond its high or low"),
    ):
        if mask.any():
            row = table.loc[np.asarray(mask)].iloc[0]
            raise InputError(
                f"The bar of {row['symbol']} on {row['date']:%Y-%m-%d} {problem}. Correct the file."
            )


def _canonical(symbol: object) -> str:
    """Return the symbol in its canonical spelling; return what cannot be a symbol unchanged."""
    try:
        return parse_symbol(str(symbol))
    except InputError:
        return str(symbol)


def _day(instant: np.datetime64) -> str:
    return str(instant.astype("datetime64[D]"))
