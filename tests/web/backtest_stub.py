"""Backtests for the pages: real kept results, and jobs that move when a test says so."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import InputError, NotFoundError
from domain.panel import Floats, Times
from research.backtest import parquet
from research.backtest.jobs import Job, label_of
from research.backtest.request import Request
from research.backtest.results import EQUITY, RESULT, TEAR_SHEET, Results, Summary
from research.report.tearsheet import tear_sheet
from tests.research.report.result_fixtures import curves, result

MADE = datetime(2024, 3, 15, 22, tzinfo=UTC)


class Workshop:
    def __init__(self, folder: Path) -> None:
        self._results = Results(folder)
        self.asked: list[Request] = []
        self.under_way: dict[str, Job] = {}

    def results(self) -> Sequence[Summary]:
        return self._results.summaries()

    def read(self, id: str) -> dict[str, Any]:
        return self._results.read(id)

    def equity(self, id: str) -> tuple[Times, dict[str, Floats]]:
        return self._results.equity(id)

    def file(self, id: str, name: str) -> Path:
        return self._results.file(id, name)

    def delete(self, id: str) -> None:
        self._results.delete(id)

    def start(self, request: Request) -> str:
        if len(self.under_way) >= 2:
            raise InputError("2 backtests are running. Wait for one to end or cancel it.")
        self.asked.append(request)
        id = f"job-{len(self.asked)}"
        self.under_way[id] = Job(
            id, label_of(request), "starting", 0, 0, None, None, "running", None
        )
        return id

    def jobs(self) -> Sequence[Job]:
        return tuple(reversed(self.under_way.values()))

    def cancel(self, id: str) -> None:
        if id not in self.under_way:
            raise NotFoundError(f"There is no running backtest {id!r}.")
        self.move(id, state="cancelled")

    def move(self, id: str, **changes: Any) -> None:
        self.under_way[id] = replace(self.under_way[id], **changes)

    def keep(self, id: str, seed: int = 1, **changes: Any) -> None:
        """A made-up result, written as a real one is."""
        told = result(id=id, **changes)
        times, drawn = curves(seed)
        with self._results.draft() as draft:
            (draft / RESULT).write_text(json.dumps(told))
            (draft / TEAR_SHEET).write_text(tear_sheet(told, times, drawn), "utf-8")
            columns = {name: parquet.numbers(values) for name, values in drawn.items()}
            parquet.write(draft / EQUITY, {"known_at": parquet.instants(times), **columns})
            symbol = parquet.names(np.array([0, 1, 0]), ["AAPL", "MSFT"])
            fills = {
                "known_at": parquet.instants(times[:3]),
                "symbol": symbol,
                "price": parquet.numbers(np.array([1.5, np.nan, 2.5])),
            }
            for name in ("votes.parquet", "decisions.parquet", "fills.parquet"):
                parquet.write(draft / name, fills)
            self._results.keep(
                draft,
                Summary(
                    id=id,
                    made_at=MADE + timedelta(minutes=seed),
                    label=told["label"],
                    market=told["market"],
                    simulated=told["simulated"],
                    start=told["from"],
                    end=told["to"],
                    symbols=tuple(told["symbols"]),
                    agents=tuple(told["agents"]),
                    headline=told["committee"],
                ),
            )
