"""Tables as CSV, streamed in pieces, whatever their size: of a kept backtest, or row by row."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

CHUNK_ROWS = 20_000
"""Rows in one piece."""


def parquet_as_csv(path: Path) -> Iterator[bytes]:
    """The rows of a Parquet file, its columns' names first; a missing number is empty."""
    table = pq.ParquetFile(path)
    names = table.schema_arrow.names
    yield (",".join(f'"{name}"' for name in names) + "\n").encode()
    for batch in table.iter_batches(CHUNK_ROWS):
        buffer = io.BytesIO()
        pyarrow.csv.write_csv(
            _decode_dictionaries(batch), buffer, pyarrow.csv.WriteOptions(include_header=False)
        )
        yield buffer.getvalue()


def _decode_dictionaries(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Dictionaries as the words they stand for."""
    columns = [
        column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def rows_as_csv(columns: Sequence[str], records: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """A line of `columns`, then those of `records`; None is empty.

    Text that a spreadsheet would take for a formula begins with an apostrophe there (OWASP, "CSV
    Injection"); numbers are left as they are.
    """
    remaining = chain([columns], records)
    while chunk := list(islice(remaining, CHUNK_ROWS // 20)):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(
            map(_escape_formula, line) for line in chunk
        )
        yield buffer.getvalue().encode()


def _escape_formula(value: object) -> object:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
