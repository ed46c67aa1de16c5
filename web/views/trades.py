"""Round trips as they are drawn and counted: lines, totals with their sample, CSV.

Leaves out which of them (`trade_filter.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.trading.lots import Trip
from storage.accounts.trade_notes import LONGEST_TAG, MOST_WORDS
from web import formatting
from web.views.amounts import UNKNOWN, arrow, change, money, percent, share, tone, units_of

CSV_HEAD = (
    "id", "symbol", "side", "units", "opened_at", "closed_at", "entry", "exit", "fees", "profit",
    "share", "days", "tags", "note", "decision", "opening_order", "closing_order",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Totals:
    """Of `count` trips. `hit_rate` is the share that won, `mean` the mean profit as a share of the
    value at entry, `ratio` all that was won over all that was lost; None without a trip behind
    it. `days` is the median time from beginning to end."""

    count: int
    profit: float
    fees: float
    hit_rate: float | None
    mean: float | None
    ratio: float | None
    days: float | None


@dataclass(frozen=True, slots=True)
class TotalLine:
    label: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class TripLine:
    """`note_text` and `tag_text` are as they were typed, to be edited."""

    id: str
    slug: str
    symbol: str
    side: str
    units: str
    entry: str
    exit: str
    opened_at: datetime
    closed_at: datetime
    days: str
    fees: str
    profit: str
    share: str
    tone: str
    icon: str
    word: str
    note: str
    tags: tuple[str, ...]
    note_text: str
    tag_text: str
    decision_url: str
    orders: tuple[str, str]


def totals(trips: Sequence[Trip]) -> Totals:
    won = sum(trip.profit for trip in trips if trip.profit > 0)
    lost = -sum(trip.profit for trip in trips if trip.profit < 0)
    count = len(trips)
    days = sorted(_days(trip) for trip in trips)
    return Totals(
        count=count,
        profit=sum(trip.profit for trip in trips),
        fees=sum(trip.fees for trip in trips),
        hit_rate=sum(trip.profit > 0 for trip in trips) / count if count else None,
        mean=sum(trip.share for trip in trips) / count if count else None,
        ratio=won / lost if lost > 0 else None,
        days=(days[(count - 1) // 2] + days[count // 2]) / 2 if count else None,
    )


def total_lines(told: Totals, currency: str) -> tuple[TotalLine, ...]:
    n = f"n {told.count}"
    return (
        TotalLine("Round trips", f"{told.count:,}", "first in, first out"),
        TotalLine("Profit", change(told.profit), f"{currency}, after fees", tone(told.profit)),
        TotalLine("Hit rate", percent(told.hit_rate), f"{_margin(told)}{n}"),
        TotalLine(
            "Mean profit", share(told.mean), f"of the value at entry, {n}", tone(told.mean, 5e-5)
        ),
        TotalLine(
            "Won for each lost",
            UNKNOWN if told.ratio is None else f"{told.ratio:,.2f}",
            f"profit factor, {n}",
        ),
        TotalLine("Held", UNKNOWN if told.days is None else _held(told.days), f"median, {n}"),
    )


def trip_lines(trips: Sequence[Trip]) -> tuple[TripLine, ...]:
    return tuple(map(_trip_line, trips))


def csv_lines(trips: Sequence[Trip]) -> Iterator[Sequence[object]]:
    """A line a trip, as `CSV_HEAD` names its columns."""
    return map(_row, trips)


def _row(trip: Trip) -> list[object]:
    return [
        trip.id,
        trip.symbol,
        _side(trip),
        abs(trip.units),
        formatting.iso(trip.opened_at),
        formatting.iso(trip.closed_at),
        trip.entry,
        trip.exit,
        trip.fees,
        trip.profit,
        trip.share,
        round(_days(trip), 4),
        "; ".join(trip.tags),
        trip.note,
        trip.receipt,
        *trip.orders,
    ]


def _trip_line(trip: Trip) -> TripLine:
    shown = tone(trip.profit)
    return TripLine(
        id=trip.id,
        slug=formatting.slug(trip.id),
        symbol=trip.symbol,
        side=_side(trip),
        units=units_of(abs(trip.units)),
        entry=formatting.price(trip.entry),
        exit=formatting.price(trip.exit),
        opened_at=trip.opened_at,
        closed_at=trip.closed_at,
        days=_held(_days(trip)),
        fees=money(trip.fees),
        profit=change(trip.profit),
        share=share(trip.share),
        tone=shown,
        icon=arrow(shown),
        word={"up": "Won", "down": "Lost"}.get(shown, "Even"),
        note=formatting.line(trip.note, MOST_WORDS),
        tags=tuple(formatting.line(tag, LONGEST_TAG) for tag in trip.tags),
        note_text=trip.note,
        tag_text=", ".join(trip.tags),
        decision_url=f"/decisions/{trip.receipt}" if trip.receipt else "",
        orders=trip.orders,
    )


def _side(trip: Trip) -> str:
    return "long" if trip.units > 0 else "short"


def _days(trip: Trip) -> float:
    return (trip.closed_at - trip.opened_at).total_seconds() / 86_400


def _held(days: float) -> str:
    return f"{days:,.0f} days" if days >= 2 else f"{days * 24:,.0f} h"


def _margin(told: Totals) -> str:
    """Wilson's 90% interval of the hit rate: the honest width of a small sample.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if told.hit_rate is None:
        return ""
    n, p, z = told.count, told.hit_rate, 1.6449
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return f"{formatting.percent(middle - reach, 0)} to {formatting.percent(middle + reach, 0)} %, "
