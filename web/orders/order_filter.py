"""The filter of a page's orders, as its URL spells it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.trading.orders import OrderSource, OrderStatus
from storage.accounts.blotter import BlotterFill, BlotterOrder, SqlBlotter

_CHUNK_SIZE = 500
"""Rows read at once for a CSV file."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """A filter of orders; an empty field matches every order."""

    symbol: str = ""
    status: str = ""
    source: str = ""

    @property
    def is_active(self) -> bool:
        return bool(self.symbol or self.status or self.source)

    def url(self, path: str, **more: int | None) -> str:
        """Return `path` with these filters and the parameters in `more`."""
        parameters = {"symbol": self.symbol, "status": self.status, "source": self.source, **more}
        query = {name: value for name, value in parameters.items() if value}
        return f"{path}?{urlencode(query)}" if query else path

    def orders(
        self,
        blotter: SqlBlotter,
        limit: int,
        before: int | None = None,
        *,
        open_only: bool = False,
    ) -> tuple[BlotterOrder, ...]:
        """Return the matching orders, newest first."""
        return blotter.orders(
            open_only=open_only,
            symbols=(self.symbol,) if self.symbol else (),
            status=OrderStatus(self.status) if self.status else None,
            source=OrderSource(self.source) if self.source else None,
            before=before,
            limit=limit,
        )

    def fills(
        self, blotter: SqlBlotter, limit: int, before: int | None = None
    ) -> tuple[BlotterFill, ...]:
        """Return the matching fills, newest first; fills have no status."""
        return blotter.fills(symbol=self.symbol or None, before=before, limit=limit)

    def all_orders(self, blotter: SqlBlotter) -> Iterator[BlotterOrder]:
        before = None
        while lines := self.orders(blotter, _CHUNK_SIZE, before):
            yield from lines
            before = lines[-1].number

    def all_fills(self, blotter: SqlBlotter) -> Iterator[BlotterFill]:
        before = None
        while lines := self.fills(blotter, _CHUNK_SIZE, before):
            yield from lines
            before = lines[-1].number


def parse_order_filter(symbol: str = "", status: str = "", source: str = "") -> OrderFilter:
    """Parse the filter. Raises InputError for an unknown status or source."""
    return OrderFilter(
        parse_symbol(symbol) if symbol.strip() else "",
        _parse_choice("status", status, OrderStatus),
        _parse_choice("source", source, OrderSource),
    )


def _parse_choice(name: str, text: str, known: Iterable[str]) -> str:
    choices = [str(choice) for choice in known]
    if text and text not in choices:
        raise InputError(
            f"{name}: {text[:40]!r} is none of {', '.join(choices)}. Choose one, or leave it out."
        )
    return text
