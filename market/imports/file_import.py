"""Import of a table's file into the store, whole or not at all.

The columns determine what a file contains (`market/imports/schema_detection.py`);
`market/imports/normalise.py` decides which rows are valid. A stored fact is never changed silently:
a file that contradicts stored facts is refused unless the caller asks to replace them. Leaves out
folders (`market/imports/batch_import.py`), spreadsheets and the network.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from domain.errors import InputError
from domain.store_reports import WriteReport
from domain.symbols import calendar_note, calendar_of, parse_symbol
from domain.timeframe import Timeframe
from market.imports.file_symbols import are_tickers, is_in_full, symbol_of_file
from market.imports.normalise import NO_OPTIONS, ReadingOptions, RejectedRows, normalise
from market.imports.schema_detection import (
    ACCEPTED_COLUMNS,
    NAME,
    TableKind,
    detect_schema,
    fold,
)
from market.imports.table_files import read_raw_table
from market.provider import Progress
from market.quality.review import review_bars
from market.store import MarketDataStore

CHUNK = 50_000
ALL_TIME = datetime(2200, 1, 1, tzinfo=UTC)
PREVIEWED_ROWS = 10


@dataclass(frozen=True, slots=True, eq=False)
class ParsedTable:
    """A file's valid rows: a sorted frame with a `symbol` column; `rows` is how many were read.
    `zone` names that of its times for people, `is_adjusted` says whether bars have an adjusted
    close of their own."""

    path: Path
    kind: TableKind
    timeframe: Timeframe | None
    frame: pd.DataFrame
    rows: int
    refused: tuple[RejectedRows, ...]
    zone: str
    is_adjusted: bool


@dataclass(frozen=True, slots=True, eq=False)
class TablePreview:
    """How a table is understood, before it is stored: calendars by symbol, the zone of its times,
    what the adjusted close is, and the first rows."""

    calendars: dict[str, str]
    zone: str
    adjustment: str
    rows: pd.DataFrame


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of importing one file. Counts are of rows; `span` is its first and last instant.

    `refused_because` is the reason why nothing of the file was stored; None if it was stored.
    `notes` say of its bars what was understood and which are left out. A report with a `preview` is
    of a file that was only looked at: it says what would have been stored.
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
    preview: TablePreview | None = None


class _OnlyLookedError(Exception):
    """Undoes a dry run."""


def import_file(
    path: Path,
    store: MarketDataStore,
    *,
    market: str = "files",
    options: ReadingOptions = NO_OPTIONS,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda *_: None,
) -> ImportReport:
    """Store a file in one transaction; with `dry_run` undo it, and report what it would have done
    with a preview.

    `progress` is called with the file's name, rows done and rows in all. Raises InputError as
    `read_table` does, and without `replace` for a file that contradicts stored facts.
    """
    table = read_table(path, options)
    with suppress(_OnlyLookedError), store.transaction():
        report = _import(table, store, market, replace, progress)
        if dry_run:
            report = dataclasses.replace(report, preview=_preview(table))
            raise _OnlyLookedError
    return report


def _preview(table: ParsedTable) -> TablePreview:
    rows = table.frame.head(PREVIEWED_ROWS)
    rows = rows[["symbol", *rows.columns.drop("symbol")]]
    adjustment = "the table's own adjusted close"
    if table.kind is TableKind.BARS and not table.is_adjusted:
        adjustment = "no adjusted close: the close is taken for it"
        rows = rows.drop(columns="adj_close")
    return TablePreview(
        calendars={symbol: _calendar(symbol) for symbol in table.frame["symbol"].unique()},
        zone="dates as written" if table.timeframe is Timeframe.D1 else table.zone,
        adjustment=adjustment if table.kind is TableKind.BARS else "",
        rows=rows,
    )


def _calendar(symbol: str) -> str:
    calendar = calendar_of(symbol)
    return f"{calendar}, assumed" if calendar_note(symbol) else calendar


def read_table(path: Path, options: ReadingOptions = NO_OPTIONS) -> ParsedTable:
    """Read the valid rows of a file.

    Raises InputError, naming the file, the problem and the remedy, where it is not a table that
    Quorum knows or more than a fifth of its rows are bad.
    """
    try:
        raw = read_raw_table(path)
        columns = [str(name) for name in raw.frame.columns]
        recognised = detect_schema(columns)
        if recognised is None:
            raise InputError(
                f"its columns are {_shorten(columns)}. Quorum takes tables with the columns of"
                f" {ACCEPTED_COLUMNS}; rename yours."
            )
        kind, names = recognised
        named_by = names.get("symbol")
        if named_by and fold(named_by) == NAME and not are_tickers(raw.frame[named_by]):
            del names["symbol"]
        frame = pd.DataFrame({ours: raw.frame[theirs] for ours, theirs in names.items()})
        if frame.empty:
            raise InputError("it has no rows. Export it again.")
        frame["symbol"] = _symbols(frame, options.symbol, raw.stem)
        malformed: tuple[RejectedRows, ...] = ()
        if raw.malformed:
            reason = "wrong number of columns"
            malformed = (RejectedRows(reason, len(raw.malformed), raw.malformed[:3]),)
        table = normalise(kind, frame, malformed, options)
    except InputError as error:
        message = str(error)
        if not message.startswith(str(path)):
            message = f"{path} cannot be imported: {message}"
        raise InputError(message) from error
    return ParsedTable(
        path=path,
        kind=kind,
        timeframe=table.timeframe,
        frame=table.frame,
        rows=len(frame) + len(raw.malformed),
        refused=table.rejected,
        zone=table.zone,
        is_adjusted="adj_close" in frame,
    )


def _symbols(frame: pd.DataFrame, named: str | None, stem: str) -> "pd.Series[str] | str":
    """Return the symbol of each row: the table's own, the one that is named, or the file's name."""
    if "symbol" not in frame:
        return symbol_of_file(stem) if named is None else parse_symbol(named)
    if named is None:
        return frame["symbol"]
    own = frame["symbol"].dropna().unique()
    symbol = parse_symbol(named)
    if len(own) == 1 and is_in_full(symbol, parse_symbol(str(own[0]))):
        return symbol
    if any(parse_symbol(str(each)) != symbol for each in own):
        raise InputError(
            f"it has a column of symbols ({_shorten([str(each) for each in own])}), so --symbol"
            f" {named} cannot be meant. Leave it out."
        )
    return symbol


def _import(
    table: ParsedTable, store: MarketDataStore, market: str, replace: bool, progress: Progress
) -> ImportReport:
    reports: list[WriteReport] = []
    conflicts: dict[str, int] = {}
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
        reviewed = review_bars(store, market, sorted(conflicts), table.timeframe, ALL_TIME)
        notes = (*_calendar_notes(conflicts), *reviewed)
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
        span=_span(table),
        notes=notes,
    )


def _calendar_notes(symbols: Iterable[str]) -> Iterator[str]:
    for symbol in symbols:
        if note := calendar_note(symbol):
            yield f"{symbol}: {note}."


def _span(table: ParsedTable) -> tuple[datetime, datetime]:
    times = table.frame["at" if table.kind is TableKind.BARS else "known_at"]
    return times.min().to_pydatetime(), times.max().to_pydatetime()


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


def _shorten(names: list[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:15])
    return f"{shown} and {len(names) - 15} more" if len(names) > 15 else shown or "none"
