"""Reads numbers as tables write them: `1,234.5`, `1.234,5`, `1'234.50`, `$99.50`, `1.2M`.

Leaves out times, which look like numbers at times (`timestamps.py`).
"""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from domain.errors import InputError

NOTHING = frozenset({
    "", "-", "--", "null", "Null", "NULL", "nan", "NaN", "None", "none", "N/A", "n/a", "#N/A",
    "<NA>",
})  # fmt: skip
"""Cells that hold nothing. `NAN` and `NA` are symbols of shares."""
_LETTERS = {"K": 1e3, "M": 1e6, "B": 1e9}
_CURRENCY = r"(?:[$€£¥]|USDT?|EUR|GBP|CHF|JPY)"
_AROUND = re.compile(rf"^\s*([+-]?)\s*{_CURRENCY}?\s*|\s*{_CURRENCY}?\s*$")
_GROUPED = r"[+-]?\d{1,3}(?:[,'’\s]\d{3})+(?:\.\d+)?[KMB]?"
_COMMA_FOR_POINT = r"[+-]?(?:\d+|\d{1,3}(?:[.'’\s]\d{3})+)(?:,\d+)?[KMB]?"
_NUMBER = re.compile(
    rf"{_CURRENCY}?\s*[+-]?(?:\d+|\d{{1,3}}(?:[.,'’\s]\d{{3}})+)(?:[.,]\d+)?(?:[eE][+-]?\d+)?"
    rf"[KMB%]?\s*{_CURRENCY}?"
)
_ANY_COMMA = re.compile(r"[+-]?\d+,\d+")
_ANY_POINT = re.compile(r"[+-]?\d+\.\d+")


def _decimals(point: str, group: str) -> re.Pattern[str]:
    """Return the pattern of numbers in which `point` cannot separate thousands."""
    return re.compile(
        rf"[+-]?(?:\d+{point}(?:\d{{1,2}}|\d{{4,}})|(?:0|\d{{4,}}){point}\d{{3}}"
        rf"|\d{{1,3}}(?:[{group}'’\s]\d{{3}})+{point}\d+)"
    )


_SEVERAL_GROUPS = re.compile(r"[+-]?\d{1,3}(?:,\d{3}){2,}")
_DECIMAL_COMMA = _decimals(",", ".")
_DECIMAL_POINT = _decimals(r"\.", ",")


def is_number(cell: str) -> bool:
    """Return whether a cell holds a number, whatever its separators and its currency."""
    return bool(_NUMBER.fullmatch(cell))


def find_decimal_point(cells: Iterable[str], delimiter: str) -> str:
    """Return the decimal point, `.` or `,`, of most cells.

    `1,234` is decimal where commas do not separate cells. Where they do, and no cell shows what
    commas and points mean, raises InputError.
    """
    cells = [_AROUND.sub(r"\1", cell) for cell in cells]
    commas = sum(bool(_DECIMAL_COMMA.fullmatch(cell)) for cell in cells)
    points = sum(bool(_DECIMAL_POINT.fullmatch(cell)) for cell in cells)
    if commas == points == 0 and delimiter != ",":
        commas = sum(bool(_ANY_COMMA.fullmatch(cell)) for cell in cells)
    elif commas == points == 0 and not any(_SEVERAL_GROUPS.fullmatch(cell) for cell in cells):
        doubtful = next((cell for cell in cells if _ANY_COMMA.fullmatch(cell)), None)
        if doubtful and not any(_ANY_POINT.fullmatch(cell) for cell in cells):
            raise InputError(
                f"its numbers, such as {doubtful}, may have decimals or thousands after the comma."
                f" Write {doubtful.replace(',', '.')} or {doubtful.replace(',', '')}."
            )
    return "," if commas > points else "."


def with_points(column: pd.Series) -> pd.Series:
    """Return text with decimal commas (`1.234,5`) as text with decimal points (`1234.5`); what is
    no such number stays as it is, and so do other columns."""
    if not pd.api.types.is_string_dtype(column.dtype):
        return column
    text = column.str.replace(_AROUND, r"\1", regex=True)
    plain = text.str.replace(r"[.'’\s]", "", regex=True).str.replace(",", ".", regex=False)
    is_comma = text.str.fullmatch(_COMMA_FOR_POINT).fillna(False).astype(bool)
    return column.where(~is_comma, plain)


def read_numbers(column: pd.Series) -> pd.Series:
    """Return `column` as float64, NaN for anything but a finite number."""
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    unread = numbers.isna() & column.notna()
    if unread.any():
        text = column[unread].astype("str").str.replace(_AROUND, r"\1", regex=True)
        grouped = text.str.replace(r"[,'’\s]", "", regex=True)
        text = text.where(~text.str.fullmatch(_GROUPED), grouped)
        scale = text.str[-1:].map(_LETTERS)
        text = text.where(scale.isna(), text.str[:-1])
        numbers[unread] = pd.to_numeric(text, errors="coerce") * scale.fillna(1.0)
    return numbers.where(np.isfinite(numbers))


def is_empty(column: pd.Series) -> bool:
    """Return whether no cell of a column holds anything."""
    return bool((column.isna() | column.astype("str").str.strip().isin(NOTHING)).all())
