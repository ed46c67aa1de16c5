"""The paper account: what it is worth, what it holds, how it got there, and its switches."""

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
from web.account import actions
from web.account.components import AccountComponents, account_components, trading_settings_of
from web.account.suggestion_cache import SuggestionCache
from web.number_input import NumberStyle, read_positive
from web.pages.responses import html_response, safe_redirect_path, see_other
from web.render import Renderer
from web.services import AppServices
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.profiles import ProfileLine, profile_lines
from web.views.rules import TradingRuleLine, trading_rule_lines
from web.views.tax_lots import TaxLotLine, tax_lot_lines

TOPICS = ("account", "positions", "guard")
PATH = "/portfolio"
CHANGED_BY = "on the account's page"
ACCOUNT_ACTIONS = ("deposit", "withdraw", "reset", "mode", "profile", "stop", "resume")
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class TaxLotsView:
    symbol: str
    lots: tuple[TaxLotLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioPage(PageContext):
    """`lots` is None until a symbol's are asked for; `reset_word` is typed to reset the account."""

    template: ClassVar[str] = "pages/portfolio.html"
    account: AccountComponents
    lots: TaxLotsView | None
    profiles: tuple[ProfileLine, ...]
    rules: tuple[TradingRuleLine, ...]
    currency: str
    opened_at: datetime
    capital: str
    reset_word: str


@get(PATH, include_in_schema=False, sync_to_thread=True)
def portfolio(
    request: WebRequest,
    services: NamedDependency[AppServices],
    renderer: NamedDependency[Renderer],
    suggestion_cache: NamedDependency[SuggestionCache],
    lots: FromQuery[str] = "",
) -> Response[Any]:
    shell = build_shell(services, request, "Portfolio", topics=TOPICS)
    account = services.account_service.account()
    return html_response(
        renderer,
        PortfolioPage(
            shell=shell,
            engine=engine_view(services.engine.state),
            account=account_components(services, suggestion_cache),
            lots=_tax_lots(services, lots) if lots.strip() else None,
            profiles=profile_lines(
                account.profile,
                services.committee.sizing,
                services.trading_rules("balanced").trading.limits,
            ),
            rules=trading_rule_lines(trading_settings_of(services, account)),
            currency=account.currency,
            opened_at=account.opened_at,
            capital=f"{account.deposited:.2f}",
            reset_word=actions.RESET_WORD,
        ),
    )


@post("/account/{move:str}", include_in_schema=False, sync_to_thread=True)
def post_account_action(
    services: NamedDependency[AppServices],
    style: NamedDependency[NumberStyle],
    move: FromPath[str],
    data: Form,
) -> Redirect:
    """Does it, and goes back to the page it was asked on."""
    note = data.get("note", "")
    match move:
        case "deposit":
            actions.deposit(services, read_positive("Amount", data.get("amount", ""), style), note)
        case "withdraw":
            actions.withdraw(services, read_positive("Amount", data.get("amount", ""), style), note)
        case "reset":
            _require_reset_word(data.get("word", ""))
            actions.reset(services, read_positive("New cash", data.get("capital", ""), style), note)
        case "mode":
            actions.set_mode(services, data.get("mode", ""), CHANGED_BY)
        case "profile":
            actions.set_profile(services, data.get("profile", ""), CHANGED_BY)
        case "stop":
            _require_confirmation(data, "The emergency stop")
            actions.stop(services, data.get("reason", ""), data.get("flatten") == "yes", CHANGED_BY)
        case "resume":
            _require_confirmation(data, "Resuming trading")
            actions.resume(services, CHANGED_BY)
        case _:
            raise NotFoundError(
                f"The account has no switch {move[:40]!r}. It has {', '.join(ACCOUNT_ACTIONS)}."
            )
    return see_other(safe_redirect_path(data.get("back", ""), PATH))


def _tax_lots(services: AppServices, text: str) -> TaxLotsView:
    symbol = parse_symbol(text)
    last_bar = services.account_service.account().last_bars.get(symbol)
    open_lots = services.blotter.lots().get(symbol, ())
    return TaxLotsView(symbol, tax_lot_lines(open_lots, last_bar.close if last_bar else None))


def _require_reset_word(word: str) -> None:
    if word.strip().lower() != actions.RESET_WORD:
        raise InputError(
            f"{word[:40]!r} does not confirm a new beginning. Type {actions.RESET_WORD} to do so."
        )


def _require_confirmation(data: dict[str, str], what: str) -> None:
    if data.get("sure") != "yes":
        raise InputError(f"{what} was not confirmed. Use the dialog on the account's page.")
