"""Tables of figures and lists of facts, as pages and tear sheets draw them."""

from dataclasses import dataclass

from research.report.formatting import FormattedFigure


@dataclass(frozen=True, slots=True)
class FigureRow:
    """`url` leads to what the line is of, `hint` says what it means; empty where there is none."""

    name: str
    cells: tuple[FormattedFigure, ...]
    url: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class FigureTable:
    """A table of figures: `row_header` heads the names of its lines, `note` is a sentence on how to
    read it."""

    title: str
    row_header: str
    heads: tuple[str, ...]
    lines: tuple[FigureRow, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class LabelledValue:
    """`hint` is a sentence on what it means, empty where the name says it."""

    name: str
    value: str
    hint: str = ""
