"""The votes, decisions, fills and equity of a backtest as Parquet files.

One fact per row, instants in UTC, missing numbers as nulls. Names of symbols, agents and actions
are dictionary-encoded. The bytes depend only on the content.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from domain.instants import Times
from domain.panel import Floats

Columns = Mapping[str, Any]


def dictionary_column(index: NDArray[np.integer[Any]], values: Sequence[str]) -> pa.DictionaryArray:
    """Return a column of `values` by their index, each value stored once."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(list(values)))


def float_column(values: Floats) -> pa.Array:
    """Return Float64 with nulls for NaN."""
    return pa.array(np.ascontiguousarray(values), mask=np.isnan(values))


def timestamp_column(values: Times) -> pa.Array:
    return pa.array(values.astype("datetime64[us]"), pa.timestamp("us", "UTC"))


def concatenate(parts: Sequence[Columns]) -> Columns:
    """Join the rows of all parts, one after the other, under one set of names."""
    return {
        name: pa.chunked_array([part[name] for part in parts]).unify_dictionaries().combine_chunks()
        for name in parts[0]
    }


def column_bytes(column: Any) -> bytes:
    """Return the content of a column as bytes to be hashed."""
    array = column if isinstance(column, pa.Array) else pa.array(column)
    sink = pa.BufferOutputStream()
    table = pa.table({"": array})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def write_table(path: Path, columns: Columns) -> None:
    """Write `columns` (name to an array of equal length) as one file."""
    pq.write_table(pa.table(dict(columns)), path, compression="zstd")


def matches_file(path: Path, columns: Columns) -> bool:
    """Return whether the file holds the content of `columns`; False for a damaged or missing
    one."""
    try:
        stored = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return False
    return bool(_decode_dictionaries(stored).equals(_decode_dictionaries(pa.table(dict(columns)))))


def _decode_dictionaries(table: pa.Table) -> pa.Table:
    """Replace dictionary indices by their values, because a reader may change the order of a
    dictionary."""
    words = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(words, names=table.column_names)
