"""A ticket in two steps: a preview, then the order.

Promises that a ticket is confirmed by its preview's quote and placed once, however often it is
sent, because the preview's key goes with it. A refusal is shown next to its field, and everything
else stays as typed. All of it works without scripts.
"""

import uuid
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from domain.errors import InputError, UnknownSymbolError
from domain.trading.orders import OrderPreview
from orchestrator.account.service import AccountService
from web.components.known_symbols import KnownSymbols
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
from web.services import RulesOfProfile
from web.shell import PageContext, ShellBuilder, WebRequest

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePage(PageContext):
    """`position` is None until a symbol is named, `preview` before the first look."""

    template: ClassVar[str] = "orders/ticket.html"
    form: TicketFormData
    choices: TicketOptions
    position: CurrentPosition | None
    preview: PreviewView | None
    longest_note: int


@get("/trade", include_in_schema=False, sync_to_thread=True)
def trade(
    request: WebRequest,
    account_service: Injected[AccountService],
    known_symbols: Injected[KnownSymbols],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
) -> Response[Any]:
    """Show an empty ticket, or one filled in from the URL."""
    form = ticket_form.from_address(request.query_params)
    return _trade_page(
        request, account_service, known_symbols, shell_builder, renderer, form, None, ""
    )


@post("/trade/preview", include_in_schema=False, sync_to_thread=True)
def preview_order(
    request: WebRequest,
    account_service: Injected[AccountService],
    rules_of_profile: Injected[RulesOfProfile],
    known_symbols: Injected[KnownSymbols],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    form = ticket_form.read_form(data)
    try:
        found = _preview(account_service, rules_of_profile, form, style)
    except InputError as refusal:
        form = ticket_form.with_errors(form, refusal)
        return _trade_page(
            request,
            account_service,
            known_symbols,
            shell_builder,
            renderer,
            form,
            None,
            "",
            refusal.status,
        )
    status = 200 if found.confirmation_token else InputError.status
    form = ticket_form.with_failed_checks(form, found)
    return _trade_page(
        request,
        account_service,
        known_symbols,
        shell_builder,
        renderer,
        form,
        found,
        _new_key(),
        status,
    )


@post("/trade", include_in_schema=False, sync_to_thread=True)
def place_order(
    request: WebRequest,
    account_service: Injected[AccountService],
    rules_of_profile: Injected[RulesOfProfile],
    known_symbols: Injected[KnownSymbols],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    """Place the order, or show why not, with a fresh preview where one is possible."""
    form, key = ticket_form.read_form(data), data.get("key", "")
    try:
        ticket = ticket_form.parse_form(account_service, rules_of_profile, form, style)
        order = account_service.place(ticket, confirmation_token=data.get("quote", ""), key=key)
    except InputError as refusal:
        form = ticket_form.with_errors(form, refusal)
        again = _fresh_preview(account_service, rules_of_profile, form, style)
        return _trade_page(
            request,
            account_service,
            known_symbols,
            shell_builder,
            renderer,
            form,
            again,
            key,
            refusal.status,
        )
    return see_other(f"/orders/{order.id}")


def _preview(
    account_service: AccountService,
    rules_of_profile: RulesOfProfile,
    form: TicketFormData,
    style: NumberStyle,
) -> OrderPreview:
    ticket = ticket_form.parse_form(account_service, rules_of_profile, form, style)
    return account_service.preview(ticket)


def _fresh_preview(
    account_service: AccountService,
    rules_of_profile: RulesOfProfile,
    form: TicketFormData,
    style: NumberStyle,
) -> OrderPreview | None:
    """Return a fresh preview; None for a ticket that is not a valid order."""
    try:
        return _preview(account_service, rules_of_profile, form, style)
    except InputError:
        return None


def _trade_page(
    request: WebRequest,
    account_service: AccountService,
    known_symbols: KnownSymbols,
    shell_builder: ShellBuilder,
    renderer: Renderer,
    form: TicketFormData,
    preview: OrderPreview | None,
    key: str,
    status: int = 200,
) -> Response[Any]:
    account = account_service.account()
    symbol = _symbol(known_symbols, form)
    title = f"Trade {symbol}" if symbol else "Trade"
    return html_response(
        renderer,
        TradePage(
            shell=shell_builder.build(request, title, topics=("shell",)),
            form=form,
            choices=ticket_options(form),
            position=current_position(account, symbol, _last_price(account_service, symbol))
            if symbol
            else None,
            preview=preview_view(preview, form, key=key, currency=account.currency)
            if preview
            else None,
            longest_note=ticket_form.MAX_NOTE_LENGTH,
        ),
        status,
    )


def _symbol(known_symbols: KnownSymbols, form: TicketFormData) -> str:
    """Return the ticket's symbol; empty where it is missing or unknown."""
    try:
        return known_symbols.require(form.symbol)
    except InputError:
        return ""


def _last_price(account_service: AccountService, symbol: str) -> float | None:
    try:
        return account_service.last_price(symbol)[0]
    except UnknownSymbolError:
        return None


def _new_key() -> str:
    return uuid.uuid4().hex
