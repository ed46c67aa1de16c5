"""The paper account: what it is, holds and did, and its switches. Orders: `orders_api.py`."""

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from domain.errors import NotFoundError
from domain.trading.account import Account
from domain.trading.lots import Lot, Trip
from market.calendars import moment
from web.account import actions as moves
from web.account.components import past_of_account, rules_of
from web.account.suggestion_cache import Suggested
from web.account.trade_filter import asked, tags_in
from web.api.account_schemas import (
    AccountOut,
    AnnotationIn,
    AuditOut,
    EntryOut,
    EquityOut,
    EquityPoint,
    GuardOut,
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
    TotalsOut,
    TradeOut,
    TradesOut,
    TripOut,
)
from web.api.schemas import about
from web.pages.trades import newest
from web.services import House
from web.views.trades import totals
from web.views.trading_state import day_loss
from web.views.valuation import Holding, figures, holdings

WHERE = "through the API"
Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="At most so many.")]
Skip = Annotated[int, QueryParameter(ge=0, description="Continue a list: its `next`.")]
After = Annotated[int, QueryParameter(ge=0, description="Entries with a larger number.")]


@get("/account", sync_to_thread=True)
def account(house: NamedDependency[House]) -> AccountOut:
    """Figures, mode, profile and breakers of the paper account."""
    return _account(house, house.floor.account())


@get("/account/suggestions", sync_to_thread=True)
def suggestions(
    house: NamedDependency[House], suggested: NamedDependency[Suggested]
) -> SuggestionsOut:
    """What auto mode would place now for the newest decisions, whatever the mode."""
    found = tuple(
        SuggestionOut(o.symbol, o.side.value, o.quantity, o.why, o.receipt) for o in suggested.now()
    )
    return SuggestionsOut(suggestions=found, **about(house))


@get("/positions", sync_to_thread=True)
def positions(house: NamedDependency[House]) -> PositionsOut:
    """What is held, the largest first, each with its tax lots."""
    lots = house.blotter.lots()
    held = holdings(house.floor.account())
    found = tuple(_position(each, lots.get(each.symbol, ())) for each in held)
    return PositionsOut(positions=found, **about(house))


@get("/equity", sync_to_thread=True)
def equity(house: NamedDependency[House]) -> EquityOut:
    """Equity, drawdown and exposure since the account last began, beside the benchmark."""
    past = past_of_account(house)
    columns = (past.equity, past.exposure, past.growth, past.drawdown, past.held)
    points = tuple(
        EquityPoint(moment(at), *(float(v) if np.isfinite(v) else None for v in row))
        for at, *row in zip(past.times, *columns, strict=True)
    )
    return EquityOut(benchmark=past.benchmark or None, points=points, **about(house))


@get("/trades", sync_to_thread=True)
def trades(
    house: NamedDependency[House],
    symbol: FromQuery[str] = "",
    result: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    skip: Skip = 0,
    limit: Limit = 100,
) -> TradesOut:
    """Closed round trips, first in first out. `result` is `won` or `lost`; `since` and `until` are
    days (2015-01-31) of their end, both included."""
    kept = newest(house.blotter.trips(), asked(symbol, result, tag, since, until))
    shown = kept[skip : skip + limit]
    return TradesOut(
        totals=TotalsOut(**asdict(totals(kept))),
        trades=tuple(map(_trip, shown)),
        next=skip + limit if len(kept) > skip + limit else None,
        **about(house),
    )


@patch("/trades/{id:str}", sync_to_thread=True)
def annotate(
    house: NamedDependency[House], id: FromPath[str], data: JSONBody[AnnotationIn]
) -> TradeOut:
    """Another note, other tags."""
    before = _found(house, id)
    note = before.note if data.note is None else data.note.strip()
    tags = before.tags if data.tags is None else tags_in(data.tags)
    house.blotter.annotate(id, note, tags)
    return TradeOut(trade=_trip(_found(house, id)), **about(house))


@post("/account/deposit", sync_to_thread=True, status_code=200)
def deposit(house: NamedDependency[House], data: JSONBody[MoneyIn]) -> AccountOut:
    """Pays cash in. It is recorded and never edited."""
    return _account(house, moves.deposit(house, data.amount, data.note))


@post("/account/withdraw", sync_to_thread=True, status_code=200)
def withdraw(house: NamedDependency[House], data: JSONBody[MoneyIn]) -> AccountOut:
    """Pays cash out, as far as there is any."""
    return _account(house, moves.withdraw(house, data.amount, data.note))


@post("/account/reset", sync_to_thread=True, status_code=200)
def reset(house: NamedDependency[House], data: JSONBody[ResetIn]) -> AccountOut:
    """A new beginning with `capital`: orders are cancelled and positions leave the book. What was
    before stays in the log."""
    return _account(house, moves.reset(house, data.capital, data.note))


@post("/account/mode", sync_to_thread=True, status_code=200)
def mode(house: NamedDependency[House], data: JSONBody[ModeIn]) -> AccountOut:
    """What becomes of decisions: nothing (observe), suggestions, or orders (auto)."""
    return _account(house, moves.set_mode(house, data.mode, WHERE))


@post("/account/profile", sync_to_thread=True, status_code=200)
def profile(house: NamedDependency[House], data: JSONBody[ProfileIn]) -> AccountOut:
    """Sizing and limits by their name."""
    return _account(house, moves.set_profile(house, data.profile, WHERE))


@post("/account/stop", sync_to_thread=True, status_code=200)
def stop(house: NamedDependency[House], data: JSONBody[StopIn]) -> AccountOut:
    """Emergency stop: cancels every order and halts the account until `/account/resume`."""
    return _account(house, moves.stop(house, data.reason, data.flatten, WHERE))


@post("/account/resume", sync_to_thread=True, status_code=200)
def resume(house: NamedDependency[House]) -> AccountOut:
    """Resets the breakers, if the books agree with their log."""
    return _account(house, moves.resume(house, WHERE))


@get("/audit", sync_to_thread=True)
def audit(house: NamedDependency[House], after: After = 0, limit: Limit = 100) -> AuditOut:
    """The account's log, oldest first: every state change, each bound to the one before it."""
    found = house.blotter.entries(after, limit + 1)
    shown = found[:limit]
    return AuditOut(
        entries=tuple(
            EntryOut(e.number, e.at, e.recorded_at, e.kind, e.body, e.digest) for e in shown
        ),
        next=shown[-1].number if len(found) > limit else None,
        **about(house),
    )


def _account(house: House, account: Account) -> AccountOut:
    told: dict[str, Any] = asdict(figures(account))
    return AccountOut(
        currency=account.currency,
        opened_at=account.opened_at,
        mode=account.mode.value,
        profile=account.profile,
        open_orders=len(account.orders),
        guard=_guard(house, account),
        number=account.number,
        **told,
        **about(house),
    )


def _guard(house: House, account: Account) -> GuardOut:
    guard, limits = account.guard, rules_of(house, account).limits
    return GuardOut(
        standing=guard.standing.value,
        reason=guard.reason,
        by=guard.by,
        since=guard.since,
        until=guard.until,
        high=guard.high,
        losses=guard.losses,
        limits=(
            LimitUse("daily_loss", day_loss(account, figures(account)), limits.daily_loss),
            LimitUse("drawdown", figures(account).drawdown, limits.drawdown),
            LimitUse("losses", guard.losses, limits.losses),
        ),
    )


def _position(held: Holding, lots: tuple[Lot, ...]) -> PositionOut:
    told = {
        name: getattr(held, name) for name in held.__slots__ if name not in ("stops", "targets")
    }
    return PositionOut(
        exits=tuple(order.id for order in (*held.stops, *held.targets)),
        lots=tuple(
            LotOut(lot.opened_at, lot.units, lot.price, lot.fees, lot.order, lot.receipt)
            for lot in lots
        ),
        **told,
    )


def _trip(trip: Trip) -> TripOut:
    told = asdict(trip)
    return TripOut(decision=told.pop("receipt"), **told)


def _found(house: House, id: str) -> Trip:
    found = next((trip for trip in house.blotter.trips() if trip.id == id), None)
    if found is None:
        raise NotFoundError(
            f"There is no closed trade {id[:40]!r}. GET /api/v1/trades lists those there are."
        )
    return found
