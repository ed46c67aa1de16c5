"""Reads the text of a CSV file as people have them: where its table begins, and in which columns.

Understood are commas, semicolons, tabs and bars between cells, decimal commas, lines before the
header (an address, a title), files without a header (klines), and two header rows with a symbol
over each column (`wide_tables.py`). Everything comes back as text or numbers in columns; leaves out
what the columns mean (`schema_detection.py`).
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
from market.imports.number_text import find_decimal_point, is_number, read_numbers, with_points
from market.imports.wide_tables import symbols_above

DELIMITERS = (",", ";", "\t", "|")
SAMPLED_LINES = 60
KLINE_COLUMNS = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
"""The columns of exchanges' kline files, which have no header; some have only the first six."""
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
    decimal_point = find_decimal_point((cell for row in below for cell in row), delimiter)
    if symbols := symbols_above(rows[first : first + 3]):
        headers, columns, names = symbols
        return TextLayout(delimiter, decimal_point, first + headers, columns, names)
    header = rows[first]
    if shorter := _shorter_header(rows, first):
        return TextLayout(delimiter, decimal_point, first, shorter)
    if _is_data(header):
        columns = _kline_columns(header)
        data = pd.DataFrame([row for row in rows[first:] if len(row) == len(header)])
        _refuse_other_order(data.set_axis(columns, axis=1), decimal_point)
        return TextLayout(delimiter, decimal_point, first, columns)
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
    texts = {
        column for column, name in zip(columns, layout.columns, strict=True) if name in text_columns
    }
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
            column_types=dict.fromkeys(texts, pa.string()),
        ),
    )
    frame = table.to_pandas(date_as_object=False)
    if layout.decimal_point == ",":
        frame = frame.apply(lambda column: column if column.name in texts else with_points(column))
    frame.columns = pd.Index(layout.columns)
    return frame, malformed


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


def _shorter_header(rows: Sequence[Sequence[str]], first: int) -> tuple[str, ...]:
    """Return the header above a first line of data that is a cell longer: each line ends with a
    delimiter, or begins with a number that has no name; () where there is none. Raises InputError
    where lines are longer by more: commas inside their numbers."""
    headers = (row for row in rows[:first] if len(row) > 4 and not any(map(is_number, row)))
    header, width = next(headers, ()), len(rows[first])
    if not header or not _is_data(rows[first]):
        return ()
    if len(header) != width - 1:
        raise InputError(
            f"its header has {len(header)} columns and its lines {width} cells, such as"
            f" {','.join(rows[first])[:80]!r}. Export it again without separators of thousands."
        )
    return ("", *header) if rows[first][-1] else (*header, "")


def _is_data(row: Sequence[str]) -> bool:
    """Return whether a first row holds figures already."""
    return sum(map(is_number, row)) >= 4


def _refuse_other_order(cells: pd.DataFrame, decimal_point: str) -> None:
    """Raise InputError where the columns of a file without a header cannot be what they are taken
    for, since the high is not the highest price or the low not the lowest."""
    prices = cells[["open", "high", "low", "close"]]
    if decimal_point == ",":
        prices = prices.apply(with_points)
    prices = prices.apply(read_numbers).dropna()
    others = prices[["open", "close"]]
    wrong = (prices["high"] < others.max(axis=1)) | (prices["low"] > others.min(axis=1))
    if wrong.mean() > 0.2:
        raise InputError(
            f"it has no header, and its columns are not {', '.join(cells.columns[:6])}, as the high"
            " is below other prices. Write a first line that names the columns."
        )


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
