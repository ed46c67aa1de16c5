"""Backtests: those there are, a new one, one of them, and an end to one under way."""

from dataclasses import asdict, replace
from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from research.backtest.jobs import BacktestJob
from research.backtest.results import BacktestSummary
from web import backtest_form
from web.api.record_schemas import (
    BacktestIn,
    BacktestOut,
    BacktestsOut,
    JobOut,
    ResultOut,
    StartedOut,
)
from web.api.schemas import market_fields, to_schema
from web.backtest_form import BacktestFormData
from web.number_input import write_number
from web.services import AppServices


@get("/backtests", sync_to_thread=True)
def backtests(services: NamedDependency[AppServices]) -> BacktestsOut:
    """Kept results and jobs, newest first."""
    return _backtests_out(services)


@post("/backtests", sync_to_thread=True, status_code=202)
def start(services: NamedDependency[AppServices], data: JSONBody[BacktestIn]) -> StartedOut:
    """Starts a backtest in a process of its own; follow its job in the list."""
    job = services.backtests.start(
        backtest_form.parse_form(services, _form_from_json(services, data))
    )
    services.notifier.notify()
    return StartedOut(job=job, **market_fields(services))


@get("/backtests/{id:str}", sync_to_thread=True)
def backtest(services: NamedDependency[AppServices], id: FromPath[str]) -> BacktestOut:
    """Everything that was kept of one, but for the rows behind it (see its files)."""
    return BacktestOut(result=services.backtests.read(id), **market_fields(services))


@post("/backtests/jobs/{job:str}/cancel", sync_to_thread=True, status_code=200)
def cancel(services: NamedDependency[AppServices], job: FromPath[str]) -> BacktestsOut:
    """Ends a job; one that has ended already stays as it is."""
    services.backtests.cancel(job)
    services.notifier.notify()
    return _backtests_out(services)


def _backtests_out(services: AppServices) -> BacktestsOut:
    backtest_service = services.backtests
    return BacktestsOut(
        results=tuple(map(_result_out, backtest_service.results())),
        jobs=tuple(map(_job_out, backtest_service.jobs())),
        **market_fields(services),
    )


def _form_from_json(services: AppServices, data: BacktestIn) -> BacktestFormData:
    """The usual form with what was given in its place, as if it had been typed."""
    given = {name: value for name, value in asdict(data).items() if value is not None}
    values = {name: _form_text(name, value) for name, value in given.items()}
    return replace(backtest_form.default_form(services), **values)


def _form_text(name: str, value: Any) -> Any:
    if name == "agents":
        return tuple(value)
    if name == "volume_cap":
        return write_number(value * 100, 10)  # the form has it in percent
    if isinstance(value, bool):
        return backtest_form.NO_YES[value]
    if isinstance(value, float):
        return write_number(value)
    return " ".join(value) if name == "symbols" else str(value)


def _result_out(summary: BacktestSummary) -> ResultOut:
    headline = {name: dict(metric) for name, metric in summary.headline.items()}
    return to_schema(summary, ResultOut, headline=headline)


def _job_out(job: BacktestJob) -> JobOut:
    return to_schema(job, JobOut)
