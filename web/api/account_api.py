"""The paper account: what it is, holds and did, and its switches. Orders: `orders_api.py`."""

from typing import Annotated

import numpy as np
from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from domain.errors import NotFoundError
from domain.trading.account import Account
from domain.trading.lots import RoundTrip, TaxLot
from market.calendars import to_datetime
from web.account import actions
from web.account.components import load_account_history, trading_settings_of
from web.account.suggestion_cache import SuggestionCache
from web.account.trade_filter import parse_tags, parse_trade_filter
from web.api.account_schemas import (
    AccountOut,
    AnnotationIn,
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
    RoundTripOut,
    StopIn,
    SuggestionOut,
    SuggestionsOut,
    TotalsOut,
    TradeOut,
    TradesOut,
    TradingStateOut,
)
from web.api.schemas import market_fields, to_schema
from web.pages.trades import matching_round_trips
from web.services import AppServices
from web.views.trades import trade_totals
from web.views.trading_state import day_loss
from web.views.valuation import Holding, holdings, value_account

CHANGED_BY = "through the API"
LimitParameter = Annotated[int, QueryParameter(ge=1, le=1000, description="At most so many.")]
SkipParameter = Annotated[int, QueryParameter(ge=0, description="Continue a list: its `next`.")]
AfterParameter = Annotated[int, QueryParameter(ge=0, description="Entries with a larger number.")]


@get("/account", sync_to_thread=True)
def account(services: NamedDependency[AppServices]) -> AccountOut:
    """Figures, mode, profile and risk limits of the paper account."""
    return _account_out(services, services.account_service.account())


@get("/account/suggestions", sync_to_thread=True)
def suggestions(
    services: NamedDependency[AppServices], suggestion_cache: NamedDependency[SuggestionCache]
) -> SuggestionsOut:
    """What the mode `auto` would place now for the newest decisions, whatever the mode."""
    found = tuple(
        SuggestionOut(o.symbol, o.side.value, o.quantity, o.reason, o.receipt)
        for o in suggestion_cache.current()
    )
    return SuggestionsOut(suggestions=found, **market_fields(services))


@get("/positions", sync_to_thread=True)
def positions(services: NamedDependency[AppServices]) -> PositionsOut:
    """What is held, the largest first, each with its tax lots."""
    lots = services.blotter.lots()
    account_holdings = holdings(services.account_service.account())
    found = tuple(_position_out(each, lots.get(each.symbol, ())) for each in account_holdings)
    return PositionsOut(positions=found, **market_fields(services))


@get("/equity", sync_to_thread=True)
def equity(services: NamedDependency[AppServices]) -> EquityOut:
    """Equity, drawdown and exposure since the account last began, beside the benchmark."""
    past = load_account_history(services)
    columns = (past.equity, past.exposure, past.growth, past.drawdown, past.benchmark_equity)
    points = tuple(
        EquityPoint(to_datetime(at), *(float(v) if np.isfinite(v) else None for v in row))
        for at, *row in zip(past.times, *columns, strict=True)
    )
    return EquityOut(benchmark=past.benchmark or None, points=points, **market_fields(services))


@get("/trades", sync_to_thread=True)
def trades(
    services: NamedDependency[AppServices],
    symbol: FromQuery[str] = "",
    result: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    skip: SkipParameter = 0,
    limit: LimitParameter = 100,
) -> TradesOut:
    """Closed round trips, first in first out. `result` is `won` or `lost`; `since` and `until` are
    days (2015-01-31) of their end, both included."""
    matching = matching_round_trips(
        services.blotter.round_trips(), parse_trade_filter(symbol, result, tag, since, until)
    )
    shown = matching[skip : skip + limit]
    return TradesOut(
        totals=to_schema(trade_totals(matching), TotalsOut),
        trades=tuple(map(_round_trip_out, shown)),
        next=skip + limit if len(matching) > skip + limit else None,
        **market_fields(services),
    )


@patch("/trades/{id:str}", sync_to_thread=True)
def annotate(
    services: NamedDependency[AppServices], id: FromPath[str], data: JSONBody[AnnotationIn]
) -> TradeOut:
    """Another note, other tags."""
    round_trip = _find_round_trip(services, id)
    note = round_trip.note if data.note is None else data.note.strip()
    tags = round_trip.tags if data.tags is None else parse_tags(data.tags)
    services.blotter.annotate(id, note, tags)
    return TradeOut(
        trade=_round_trip_out(_find_round_trip(services, id)), **market_fields(services)
    )


@post("/account/deposit", sync_to_thread=True, status_code=200)
def deposit(services: NamedDependency[AppServices], data: JSONBody[MoneyIn]) -> AccountOut:
    """Pays cash in. It is recorded and never edited."""
    return _account_out(services, actions.deposit(services, data.amount, data.note))


@post("/account/withdraw", sync_to_thread=True, status_code=200)
def withdraw(services: NamedDependency[AppServices], data: JSONBody[MoneyIn]) -> AccountOut:
    """Pays cash out, as far as there is any."""
    return _account_out(services, actions.withdraw(services, data.amount, data.note))


@post("/account/reset", sync_to_thread=True, status_code=200)
def reset(services: NamedDependency[AppServices], data: JSONBody[ResetIn]) -> AccountOut:
    """Resets the account to `capital`: orders are cancelled and positions leave the book. What was
    before stays in the log."""
    return _account_out(services, actions.reset(services, data.capital, data.note))


@post("/account/mode", sync_to_thread=True, status_code=200)
def mode(services: NamedDependency[AppServices], data: JSONBody[ModeIn]) -> AccountOut:
    """Trading mode: decisions are only recorded (observe), become suggestions, or orders (auto)."""
    return _account_out(services, actions.set_mode(services, data.mode, CHANGED_BY))


@post("/account/profile", sync_to_thread=True, status_code=200)
def profile(services: NamedDependency[AppServices], data: JSONBody[ProfileIn]) -> AccountOut:
    """Sizing and limits by their name."""
    return _account_out(services, actions.set_profile(services, data.profile, CHANGED_BY))


@post("/account/stop", sync_to_thread=True, status_code=200)
def stop(services: NamedDependency[AppServices], data: JSONBody[StopIn]) -> AccountOut:
    """Emergency stop: cancels every order and halts the account until `/account/resume`."""
    return _account_out(services, actions.stop(services, data.reason, data.flatten, CHANGED_BY))


@post("/account/resume", sync_to_thread=True, status_code=200)
def resume(services: NamedDependency[AppServices]) -> AccountOut:
    """Resumes trading, if the account reconciles."""
    return _account_out(services, actions.resume(services, CHANGED_BY))


@get("/audit", sync_to_thread=True)
def audit(
    services: NamedDependency[AppServices], after: AfterParameter = 0, limit: LimitParameter = 100
) -> AuditOut:
    """The account's log, oldest first: every state change, each bound to the one before it."""
    found = services.blotter.entries(after, limit + 1)
    shown = found[:limit]
    return AuditOut(
        entries=tuple(to_schema(entry, EntryOut) for entry in shown),
        next=shown[-1].number if len(found) > limit else None,
        **market_fields(services),
    )


def _account_out(services: AppServices, account: Account) -> AccountOut:
    return to_schema(
        value_account(account),
        AccountOut,
        currency=account.currency,
        opened_at=account.opened_at,
        mode=account.mode.value,
        profile=account.profile,
        open_orders=len(account.orders),
        guard=_trading_state(services, account),
        number=account.entry_count,
        **market_fields(services),
    )


def _trading_state(services: AppServices, account: Account) -> TradingStateOut:
    risk, limits = account.risk, trading_settings_of(services, account).limits
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
        units=lot.quantity,
        price=lot.entry_price,
        fees=lot.fees_per_unit,
        order=lot.order_id,
        decision=lot.receipt,
    )


def _round_trip_out(round_trip: RoundTrip) -> RoundTripOut:
    return to_schema(round_trip, RoundTripOut, decision=round_trip.receipt)


def _find_round_trip(services: AppServices, id: str) -> RoundTrip:
    found = next((trip for trip in services.blotter.round_trips() if trip.id == id), None)
    if found is None:
        raise NotFoundError(
            f"There is no closed trade {id[:40]!r}. GET /api/v1/trades lists those there are."
        )
    return found
