"""The agents' record: who was worth what, and one of them taken apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from domain.errors import NotFoundError
from orchestrator.scores import COMMITTEE
from research import drawing
from research.drawing import Curve
from research.forecaster_view import ForecasterView, forecaster_view
from research.plotting import percent
from research.record_view import RecordView, record_view, why_weights
from web import present
from web.house import House
from web.pages.reply import html
from web.render import Renderer
from web.scored import Scored, Standing
from web.shell import PageContext, WebRequest, build_shell, engine_view


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsPage(PageContext):
    """`forecasts` is None until something was voted on; `weights` is a figure in HTML."""

    template: ClassVar[str] = "pages/agents.html"
    forecasts: RecordView | None
    weights: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPage(PageContext):
    """`one` is None for an agent of the house that has no record yet."""

    template: ClassVar[str] = "pages/agent.html"
    label: str
    symbol: str
    weight: str
    one: ForecasterView | None


@get("/agents", include_in_schema=False, sync_to_thread=True)
def agents(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    scored: NamedDependency[Scored],
) -> Response[Any]:
    shell = build_shell(house, request, "Agents", topics=("shell",))
    standing = scored.standing()
    return html(
        renderer,
        AgentsPage(
            shell=shell,
            engine=engine_view(house.engine.state),
            forecasts=record_view(standing.scores, standing.now, _address, present.agent_label),
            weights=weights_figure(standing),
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
    label = present.agent_label(name)
    return html(
        renderer,
        AgentPage(
            shell=build_shell(house, request, label, topics=("shell",)),
            engine=engine_view(house.engine.state),
            label=label,
            symbol="scale" if name == COMMITTEE else present.agent_icon(name),
            weight=_share(standing.now, name),
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


def weights_figure(standing: Standing) -> str:
    """Weight over time; empty below two bars."""
    if len(standing.known_at) < 2:
        return ""
    curves = [
        Curve(present.agent_label(agent), standing.weights[:, seat], 2 + seat % 7)
        for seat, agent in enumerate(standing.agents)
    ]
    return drawing.lines("weights", "Weight over time", standing.known_at, curves, percent)


def _address(name: str) -> str:
    return f"/agents/{name}"


def _share(now: Mapping[str, float], name: str) -> str:
    return f"{present.percent(now[name])} %" if name in now else ""
