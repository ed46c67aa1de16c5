"""A ticket in two steps: a preview, then the order.

Promises that a ticket is confirmed by its preview's quote and placed once, however often it is
sent, because the preview's key goes with it. A refusal is shown next to its field, and everything
else stays as typed. All of it works without scripts.
"""

import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency

from domain.errors import InputError, UnknownSymbolError
from domain.trading.orders import OrderPreview
from orchestrator.account.service import AccountService
from web.components.known_symbols import KnownSymbols
from web.http.forms import Form
from web.http.responses import html_response, see_other
from web.injection import Injected
from web.number_input import NumberStyle
from web.orders import ticket_form
from web.orders.ticket_form import TicketFormData
from web.orders.ticket_view import (
    CurrentPosition,
    PreviewView,
    TicketOptions,
    current_position,
    preview_view,
    ticket_options,
)
from web.render import Renderer
from web.shell import PageContext, ShellBuilder, WebRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePage(PageContext):
    """`position` is None until a symbol is named, `preview` before the first look."""

    template: ClassVar[str] = "orders/ticket.html"
    form: TicketFormData
    choices: TicketOptions
    position: CurrentPosition | None
    preview: PreviewView | None
    longest_note: int


class TicketResponder:
    """Answers with the ticket's page."""

    def __init__(
        self,
        account_service: AccountService,
        known_symbols: KnownSymbols,
        shell_builder: ShellBuilder,
        renderer: Renderer,
    ) -> None:
        self._account_service, self._known_symbols = account_service, known_symbols
        self._shell_builder, self._renderer = shell_builder, renderer

    def respond(
        self,
        request: WebRequest,
        form: TicketFormData,
        preview: OrderPreview | None = None,
        key: str = "",
        status: int = 200,
    ) -> Response[Any]:
        """Show the form and, where there is one, the preview, to be placed under `key`."""
        account, symbol = self._account_service.account(), self._symbol(form)
        title = f"Trade {symbol}" if symbol else "Trade"
        return html_response(
            self._renderer,
            TradePage(
                shell=self._shell_builder.build(request, title, topics=("shell",)),
                form=form,
                choices=ticket_options(form),
                position=current_position(account, symbol, self._last_price(symbol))
                if symbol
                else None,
                preview=preview_view(preview, form, key=key, currency=account.currency)
                if preview
                else None,
                longest_note=ticket_form.MAX_NOTE_LENGTH,
            ),
            status,
        )

    def _symbol(self, form: TicketFormData) -> str:
        """Return the ticket's symbol; empty where it is missing or unknown."""
        try:
            return self._known_symbols.require(form.symbol)
        except InputError:
            return ""

    def _last_price(self, symbol: str) -> float | None:
        try:
            return self._account_service.last_price(symbol)[0]
        except UnknownSymbolError:
            return None


@get("/trade", include_in_schema=False, sync_to_thread=True)
def trade(request: WebRequest, ticket_responder: Injected[TicketResponder]) -> Response[Any]:
    """Show an empty ticket, or one filled in from the URL."""
    return ticket_responder.respond(request, ticket_form.from_address(request.query_params))


@post("/trade/preview", include_in_schema=False, sync_to_thread=True)
def preview_order(
    request: WebRequest,
    account_service: Injected[AccountService],
    ticket_responder: Injected[TicketResponder],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    form = ticket_form.read_form(data)
    try:
        found = _preview(account_service, form, style)
    except InputError as refusal:
        form = ticket_form.with_errors(form, refusal)
        return ticket_responder.respond(request, form, status=refusal.status)
    status = 200 if found.confirmation_token else InputError.status
    form = ticket_form.with_failed_checks(form, found)
    return ticket_responder.respond(request, form, found, _new_key(), status)


@post("/trade", include_in_schema=False, sync_to_thread=True)
def place_order(
    request: WebRequest,
    account_service: Injected[AccountService],
    ticket_responder: Injected[TicketResponder],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    """Place the order, or show why not, with a fresh preview where one is possible."""
    form, key = ticket_form.read_form(data), data.get("key", "")
    try:
        ticket = ticket_form.parse_form(account_service, form, style)
        order = account_service.place(ticket, confirmation_token=data.get("quote", ""), key=key)
    except InputError as refusal:
        form = ticket_form.with_errors(form, refusal)
        again = _fresh_preview(account_service, form, style)
        return ticket_responder.respond(request, form, again, key, refusal.status)
    return see_other(f"/orders/{order.id}")


def _preview(
    account_service: AccountService, form: TicketFormData, style: NumberStyle
) -> OrderPreview:
    return account_service.preview(ticket_form.parse_form(account_service, form, style))


def _fresh_preview(
    account_service: AccountService, form: TicketFormData, style: NumberStyle
) -> OrderPreview | None:
    """Return a fresh preview; None for a ticket that is not a valid order."""
    try:
        return _preview(account_service, form, style)
    except InputError:
        return None


def _new_key() -> str:
    return uuid.uuid4().hex
