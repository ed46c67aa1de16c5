"""Two answers of an agent beside each other: where they first differ, to the last bit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from domain.votes import Votes

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first of `cells` cells (of `compared`) in which `field` differs: the values in words,
    and the symbol and bar; these are None where the answers differ as a whole."""

    field: str
    one: str
    other: str
    symbol: str | None = None
    at: datetime | None = None
    cells: int = 0
    compared: int = 0


def first_difference(
    one: Votes, other: Votes, rows: int, symbols: tuple[str, ...], *, last: bool = False
) -> Difference | None:
    """Between the first `rows` rows (or the last) of two answers, of `symbols` in either's order.

    Of all fields that differ, the log-odds are named first, then caps, quantiles and reasons.
    """
    cuts = _cut(one, rows, symbols, last), _cut(other, rows, symbols, last)
    if cuts[0].known_at.tolist() != cuts[1].known_at.tolist():
        return Difference("the bars", f"{len(one.known_at)}", f"{len(other.known_at)}")
    for (field, mine), (named, theirs) in zip(*(_fields(cut) for cut in cuts), strict=False):
        if field != named:
            return Difference("the list of its reasons", field, named)
        unequal = _unequal(mine, theirs)
        if unequal.any():
            row, column = np.argwhere(unequal)[0]
            return Difference(
                field, _told(mine[row, column]), _told(theirs[row, column]), symbols[column],
                _moment(cuts[0].known_at[row]),
                int(unequal.sum()), unequal.size,
            )  # fmt: skip
    return _items_differ(*cuts, symbols)


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    votes: Votes
    rows: slice
    columns: Places
    known_at: NDArray[Any]

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        return values[self.rows][:, self.columns]


def _cut(votes: Votes, rows: int, symbols: tuple[str, ...], last: bool) -> _Cut:
    columns = np.array([votes.symbols.index(symbol) for symbol in symbols], np.intp)
    bars = len(votes.known_at)
    kept = slice(bars - rows, bars) if last else slice(0, rows)
    return _Cut(votes, kept, columns, votes.known_at[kept])


def _fields(cut: _Cut) -> Iterator[tuple[str, NDArray[Any]]]:
    votes = cut.votes
    yield "log-odds", cut.of(votes.log_odds)
    yield "cap", cut.of(votes.cap)
    if votes.quantile_5 is not None:
        yield "5% quantile", cut.of(votes.quantile_5)
    for term in votes.terms:
        unit = f" [{term.unit}]" if term.unit else ""
        yield f"{term.name}{unit}", cut.of(term.value)
        yield f"log-odds of {term.name}", cut.of(term.log_odds)
    yield "reason for abstaining", np.array(votes.abstentions, object)[cut.of(votes.silence)]
    yield "end of the list", np.zeros((0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    """K single pieces of evidence in order of cell (row times the number of columns, plus column),
    as told in each."""

    cell: Places
    name: NDArray[Any]
    value: Floats
    log_odds: Floats

    def text(self, cell: int) -> str:
        found = np.flatnonzero(self.cell == cell).tolist()
        told = (f"{self.name[k]} ({self.value[k]!r}, {self.log_odds[k]!r})" for k in found)
        return "; ".join(told) or "none"


def _listed(cut: _Cut) -> _Listed:
    items = cut.votes.items
    if items is None:
        return _Listed(np.empty(0, np.intp), np.empty(0, object), np.empty(0), np.empty(0))
    place = np.full(len(cut.votes.symbols), -1)
    place[cut.columns] = np.arange(len(cut.columns))
    within = (items.row >= cut.rows.start) & (items.row < cut.rows.stop) & (place[items.col] >= 0)
    cell = (items.row - cut.rows.start) * len(cut.columns) + place[items.col]
    order = np.flatnonzero(within)[np.argsort(cell[within], kind="stable")]
    names = np.array(items.names, object)[items.name[order]]
    return _Listed(cell[order], names, items.value[order], items.log_odds[order])


def _items_differ(one: _Cut, other: _Cut, symbols: tuple[str, ...]) -> Difference | None:
    mine, theirs = _listed(one), _listed(other)
    both = min(len(mine.cell), len(theirs.cell))
    unequal = mine.cell[:both] != theirs.cell[:both]
    for name in ("name", "value", "log_odds"):
        unequal |= _unequal(getattr(mine, name)[:both], getattr(theirs, name)[:both])
    if not unequal.any() and len(mine.cell) == len(theirs.cell):
        return None
    first = int(np.argmax(unequal)) if unequal.any() else both
    cell = min(int(each.cell[first]) for each in (mine, theirs) if first < len(each.cell))
    row, column = divmod(cell, len(symbols))
    cells = len(np.unique(mine.cell[:both][unequal])) or 1
    return Difference(
        "what is told of single headlines", mine.text(cell), theirs.text(cell), symbols[column],
        _moment(one.known_at[row]), cells, len(one.known_at) * len(symbols),
    )  # fmt: skip


def _unequal(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    if one.dtype != np.float64:
        return np.asarray(one != other)
    return np.asarray((_bits(one) != _bits(other)) & ~(np.isnan(one) & np.isnan(other)))


def _bits(values: Floats) -> NDArray[np.int64]:
    return np.ascontiguousarray(values).view(np.int64)


def _moment(at: np.datetime64) -> datetime:
    naive: datetime = at.astype("datetime64[us]").item()
    return naive.replace(tzinfo=UTC)


def _told(value: Any) -> str:
    if isinstance(value, float):
        return "none" if np.isnan(value) else repr(float(value))
    return str(value) or "none"
