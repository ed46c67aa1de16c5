"""Decisions: the newest per symbol, the feed, one by its receipt, and its verification."""

from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from storage.journal.decision_records import SqlDecisionRecords
from web.decisions.schemas import DecisionOut, DecisionsOut, VerificationOut, decision_out
from web.injection import Injected
from web.schemas import market_fields
from web.services import ServedRun, VerifyReceipt

LimitParameter = Annotated[int, QueryParameter(ge=1, le=500, description="At most so many.")]
BeforeParameter = Annotated[
    int | None, QueryParameter(ge=1, description="Continue a list: its `next`, an event's number.")
]


@get("/decisions/latest", sync_to_thread=True)
def latest(served_run: Injected[ServedRun], records: Injected[SqlDecisionRecords]) -> DecisionsOut:
    """Return the newest decision on every symbol, sorted by symbol."""
    found = records.latest(served_run.market, served_run.run)
    return DecisionsOut(
        as_of=max((recorded.as_of for recorded in found), default=None),
        decisions=tuple(map(decision_out, found)),
        **market_fields(served_run),
    )


@get("/decisions", sync_to_thread=True)
def feed(
    served_run: Injected[ServedRun],
    records: Injected[SqlDecisionRecords],
    limit: LimitParameter = 50,
    before: BeforeParameter = None,
) -> DecisionsOut:
    """Return decisions in the order in which they were recorded, newest first."""
    found = records.feed(served_run.market, served_run.run, limit + 1, before)
    shown = found[:limit]
    return DecisionsOut(
        as_of=shown[0].as_of if shown else None,
        decisions=tuple(map(decision_out, shown)),
        next=shown[-1].seq if len(found) > limit else None,
        **market_fields(served_run),
    )


@get("/decisions/{receipt:str}", sync_to_thread=True)
def by_receipt(records: Injected[SqlDecisionRecords], receipt: FromPath[str]) -> DecisionOut:
    return decision_out(records.decision(receipt))


@post("/decisions/{receipt:str}/verify", sync_to_thread=True, status_code=200)
def verify(
    served_run: Injected[ServedRun],
    records: Injected[SqlDecisionRecords],
    verify: Injected[VerifyReceipt],
    receipt: FromPath[str],
) -> VerificationOut:
    """Compute the decision again from its stored inputs and compare every byte."""
    records.decision(receipt)
    outcome = verify(receipt)
    return VerificationOut(
        receipt=receipt,
        same=outcome.same,
        differences=tuple(outcome.differences),
        **market_fields(served_run),
    )
