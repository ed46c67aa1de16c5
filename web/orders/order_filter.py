"""Which orders a page shows: its filters, as they stand in its address."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.trading.orders import Source, Status
from storage.accounts.blotter import Blotter, FillLine, OrderLine

_PIECE = 500
"""Lines that are read at once for a file."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Empty is every one."""

    symbol: str = ""
    status: str = ""
    source: str = ""

    @property
    def narrow(self) -> bool:
        return bool(self.symbol or self.status or self.source)

    def url(self, path: str, **more: int | None) -> str:
        """`path` with these filters, and with what of `more` is given."""
        named = {"symbol": self.symbol, "status": self.status, "source": self.source, **more}
        asked = {name: value for name, value in named.items() if value}
        return f"{path}?{urlencode(asked)}" if asked else path

    def orders(
        self,
        blotter: Blotter,
        limit: int,
        before: int | None = None,
        *,
        open_only: bool = False,
    ) -> tuple[OrderLine, ...]:
        """Newest first."""
        return blotter.orders(
            open_only=open_only,
            symbols=(self.symbol,) if self.symbol else (),
            status=Status(self.status) if self.status else None,
            source=Source(self.source) if self.source else None,
            before=before,
            limit=limit,
        )

    def fills(
        self, blotter: Blotter, limit: int, before: int | None = None
    ) -> tuple[FillLine, ...]:
        """Newest first; fills have no status."""
        return blotter.fills(symbol=self.symbol or None, before=before, limit=limit)

    def all_orders(self, blotter: Blotter) -> Iterator[OrderLine]:
        before = None
        while lines := self.orders(blotter, _PIECE, before):
            yield from lines
            before = lines[-1].number

    def all_fills(self, blotter: Blotter) -> Iterator[FillLine]:
        before = None
        while lines := self.fills(blotter, _PIECE, before):
            yield from lines
            before = lines[-1].number


def order_filter(symbol: str = "", status: str = "", source: str = "") -> OrderFilter:
    """Raises InputError for a status or a source that there is not."""
    return OrderFilter(
        parse_symbol(symbol) if symbol.strip() else "",
        _one_of("status", status, Status),
        _one_of("source", source, Source),
    )


def _one_of(name: str, text: str, known: Iterable[str]) -> str:
    choices = [str(choice) for choice in known]
    if text and text not in choices:
        raise InputError(
            f"{name}: {text[:40]!r} is none of {', '.join(choices)}. Choose one, or leave it out."
        )
    return text
