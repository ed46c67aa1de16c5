"""The agents' record: who was worth what, and one of them taken apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from agents.registry import profile
from domain.errors import NotFoundError
from orchestrator.evaluation.scores import COMMITTEE
from research.report import charts
from research.report.charts import Curve
from research.report.forecaster_view import ForecasterView, forecaster_view
from research.report.record_view import RecordView, record_view, why_weights
from research.report.svg import Write, percent, plain
from web import formatting
from web.agents.score_cache import Scored, Standing
from web.pages.responses import html
from web.render import Renderer
from web.services import House
from web.shell import PageContext, WebRequest, build_shell, engine_view

TOPICS = ("shell", "record")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsPage(PageContext):
    """`forecasts` is None until something was voted on; `weights` and `trust` are figures in HTML
    of what would be earned."""

    template: ClassVar[str] = "pages/agents.html"
    forecasts: RecordView | None
    weights: str
    trust: str
    calendar: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPage(PageContext):
    """`one` is None for an agent of the house that has no record yet."""

    template: ClassVar[str] = "pages/agent.html"
    label: str
    description: str
    symbol: str
    weight: str
    earned: str
    trust: str
    one: ForecasterView | None


@get("/agents", include_in_schema=False, sync_to_thread=True)
def agents(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    scored: NamedDependency[Scored],
) -> Response[Any]:
    shell = build_shell(house, request, "Agents", topics=TOPICS)
    standing = scored.standing()
    return html(
        renderer,
        AgentsPage(
            shell=shell,
            engine=engine_view(house.engine.state),
            forecasts=record_view(
                standing.scores,
                standing.now,
                standing.newest(standing.earned),
                url=_address,
                label=formatting.agent_label,
            ),
            weights=_over_time("weights", "Weights that would be earned", standing, percent),
            trust=_over_time("trust", "Trust that would be earned", standing, plain),
            calendar=standing.calendar,
            why=why_weights(house.committee.weighting, standing.scores),
        ),
    )


@get("/agents/{name:str}", include_in_schema=False, sync_to_thread=True)
def agent(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    scored: NamedDependency[Scored],
    name: FromPath[str],
) -> Response[Any]:
    standing = scored.standing()
    known(house, standing, name)
    label = formatting.agent_label(name)
    return html(
        renderer,
        AgentPage(
            shell=build_shell(house, request, label, topics=TOPICS),
            engine=engine_view(house.engine.state),
            label=label,
            description=_description(name),
            symbol="scale" if name == COMMITTEE else formatting.agent_icon(name),
            weight=_share(standing.now, name),
            earned=_share(standing.newest(standing.earned), name),
            trust=_trust(standing.newest(standing.trust), name),
            one=forecaster_view(standing.scores, name) if standing.scores else None,
        ),
    )


def known(house: House, standing: Standing, name: str) -> None:
    """Raises NotFoundError for whoever neither sits in the committee nor has a record."""
    if name not in (COMMITTEE, *house.agents, *standing.agents):
        raise NotFoundError(
            f"There is no agent {name[:40]!r}. There are {', '.join(house.agents)}, and "
            f"the {COMMITTEE}."
        )


def _over_time(id: str, title: str, standing: Standing, write: Write) -> str:
    """Weights or trust that would be earned, over time; empty until they are told apart."""
    values = standing.earned if id == "weights" else standing.trust
    if len(values) < 2 or (values == values[0, 0]).all():
        return ""
    curves = [
        Curve(formatting.agent_label(agent), values[:, seat], 2 + seat % 7)
        for seat, agent in enumerate(standing.agents)
    ]
    level = 1.0 / len(curves) if id == "weights" else 1.0
    return charts.lines(id, title, standing.learnt_at, curves, write, level=level)


def _description(name: str) -> str:
    """What the agent does, or why it cannot be loaded; empty for one that is not known."""
    declared = profile(name)
    return formatting.line(declared.fault or declared.description)


def _address(name: str) -> str:
    return f"/agents/{name}"


def _share(now: Mapping[str, float], name: str) -> str:
    return f"{formatting.percent(now[name])} %" if name in now else ""


def _trust(now: Mapping[str, float], name: str) -> str:
    return f"{now[name]:.2f}" if name in now else ""
