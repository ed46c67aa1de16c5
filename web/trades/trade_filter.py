"""The filter of the trades journal, as its URL spells it, and the tags that people type."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date
from urllib.parse import urlencode

from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.trading.lots import RoundTrip

RESULTS = {"": "All", "won": "Won", "lost": "Lost"}


@dataclass(frozen=True, slots=True)
class TradeFilter:
    """A filter of closed round trips. `since` and `until` are days on which a trip ended, both
    included."""

    symbol: str = ""
    result: str = ""
    tag: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_active(self) -> bool:
        return self != TradeFilter()

    @property
    def description(self) -> str:
        """The filter in words, for the printed page."""
        parts = (
            self.symbol,
            RESULTS[self.result].lower() if self.result else "",
            f"tagged {self.tag}" if self.tag else "",
            f"ended from {self.since}" if self.since else "",
            f"ended to {self.until}" if self.until else "",
        )
        return ", ".join(filter(None, parts))

    def matches(self, trip: RoundTrip) -> bool:
        day = trip.closed_at.astimezone(UTC).date()
        return (
            self.symbol in ("", trip.symbol)
            and (not self.result or (trip.profit > 0) is (self.result == "won"))
            and (not self.tag or self.tag in trip.tags)
            and (self.since is None or self.since <= day)
            and (self.until is None or day <= self.until)
        )

    def url(self, path: str, **more: str) -> str:
        parameters = {
            "symbol": self.symbol,
            "result": self.result,
            "tag": self.tag,
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            **more,
        }
        query = urlencode({name: value for name, value in parameters.items() if value})
        return f"{path}?{query}" if query else path


def parse_trade_filter(symbol: str, result: str, tag: str, since: str, until: str) -> TradeFilter:
    """Parse the filter from the parameters of a URL.

    Raises InputError with the field, its value and what would be accepted.
    """
    if result not in RESULTS:
        raise InputError(
            f"Result: {result[:40]!r} is none. Choose {', '.join(filter(None, RESULTS))}, or "
            "leave it out for all."
        )
    begin, end = _parse_date("From", since), _parse_date("To", until)
    if begin and end and end < begin:
        raise InputError(f"The period ends ({end}) before it begins ({begin}). Exchange the dates.")
    name = parse_symbol(symbol) if symbol.strip() else ""
    return TradeFilter(name, result, tag.strip(), begin, end)


def parse_tags(parts: Iterable[str]) -> tuple[str, ...]:
    """Return the tags as they are stored: split at commas, without surrounding spaces or
    duplicates."""
    found = (" ".join(tag.split()) for part in parts for tag in part.split(","))
    return tuple(dict.fromkeys(filter(None, found)))


def _parse_date(field: str, text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{field}: {text[:40]!r} is no date. Write it as 2015-01-31.") from None
