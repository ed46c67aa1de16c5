"""Every vote, decision, fill and equity point of a backtest as Parquet.

One row a fact, instants in UTC, missing numbers as nulls. Names of symbols, agents and actions are
dictionaries. The bytes depend on nothing but the content.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from domain.panel import Floats, Times

Columns = Mapping[str, Any]


def dictionary_column(index: NDArray[np.integer[Any]], values: Sequence[str]) -> pa.DictionaryArray:
    """Words by their index, each word stored once."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(list(values)))


def float_column(values: Floats) -> pa.Array:
    """Float64 with nulls for NaN."""
    return pa.array(np.ascontiguousarray(values), mask=np.isnan(values))


def timestamp_column(values: Times) -> pa.Array:
    return pa.array(values.astype("datetime64[us]"), pa.timestamp("us", "UTC"))


def concatenate(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, one after the other, under one set of names."""
    return {
        name: pa.chunked_array([part[name] for part in parts]).unify_dictionaries().combine_chunks()
        for name in parts[0]
    }


def column_bytes(column: Any) -> bytes:
    """What a column says, as bytes to be hashed."""
    array = column if isinstance(column, pa.Array) else pa.array(column)
    sink = pa.BufferOutputStream()
    table = pa.table({"": array})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def write_table(path: Path, columns: Columns) -> None:
    """`columns` (name to an array of equal length) as one file."""
    pq.write_table(pa.table(dict(columns)), path, compression="zstd")


def matches_file(path: Path, columns: Columns) -> bool:
    """Whether the file says what `columns` say; a damaged or missing one does not."""
    try:
        stored = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return False
    return bool(_decode_dictionaries(stored).equals(_decode_dictionaries(pa.table(dict(columns)))))


def _decode_dictionaries(table: pa.Table) -> pa.Table:
    """Words instead of their index, whose order a reader may change."""
    words = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(words, names=table.column_names)
