"""A ticket in two steps: what the order would do, and only then the order.

Promises that a ticket is confirmed by the quote of its preview and placed once, however often it
is sent: the key of the preview goes with it. What is refused is told beside its field, with
everything else as it was typed. All of it works without scripts.
"""

import uuid
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from domain.errors import InputError, UnknownSymbolError
from domain.trading.orders import Preview
from web.number_input import NumberStyle
from web.orders import ticket_form
from web.orders.ticket_form import Typed
from web.pages.responses import html, see_other
from web.pages.symbol import known_symbol
from web.render import Renderer
from web.services import House
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.ticket import Choices, Holds, PreviewView, choices, holds, preview_view

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePage(PageContext):
    """`holds` is None until a symbol is named, `preview` before the first look."""

    template: ClassVar[str] = "pages/trade.html"
    form: Typed
    choices: Choices
    holds: Holds | None
    preview: PreviewView | None
    longest_note: int


@get("/trade", include_in_schema=False, sync_to_thread=True)
def trade(
    request: WebRequest, house: NamedDependency[House], renderer: NamedDependency[Renderer]
) -> Response[Any]:
    """An empty ticket, or one filled in with what the address names."""
    form = ticket_form.from_address(request.query_params)
    return _answer(request, house, renderer, form, None, "")


@post("/trade/preview", include_in_schema=False, sync_to_thread=True)
def preview_order(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    form = ticket_form.typed(data)
    try:
        found = _preview(house, form, style)
    except InputError as refusal:
        form = ticket_form.refused(form, refusal)
        return _answer(request, house, renderer, form, None, "", refusal.status)
    status = 200 if found.quote else InputError.status
    form = ticket_form.checked(form, found)
    return _answer(request, house, renderer, form, found, _new_key(), status)


@post("/trade", include_in_schema=False, sync_to_thread=True)
def place_order(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    style: NamedDependency[NumberStyle],
    data: Form,
) -> Response[Any]:
    """Places it, or shows why not beside a fresh preview where there can be one."""
    form, key = ticket_form.typed(data), data.get("key", "")
    try:
        ticket = ticket_form.asked(house, form, style)
        placed = house.floor.place(ticket, quote=data.get("quote", ""), key=key)
    except InputError as refusal:
        form = ticket_form.refused(form, refusal)
        again = _again(house, form, style)
        return _answer(request, house, renderer, form, again, key, refusal.status)
    return see_other(f"/orders/{placed.id}")


def _preview(house: House, form: Typed, style: NumberStyle) -> Preview:
    ticket = ticket_form.asked(house, form, style)
    return house.floor.preview(ticket)


def _again(house: House, form: Typed, style: NumberStyle) -> Preview | None:
    """A fresh preview; None for a ticket that is no order at all."""
    try:
        return _preview(house, form, style)
    except InputError:
        return None


def _answer(
    request: WebRequest,
    house: House,
    renderer: Renderer,
    form: Typed,
    preview: Preview | None,
    key: str,
    status: int = 200,
) -> Response[Any]:
    account = house.floor.account()
    symbol = _symbol(house, form)
    title = f"Trade {symbol}" if symbol else "Trade"
    return html(
        renderer,
        TradePage(
            shell=build_shell(house, request, title, topics=("shell",)),
            engine=engine_view(house.engine.state),
            form=form,
            choices=choices(form),
            holds=holds(account, symbol, _price(house, symbol)) if symbol else None,
            preview=preview_view(preview, form, key=key, currency=account.currency)
            if preview
            else None,
            longest_note=ticket_form.LONGEST_NOTE,
        ),
        status,
    )


def _symbol(house: House, form: Typed) -> str:
    """The symbol that is named; empty where none is, or nothing is known of it."""
    try:
        return known_symbol(house, form.symbol)
    except InputError:
        return ""


def _price(house: House, symbol: str) -> float | None:
    try:
        return house.floor.quote(symbol)[0]
    except UnknownSymbolError:
        return None


def _new_key() -> str:
    return uuid.uuid4().hex
