"""Round trips as pages draw and count them: lines, totals with their sample size, CSV.

Leaves out which trips are shown (`trade_filter.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.trading.lots import RoundTrip
from storage.accounts.trade_notes import MAX_NOTE_LENGTH, MAX_TAG_LENGTH
from web import formatting
from web.components.amounts import (
    UNKNOWN,
    arrow_icon,
    format_quantity,
    money,
    money_tone,
    percent,
    signed_money,
    signed_percent,
)

CSV_COLUMNS = (
    "id", "symbol", "side", "units", "opened_at", "closed_at", "entry", "exit", "fees", "profit",
    "share", "days", "tags", "note", "decision", "opening_order", "closing_order",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TradeTotals:
    """Totals of `count` trips. `hit_rate` is the share of winners, `mean` the mean profit as a
    share of the value at entry, `ratio` the profit factor (all gains over all losses); None without
    a trip to compute it from. `days` is the median holding time."""

    count: int
    profit: float
    fees: float
    hit_rate: float | None
    mean: float | None
    ratio: float | None
    days: float | None


@dataclass(frozen=True, slots=True)
class TradeTotalLine:
    label: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class RoundTripLine:
    """`note_text` and `tag_text` are as typed, to be edited."""

    id: str
    slug: str
    symbol: str
    side: str
    quantity: str
    entry: str
    exit: str
    opened_at: datetime
    closed_at: datetime
    holding_period: str
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


def trade_totals(round_trips: Sequence[RoundTrip]) -> TradeTotals:
    won = sum(trip.profit for trip in round_trips if trip.profit > 0)
    lost = -sum(trip.profit for trip in round_trips if trip.profit < 0)
    count = len(round_trips)
    days = sorted(_days(trip) for trip in round_trips)
    return TradeTotals(
        count=count,
        profit=sum(trip.profit for trip in round_trips),
        fees=sum(trip.fees for trip in round_trips),
        hit_rate=sum(trip.profit > 0 for trip in round_trips) / count if count else None,
        mean=sum(trip.return_fraction for trip in round_trips) / count if count else None,
        ratio=won / lost if lost > 0 else None,
        days=(days[(count - 1) // 2] + days[count // 2]) / 2 if count else None,
    )


def trade_total_lines(totals: TradeTotals, currency: str) -> tuple[TradeTotalLine, ...]:
    n = f"n {totals.count}"
    return (
        TradeTotalLine("Round trips", f"{totals.count:,}", "first in, first out"),
        TradeTotalLine(
            "Profit",
            signed_money(totals.profit),
            f"{currency}, after fees",
            money_tone(totals.profit),
        ),
        TradeTotalLine("Hit rate", percent(totals.hit_rate), f"{_hit_rate_interval(totals)}{n}"),
        TradeTotalLine(
            "Mean profit",
            signed_percent(totals.mean),
            f"of the value at entry, {n}",
            formatting.tone(totals.mean, 5e-5),
        ),
        TradeTotalLine(
            "Won for each lost",
            UNKNOWN if totals.ratio is None else f"{totals.ratio:,.2f}",
            f"profit factor, {n}",
        ),
        TradeTotalLine(
            "Held", UNKNOWN if totals.days is None else _format_days(totals.days), f"median, {n}"
        ),
    )


def round_trip_lines(round_trips: Sequence[RoundTrip]) -> tuple[RoundTripLine, ...]:
    return tuple(map(_round_trip_line, round_trips))


def csv_rows(round_trips: Sequence[RoundTrip]) -> Iterator[Sequence[object]]:
    """Yield one row per trip, with the columns of `CSV_COLUMNS`."""
    return map(_csv_row, round_trips)


def _csv_row(round_trip: RoundTrip) -> list[object]:
    return [
        round_trip.id,
        round_trip.symbol,
        _direction(round_trip),
        abs(round_trip.quantity),
        formatting.iso(round_trip.opened_at),
        formatting.iso(round_trip.closed_at),
        round_trip.entry_price,
        round_trip.exit_price,
        round_trip.fees,
        round_trip.profit,
        round_trip.return_fraction,
        round(_days(round_trip), 4),
        "; ".join(round_trip.tags),
        round_trip.note,
        round_trip.receipt,
        *round_trip.order_ids,
    ]


def _round_trip_line(round_trip: RoundTrip) -> RoundTripLine:
    shown = money_tone(round_trip.profit)
    return RoundTripLine(
        id=round_trip.id,
        slug=formatting.slug(round_trip.id),
        symbol=round_trip.symbol,
        side=_direction(round_trip),
        quantity=format_quantity(abs(round_trip.quantity)),
        entry=formatting.price(round_trip.entry_price),
        exit=formatting.price(round_trip.exit_price),
        opened_at=round_trip.opened_at,
        closed_at=round_trip.closed_at,
        holding_period=_format_days(_days(round_trip)),
        fees=money(round_trip.fees),
        profit=signed_money(round_trip.profit),
        share=signed_percent(round_trip.return_fraction),
        tone=shown,
        icon=arrow_icon(shown),
        word={"up": "Won", "down": "Lost"}.get(shown, "Even"),
        note=formatting.single_line(round_trip.note, MAX_NOTE_LENGTH),
        tags=tuple(formatting.single_line(tag, MAX_TAG_LENGTH) for tag in round_trip.tags),
        note_text=round_trip.note,
        tag_text=", ".join(round_trip.tags),
        decision_url=f"/decisions/{round_trip.receipt}" if round_trip.receipt else "",
        orders=round_trip.order_ids,
    )


def _direction(round_trip: RoundTrip) -> str:
    return "long" if round_trip.quantity > 0 else "short"


def _days(round_trip: RoundTrip) -> float:
    return (round_trip.closed_at - round_trip.opened_at).total_seconds() / 86_400


def _format_days(days: float) -> str:
    return f"{days:,.0f} days" if days >= 2 else f"{days * 24:,.0f} h"


def _hit_rate_interval(totals: TradeTotals) -> str:
    """Format Wilson's 90% interval of the hit rate, which shows how little a small sample tells.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if totals.hit_rate is None:
        return ""
    n, p, z = totals.count, totals.hit_rate, 1.6449
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    low, high = (formatting.percent_number(end, 0) for end in (middle - reach, middle + reach))
    return f"{low} to {high} %, "
