"""The paper account: what it is worth, what it holds, how it came there, and its switches."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from domain.errors import InputError, NotFoundError
from domain.symbols import parse_symbol
from web.account import actions as moves
from web.account.components import AccountParts, account_parts, rules_of
from web.account.suggestion_cache import Suggested
from web.number_input import NumberStyle, read_positive
from web.pages.responses import html, ours, see_other
from web.render import Renderer
from web.services import House
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.profiles import ProfileLine, profile_lines
from web.views.rules import Rule, rule_lines
from web.views.tax_lots import LotLine, lot_lines

TOPICS = ("account", "positions", "guard")
HERE = "/portfolio"
WHERE = "on the account's page"
MOVES = ("deposit", "withdraw", "reset", "mode", "profile", "stop", "resume")
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class LotsView:
    symbol: str
    lots: tuple[LotLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioPage(PageContext):
    """`lots` is None until a symbol's are asked for; `reset_word` is typed to begin anew."""

    template: ClassVar[str] = "pages/portfolio.html"
    account: AccountParts
    lots: LotsView | None
    profiles: tuple[ProfileLine, ...]
    rules: tuple[Rule, ...]
    currency: str
    opened_at: datetime
    capital: str
    reset_word: str


@get(HERE, include_in_schema=False, sync_to_thread=True)
def portfolio(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    suggested: NamedDependency[Suggested],
    lots: FromQuery[str] = "",
) -> Response[Any]:
    shell = build_shell(house, request, "Portfolio", topics=TOPICS)
    account = house.floor.account()
    return html(
        renderer,
        PortfolioPage(
            shell=shell,
            engine=engine_view(house.engine.state),
            account=account_parts(house, suggested),
            lots=_lots(house, lots) if lots.strip() else None,
            profiles=profile_lines(
                account.profile, house.committee.sizing, house.rules("balanced").trading.limits
            ),
            rules=rule_lines(rules_of(house, account)),
            currency=account.currency,
            opened_at=account.opened_at,
            capital=f"{account.deposited:.2f}",
            reset_word=moves.RESET,
        ),
    )


@post("/account/{move:str}", include_in_schema=False, sync_to_thread=True)
def move_account(
    house: NamedDependency[House],
    style: NamedDependency[NumberStyle],
    move: FromPath[str],
    data: Form,
) -> Redirect:
    """Does it, and goes back to the page it was asked on."""
    note = data.get("note", "")
    match move:
        case "deposit":
            moves.deposit(house, read_positive("Amount", data.get("amount", ""), style), note)
        case "withdraw":
            moves.withdraw(house, read_positive("Amount", data.get("amount", ""), style), note)
        case "reset":
            _confirmed(data.get("word", ""))
            moves.reset(house, read_positive("New cash", data.get("capital", ""), style), note)
        case "mode":
            moves.set_mode(house, data.get("mode", ""), WHERE)
        case "profile":
            moves.set_profile(house, data.get("profile", ""), WHERE)
        case "stop":
            _sure(data, "The emergency stop")
            moves.stop(house, data.get("reason", ""), data.get("flatten") == "yes", WHERE)
        case "resume":
            _sure(data, "Resetting the breakers")
            moves.resume(house, WHERE)
        case _:
            raise NotFoundError(
                f"The account has no switch {move[:40]!r}. It has {', '.join(MOVES)}."
            )
    return see_other(ours(data.get("back", ""), HERE))


def _lots(house: House, text: str) -> LotsView:
    symbol = parse_symbol(text)
    mark = house.floor.account().marks.get(symbol)
    held = house.blotter.lots().get(symbol, ())
    return LotsView(symbol, lot_lines(held, mark.close if mark else None))


def _confirmed(word: str) -> None:
    if word.strip().lower() != moves.RESET:
        raise InputError(
            f"{word[:40]!r} does not confirm a new beginning. Type {moves.RESET} to do so."
        )


def _sure(data: dict[str, str], what: str) -> None:
    if data.get("sure") != "yes":
        raise InputError(f"{what} was not confirmed. Use the dialog on the account's page.")
