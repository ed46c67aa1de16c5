"""Market facts in bulk: frames to rows and back, one statement for a whole column of them.

Promises the dtypes, order and merging that the protocol of `market/store.py` requires, the same on
both databases. Leaves out transactions and which series a frame belongs to: see `sql_store.py`.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    Table,
    collate,
    select,
    update,
)
from sqlalchemy.sql import bindparam

from domain.instants import to_microseconds
from domain.store_reports import WriteReport
from storage import tables

_INSTANT = "datetime64[us, UTC]"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class FactKind:
    """One kind of fact: its table, and the columns that distinguish two facts of a series, instant
    first."""

    table: Table
    identity: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column[Any], ...]:
        """The columns of a frame."""
        return tuple(c for c in self.table.c if c.name not in ("series", "fingerprint"))

    @property
    def value_columns(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.name not in self.identity)

    @property
    def has_text(self) -> bool:
        return any(_dtype(column) == "str" for column in self.columns)

    @property
    def time_column(self) -> Column[int]:
        return self.table.c[self.identity[0]]


BARS = FactKind(tables.table(tables.BarRow), ("at",))
NEWS = FactKind(tables.table(tables.HeadlineRow), ("known_at", "headline", "source"))
FILINGS = FactKind(tables.table(tables.FilingRow), ("known_at", "fiscal_year", "fiscal_quarter"))
EARNINGS = FactKind(tables.table(tables.AnnouncementRow), ("known_at",))
ACTIONS = FactKind(tables.table(tables.CorporateActionRow), ("at", "kind"))
CORRECTIONS = FactKind(tables.table(tables.CorrectionRow), ("last", "kind"))
FACT_KINDS = {
    "bars": BARS,
    "news": NEWS,
    "filings": FILINGS,
    "earnings": EARNINGS,
    "actions": ACTIONS,
    "corrections": CORRECTIONS,
}
"""Kinds by the first word of `SeriesRow.what`."""


def read_facts(
    connection: Connection,
    kind: FactKind,
    series: Sequence[int],
    start: datetime | None = None,
    end: datetime | None = None,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the facts of several series with start <= instant < end, and their index in `series`.

    In order of `series`, which are distinct, and then of the facts' identity.
    """
    table, series_column = kind.table, kind.table.c.series
    query = select(series_column, *kind.columns).where(series_column.in_(series))
    if start is not None:
        query = query.where(kind.time_column >= to_microseconds(start))
    if end is not None:
        query = query.where(kind.time_column < to_microseconds(end))
    # text in the order of its bytes, which Python shares and a database's own order may not be
    binary = "BINARY" if connection.dialect.name == "sqlite" else "C"
    identity = [
        collate(table.c[name], binary) if _dtype(table.c[name]) == "str" else table.c[name]
        for name in kind.identity
    ]
    stored, *values = _columns(
        kind, connection.execute(query.order_by(series_column, *identity)).cursor
    )
    ids = np.asarray(series, np.int64)
    by_id = np.argsort(ids)
    index = by_id[np.searchsorted(ids[by_id], np.asarray(stored, np.int64))]
    frame = _frame(kind, values)
    if (index[1:] >= index[:-1]).all():
        return index, frame
    order = np.argsort(index, kind="stable")
    return index[order], frame.take(order).reset_index(drop=True)


def _columns(kind: FactKind, rows: Any) -> list[Sequence[Any]]:
    """Return the driver's own tuples, which are made in C, as a column each: series, then the
    kind's.

    If all are numbers they become floats at once, which are exact for every identity and for
    microseconds until the year 2255.
    """
    width = 1 + len(kind.columns)
    if kind.has_text:
        return list(zip(*rows.fetchall(), strict=True)) or [()] * width
    cells = np.fromiter(chain.from_iterable(rows), np.float64)
    return list(cells.reshape(-1, width).T)


def merge_facts(
    connection: Connection, kind: FactKind, series: int, frame: pd.DataFrame, replace: bool
) -> WriteReport:
    """Insert the facts that are new; overwrite conflicting ones only with `replace`.

    Raises ValueError if the frame has one fact twice.
    """
    new = _storable(kind, frame)
    if new.empty:
        return WriteReport(0, 0, 0)
    if new.duplicated(list(kind.identity)).any():
        raise ValueError(f"a frame of {kind.table.name} has one fact twice")
    instants = new[kind.identity[0]]
    last = instants.max() + pd.Timedelta(1, "us")
    _, old = read_facts(connection, kind, [series], instants.min(), last)
    both = new.reset_index().merge(old, on=list(kind.identity), suffixes=("", "_stored"))
    same = np.ones(len(both), bool)
    for name in kind.value_columns:
        given, stored = both[name], both[f"{name}_stored"]
        same &= ((given == stored) | (given.isna() & stored.isna())).to_numpy()
    if len(both) < len(new):
        _insert(connection, kind, series, new[~new.index.isin(both["index"])])
    if replace and not same.all():
        _overwrite(connection, kind, series, new.loc[both["index"][~same]])
    return WriteReport(len(new) - len(both), int(same.sum()), int((~same).sum()))


def _frame(kind: FactKind, values: Sequence[Sequence[Any]]) -> pd.DataFrame:
    columns = zip(kind.columns, values, strict=True)
    return pd.DataFrame({column.name: _series(column, given) for column, given in columns})


def _series(column: Column[Any], values: Sequence[Any]) -> Any:
    dtype = _dtype(column)
    if dtype == _INSTANT:
        instants = np.array(values).astype(np.int64).view("datetime64[us]")
        return pd.DatetimeIndex(instants).tz_localize("UTC")
    return pd.Series(values, dtype="str") if dtype == "str" else np.array(values, dtype)


def _dtype(column: Column[Any]) -> Any:
    if isinstance(column.type, BigInteger):
        return _INSTANT
    if isinstance(column.type, Integer):
        return "int64"
    return "float64" if isinstance(column.type, Float) else "str"


def _storable(kind: FactKind, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame in our dtypes; text that no database can hold becomes U+FFFD."""
    columns = {}
    for column in kind.columns:
        given, dtype = frame[column.name], _dtype(column)
        if dtype == "str":
            texts = given.fillna("").astype("object")
            columns[column.name] = texts.map(_storable_text).astype("str")
        else:
            columns[column.name] = given.astype(dtype)
    return pd.DataFrame(columns).reset_index(drop=True)


def _storable_text(given: object) -> str:
    return _UNSTORABLE.sub("\ufffd", str(given))


def _insert(connection: Connection, kind: FactKind, series: int, frame: pd.DataFrame) -> None:
    rows = _rows(kind, series, frame)
    names = ", ".join(f'"{name}"' for name in rows)
    into = f'INSERT INTO "{kind.table.name}" ({names})'
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(rows))
        values = list(zip(*rows.values(), strict=True))
        connection.exec_driver_sql(f"{into} VALUES ({marks})", values)
    else:
        types = [kind.table.c[name].type.compile(connection.dialect) for name in rows]
        arrays = ", ".join(f"%s::{each}[]" for each in types)
        connection.exec_driver_sql(f"{into} SELECT * FROM unnest({arrays})", tuple(rows.values()))  # noqa: S608


def _overwrite(connection: Connection, kind: FactKind, series: int, frame: pd.DataFrame) -> None:
    columns = _rows(kind, series, frame)
    names = [f"new_{name}" for name in columns]
    keys = [column.name for column in kind.table.primary_key]
    statement = (
        update(kind.table)
        .where(*(kind.table.c[name] == bindparam(f"new_{name}") for name in keys))
        .values({name: bindparam(f"new_{name}") for name in columns if name not in keys})
    )
    rows = zip(*columns.values(), strict=True)
    connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def _rows(kind: FactKind, series: int, frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the table's columns as lists that its drivers accept."""
    rows: dict[str, list[Any]] = {"series": [series] * len(frame)}
    for column in kind.columns:
        given = frame[column.name]
        if _dtype(column) == _INSTANT:
            given = given.astype("int64")
        rows[column.name] = given.tolist()
    if "fingerprint" in kind.table.c:
        headlines = zip(rows["headline"], rows["source"], strict=True)
        rows["fingerprint"] = [_fingerprint(*each) for each in headlines]
    return rows


def _fingerprint(headline: str, source: str) -> str:
    return hashlib.sha256(json.dumps([headline, source]).encode()).hexdigest()[:32]
