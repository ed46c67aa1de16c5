"""The paper account: its value, positions, history and switches."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from domain.errors import InputError, NotFoundError
from domain.symbols import parse_symbol
from orchestrator.account.service import AccountService
from orchestrator.committee.pooling import CommitteeSettings
from storage.accounts.blotter import SqlBlotter
from web.http.forms import Form, require_confirmation
from web.http.responses import html_response, safe_redirect_path, see_other
from web.injection import Injected
from web.number_input import NumberStyle, read_positive
from web.portfolio.account_components import (
    AccountComponents,
    AccountComponentsReader,
)
from web.portfolio.actions import RESET_WORD, AccountActions
from web.portfolio.profiles import ProfileLine, profile_lines
from web.portfolio.rules import TradingRuleLine, trading_rule_lines
from web.portfolio.tax_lots import TaxLotLine, tax_lot_lines
from web.render import Renderer
from web.shell import PageContext, ShellBuilder, WebRequest

TOPICS = ("account", "positions", "guard")
PATH = "/portfolio"
ACCOUNT_PAGE = "the account's page"
CHANGED_BY = f"on {ACCOUNT_PAGE}"
ACCOUNT_ACTIONS = ("deposit", "withdraw", "reset", "mode", "profile", "stop", "resume")


@dataclass(frozen=True, slots=True)
class TaxLotsView:
    symbol: str
    lots: tuple[TaxLotLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioPage(PageContext):
    """`lots` is None until a symbol's lots are requested; `reset_word` must be typed to reset the
    account."""

    template: ClassVar[str] = "portfolio/portfolio.html"
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
    account_service: Injected[AccountService],
    blotter: Injected[SqlBlotter],
    committee: Injected[CommitteeSettings],
    account_components: Injected[AccountComponentsReader],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    lots: FromQuery[str] = "",
) -> Response[Any]:
    shell = shell_builder.build(request, "Portfolio", topics=TOPICS)
    account = account_service.account()
    return html_response(
        renderer,
        PortfolioPage(
            shell=shell,
            account=account_components.read(),
            lots=_tax_lots(account_service, blotter, lots) if lots.strip() else None,
            profiles=profile_lines(
                account.profile,
                committee.sizing,
                account_service.rules("balanced").trading.limits,
            ),
            rules=trading_rule_lines(account_service.rules(account.profile).trading),
            currency=account.currency,
            opened_at=account.opened_at,
            capital=f"{account.deposited:.2f}",
            reset_word=RESET_WORD,
        ),
    )


@post("/account/{move:str}", include_in_schema=False, sync_to_thread=True)
def post_account_action(
    account_actions: Injected[AccountActions],
    style: NamedDependency[NumberStyle],
    move: FromPath[str],
    data: Form,
) -> Redirect:
    """Apply an action to the account, and go back to the page it came from."""
    note = data.get("note", "")
    match move:
        case "deposit":
            account_actions.deposit(read_positive("Amount", data.get("amount", ""), style), note)
        case "withdraw":
            account_actions.withdraw(read_positive("Amount", data.get("amount", ""), style), note)
        case "reset":
            _require_reset_word(data.get("word", ""))
            account_actions.reset(read_positive("New cash", data.get("capital", ""), style), note)
        case "mode":
            account_actions.set_mode(data.get("mode", ""), CHANGED_BY)
        case "profile":
            account_actions.set_profile(data.get("profile", ""), CHANGED_BY)
        case "stop":
            require_confirmation(data, "The emergency stop", ACCOUNT_PAGE)
            account_actions.stop(data.get("reason", ""), data.get("flatten") == "yes", CHANGED_BY)
        case "resume":
            require_confirmation(data, "Resuming trading", ACCOUNT_PAGE)
            account_actions.resume(CHANGED_BY)
        case _:
            raise NotFoundError(
                f"The account has no switch {move[:40]!r}. It has {', '.join(ACCOUNT_ACTIONS)}."
            )
    return see_other(safe_redirect_path(data.get("back", ""), PATH))


def _tax_lots(account_service: AccountService, blotter: SqlBlotter, text: str) -> TaxLotsView:
    symbol = parse_symbol(text)
    last_bar = account_service.account().last_bars.get(symbol)
    open_lots = blotter.lots().get(symbol, ())
    return TaxLotsView(symbol, tax_lot_lines(open_lots, last_bar.close if last_bar else None))


def _require_reset_word(word: str) -> None:
    if word.strip().lower() != RESET_WORD:
        raise InputError(
            f"{word[:40]!r} does not confirm a new beginning. Type {RESET_WORD} to do so."
        )
