"""Two answers of an agent beside each other: where they first differ, to the last bit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from domain.votes import Votes

IndexArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class VoteDifference:
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
) -> VoteDifference | None:
    """Between the first `rows` rows (or the last) of two answers, of `symbols` in either's order.

    Of all fields that differ, the log-odds are named first, then caps, quantiles and reasons.
    """
    cuts = _slice_votes(one, rows, symbols, last), _slice_votes(other, rows, symbols, last)
    if cuts[0].known_at.tolist() != cuts[1].known_at.tolist():
        return VoteDifference("the bars", f"{len(one.known_at)}", f"{len(other.known_at)}")
    for (field, mine), (named, theirs) in zip(*(_fields(cut) for cut in cuts), strict=False):
        if field != named:
            return VoteDifference("the list of its reasons", field, named)
        unequal = _unequal(mine, theirs)
        if unequal.any():
            row, column = np.argwhere(unequal)[0]
            return VoteDifference(
                field, _value_text(mine[row, column]), _value_text(theirs[row, column]),
                symbols[column], _to_datetime(cuts[0].known_at[row]),
                int(unequal.sum()), unequal.size,
            )  # fmt: skip
    return _items_difference(*cuts, symbols)


def first_distant(one: Votes, other: Votes, tolerance: float) -> VoteDifference | None:
    """Return the first cell in which log-odds of the same bars and symbols are further apart than
    `tolerance`, or only one of the two answers votes."""
    mine, theirs = one.log_odds, other.log_odds
    apart = np.isnan(mine) != np.isnan(theirs)
    apart |= np.abs(mine - theirs) > tolerance
    if not apart.any():
        return None
    row, column = np.argwhere(apart)[0]
    return VoteDifference(
        "log-odds", _value_text(mine[row, column]), _value_text(theirs[row, column]),
        one.symbols[column], _to_datetime(one.known_at[row]),
        int(apart.sum()), int((~np.isnan(mine) | ~np.isnan(theirs)).sum()),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _VoteSlice:
    votes: Votes
    rows: slice
    columns: IndexArray
    known_at: NDArray[Any]

    def select(self, values: NDArray[Any]) -> NDArray[Any]:
        return values[self.rows][:, self.columns]


def _slice_votes(votes: Votes, rows: int, symbols: tuple[str, ...], last: bool) -> _VoteSlice:
    columns = np.array([votes.symbols.index(symbol) for symbol in symbols], np.intp)
    bars = len(votes.known_at)
    row_range = slice(bars - rows, bars) if last else slice(0, rows)
    return _VoteSlice(votes, row_range, columns, votes.known_at[row_range])


def _fields(cut: _VoteSlice) -> Iterator[tuple[str, NDArray[Any]]]:
    votes = cut.votes
    yield "log-odds", cut.select(votes.log_odds)
    yield "cap", cut.select(votes.cap)
    if votes.quantile_5 is not None:
        yield "5% quantile", cut.select(votes.quantile_5)
    for evidence in votes.evidence:
        unit = f" [{evidence.unit}]" if evidence.unit else ""
        yield f"{evidence.name}{unit}", cut.select(evidence.value)
        yield f"log-odds of {evidence.name}", cut.select(evidence.log_odds)
    yield (
        "reason for abstaining",
        np.array(votes.abstention_reasons, object)[cut.select(votes.abstention_codes)],
    )
    yield "end of the list", np.zeros((0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class _ItemTable:
    """K single pieces of evidence in order of cell (row times the number of columns, plus
    column)."""

    cell: IndexArray
    name: NDArray[Any]
    value: Floats
    log_odds: Floats

    def text(self, cell: int) -> str:
        found = np.flatnonzero(self.cell == cell).tolist()
        texts = (f"{self.name[k]} ({self.value[k]!r}, {self.log_odds[k]!r})" for k in found)
        return "; ".join(texts) or "none"


def _list_items(cut: _VoteSlice) -> _ItemTable:
    items = cut.votes.item_evidence
    if items is None:
        return _ItemTable(np.empty(0, np.intp), np.empty(0, object), np.empty(0), np.empty(0))
    place = np.full(len(cut.votes.symbols), -1)
    place[cut.columns] = np.arange(len(cut.columns))
    within = (items.row >= cut.rows.start) & (items.row < cut.rows.stop) & (place[items.col] >= 0)
    cell = (items.row - cut.rows.start) * len(cut.columns) + place[items.col]
    order = np.flatnonzero(within)[np.argsort(cell[within], kind="stable")]
    names = np.array(items.names, object)[items.name[order]]
    return _ItemTable(cell[order], names, items.value[order], items.log_odds[order])


def _items_difference(
    one: _VoteSlice, other: _VoteSlice, symbols: tuple[str, ...]
) -> VoteDifference | None:
    mine, theirs = _list_items(one), _list_items(other)
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
    return VoteDifference(
        "what is told of single headlines", mine.text(cell), theirs.text(cell), symbols[column],
        _to_datetime(one.known_at[row]), cells, len(one.known_at) * len(symbols),
    )  # fmt: skip


def _unequal(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    if one.dtype != np.float64:
        return np.asarray(one != other)
    return np.asarray((_bits(one) != _bits(other)) & ~(np.isnan(one) & np.isnan(other)))


def _bits(values: Floats) -> NDArray[np.int64]:
    return np.ascontiguousarray(values).view(np.int64)


def _to_datetime(at: np.datetime64) -> datetime:
    naive: datetime = at.astype("datetime64[us]").item()
    return naive.replace(tzinfo=UTC)


def _value_text(value: Any) -> str:
    if isinstance(value, float):
        return "none" if np.isnan(value) else repr(float(value))
    return str(value) or "none"
