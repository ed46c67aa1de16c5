"""One kept backtest, several side by side, and the files of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import File, Stream

from domain.errors import InputError, NotFoundError
from domain.panel import Floats, Times
from research.backtest.results import Summary
from research.report import charts
from research.report.charts import Curve
from research.report.record_view import RecordView, record_view
from research.report.result_view import COMMITTEE, ResultView, metrics_grid, result_view
from research.report.svg import percent
from research.report.tables import Grid
from research.report.tearsheet import policy_of
from web import formatting
from web.downloads import as_csv
from web.pages.responses import HTML, html
from web.render import Renderer
from web.services import House
from web.shell import Origin, PageContext, WebRequest, build_shell, engine_view
from web.views.backtests import HEADS, ResultLine, result_lines

TABLES = ("votes", "decisions", "fills", "equity")
MOST = 6
"""Backtests that are compared at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestPage(PageContext):
    template: ClassVar[str] = "pages/backtest.html"
    result: ResultView
    forecasts: RecordView | None
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePage(PageContext):
    """`equity` is a figure in HTML."""

    template: ClassVar[str] = "pages/compare.html"
    results: tuple[ResultLine, ...]
    heads: tuple[str, ...]
    equity: str
    metrics: Grid


@get("/backtests/{id:str}", include_in_schema=False, sync_to_thread=True)
def backtest(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    id: FromPath[str],
) -> Response[Any]:
    kept = house.backtests
    result = kept.read(id)
    view = result_view(result, *kept.equity(id))
    return html(
        renderer,
        BacktestPage(
            shell=build_shell(
                house,
                request,
                formatting.line(view.title, 80),
                topics=("shell",),
                origin=Origin(view.market, view.simulated),
            ),
            engine=engine_view(house.engine.state),
            result=view,
            forecasts=record_view(result.get("forecasts"), label=formatting.agent_label),
            tables=TABLES,
        ),
    )


@get("/backtests/compare", include_in_schema=False, sync_to_thread=True)
def compare(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    ids: FromQuery[list[str] | None] = None,
) -> Response[Any]:
    wanted = tuple(dict.fromkeys(id for part in ids or () for id in part.split(",") if id))
    if not 2 <= len(wanted) <= MOST:
        raise InputError(
            f"{len(wanted)} backtests were chosen. Choose 2 to {MOST} of those on /backtests."
        )
    kept = house.backtests
    committees = {id: kept.read(id)["committee"] for id in wanted}
    curves = {id: _of_committee(*kept.equity(id)) for id in wanted}
    summaries = {summary.id: summary for summary in kept.results()}
    return html(
        renderer,
        ComparePage(
            shell=build_shell(
                house,
                request,
                "Backtests compared",
                topics=("shell",),
                origin=_origin([summaries[id] for id in wanted if id in summaries]),
            ),
            engine=engine_view(house.engine.state),
            results=result_lines([summaries[id] for id in wanted if id in summaries]),
            heads=HEADS,
            equity=overlay(curves),
            metrics=metrics_grid("Side by side", committees),
        ),
    )


@get("/backtests/{id:str}/tearsheet", include_in_schema=False, sync_to_thread=True)
def tearsheet(house: NamedDependency[House], id: FromPath[str]) -> Response[Any]:
    """The file as it was kept, under a policy that lets it be nothing but a document."""
    sheet = house.backtests.file(id, "tearsheet.html").read_text("utf-8")
    policy = f"{policy_of(sheet)}; frame-ancestors 'none'; sandbox"
    return Response(
        sheet,
        media_type=HTML,
        headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"},
    )


@get("/backtests/{id:str}/files/{name:str}", include_in_schema=False, sync_to_thread=True)
def backtest_file(house: NamedDependency[House], id: FromPath[str], name: FromPath[str]) -> Any:
    """`votes.parquet` as it is kept, `votes.csv` made of it on the way; `result.json`."""
    kept = house.backtests
    stem, _, kind = name.rpartition(".")
    saved = f"quorum-{id}-{name}"
    if kind == "csv" and stem in TABLES:
        return Stream(
            as_csv(kept.file(id, f"{stem}.parquet")),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{saved}"'},
        )
    if name == "result.json" or (kind == "parquet" and stem in TABLES):
        return File(kept.file(id, name), filename=saved, content_disposition_type="attachment")
    raise NotFoundError(
        f"A backtest has no file {name[:40]!r}. It has result.json and, each as .csv and .parquet, "
        f"{', '.join(TABLES)}."
    )


def overlay(curves: Mapping[str, tuple[Times, Floats]]) -> str:
    """Growth of each since its own beginning, over the days of all of them."""
    times = np.unique(np.concatenate([times for times, _ in curves.values()]))
    drawn = [
        Curve(name, _spread(times, own, equity), 1 + place)
        for place, (name, (own, equity)) in enumerate(curves.items())
    ]
    return charts.lines("equity", "Growth since the beginning", times, drawn, percent, level=0.0)


def _spread(times: Times, own: Times, equity: Floats) -> Floats:
    """The newest known growth at each of `times`, NaN before the first and after the last."""
    place = np.searchsorted(own, times, side="right") - 1
    within = (place >= 0) & (times <= own[-1])
    return np.where(within, equity[np.maximum(place, 0)] / equity[0] - 1.0, np.nan)


def _origin(results: Sequence[Summary]) -> Origin:
    """Several markets are all named, and only what is all made up is called so."""
    markets = sorted({kept.market for kept in results})
    return Origin(" and ".join(markets), all(kept.simulated for kept in results))


def _of_committee(times: Times, curves: Mapping[str, Floats]) -> tuple[Times, Floats]:
    return times, curves[COMMITTEE]
