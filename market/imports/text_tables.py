"""Reads the text of a CSV file as people have them: where its table begins, and in which columns.

Understood are commas, semicolons, tabs and bars between cells, decimal commas where cells are not
separated by commas, lines before the header (an address, a title), files without a header (klines),
and two header rows with a symbol over each column, as yfinance writes them. Everything comes back
as text or numbers in columns; leaves out what the columns mean (`schema_detection.py`).
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv

from domain.errors import InputError

DELIMITERS = (",", ";", "\t", "|")
SAMPLED_LINES = 60
KLINE_COLUMNS = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
"""The columns of exchanges' kline files, which have no header; some have only the first six."""
PRICE_NAMES = frozenset({"open", "high", "low", "close", "adj close", "volume"})
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How a text is to be read: the cells' delimiter and decimal point, lines before the data, and
    the columns. `symbols` names the symbol of each column where two header rows do, else is
    empty."""

    delimiter: str
    decimal_point: str
    skipped_lines: int
    columns: tuple[str, ...]
    symbols: tuple[str, ...] = ()


def find_layout(text: str) -> TextLayout:
    """Return the layout of a CSV's text. Raises InputError for an empty one, and for one without a
    header whose columns cannot be told."""
    lines = text.split("\n", SAMPLED_LINES)[:SAMPLED_LINES]
    if not any(line.strip() for line in lines):
        raise InputError("it is empty. Export it again.")
    delimiter = _find_delimiter(lines)
    rows = [_cells(line, delimiter) for line in lines]
    first = _first_row(rows)
    below = [row for row in rows[first + 1 :] if len(row) > 1]
    decimal_point = "."
    if delimiter != "," and any(_DECIMAL_COMMA.fullmatch(cell) for row in below for cell in row):
        decimal_point = ","
    if symbols := _symbols_above(rows[first : first + 3]):
        headers, columns, names = symbols
        return TextLayout(delimiter, decimal_point, first + headers, columns, names)
    header = rows[first]
    if _is_data(header):
        return TextLayout(delimiter, decimal_point, first, _kline_columns(header))
    return TextLayout(delimiter, decimal_point, first + 1, tuple(header))


def read_text(
    text: str, layout: TextLayout, text_columns: frozenset[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table, columns in `text_columns` as text, and the lines of another width, each
    described. Raises pyarrow's errors for what is no table."""
    malformed: list[str] = []
    if text.count("\n", 0, len(text) - 1) < layout.skipped_lines:
        return pd.DataFrame(columns=list(layout.columns)), malformed

    def skip(row: arrow_csv.InvalidRow) -> str:
        malformed.append(f"row {row.number}: {row.actual_columns} of {row.expected_columns}")
        return "skip"

    columns = [f"{number}" for number in range(len(layout.columns))]
    table = arrow_csv.read_csv(
        io.BytesIO(text.encode()),
        read_options=arrow_csv.ReadOptions(
            use_threads=False, column_names=columns, skip_rows=layout.skipped_lines
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=layout.delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=arrow_csv.ConvertOptions(
            decimal_point=layout.decimal_point,
            column_types={
                column: pa.string()
                for column, name in zip(columns, layout.columns, strict=True)
                if name in text_columns
            },
        ),
    )
    frame = table.to_pandas(date_as_object=False)
    frame.columns = pd.Index(layout.columns)
    return frame, malformed


def stack_symbols(frame: pd.DataFrame, layout: TextLayout) -> pd.DataFrame:
    """Return a table with a column a symbol and figure as one with a column `symbol`."""
    time = frame.iloc[:, 0]
    parts = []
    for symbol in dict.fromkeys(name for name in layout.symbols if name):
        own = [number for number, name in enumerate(layout.symbols) if name == symbol]
        part = frame.iloc[:, own].copy()
        part.insert(0, frame.columns[0], time)
        parts.append(part.assign(symbol=symbol).dropna(how="all", subset=list(part.columns[1:])))
    return pd.concat(parts, ignore_index=True)


def _find_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that most lines have equally often, at least four times."""

    def score(delimiter: str) -> tuple[int, int]:
        widths = [len(_cells(line, delimiter)) for line in lines if line.strip()]
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        return (widths.count(usual) if usual > 3 else 0, usual)

    return max(DELIMITERS, key=score)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _first_row(rows: Sequence[Sequence[str]]) -> int:
    """Return the number of the first line of the table: the first as wide as most are."""
    widths = [len(row) for row in rows if len(row) > 1]
    if not widths:
        return 0
    usual = max(set(widths), key=lambda width: (widths.count(width), width))
    return next(number for number, row in enumerate(rows) if len(row) == usual)


def _symbols_above(
    rows: Sequence[Sequence[str]],
) -> tuple[int, tuple[str, ...], tuple[str, ...]] | None:
    """Return the number of header rows, the columns and their symbols where one header row names
    figures and the other symbols; None where there is one header row."""
    if len(rows) < 2 or len(rows[0]) != len(rows[1]) or len(rows[0]) < 5:
        return None
    for figures, symbols in ((rows[0], rows[1]), (rows[1], rows[0])):
        is_figures = all(cell.lower() in PRICE_NAMES for cell in figures[1:])
        if is_figures and not any(_NUMBER.fullmatch(cell) for cell in symbols[1:]):
            named = len(rows) > 2 and len(rows[2]) >= 1 and not any(rows[2][1:])
            time = rows[2][0] if named and rows[2][0] else "date"
            return 2 + named, (time, *figures[1:]), ("", *symbols[1:])
    return None


def _is_data(row: Sequence[str]) -> bool:
    """Return whether a first row holds figures already."""
    return sum(bool(_NUMBER.fullmatch(cell)) for cell in row) >= 4


def _kline_columns(row: Sequence[str]) -> tuple[str, ...]:
    columns: tuple[str, ...] = KLINE_COLUMNS
    if len(row) > 6 and _TIME_OF_DAY.fullmatch(row[1]):
        columns = ("date", "time", *KLINE_COLUMNS[1:])
    if len(row) < 6:
        raise InputError(
            f"it has no header, and {len(row)} columns without names cannot be told apart. Write a"
            " first line such as date,open,high,low,close,volume."
        )
    return (*columns[: len(row)], *(f"column_{n}" for n in range(len(columns), len(row))))
