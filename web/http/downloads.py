"""Tables as CSV, streamed in chunks of any total size: a kept backtest's, or row by row."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

CHUNK_ROWS = 20_000
"""Rows per chunk."""


def parquet_as_csv(path: Path) -> Iterator[bytes]:
    """Yield the rows of a Parquet file, column names first; a missing number is empty."""
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
    """Decode dictionary-encoded columns to plain text."""
    columns = [
        column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def rows_as_csv(columns: Sequence[str], records: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """Yield a line of `columns`, then one per record; None is empty.

    Text that a spreadsheet would take for a formula gets a leading apostrophe (OWASP, "CSV
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
