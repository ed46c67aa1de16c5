"""A cycle as the journal holds it: its rows, its events and what they say. Pure.

Promises that an event says the same whether it was just recorded or is read back years later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.canonical import canonical_bytes, instant, plain_bytes, to_json
from domain.decision import Cycle, Decision, Vote
from domain.events import Event, EventKind

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A decision in JSON beside what its cycle adds to every payload."""

    decision: Mapping[str, Any]
    about: Mapping[str, Any]

    def payload(self, position: int | None) -> Row:
        """What the event of the vote at that position says; None means of the decision itself."""
        if position is None:
            return {**self.decision, **self.about}
        vote = self.decision["votes"][position]
        return {**vote, "receipt": self.decision["receipt"], **self.about}


@dataclass(slots=True)
class Entries:
    """Rows of the tables cycle, decision, vote and event, and the events themselves."""

    cycle: Row
    decisions: list[Row] = field(default_factory=list)
    votes: list[Row] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    event_rows: list[Row] = field(default_factory=list)


def about(market: str, simulated: bool, timeframe: str, as_of: datetime) -> Row:
    """What the payload of every vote and decision of a cycle says besides its own."""
    return {
        "market": market,
        "simulated": simulated,
        "timeframe": timeframe,
        "as_of": instant(as_of),
    }


def entries(cycle: Cycle, manifest: str, inputs: str, at: datetime, last_seq: int) -> Entries:
    """The cycle's entries, numbered from `last_seq` + 1: the votes of each decision and then the
    decision, and `cycle.completed` at last."""
    seq = last_seq + sum(len(decision.votes) + 1 for decision in cycle.decisions) + 1
    made = Entries(_cycle_row(cycle, seq, manifest, inputs, at))
    shared = about(cycle.market, cycle.simulated, cycle.timeframe, cycle.as_of)
    for decision in cycle.decisions:
        document = Document(to_json(decision), shared)
        decided = last_seq + len(decision.votes) + 1
        for position, vote in enumerate(decision.votes):
            last_seq += 1
            made.votes.append(_vote_row(vote, last_seq, decided, position))
            payload = document.payload(position)
            made.events.append(
                Event(last_seq, at, EventKind.VOTE_CAST, cycle.run, vote.symbol, payload)
            )
        last_seq = decided
        made.decisions.append(_decision_row(cycle, decision, decided, seq, document))
        payload = document.payload(None)
        made.events.append(
            Event(decided, at, EventKind.DECISION_MADE, cycle.run, decision.symbol, payload)
        )
    made.event_rows.extend(event_row(event, None) for event in made.events)
    completed = Event(seq, at, EventKind.CYCLE_COMPLETED, cycle.run, None, _summary(cycle, shared))
    made.events.append(completed)
    made.event_rows.append(event_row(completed, text(completed.payload)))
    return made


def event_row(event: Event, payload: str | None) -> Row:
    return {
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind.value,
        "run": event.run,
        "symbol": event.symbol,
        "payload": payload,
    }


def text(value: Any) -> str:
    return canonical_bytes(value).decode("ascii")


def plain_text(plain: Any) -> str:
    """`text` of what is plain JSON already."""
    return plain_bytes(plain).decode("ascii")


def _summary(cycle: Cycle, shared: Row) -> Row:
    return {
        **shared,
        "calendar": cycle.calendar,
        "digest": cycle.digest,
        "symbols": [decision.symbol for decision in cycle.decisions],
    }


def _cycle_row(cycle: Cycle, seq: int, manifest: str, inputs: str, at: datetime) -> Row:
    return {
        "seq": seq,
        "digest": cycle.digest,
        "market": cycle.market,
        "run": cycle.run,
        "simulated": cycle.simulated,
        "calendar": cycle.calendar,
        "timeframe": cycle.timeframe.value,
        "as_of": cycle.as_of,
        "recorded_at": at,
        "manifest": manifest,
        "inputs": inputs,
    }


def _decision_row(
    cycle: Cycle, decision: Decision, seq: int, cycle_seq: int, document: Document
) -> Row:
    return {
        "seq": seq,
        "cycle": cycle_seq,
        "receipt": decision.receipt,
        "market": cycle.market,
        "run": cycle.run,
        "symbol": decision.symbol,
        "as_of": cycle.as_of,
        "action": decision.action.value,
        "p_up": decision.p_up,
        "base_rate": decision.base_rate,
        "target_weight": decision.target_weight,
        "price": decision.price,
        "body": text(document.decision),
    }


def _vote_row(vote: Vote, seq: int, decision: int, position: int) -> Row:
    return {
        "seq": seq,
        "decision": decision,
        "position": position,
        "agent": vote.agent,
        "version": vote.version,
        "p_up": vote.p_up,
        "log_odds": vote.log_odds,
        "weight": vote.weight,
        "cap": vote.cap,
        "quantile_5": vote.quantile_5,
    }
