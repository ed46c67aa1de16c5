"""Tables of a kept backtest as CSV, streamed in pieces, whatever their size."""

import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

ROWS = 20_000
"""Rows in one piece."""


def as_csv(path: Path) -> Iterator[bytes]:
    """The rows of a Parquet file, its columns' names first; a missing number is empty."""
    table = pq.ParquetFile(path)
    names = table.schema_arrow.names
    yield (",".join(f'"{name}"' for name in names) + "\n").encode()
    for batch in table.iter_batches(ROWS):
        told = io.BytesIO()
        csv.write_csv(_spelt_out(batch), told, csv.WriteOptions(include_header=False))
        yield told.getvalue()


def _spelt_out(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Dictionaries as the words they stand for."""
    columns = [
        column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
