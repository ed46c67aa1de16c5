"""Backtests: those there are, a new one, one of them, and an end to one under way."""

from dataclasses import asdict, replace
from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from research.backtest.jobs import Job
from research.backtest.results import Summary
from web import backtest_form
from web.api.record_schemas import (
    BacktestIn,
    BacktestOut,
    BacktestsOut,
    JobOut,
    ResultOut,
    StartedOut,
)
from web.api.schemas import about
from web.backtest_form import Typed
from web.number_input import write_number
from web.services import House


@get("/backtests", sync_to_thread=True)
def backtests(house: NamedDependency[House]) -> BacktestsOut:
    """Kept results and jobs, newest first."""
    return _listed(house)


@post("/backtests", sync_to_thread=True, status_code=202)
def start(house: NamedDependency[House], data: JSONBody[BacktestIn]) -> StartedOut:
    """Starts a backtest in a process of its own; follow its job in the list."""
    job = house.backtests.start(backtest_form.asked(house, _typed(house, data)))
    house.bell.ring()
    return StartedOut(job=job, **about(house))


@get("/backtests/{id:str}", sync_to_thread=True)
def backtest(house: NamedDependency[House], id: FromPath[str]) -> BacktestOut:
    """Everything that was kept of one, but for the rows behind it (see its files)."""
    return BacktestOut(result=house.backtests.read(id), **about(house))


@post("/backtests/jobs/{job:str}/cancel", sync_to_thread=True, status_code=200)
def cancel(house: NamedDependency[House], job: FromPath[str]) -> BacktestsOut:
    """Ends a job; one that has ended already stays as it is."""
    house.backtests.cancel(job)
    house.bell.ring()
    return _listed(house)


def _listed(house: House) -> BacktestsOut:
    kept = house.backtests
    return BacktestsOut(
        results=tuple(map(_result, kept.results())),
        jobs=tuple(map(_job, kept.jobs())),
        **about(house),
    )


def _typed(house: House, data: BacktestIn) -> Typed:
    """The usual form with what was given in its place, as if it had been typed."""
    given = {name: value for name, value in asdict(data).items() if value is not None}
    told = {name: _text(name, value) for name, value in given.items()}
    return replace(backtest_form.usual(house), **told)


def _text(name: str, value: Any) -> Any:
    if name == "agents":
        return tuple(value)
    if name == "volume_cap":
        return write_number(value * 100, 10)  # the form has it in percent
    if isinstance(value, bool):
        return backtest_form.SWITCH[value]
    if isinstance(value, float):
        return write_number(value)
    return " ".join(value) if name == "symbols" else str(value)


def _result(kept: Summary) -> ResultOut:
    headline = {name: dict(told) for name, told in kept.headline.items()}
    return ResultOut(**{**asdict(kept), "headline": headline})


def _job(job: Job) -> JobOut:
    return JobOut(**asdict(job))
