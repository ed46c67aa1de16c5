"""Import of a CSV or Parquet file into the store, whole or not at all.

The columns determine what a file contains (`market/imports/schema_detection.py`);
`market/imports/normalise.py` decides which rows are valid. A stored fact is never changed silently:
a file that contradicts stored facts is refused unless the caller asks to replace them. Leaves out
folders (`market/imports/batch_import.py`), archives, spreadsheets and the network.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from domain.errors import InputError
from domain.store_reports import WriteReport
from domain.symbols import parse_symbol
from domain.timeframe import Timeframe
from market.imports.normalise import RejectedRows, normalise
from market.imports.schema_detection import ACCEPTED_COLUMNS, TEXT_COLUMNS, TableKind, detect_schema
from market.provider import Progress
from market.quality.review import review_bars
from market.store import MarketDataStore

CHUNK = 50_000
ALL_TIME = datetime(2200, 1, 1, tzinfo=UTC)
SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True, slots=True, eq=False)
class ParsedTable:
    """A file's valid rows: a sorted frame with a `symbol` column; `rows` is how many were read."""

    path: Path
    kind: TableKind
    timeframe: Timeframe | None
    frame: pd.DataFrame
    rows: int
    refused: tuple[RejectedRows, ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of importing one file. Counts are of rows; `span` is its first and last instant.

    `refused_because` is the reason why nothing of the file was stored; None if it was stored.
    `notes` say of its bars what was understood and which are left out.
    """

    path: Path
    kind: TableKind | None = None
    timeframe: Timeframe | None = None
    read: int = 0
    stored: int = 0
    unchanged: int = 0
    replaced: int = 0
    refused: tuple[RejectedRows, ...] = ()
    symbols: tuple[str, ...] = ()
    span: tuple[datetime, datetime] | None = None
    refused_because: str | None = None
    notes: tuple[str, ...] = ()


def import_file(
    path: Path,
    store: MarketDataStore,
    *,
    market: str = "files",
    timeframe: Timeframe | None = None,
    replace: bool = False,
    progress: Progress = lambda *_: None,
) -> ImportReport:
    """Store a file in one transaction.

    `progress` is called with the file's name, rows done and rows in all. Raises InputError as
    `read_table` does, and without `replace` for a file that contradicts stored facts.
    """
    return _import(read_table(path, timeframe), store, market, replace, progress)


def read_table(path: Path, timeframe: Timeframe | None = None) -> ParsedTable:
    """Read the valid rows of a file.

    Raises InputError, naming the file, the problem and the remedy, where it is not a table that
    Quorum knows or more than a fifth of its rows are bad.
    """
    columns = _read_header(path)
    try:
        recognised = detect_schema(columns)
        if not columns:
            raise InputError("it is empty. Export it again.")
        if recognised is None:
            raise InputError(
                f"its columns are {_shorten(columns)}. Quorum takes tables with the columns of"
                f" {ACCEPTED_COLUMNS}; rename yours."
            )
        kind, names = recognised
        raw, malformed = _read_columns(path, names)
        if raw.empty:
            raise InputError("it has no rows. Export it again.")
        if "symbol" not in raw:
            raw["symbol"] = _symbol_of(path)
        frame, refused, timeframe = normalise(kind, raw, malformed, timeframe)
    except InputError as error:
        raise InputError(f"{path} cannot be imported: {error}") from error
    rows = len(raw) + sum(lines.rows for lines in malformed)
    return ParsedTable(path, kind, timeframe, frame, rows, refused)


def _import(
    table: ParsedTable, store: MarketDataStore, market: str, replace: bool, progress: Progress
) -> ImportReport:
    reports: list[WriteReport] = []
    conflicts: dict[str, int] = {}
    with store.transaction():
        done = 0
        for symbol, chunk in _chunks(table.frame):
            report = _write(store, market, table, symbol, chunk, replace)
            reports.append(report)
            conflicts[symbol] = conflicts.get(symbol, 0) + report.conflicting
            done += len(chunk)
            progress(table.path.name, done, len(table.frame))
        conflicting = sum(conflicts.values())
        if conflicting and not replace:
            raise InputError(
                f"{table.path} contradicts {conflicting} stored {table.kind} of"
                f" {_shorten([s for s, rows in conflicts.items() if rows])}: importing it would"
                " rewrite history, so nothing was stored. Import it with --replace if that is"
                " meant."
            )
    notes: tuple[str, ...] = ()
    if table.timeframe is not None:
        notes = tuple(review_bars(store, market, sorted(conflicts), table.timeframe, ALL_TIME))
    times = table.frame["at" if table.kind is TableKind.BARS else "known_at"]
    return ImportReport(
        path=table.path,
        kind=table.kind,
        timeframe=table.timeframe,
        read=table.rows,
        stored=sum(report.added for report in reports),
        unchanged=sum(report.unchanged for report in reports),
        replaced=conflicting,
        refused=table.refused,
        symbols=tuple(conflicts),
        span=(times.min().to_pydatetime(), times.max().to_pydatetime()),
        notes=notes,
    )


def _chunks(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for symbol, rows in frame.groupby("symbol", sort=True):
        for start in range(0, len(rows), CHUNK):
            yield str(symbol), rows.iloc[start : start + CHUNK]


def _write(
    store: MarketDataStore,
    market: str,
    table: ParsedTable,
    symbol: str,
    rows: pd.DataFrame,
    replace: bool,
) -> WriteReport:
    if table.timeframe is not None:
        bars = rows.drop(columns="symbol")
        return store.put_bars(market, symbol, table.timeframe, bars, replace)
    put = {
        TableKind.NEWS: store.put_news,
        TableKind.FILINGS: store.put_filings,
        TableKind.EARNINGS: store.put_earnings,
    }[table.kind]
    return put(market, symbol, rows, replace)


def _read_header(path: Path) -> list[str]:
    """The column names of a file. Raises InputError where it is missing or in neither format."""
    try:
        if not path.is_file():
            raise InputError(f"{path} is not there. Give a .csv or .parquet file, or a folder.")
        if path.suffix.lower() == ".parquet":
            return [str(name) for name in parquet.read_schema(path).names]
        if path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as lines:
                head = next((row for row in csv.reader(lines) if row), [])
                while lines.read(CHUNK):
                    pass  # the whole file must be UTF-8, not only the header
                return head
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable_error(path, error) from error
    raise InputError(f"{path} is neither .csv nor .parquet, which are all that Quorum reads.")


def _read_columns(
    path: Path, names: dict[str, str]
) -> tuple[pd.DataFrame, tuple[RejectedRows, ...]]:
    """The recognised columns under our names, and the malformed lines."""
    malformed: list[str] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        malformed.append(f"row {row.number}: {row.actual_columns} of {row.expected_columns}")
        return "skip"

    try:
        if path.suffix.lower() == ".parquet":
            table = parquet.read_table(path, columns=list(names.values()))
        else:
            table = arrow_csv.read_csv(
                path,
                read_options=arrow_csv.ReadOptions(use_threads=False),
                parse_options=arrow_csv.ParseOptions(
                    newlines_in_values=True, invalid_row_handler=skip
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=list(names.values()),
                    column_types={
                        theirs: pa.string() for o, theirs in names.items() if o in TEXT_COLUMNS
                    },
                ),
            )
        table.validate(full=True)  # Parquet may declare invalid UTF-8 as text
        frame = table.to_pandas(date_as_object=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable_error(path, error) from error
    frame = frame.rename(columns={theirs: ours for ours, theirs in names.items()})
    reason = "wrong number of columns"
    refused = (RejectedRows(reason, len(malformed), tuple(malformed[:3])),) if malformed else ()
    return frame.reset_index(drop=True), refused


def _unreadable_error(path: Path, error: Exception) -> InputError:
    reason = str(error).splitlines()[0][:200].rstrip(".") if str(error) else type(error).__name__
    return InputError(
        f"{path} cannot be read as {path.suffix.lower().lstrip('.')}: {reason}."
        " It may be cut off or of another format; export it again as UTF-8 CSV or as Parquet."
    )


def _symbol_of(path: Path) -> str:
    try:
        return parse_symbol(path.stem)
    except InputError as error:
        raise InputError(
            f"it has no symbol column, and its name is no symbol ({path.stem[:40]!r})."
            " Add the column, or name the file as its symbol, such as AAPL.csv."
        ) from error


def _shorten(names: list[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:15])
    return f"{shown} and {len(names) - 15} more" if len(names) > 15 else shown or "none"
