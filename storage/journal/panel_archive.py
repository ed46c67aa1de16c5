"""Panels stored in pieces named by their content, so that what two panels share is stored once.

Promises that a panel loaded equals the one stored to the last bit, and that its digest depends only
on its content. A piece is one symbol's bars of one year (a month of hourly bars, a day of shorter
ones), a month of news or a year of filings or announcements: from one day to the next only the
newest pieces change. Leaves out when to store: the journal stores one panel a cycle.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, TypeVar, cast

import numpy as np
from sqlalchemy import Connection, select
from sqlmodel import col

from domain.canonical import canonical_bytes, to_json
from domain.errors import VerificationError
from domain.instants import Times
from domain.panel import (
    Earnings,
    EventSource,
    Filings,
    Floats,
    News,
    Panel,
    empty_earnings,
    empty_filings,
    empty_news,
)
from domain.timeframe import Timeframe
from storage import tables
from storage.database import Database, insert_missing

Events = TypeVar("Events", News, Filings, Earnings)
Pieces = dict[str, bytes]
"""Content by digest, before compression."""

_MAX_PARAMETERS = 5_000
"""Digests in one statement; both databases allow more."""


@dataclass(frozen=True, slots=True)
class PanelManifest:
    """A panel with digests in place of arrays. `rows` (times and benchmark) has one a period,
    `bars` one a period for each symbol, `news`, `filings` and `earnings` one a period that has
    any."""

    symbols: tuple[str, ...]
    calendar: str
    timeframe: Timeframe
    horizon: int
    simulated: bool
    unavailable: Mapping[EventSource, Mapping[str, str]]
    rows: tuple[str, ...]
    bars: tuple[tuple[str, ...], ...]
    news: tuple[str, ...]
    filings: tuple[str, ...]
    earnings: tuple[str, ...]

    @property
    def digest(self) -> str:
        """64 hex characters, the identity of the panel's content."""
        return hashlib.sha256(canonical_bytes(self)).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return cast(dict[str, Any], to_json(self))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "PanelManifest":
        digests = {name: tuple(stored[name]) for name in ("rows", "news", "filings", "earnings")}
        return cls(
            **{
                **stored,
                **digests,
                "symbols": tuple(stored["symbols"]),
                "timeframe": Timeframe(stored["timeframe"]),
                "bars": tuple(tuple(symbol) for symbol in stored["bars"]),
            }
        )


class SqlPanelArchive:
    """Reads panels back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, manifest: PanelManifest) -> Panel:
        """Return the panel for which `store_panel` returned the manifest.

        Raises VerificationError if a piece is missing or does not match its digest.
        """
        digests = {*manifest.rows, *manifest.news, *manifest.filings, *manifest.earnings}
        with self._database.reading() as connection:
            pieces = _fetch_pieces(connection, digests.union(*manifest.bars))
        return _assemble_panel(manifest, pieces)


def panel_digest(panel: Panel) -> str:
    """Return 64 hex characters: equal for panels of equal content, whichever are stored."""
    return _split_panel(panel)[0].digest


def store_panel(connection: Connection, panel: Panel) -> PanelManifest:
    """Write the pieces that do not exist yet, inside the caller's transaction."""
    manifest, pieces = _split_panel(panel)
    missing = pieces.keys() - _known_pieces(connection, pieces.keys())
    rows = [{"digest": name, "body": zlib.compress(pieces[name], 1)} for name in sorted(missing)]
    insert_missing(connection, tables.PanelChunkRow, rows)
    return manifest


def _split_panel(panel: Panel) -> tuple[PanelManifest, Pieces]:
    pieces: Pieces = {}

    def put(body: bytes) -> str:
        name = hashlib.sha256(body).hexdigest()
        pieces[name] = body
        return name

    prices = np.stack([panel.open, panel.high, panel.low, panel.close, panel.volume])
    by_symbol = np.ascontiguousarray(prices.transpose(2, 0, 1), "<f8")
    times = panel.known_at.astype("datetime64[us]").astype("<i8")
    benchmark = panel.benchmark.astype("<f8")
    periods = list(_periods(panel.known_at, _BAR_PERIODS.get(panel.timeframe, "D")))
    manifest = PanelManifest(
        symbols=panel.symbols,
        calendar=panel.calendar,
        timeframe=panel.timeframe,
        horizon=panel.horizon,
        simulated=panel.simulated,
        unavailable=panel.unavailable,
        rows=tuple(put(times[rows].tobytes() + benchmark[rows].tobytes()) for rows in periods),
        bars=tuple(tuple(put(bars[:, rows].tobytes()) for rows in periods) for bars in by_symbol),
        news=tuple(map(put, _event_bodies(panel.news, panel.symbols, "M"))),
        filings=tuple(map(put, _event_bodies(panel.filings, panel.symbols, "Y"))),
        earnings=tuple(map(put, _event_bodies(panel.earnings, panel.symbols, "Y"))),
    )
    return manifest, pieces


_BAR_PERIODS = {Timeframe.D1: "Y", Timeframe.H1: "M", Timeframe.M30: "M"}


def _periods(times: Times, unit: str) -> Iterator[slice]:
    """Yield slices of the ordered times that fall into one calendar year, month or day."""
    if len(times):
        period = times.astype(f"datetime64[{unit}]")
        starts = np.flatnonzero(period[1:] != period[:-1]) + 1
        for start, stop in pairwise([0, *starts.tolist(), len(times)]):
            yield slice(start, stop)


def _event_bodies(events: Events, symbols: tuple[str, ...], unit: str) -> Iterator[bytes]:
    """Yield JSON of columns, with names for symbols, so that another watchlist's pieces can be the
    same."""
    for rows in _periods(events.known_at, unit):
        columns = {
            field.name: _plain(getattr(events, field.name)[rows]) for field in fields(events)
        }
        columns["symbol"] = [symbols[k] for k in columns["symbol"]]
        yield json.dumps(columns, separators=(",", ":")).encode("ascii")


def _plain(column: Any) -> list[Any]:
    if not isinstance(column, np.ndarray):
        return list(column)
    if column.dtype.kind == "M":
        column = column.astype("datetime64[us]").astype(np.int64)
    return cast(list[Any], column.tolist())


def _assemble_panel(manifest: PanelManifest, pieces: Pieces) -> Panel:
    known_at, benchmark = _row_columns([pieces[name] for name in manifest.rows])
    prices = np.empty((5, len(known_at), len(manifest.symbols)))
    for column, names in enumerate(manifest.bars):
        if names:
            blocks = [np.frombuffer(pieces[name], "<f8").reshape(5, -1) for name in names]
            prices[:, :, column] = np.concatenate(blocks, axis=1)
    symbols = {symbol: k for k, symbol in enumerate(manifest.symbols)}

    def events(names: tuple[str, ...], nothing: Events) -> Events:
        return _assemble_events([json.loads(pieces[name]) for name in names], nothing, symbols)

    return Panel(
        symbols=manifest.symbols,
        calendar=manifest.calendar,
        timeframe=manifest.timeframe,
        known_at=known_at,
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=prices[4],
        benchmark=benchmark,
        news=events(manifest.news, empty_news()),
        filings=events(manifest.filings, empty_filings()),
        earnings=events(manifest.earnings, empty_earnings()),
        unavailable=manifest.unavailable,
        horizon=manifest.horizon,
        simulated=manifest.simulated,
    )


def _row_columns(bodies: Sequence[bytes]) -> tuple[Times, Floats]:
    halves = [(body[: len(body) // 2], body[len(body) // 2 :]) for body in bodies]
    times = np.frombuffer(b"".join(first for first, _ in halves), "<i8")
    benchmark = np.frombuffer(b"".join(second for _, second in halves), "<f8")
    return times.astype("datetime64[us]"), benchmark.astype(np.float64)


def _assemble_events(
    parts: list[dict[str, list[Any]]], nothing: Events, symbols: Mapping[str, int]
) -> Events:
    columns: dict[str, Any] = {}
    for field in fields(nothing):
        empty = getattr(nothing, field.name)
        values = [value for part in parts for value in part[field.name]]
        if field.name == "symbol":
            values = [symbols[value] for value in values]
        is_array = isinstance(empty, np.ndarray)
        columns[field.name] = np.array(values, empty.dtype) if is_array else tuple(values)
    return type(nothing)(**columns)


def _known_pieces(connection: Connection, names: Iterable[str]) -> set[str]:
    known = col(tables.PanelChunkRow.digest)
    return {
        name
        for some in _batches(names)
        for name in connection.scalars(select(known).where(known.in_(some)))
    }


def _fetch_pieces(connection: Connection, names: set[str]) -> Pieces:
    digests, bodies = col(tables.PanelChunkRow.digest), col(tables.PanelChunkRow.body)
    found = {
        name: body
        for some in _batches(names)
        for name, body in connection.execute(select(digests, bodies).where(digests.in_(some)))
    }
    return {name: _decompress(name, found.get(name)) for name in names}


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(names)
    for start in range(0, len(ordered), _MAX_PARAMETERS):
        yield ordered[start : start + _MAX_PARAMETERS]


def _decompress(name: str, packed: bytes | None) -> bytes:
    try:
        body = None if packed is None else zlib.decompress(packed)
    except zlib.error:
        body = None
    if body is None or hashlib.sha256(body).hexdigest() != name:
        raise VerificationError(
            f"Piece {name[:12]} of the stored panel is missing or damaged. The decision stands as"
            " recorded, but it cannot be recomputed; restore the database from a backup."
        )
    return body
