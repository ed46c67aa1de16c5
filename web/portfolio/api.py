"""The paper account: figures, positions, history and switches. Orders: `web/orders/api.py`."""

from typing import Annotated

import numpy as np
from litestar import get, post
from litestar.params import JSONBody, QueryParameter

from domain.instants import to_datetime
from domain.trading.account import Account
from domain.trading.lots import TaxLot
from domain.trading.orders import exact_quantity
from orchestrator.account.history import AccountHistoryReader
from orchestrator.account.service import AccountService
from storage.accounts.blotter import SqlBlotter
from trading.account.valuation import Holding, holdings, value_account
from web.components.trading_state import day_loss
from web.injection import Injected
from web.portfolio.actions import AccountActions
from web.portfolio.schemas import (
    AccountOut,
    AuditOut,
    EntryOut,
    EquityOut,
    EquityPoint,
    LimitUse,
    LotOut,
    ModeIn,
    MoneyIn,
    PositionOut,
    PositionsOut,
    ProfileIn,
    ResetIn,
    StopIn,
    SuggestionOut,
    SuggestionsOut,
    TradingStateOut,
)
from web.portfolio.suggestion_cache import SuggestionCache
from web.schemas import market_fields, to_schema
from web.services import ServedRun

CHANGED_BY = "through the API"
LimitParameter = Annotated[int, QueryParameter(ge=1, le=1000, description="At most so many.")]
AfterParameter = Annotated[int, QueryParameter(ge=0, description="Entries with a larger number.")]


@get("/account", sync_to_thread=True)
def account(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
) -> AccountOut:
    """Return the figures, mode, profile and risk limits of the paper account."""
    return _account_out(served_run, account_service, account_service.account())


@get("/account/suggestions", sync_to_thread=True)
def suggestions(
    served_run: Injected[ServedRun], suggestion_cache: Injected[SuggestionCache]
) -> SuggestionsOut:
    """Return the orders that the mode `auto` would place now for the newest decisions, in any
    mode."""
    found = tuple(
        SuggestionOut(o.symbol, o.side.value, o.quantity, o.reason, o.receipt)
        for o in suggestion_cache.current()
    )
    return SuggestionsOut(suggestions=found, **market_fields(served_run))


@get("/positions", sync_to_thread=True)
def positions(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    blotter: Injected[SqlBlotter],
) -> PositionsOut:
    """Return the positions, the largest first, each with its tax lots."""
    lots = blotter.lots()
    account_holdings = holdings(account_service.account())
    found = tuple(_position_out(each, lots.get(each.symbol, ())) for each in account_holdings)
    return PositionsOut(positions=found, **market_fields(served_run))


@get("/equity", sync_to_thread=True)
def equity(
    served_run: Injected[ServedRun], account_history: Injected[AccountHistoryReader]
) -> EquityOut:
    """Return equity, drawdown and exposure since the last reset, with the benchmark."""
    past = account_history.read()
    columns = (past.equity, past.exposure, past.growth, past.drawdown, past.benchmark_equity)
    points = tuple(
        EquityPoint(to_datetime(at), *(float(v) if np.isfinite(v) else None for v in row))
        for at, *row in zip(past.times, *columns, strict=True)
    )
    return EquityOut(benchmark=past.benchmark or None, points=points, **market_fields(served_run))


@post("/account/deposit", sync_to_thread=True, status_code=200)
def deposit(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    account_actions: Injected[AccountActions],
    data: JSONBody[MoneyIn],
) -> AccountOut:
    """Deposit cash. The entry is recorded and never edited."""
    return _account_out(
        served_run, account_service, account_actions.deposit(data.amount, data.note)
    )


@post("/account/withdraw", sync_to_thread=True, status_code=200)
def withdraw(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    account_actions: Injected[AccountActions],
    data: JSONBody[MoneyIn],
) -> AccountOut:
    """Withdraw cash, up to the cash available."""
    return _account_out(
        served_run, account_service, account_actions.withdraw(data.amount, data.note)
    )


@post("/account/reset", sync_to_thread=True, status_code=200)
def reset(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    account_actions: Injected[AccountActions],
    data: JSONBody[ResetIn],
) -> AccountOut:
    """Reset the account to `capital`: cancel its orders and drop its positions. The log keeps what
    was before."""
    return _account_out(served_run, account_service, account_actions.reset(data.capital, data.note))


@post("/account/mode", sync_to_thread=True, status_code=200)
def mode(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    account_actions: Injected[AccountActions],
    data: JSONBody[ModeIn],
) -> AccountOut:
    """Set the trading mode: decisions are only recorded (observe), become suggestions, or orders
    (auto)."""
    return _account_out(
        served_run, account_service, account_actions.set_mode(data.mode, CHANGED_BY)
    )


@post("/account/profile", sync_to_thread=True, status_code=200)
def profile(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    account_actions: Injected[AccountActions],
    data: JSONBody[ProfileIn],
) -> AccountOut:
    """Choose the strategy profile, which sets sizing and limits."""
    return _account_out(
        served_run, account_service, account_actions.set_profile(data.profile, CHANGED_BY)
    )


@post("/account/stop", sync_to_thread=True, status_code=200)
def stop(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    account_actions: Injected[AccountActions],
    data: JSONBody[StopIn],
) -> AccountOut:
    """Emergency stop: cancel every order and halt the account until `/account/resume`."""
    return _account_out(
        served_run, account_service, account_actions.stop(data.reason, data.flatten, CHANGED_BY)
    )


@post("/account/resume", sync_to_thread=True, status_code=200)
def resume(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    account_actions: Injected[AccountActions],
) -> AccountOut:
    """Resume trading, if the account reconciles."""
    return _account_out(served_run, account_service, account_actions.resume(CHANGED_BY))


@get("/audit", sync_to_thread=True)
def audit(
    served_run: Injected[ServedRun],
    blotter: Injected[SqlBlotter],
    after: AfterParameter = 0,
    limit: LimitParameter = 100,
) -> AuditOut:
    """Return the account's log, oldest first: every state change, each hashed with the one before
    it."""
    found = blotter.entries(after, limit + 1)
    shown = found[:limit]
    return AuditOut(
        entries=tuple(to_schema(entry, EntryOut) for entry in shown),
        next=shown[-1].number if len(found) > limit else None,
        **market_fields(served_run),
    )


def _account_out(
    served_run: ServedRun, account_service: AccountService, account: Account
) -> AccountOut:
    return to_schema(
        value_account(account),
        AccountOut,
        currency=account.currency,
        opened_at=account.opened_at,
        mode=account.mode.value,
        profile=account.profile,
        open_orders=len(account.orders),
        guard=_trading_state(account_service, account),
        number=account.entry_count,
        **market_fields(served_run),
    )


def _trading_state(account_service: AccountService, account: Account) -> TradingStateOut:
    risk, limits = account.risk, account_service.rules(account.profile).trading.limits
    return to_schema(
        risk,
        TradingStateOut,
        standing=risk.trading_state.value,
        limits=(
            LimitUse("daily_loss", day_loss(account, value_account(account)), limits.daily_loss),
            LimitUse("drawdown", value_account(account).drawdown, limits.drawdown),
            LimitUse("losses", risk.losses, limits.losses),
        ),
    )


def _position_out(holding: Holding, lots: tuple[TaxLot, ...]) -> PositionOut:
    return to_schema(
        holding,
        PositionOut,
        units=holding.quantity,
        exits=tuple(order.id for order in (*holding.stop_orders, *holding.profit_orders)),
        lots=tuple(map(_lot_out, lots)),
    )


def _lot_out(lot: TaxLot) -> LotOut:
    return LotOut(
        opened_at=lot.opened_at,
        units=exact_quantity(lot.quantity),
        price=lot.entry_price,
        fees=lot.fees_per_unit,
        order=lot.order_id,
        decision=lot.receipt,
    )
