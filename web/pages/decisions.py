"""The log of decisions, and one decision taken apart: the sum, the limits, what came of it, what it
would have been otherwise, the receipt."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import fsum, log
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from domain.decision import Decision
from orchestrator.committee.pooling import as_recorded
from storage.journal.decision_records import Inputs, Recorded
from web import formatting
from web.pages.responses import html
from web.render import Renderer
from web.services import House, Verification
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.counterfactuals import AftermathView, OtherwiseLine, aftermath_view, otherwise_lines
from web.views.decisions import DecisionCell, LimitLine, decision_cell, limit_lines
from web.views.vote_breakdown import AgentSum, agent_sums

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsPage(PageContext):
    """`older` is the address of the next page, empty on the last one."""

    template: ClassVar[str] = "pages/decisions.html"
    decisions: tuple[DecisionCell, ...]
    older: str


@dataclass(frozen=True, slots=True)
class Record:
    receipt: str
    market: str
    run: str
    digest: str
    recorded_at: Any


@dataclass(frozen=True, slots=True)
class Step:
    label: str
    value: str
    tone: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage(PageContext):
    template: ClassVar[str] = "pages/decision.html"
    decision: DecisionCell
    record: Record
    why: str
    agents: tuple[AgentSum, ...]
    equation: tuple[Step, ...]
    limits: tuple[LimitLine, ...]
    findings: tuple[str, ...]
    remarks: tuple[str, ...]
    inputs: tuple[Fact, ...]
    otherwise: tuple[OtherwiseLine, ...]
    aftermath: AftermathView | None
    verification: Verification | None


@get("/decisions", include_in_schema=False, sync_to_thread=True)
def decisions(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    before: FromQuery[int | None] = None,
) -> Response[Any]:
    shell = build_shell(house, request, "Decisions", topics=("log",) if before is None else ())
    found = house.records.feed(house.market, house.run, PAGE + 1, before)
    older = f"/decisions?before={found[PAGE - 1].seq}" if len(found) > PAGE else ""
    return html(
        renderer,
        DecisionsPage(
            shell=shell,
            engine=engine_view(house.engine.state),
            decisions=tuple(decision_cell(recorded) for recorded in found[:PAGE]),
            older=older,
        ),
    )


@get("/decisions/{receipt:str}", include_in_schema=False, sync_to_thread=True)
def decision(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    receipt: FromPath[str],
) -> Response[Any]:
    recorded = house.records.decision(receipt)
    return html(renderer, _context(request, house, recorded, None))


@post("/decisions/{receipt:str}/verify", include_in_schema=False, sync_to_thread=True)
def verify(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    receipt: FromPath[str],
) -> Response[Any]:
    recorded = house.records.decision(receipt)
    outcome = house.verify(receipt)
    return html(renderer, _context(request, house, recorded, outcome))


def _context(
    request: WebRequest, house: House, recorded: Recorded, outcome: Verification | None
) -> DecisionPage:
    made = recorded.decision
    inputs = house.records.inputs(made.receipt)
    settings = as_recorded(inputs.values["committee"])
    return DecisionPage(
        shell=build_shell(house, request, f"{made.symbol}, {made.action.value}", topics=("shell",)),
        engine=engine_view(house.engine.state),
        decision=decision_cell(recorded),
        record=Record(
            made.receipt, recorded.market, recorded.run, recorded.digest, recorded.recorded_at
        ),
        why=formatting.sentence(made.why, [vote.agent for vote in made.votes], 600),
        agents=agent_sums(made),
        equation=tuple(_equation(made)),
        limits=limit_lines(made),
        findings=tuple(map(formatting.line, made.verdict.findings)),
        remarks=tuple(map(formatting.line, made.verdict.remarks)),
        inputs=tuple(_facts(inputs)),
        otherwise=otherwise_lines(made, settings),
        aftermath=aftermath_view(house.records.settled_of(made.receipt)),
        verification=outcome,
    )


def _equation(made: Decision) -> Iterator[Step]:
    """From the agents' weighted log-odds to the edge, each line following from those above."""
    total = fsum((vote.log_odds or 0.0) * vote.weight for vote in made.votes)
    yield Step("Σ weight × log-odds of the agents", formatting.signed(total, 6))
    if made.p_up is None:
        yield Step("No chance is stated: blocked, or below the quorum", "–", strong=True)
        return
    pooled = log(made.p_up / (1 - made.p_up))
    yield Step("Log-odds of the committee", formatting.signed(pooled, 6))
    yield Step(
        "Chance of a gain over the horizon", f"{formatting.percent(made.p_up, 4)} %", "", True
    )
    if made.base_rate is None or made.edge is None:
        return
    gross = (made.p_up - made.base_rate) * 100
    cost = abs(gross) - abs(made.edge * 100)
    yield Step("less the symbol’s base rate", f"{formatting.percent(made.base_rate, 4)} %")
    yield Step("Edge before cost, points", formatting.signed(gross, 4))
    yield Step("less cost of a round trip, at most the edge", formatting.signed(-cost, 4))
    net = made.edge * 100
    yield Step("Net edge, points", formatting.signed(net, 4), formatting.tone(net), True)


def _facts(inputs: Inputs) -> Iterator[Fact]:
    """What went into the cycle, the panel by its digest; what the page says elsewhere left out."""
    yield Fact("panel", inputs.panel.digest)
    for name, value in inputs.values.items():
        if name not in _TOLD:
            yield Fact(name.replace("_", " "), formatting.line(_plain(value), 600) or "none")


_TOLD = frozenset({"panel", "run", "market", "simulated", "verdicts"})


def _plain(value: object) -> str:
    """JSON in words: `technical 1 0.2, news 2 0.2`."""
    if isinstance(value, Mapping):
        if "name" in value:
            return " ".join(str(part) for part in value.values() if part is not None)
        return ", ".join(f"{name.replace('_', ' ')} {_plain(v)}" for name, v in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_plain, value))
    return str(value)
