"""Backtests: list them, start one, read one, cancel a job."""

from dataclasses import asdict, replace
from typing import Any

from litestar import get, post
from litestar.params import FromPath, JSONBody

from research.backtest.jobs import BacktestJob
from research.backtest.results import BacktestSummary
from web.backtests import backtest_form
from web.backtests.backtest_form import BacktestFormData, BacktestForms
from web.backtests.schemas import (
    BacktestIn,
    BacktestOut,
    BacktestsOut,
    JobOut,
    ResultOut,
    StartedOut,
)
from web.injection import Injected
from web.live.notifier import Notifier
from web.number_input import write_number
from web.schemas import market_fields, to_schema
from web.services import Backtests, ServedRun


@get("/backtests", sync_to_thread=True)
def backtests(served_run: Injected[ServedRun], backtests: Injected[Backtests]) -> BacktestsOut:
    """Return the kept results and the jobs, newest first."""
    return _backtests_out(served_run, backtests)


@post("/backtests", sync_to_thread=True, status_code=202)
def start(
    served_run: Injected[ServedRun],
    backtest_forms: Injected[BacktestForms],
    notifier: Injected[Notifier],
    backtests: Injected[Backtests],
    data: JSONBody[BacktestIn],
) -> StartedOut:
    """Start a backtest in its own process; follow its job in the list."""
    job = backtests.start(backtest_forms.parse(_form_from_json(backtest_forms, data)))
    notifier.notify()
    return StartedOut(job=job, **market_fields(served_run))


@get("/backtests/{id:str}", sync_to_thread=True)
def backtest(
    served_run: Injected[ServedRun], backtests: Injected[Backtests], id: FromPath[str]
) -> BacktestOut:
    """Return everything kept of one backtest except its rows (download its files for those)."""
    return BacktestOut(result=backtests.read(id), **market_fields(served_run))


@post("/backtests/jobs/{job:str}/cancel", sync_to_thread=True, status_code=200)
def cancel(
    served_run: Injected[ServedRun],
    notifier: Injected[Notifier],
    backtests: Injected[Backtests],
    job: FromPath[str],
) -> BacktestsOut:
    """Cancel a job; one that has already ended stays as it is."""
    backtests.cancel(job)
    notifier.notify()
    return _backtests_out(served_run, backtests)


def _backtests_out(served_run: ServedRun, backtests: Backtests) -> BacktestsOut:
    return BacktestsOut(
        results=tuple(map(_result_out, backtests.results())),
        jobs=tuple(map(_job_out, backtests.jobs())),
        **market_fields(served_run),
    )


def _form_from_json(forms: BacktestForms, data: BacktestIn) -> BacktestFormData:
    """Return the default form with the given values filled in as if they had been typed."""
    given = {name: value for name, value in asdict(data).items() if value is not None}
    values = {name: _form_text(name, value) for name, value in given.items()}
    return replace(forms.default(), **values)


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
