"""The agents' record: the scores of all, and one agent in detail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.params import FromPath

from agents.registry import describe_agent
from domain.errors import NotFoundError
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.evaluation.record_scorer import ScoredRecord
from orchestrator.evaluation.scores import COMMITTEE
from research.report import charts
from research.report.charts import PlotCurve
from research.report.forecaster_view import ForecasterView, forecaster_view
from research.report.record_view import RecordView, explain_weights, record_view
from research.report.svg import NumberFormat, format_percent, format_plain
from web import formatting
from web.components.amounts import percent
from web.http.responses import html_response
from web.injection import Injected
from web.live.score_cache import ScoreCache
from web.render import Renderer
from web.services import ServedRun
from web.shell import PageContext, ShellBuilder, WebRequest

TOPICS = ("shell", "record")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsPage(PageContext):
    """`forecasts` is None before the first vote; `weights` and `trust` are figures in HTML of what
    would be earned."""

    template: ClassVar[str] = "agents/agents.html"
    forecasts: RecordView | None
    weights: str
    trust: str
    calendar: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPage(PageContext):
    """`forecaster` is None for an agent that has no record yet."""

    template: ClassVar[str] = "agents/agent.html"
    label: str
    description: str
    icon_name: str
    weight: str
    earned: str
    trust: str
    forecaster: ForecasterView | None


@get("/agents", include_in_schema=False, sync_to_thread=True)
def agents(
    request: WebRequest,
    committee: Injected[CommitteeSettings],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    score_cache: Injected[ScoreCache],
) -> Response[Any]:
    shell = shell_builder.build(request, "Agents", topics=TOPICS)
    scored = score_cache.current()
    return html_response(
        renderer,
        AgentsPage(
            shell=shell,
            forecasts=record_view(
                scored.scores_json,
                scored.current_weights,
                scored.latest_by_agent(scored.earned_weights),
                url=_agent_url,
                label=formatting.agent_label,
            ),
            weights=_influence_chart(
                "weights", "Weights that would be earned", scored, format_percent
            ),
            trust=_influence_chart("trust", "Trust that would be earned", scored, format_plain),
            calendar=scored.calendar,
            why=explain_weights(committee.weighting, scored.scores_json),
        ),
    )


@get("/agents/{name:str}", include_in_schema=False, sync_to_thread=True)
def agent(
    request: WebRequest,
    served_run: Injected[ServedRun],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    score_cache: Injected[ScoreCache],
    name: FromPath[str],
) -> Response[Any]:
    scored = score_cache.current()
    require_forecaster(served_run, scored, name)
    label = formatting.agent_label(name)
    return html_response(
        renderer,
        AgentPage(
            shell=shell_builder.build(request, label, topics=TOPICS),
            label=label,
            description=_description(name),
            icon_name="scale" if name == COMMITTEE else formatting.agent_icon(name),
            weight=_weight_text(scored.current_weights, name),
            earned=_weight_text(scored.latest_by_agent(scored.earned_weights), name),
            trust=_trust_text(scored.latest_by_agent(scored.earned_trust), name),
            forecaster=forecaster_view(scored.scores_json, name) if scored.scores_json else None,
        ),
    )


def require_forecaster(served_run: ServedRun, scored: ScoredRecord, name: str) -> None:
    """Check the agent's name. Raises NotFoundError if it neither votes in the committee nor has a
    record."""
    if name not in (COMMITTEE, *served_run.agents, *scored.agents):
        raise NotFoundError(
            f"There is no agent {name[:40]!r}. There are {', '.join(served_run.agents)}, and "
            f"the {COMMITTEE}."
        )


def _influence_chart(id: str, title: str, scored: ScoredRecord, write: NumberFormat) -> str:
    """Draw the weights or trust that would be earned, over time; empty until they differ."""
    values = scored.earned_weights if id == "weights" else scored.earned_trust
    if len(values) < 2 or (values == values[0, 0]).all():
        return ""
    curves = [
        PlotCurve(formatting.agent_label(agent), values[:, column], 2 + column % 7)
        for column, agent in enumerate(scored.agents)
    ]
    level = 1.0 / len(curves) if id == "weights" else 1.0
    return charts.line_chart(id, title, scored.learned_at, curves, write, level=level)


def _description(name: str) -> str:
    """Return what the agent does, or why it cannot be loaded; empty for an unknown one."""
    declared = describe_agent(name)
    return formatting.single_line(declared.fault or declared.description)


def _agent_url(name: str) -> str:
    return f"/agents/{name}"


def _weight_text(now: Mapping[str, float], name: str) -> str:
    return percent(now[name]) if name in now else ""


def _trust_text(now: Mapping[str, float], name: str) -> str:
    return f"{now[name]:.2f}" if name in now else ""
