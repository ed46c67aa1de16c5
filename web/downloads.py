"""Tables as CSV, streamed in pieces, whatever their size: of a kept backtest, or row by row."""

import csv as rows
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
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


def as_csv_rows(names: Sequence[str], lines: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """A line of `names`, then those of `lines`; None is empty.

    Text that a spreadsheet would take for a formula begins with an apostrophe there (OWASP, "CSV
    Injection"); numbers are left as they are.
    """
    left = chain([names], lines)
    while piece := list(islice(left, ROWS // 20)):
        told = io.StringIO()
        rows.writer(told, lineterminator="\n").writerows(map(_harmless, line) for line in piece)
        yield told.getvalue().encode()


def _harmless(value: object) -> object:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
