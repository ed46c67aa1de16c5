"""Where things stand in one market and run: the newest decision on every symbol, and the newest
ones in order. A page reads it from the records; the stream keeps one up to date from events."""

from collections import deque
from dataclasses import fields
from datetime import datetime

from domain.canonical import decision_from_json
from domain.decision import Decision, Vote
from domain.events import Event, EventKind
from domain.timeframe import Timeframe
from domain.votes import Reason
from storage.journal.decision_records import Recorded
from web.services import House

FEED = 20
"""Decisions in the short list of the overview."""

_OF_A_RUN = frozenset(
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

_DECISION = tuple(field.name for field in fields(Decision))
_VOTE = tuple(field.name for field in fields(Vote))


class Board:
    """`votes` holds single votes that arrived before the decision they belong to."""

    def __init__(self, house: House) -> None:
        self._market, self._run = house.market, house.run
        self.latest = {r.decision.symbol: r for r in house.records.latest(house.market, house.run)}
        self.feed = deque(house.records.feed(house.market, house.run, FEED), FEED)
        self.votes: dict[tuple[str, str], Vote] = {}

    @property
    def as_of(self) -> datetime | None:
        """Close of the newest bar decided on."""
        return max((recorded.as_of for recorded in self.latest.values()), default=None)

    def concerns(self, event: Event) -> bool:
        """Whether the event is of this market and run, or of the house as a whole."""
        if event.kind in _OF_A_RUN:
            return bool(event.run == self._run and event.payload.get("market") == self._market)
        return bool(event.payload.get("market", self._market) == self._market)

    def vote(self, symbol: str, agent: str) -> Vote | None:
        """The newest vote, told by itself or within its decision."""
        if (symbol, agent) in self.votes:
            return self.votes[symbol, agent]
        recorded = self.latest.get(symbol)
        votes = recorded.decision.votes if recorded else ()
        return next((vote for vote in votes if vote.agent == agent), None)

    def take(self, event: Event) -> None:
        if event.kind is EventKind.VOTE_CAST:
            vote = vote_from(event)
            self.votes[vote.symbol, vote.agent] = vote
        elif event.kind is EventKind.DECISION_MADE:
            recorded = recorded_from(event)
            self.latest[recorded.decision.symbol] = recorded
            self.feed.appendleft(recorded)


def vote_from(event: Event) -> Vote:
    """The vote a `vote.cast` told of."""
    told = {name: event.payload[name] for name in _VOTE if name in event.payload}
    return Vote(**{**told, "reasons": tuple(Reason(**reason) for reason in told["reasons"])})


def recorded_from(event: Event) -> Recorded:
    """The decision a `decision.made` told of, as the records would give it."""
    told = event.payload
    return Recorded(
        decision=decision_from_json({name: told[name] for name in _DECISION}),
        as_of=datetime.fromisoformat(told["as_of"]),
        recorded_at=event.at,
        market=told["market"],
        run=event.run,
        simulated=told["simulated"],
        timeframe=Timeframe(told["timeframe"]),
        digest=told.get("digest", ""),
        seq=event.seq,
    )
