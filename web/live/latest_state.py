"""The latest state of one market and run: the newest decision on every symbol, and the newest
decisions in order. A page reads it from the records; the stream updates it from events."""

from collections import deque
from dataclasses import fields
from datetime import datetime

from domain.canonical import decision_from_json
from domain.decision import Decision, Vote
from domain.events import Event, EventKind
from domain.timeframe import Timeframe
from domain.votes import Reason
from storage.journal.decision_records import RecordedDecision, SqlDecisionRecords
from web.services import ServedRun

FEED_SIZE = 20
"""Decisions in the short list of the overview."""

_RUN_EVENTS = frozenset(
    {
        EventKind.VOTE_CAST,
        EventKind.DECISION_MADE,
        EventKind.DECISION_SETTLED,
        EventKind.CYCLE_COMPLETED,
        EventKind.ORDER_CHANGED,
        EventKind.ORDER_FILLED,
        EventKind.ACCOUNT_CHANGED,
    }
)

_DECISION_FIELDS = tuple(field.name for field in fields(Decision))
_VOTE_FIELDS = tuple(field.name for field in fields(Vote))


class LatestState:
    """`early_votes` holds single votes that arrived before the decision they belong to."""

    def __init__(self, served_run: ServedRun, records: SqlDecisionRecords) -> None:
        self._market, self._run = market, run = served_run.market, served_run.run
        self.decisions = {each.decision.symbol: each for each in records.latest(market, run)}
        self.feed = deque(records.feed(market, run, FEED_SIZE), FEED_SIZE)
        self.early_votes: dict[tuple[str, str], Vote] = {}

    @property
    def as_of(self) -> datetime | None:
        """The close of the newest bar decided on."""
        return max((recorded.as_of for recorded in self.decisions.values()), default=None)

    def is_relevant(self, event: Event) -> bool:
        """Return whether the event belongs to this market and run, or to no single market."""
        if event.kind in _RUN_EVENTS:
            return bool(event.run == self._run and event.payload.get("market") == self._market)
        return bool(event.payload.get("market", self._market) == self._market)

    def vote(self, symbol: str, agent: str) -> Vote | None:
        """Return the newest vote, whether cast alone or within its decision."""
        if (symbol, agent) in self.early_votes:
            return self.early_votes[symbol, agent]
        recorded = self.decisions.get(symbol)
        votes = recorded.decision.votes if recorded else ()
        return next((vote for vote in votes if vote.agent == agent), None)

    def apply(self, event: Event) -> None:
        if event.kind is EventKind.VOTE_CAST:
            vote = vote_from_event(event)
            self.early_votes[vote.symbol, vote.agent] = vote
        elif event.kind is EventKind.DECISION_MADE:
            recorded = decision_from_event(event)
            self.decisions[recorded.decision.symbol] = recorded
            self.feed.appendleft(recorded)


def vote_from_event(event: Event) -> Vote:
    """Return the vote of a `vote.cast` event."""
    payload = {name: event.payload[name] for name in _VOTE_FIELDS if name in event.payload}
    return Vote(**{**payload, "reasons": tuple(Reason(**reason) for reason in payload["reasons"])})


def decision_from_event(event: Event) -> RecordedDecision:
    """Return the decision of a `decision.made` event, as the records would give it."""
    payload = event.payload
    return RecordedDecision(
        decision=decision_from_json({name: payload[name] for name in _DECISION_FIELDS}),
        as_of=datetime.fromisoformat(payload["as_of"]),
        recorded_at=event.at,
        market=payload["market"],
        run=event.run,
        simulated=payload["simulated"],
        timeframe=Timeframe(payload["timeframe"]),
        digest=payload.get("digest", ""),
        seq=event.seq,
    )
