"""The log of decisions, and one decision in detail: the sum, the limits, its outcome, its
counterfactuals, its receipt."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import fsum, log
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from domain.decision import Decision
from orchestrator.committee.pooling import settings_from_record
from storage.journal.decision_records import CycleInputs, RecordedDecision, SqlDecisionRecords
from web import formatting
from web.components.amounts import percent
from web.components.decision_cells import (
    AppliedLimitLine,
    DecisionCell,
    applied_limit_lines,
    decision_cell,
)
from web.components.vote_breakdown import AgentContribution, agent_contributions
from web.decisions.counterfactuals import (
    CounterfactualLine,
    OutcomeView,
    counterfactual_lines,
    outcome_view,
)
from web.http.responses import html_response
from web.injection import Injected
from web.render import Renderer
from web.services import ServedRun, VerificationOutcome, VerifyReceipt
from web.shell import PageContext, ShellBuilder, WebRequest

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsPage(PageContext):
    """`older` is the address of the next page, empty on the last one."""

    template: ClassVar[str] = "decisions/decisions.html"
    decisions: tuple[DecisionCell, ...]
    older: str


@dataclass(frozen=True, slots=True)
class DecisionReceipt:
    receipt: str
    market: str
    run: str
    digest: str
    recorded_at: Any


@dataclass(frozen=True, slots=True)
class EquationStep:
    label: str
    value: str
    tone: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class DecisionInput:
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage(PageContext):
    template: ClassVar[str] = "decisions/decision.html"
    decision: DecisionCell
    record: DecisionReceipt
    why: str
    agents: tuple[AgentContribution, ...]
    equation: tuple[EquationStep, ...]
    limits: tuple[AppliedLimitLine, ...]
    findings: tuple[str, ...]
    remarks: tuple[str, ...]
    inputs: tuple[DecisionInput, ...]
    counterfactuals: tuple[CounterfactualLine, ...]
    outcome: OutcomeView | None
    verification: VerificationOutcome | None


@get("/decisions", include_in_schema=False, sync_to_thread=True)
def decisions(
    request: WebRequest,
    served_run: Injected[ServedRun],
    records: Injected[SqlDecisionRecords],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    before: FromQuery[int | None] = None,
) -> Response[Any]:
    shell = shell_builder.build(request, "Decisions", topics=("log",) if before is None else ())
    found = records.feed(served_run.market, served_run.run, PAGE_SIZE + 1, before)
    older = f"/decisions?before={found[PAGE_SIZE - 1].seq}" if len(found) > PAGE_SIZE else ""
    return html_response(
        renderer,
        DecisionsPage(
            shell=shell,
            decisions=tuple(decision_cell(recorded) for recorded in found[:PAGE_SIZE]),
            older=older,
        ),
    )


@get("/decisions/{receipt:str}", include_in_schema=False, sync_to_thread=True)
def decision(
    request: WebRequest,
    records: Injected[SqlDecisionRecords],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    receipt: FromPath[str],
) -> Response[Any]:
    recorded = records.decision(receipt)
    return html_response(renderer, _decision_page(request, records, shell_builder, recorded, None))


@post("/decisions/{receipt:str}/verify", include_in_schema=False, sync_to_thread=True)
def verify(
    request: WebRequest,
    records: Injected[SqlDecisionRecords],
    verify: Injected[VerifyReceipt],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    receipt: FromPath[str],
) -> Response[Any]:
    recorded = records.decision(receipt)
    verification = verify(receipt)
    return html_response(
        renderer, _decision_page(request, records, shell_builder, recorded, verification)
    )


def _decision_page(
    request: WebRequest,
    records: SqlDecisionRecords,
    shell_builder: ShellBuilder,
    recorded: RecordedDecision,
    verification: VerificationOutcome | None,
) -> DecisionPage:
    made = recorded.decision
    inputs = records.inputs(made.receipt)
    settings = settings_from_record(inputs.values["committee"])
    return DecisionPage(
        shell=shell_builder.build(
            request, f"{made.symbol}, {made.action.value}", topics=("shell",)
        ),
        decision=decision_cell(recorded),
        record=DecisionReceipt(
            made.receipt, recorded.market, recorded.run, recorded.digest, recorded.recorded_at
        ),
        why=formatting.sentence(made.why, [vote.agent for vote in made.votes], 600),
        agents=agent_contributions(made),
        equation=tuple(_equation(made)),
        limits=applied_limit_lines(made),
        findings=tuple(map(formatting.single_line, made.verdict.findings)),
        remarks=tuple(map(formatting.single_line, made.verdict.remarks)),
        inputs=tuple(_inputs(inputs)),
        counterfactuals=counterfactual_lines(made, settings),
        outcome=outcome_view(records.settled_outcome(made.receipt)),
        verification=verification,
    )


def _equation(made: Decision) -> Iterator[EquationStep]:
    """Yield the steps from the agents' weighted log-odds to the edge, each following from those
    above."""
    total = fsum((vote.log_odds or 0.0) * vote.weight for vote in made.votes)
    yield EquationStep("Σ weight × log-odds of the agents", formatting.signed(total, 6))
    if made.p_up is None:
        yield EquationStep("No chance is stated: blocked, or below the quorum", "–", strong=True)
        return
    pooled = log(made.p_up / (1 - made.p_up))
    yield EquationStep("Log-odds of the committee", formatting.signed(pooled, 6))
    yield EquationStep("Chance of a gain over the horizon", percent(made.p_up, 4), "", True)
    if made.base_rate is None or made.edge is None:
        return
    gross = (made.p_up - made.base_rate) * 100
    cost = abs(gross) - abs(made.edge * 100)
    yield EquationStep("less the symbol’s base rate", percent(made.base_rate, 4))
    yield EquationStep("Edge before cost, points", formatting.signed(gross, 4))
    yield EquationStep("less cost of a round trip, at most the edge", formatting.signed(-cost, 4))
    net = made.edge * 100
    yield EquationStep("Net edge, points", formatting.signed(net, 4), formatting.tone(net), True)


def _inputs(inputs: CycleInputs) -> Iterator[DecisionInput]:
    """Yield the inputs of the cycle, the panel by its digest; leave out what the page shows
    elsewhere."""
    yield DecisionInput("panel", inputs.panel.digest)
    for name, value in inputs.values.items():
        if name not in _SHOWN_ELSEWHERE:
            yield DecisionInput(
                name.replace("_", " "), formatting.single_line(_json_as_text(value), 600) or "none"
            )


_SHOWN_ELSEWHERE = frozenset({"panel", "run", "market", "simulated", "verdicts"})


def _json_as_text(value: object) -> str:
    """Format JSON in words: `technical 1 0.2, news 2 0.2`."""
    if isinstance(value, Mapping):
        if "name" in value:
            return " ".join(str(part) for part in value.values() if part is not None)
        return ", ".join(
            f"{name.replace('_', ' ')} {_json_as_text(v)}" for name, v in value.items()
        )
    if isinstance(value, list | tuple):
        return "; ".join(map(_json_as_text, value))
    return str(value)
