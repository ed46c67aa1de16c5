"""Decisions: as they stand, as they were made, one by its receipt, and whether it still holds."""

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from web.api.schemas import DecisionOut, Decisions, Verified, about, decision_out
from web.services import House

Limit = Annotated[int, QueryParameter(ge=1, le=500, description="At most so many.")]
Before = Annotated[
    int | None, QueryParameter(ge=1, description="Continue a list: its `next`, an event's number.")
]


@get("/decisions/latest", sync_to_thread=True)
def latest(house: NamedDependency[House]) -> Decisions:
    """The newest decision on every symbol, in order of symbol."""
    found = house.records.latest(house.market, house.run)
    return Decisions(
        as_of=max((recorded.as_of for recorded in found), default=None),
        decisions=tuple(map(decision_out, found)),
        **about(house),
    )


@get("/decisions", sync_to_thread=True)
def feed(house: NamedDependency[House], limit: Limit = 50, before: Before = None) -> Decisions:
    """Decisions in the order in which they were recorded, newest first."""
    found = house.records.feed(house.market, house.run, limit + 1, before)
    shown = found[:limit]
    return Decisions(
        as_of=shown[0].as_of if shown else None,
        decisions=tuple(map(decision_out, shown)),
        next=shown[-1].seq if len(found) > limit else None,
        **about(house),
    )


@get("/decisions/{receipt:str}", sync_to_thread=True)
def by_receipt(house: NamedDependency[House], receipt: FromPath[str]) -> DecisionOut:
    return decision_out(house.records.decision(receipt))


@post("/decisions/{receipt:str}/verify", sync_to_thread=True, status_code=200)
def verify(house: NamedDependency[House], receipt: FromPath[str]) -> Verified:
    """Computes the decision again from its stored inputs and compares every byte."""
    house.records.decision(receipt)
    outcome = house.verify(receipt)
    return Verified(
        receipt=receipt,
        same=outcome.same,
        differences=tuple(outcome.differences),
        **about(house),
    )
