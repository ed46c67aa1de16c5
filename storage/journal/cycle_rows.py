"""A cycle as the journal stores it: its rows, its events and their payloads. Pure.

Promises that an event has the same payload when it is recorded and when it is read back later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.canonical import canonical_bytes, encode_json, format_instant, to_json
from domain.decision import Cycle, Decision, Vote
from domain.events import Event, EventKind

RowValues = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DecisionDocument:
    """A decision in JSON, and the fields that its cycle adds to every payload."""

    decision: Mapping[str, Any]
    context: Mapping[str, Any]

    def payload(self, position: int | None) -> RowValues:
        """Return the payload of the vote at that position, or of the decision itself (None)."""
        if position is None:
            return {**self.decision, **self.context}
        vote = self.decision["votes"][position]
        return {**vote, "receipt": self.decision["receipt"], **self.context}


@dataclass(slots=True)
class CycleRows:
    """Rows of the tables cycle, decision, vote and event, and the events themselves."""

    cycle: RowValues
    decisions: list[RowValues] = field(default_factory=list)
    votes: list[RowValues] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    event_rows: list[RowValues] = field(default_factory=list)


def event_context(market: str, simulated: bool, timeframe: str, as_of: datetime) -> RowValues:
    """Return what the payloads of all votes and decisions of a cycle have in common."""
    return {
        "market": market,
        "simulated": simulated,
        "timeframe": timeframe,
        "as_of": format_instant(as_of),
    }


def build_cycle_rows(
    cycle: Cycle, manifest: str, inputs: str, at: datetime, last_seq: int
) -> CycleRows:
    """Return the cycle's rows and events, numbered from `last_seq` + 1: the votes of each decision
    and then the decision, with `cycle.completed` last."""
    seq = last_seq + sum(len(decision.votes) + 1 for decision in cycle.decisions) + 1
    rows = CycleRows(_cycle_row(cycle, seq, manifest, inputs, at))
    context = event_context(cycle.market, cycle.simulated, cycle.timeframe, cycle.as_of)
    for decision in cycle.decisions:
        document = DecisionDocument(to_json(decision), context)
        decision_seq = last_seq + len(decision.votes) + 1
        for position, vote in enumerate(decision.votes):
            last_seq += 1
            rows.votes.append(_vote_row(vote, last_seq, decision_seq, position))
            payload = document.payload(position)
            rows.events.append(
                Event(last_seq, at, EventKind.VOTE_CAST, cycle.run, vote.symbol, payload)
            )
        last_seq = decision_seq
        rows.decisions.append(_decision_row(cycle, decision, decision_seq, seq, document))
        payload = document.payload(None)
        rows.events.append(
            Event(decision_seq, at, EventKind.DECISION_MADE, cycle.run, decision.symbol, payload)
        )
    rows.event_rows.extend(event_row(event, None) for event in rows.events)
    completed = Event(seq, at, EventKind.CYCLE_COMPLETED, cycle.run, None, _summary(cycle, context))
    rows.events.append(completed)
    rows.event_rows.append(event_row(completed, canonical_text(completed.payload)))
    return rows


def event_row(event: Event, payload: str | None) -> RowValues:
    return {
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind.value,
        "run": event.run,
        "symbol": event.symbol,
        "payload": payload,
    }


def canonical_text(value: Any) -> str:
    return canonical_bytes(value).decode("ascii")


def plain_json_text(plain: Any) -> str:
    """Return the `canonical_text` of a value that is plain JSON already."""
    return encode_json(plain).decode("ascii")


def _summary(cycle: Cycle, context: RowValues) -> RowValues:
    return {
        **context,
        "calendar": cycle.calendar,
        "digest": cycle.digest,
        "symbols": [decision.symbol for decision in cycle.decisions],
    }


def _cycle_row(cycle: Cycle, seq: int, manifest: str, inputs: str, at: datetime) -> RowValues:
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
    cycle: Cycle, decision: Decision, seq: int, cycle_seq: int, document: DecisionDocument
) -> RowValues:
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
        "body": canonical_text(document.decision),
    }


def _vote_row(vote: Vote, seq: int, decision: int, position: int) -> RowValues:
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
