"""Tables with a column a symbol and figure, as yfinance, pandas and spreadsheets write them.

The symbols stand in a header row of their own, or in the columns' names (`KO_Open`, `Open KO`,
`('Open', 'KO')`). `stack_symbols` makes them tables with a column `symbol`.
"""

import re
from collections.abc import Sequence

import pandas as pd

from domain.errors import InputError
from domain.symbols import parse_symbol
from market.imports.number_text import NOTHING, is_number

FIGURES = frozenset({"open", "high", "low", "close", "adj close", "volume"})
_PRICES = frozenset({"open", "high", "low", "close"})
_FIGURE = r"(?P<figure>adj[ _.]*close|open|high|low|close|volume)"
_BETWEEN = r"[\s_.,:|/-]+"
_FIGURE_FIRST = re.compile(rf"{_FIGURE}{_BETWEEN}(?P<symbol>\S+)", re.IGNORECASE)
_SYMBOL_FIRST = re.compile(rf"(?P<symbol>\S+?){_BETWEEN}{_FIGURE}", re.IGNORECASE)
_SIDES = frozenset({"bid", "ask", "mid", "adj", "adjusted", "raw", "unadjusted", "prev", "price"})
"""Words beside a figure that name another thing than a symbol."""


def symbols_above(
    rows: Sequence[Sequence[str]],
) -> tuple[int, tuple[str, ...], tuple[str, ...]] | None:
    """Return the number of header rows, the columns and their symbols where one header row names
    figures and the other symbols; None where there is one header row."""
    if len(rows) < 2 or len(rows[0]) != len(rows[1]) or len(rows[0]) < 5:
        return None
    for figures, symbols in ((rows[0], rows[1]), (rows[1], rows[0])):
        is_figures = all(cell.lower() in FIGURES for cell in figures[1:])
        if is_figures and not any(cell in NOTHING or is_number(cell) for cell in symbols[1:]):
            named = len(rows) > 2 and len(rows[2]) >= 1 and not any(rows[2][1:])
            time = rows[2][0] if named and rows[2][0] else "date"
            return 2 + named, (time, *figures[1:]), ("", *symbols[1:])
    return None


def symbols_in_names(columns: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the columns without symbols, and the symbol of each ("" for those of all, such as the
    date); None where no symbol has all four prices."""
    parts = [_split(column) for column in columns]
    found: dict[str, set[str]] = {}
    for figure, symbol in parts:
        if symbol:
            found.setdefault(symbol, set()).add(figure)
    whole = {symbol for symbol, figures in found.items() if figures >= _PRICES}
    if not whole:
        return None
    names = tuple(
        figure if symbol in whole else column
        for column, (figure, symbol) in zip(columns, parts, strict=True)
    )
    return names, tuple(symbol if symbol in whole else "" for _, symbol in parts)


def _split(column: str) -> tuple[str, str]:
    """Return the figure and the symbol that a column's name holds; both "" for another name."""
    name = re.sub(r"[()'\"]", "", column).strip()
    for pattern in (_FIGURE_FIRST, _SYMBOL_FIRST):
        if (match := pattern.fullmatch(name)) and match["symbol"].lower() not in _SIDES:
            try:
                symbol = parse_symbol(match["symbol"])
            except InputError:
                continue
            figure = match["figure"].lower()
            return ("adj close" if figure.startswith("adj") else figure), symbol
    return "", ""


def stack_symbols(
    frame: pd.DataFrame, names: Sequence[str], symbols: Sequence[str]
) -> pd.DataFrame:
    """Return a table with a column a symbol and figure as one with a column `symbol`.

    `names` and `symbols` are of its columns, in order; those without a symbol are common to all.
    Rows in which a symbol has no figure are left out: its market was closed.
    """
    common = [number for number, symbol in enumerate(symbols) if not symbol]
    parts = []
    for symbol in dict.fromkeys(symbol for symbol in symbols if symbol):
        own = [number for number, name in enumerate(symbols) if name == symbol]
        part = frame.iloc[:, common + own].dropna(how="all", subset=frame.columns[own])
        part.columns = pd.Index([names[number] for number in common + own])
        parts.append(part.assign(symbol=symbol))
    return pd.concat(parts, ignore_index=True)
