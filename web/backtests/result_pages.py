"""One kept backtest, several compared, and the files of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from litestar import Response, get
from litestar.params import FromPath, FromQuery
from litestar.response import File, Stream

from domain.errors import InputError, NotFoundError
from domain.instants import Times
from domain.panel import Floats
from research.backtest.results import BacktestSummary
from research.report import charts
from research.report.charts import PlotCurve
from research.report.record_view import RecordView, record_view
from research.report.result_view import COMMITTEE, ResultView, metrics_table, result_view
from research.report.svg import format_percent
from research.report.tables import FigureTable
from research.report.tearsheet import content_security_policy
from web import formatting
from web.backtests.views import HEADS, ResultLine, result_lines
from web.http.downloads import parquet_as_csv
from web.http.responses import HTML, html_response
from web.injection import Injected
from web.render import Renderer
from web.services import Backtests
from web.shell import DataSource, PageContext, ShellBuilder, WebRequest

TABLES = ("votes", "decisions", "fills", "equity")
MAX_COMPARED = 6
"""Most backtests compared at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestPage(PageContext):
    template: ClassVar[str] = "backtests/backtest.html"
    result: ResultView
    forecasts: RecordView | None
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestComparePage(PageContext):
    """`equity` is a figure in HTML."""

    template: ClassVar[str] = "backtests/compare.html"
    results: tuple[ResultLine, ...]
    heads: tuple[str, ...]
    equity: str
    metrics: FigureTable


@get("/backtests/{id:str}", include_in_schema=False, sync_to_thread=True)
def backtest(
    request: WebRequest,
    backtests: Injected[Backtests],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    id: FromPath[str],
) -> Response[Any]:
    backtest_service = backtests
    result = backtest_service.read(id)
    view = result_view(result, *backtest_service.equity(id))
    return html_response(
        renderer,
        BacktestPage(
            shell=shell_builder.build(
                request,
                formatting.single_line(view.title, 80),
                topics=("shell",),
                data_source=DataSource(view.market, view.simulated),
            ),
            result=view,
            forecasts=record_view(result.get("forecasts"), label=formatting.agent_label),
            tables=TABLES,
        ),
    )


@get("/backtests/compare", include_in_schema=False, sync_to_thread=True)
def compare(
    request: WebRequest,
    backtests: Injected[Backtests],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    ids: FromQuery[list[str] | None] = None,
) -> Response[Any]:
    chosen = tuple(dict.fromkeys(id for part in ids or () for id in part.split(",") if id))
    if not 2 <= len(chosen) <= MAX_COMPARED:
        raise InputError(
            f"{len(chosen)} backtests were chosen. Choose 2 to {MAX_COMPARED} of those on "
            "/backtests."
        )
    backtest_service = backtests
    committees = {id: backtest_service.read(id)["committee"] for id in chosen}
    curves = {id: _committee_equity(*backtest_service.equity(id)) for id in chosen}
    summaries = {summary.id: summary for summary in backtest_service.results()}
    return html_response(
        renderer,
        BacktestComparePage(
            shell=shell_builder.build(
                request,
                "Backtests compared",
                topics=("shell",),
                data_source=_data_source([summaries[id] for id in chosen if id in summaries]),
            ),
            results=result_lines([summaries[id] for id in chosen if id in summaries]),
            heads=HEADS,
            equity=overlaid_growth(curves),
            metrics=metrics_table("Side by side", committees),
        ),
    )


@get("/backtests/{id:str}/tearsheet", include_in_schema=False, sync_to_thread=True)
def tearsheet(backtests: Injected[Backtests], id: FromPath[str]) -> Response[Any]:
    """Return the tear sheet as it was kept, under a policy that allows nothing but a document."""
    sheet = backtests.file(id, "tearsheet.html").read_text("utf-8")
    policy = f"{content_security_policy(sheet)}; frame-ancestors 'none'; sandbox"
    return Response(
        sheet,
        media_type=HTML,
        headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"},
    )


@get("/backtests/{id:str}/files/{name:str}", include_in_schema=False, sync_to_thread=True)
def backtest_file(backtests: Injected[Backtests], id: FromPath[str], name: FromPath[str]) -> Any:
    """Return a file of the backtest: `votes.parquet` as kept, `votes.csv` converted while it
    streams, or `result.json`."""
    backtest_service = backtests
    stem, _, extension = name.rpartition(".")
    filename = f"quorum-{id}-{name}"
    if extension == "csv" and stem in TABLES:
        return Stream(
            parquet_as_csv(backtest_service.file(id, f"{stem}.parquet")),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{filename}"'},
        )
    if name == "result.json" or (extension == "parquet" and stem in TABLES):
        return File(
            backtest_service.file(id, name),
            filename=filename,
            content_disposition_type="attachment",
        )
    raise NotFoundError(
        f"A backtest has no file {name[:40]!r}. It has result.json and, each as .csv and .parquet, "
        f"{', '.join(TABLES)}."
    )


def overlaid_growth(curves: Mapping[str, tuple[Times, Floats]]) -> str:
    """Draw the growth of each backtest since its own start, over the days of all of them."""
    times = np.unique(np.concatenate([times for times, _ in curves.values()]))
    growth_curves = [
        PlotCurve(name, _growth_at(times, own, equity), 1 + place)
        for place, (name, (own, equity)) in enumerate(curves.items())
    ]
    return charts.line_chart(
        "equity", "Growth since the beginning", times, growth_curves, format_percent, level=0.0
    )


def _growth_at(times: Times, own: Times, equity: Floats) -> Floats:
    """Return the newest known growth at each of `times`, NaN before the first and after the
    last."""
    place = np.searchsorted(own, times, side="right") - 1
    within = (place >= 0) & (times <= own[-1])
    return np.where(within, equity[np.maximum(place, 0)] / equity[0] - 1.0, np.nan)


def _data_source(results: Sequence[BacktestSummary]) -> DataSource:
    """Return the source of the results' data: it names every market, and is simulated only if all
    are."""
    markets = sorted({summary.market for summary in results})
    return DataSource(" and ".join(markets), all(summary.simulated for summary in results))


def _committee_equity(times: Times, curves: Mapping[str, Floats]) -> tuple[Times, Floats]:
    return times, curves[COMMITTEE]
