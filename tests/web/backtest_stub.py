"""Backtests for the pages: real kept results, and jobs that change when a test says so."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import InputError, NotFoundError
from domain.instants import Times
from domain.panel import Floats
from research.backtest import parquet
from research.backtest.jobs import BacktestJob, request_label
from research.backtest.request import BacktestRequest
from research.backtest.results import EQUITY, RESULT, TEAR_SHEET, BacktestStore, BacktestSummary
from research.report.tearsheet import render_tear_sheet
from tests.research.report.result_fixtures import curves, result

MADE = datetime(2024, 3, 15, 22, tzinfo=UTC)


class BacktestStub:
    def __init__(self, folder: Path) -> None:
        self._results = BacktestStore(folder)
        self.requests: list[BacktestRequest] = []
        self.running: dict[str, BacktestJob] = {}

    def results(self) -> Sequence[BacktestSummary]:
        return self._results.summaries()

    def read(self, id: str) -> dict[str, Any]:
        return self._results.read(id)

    def equity(self, id: str) -> tuple[Times, dict[str, Floats]]:
        return self._results.equity(id)

    def file(self, id: str, name: str) -> Path:
        return self._results.file(id, name)

    def delete(self, id: str) -> None:
        self._results.delete(id)

    def start(self, request: BacktestRequest) -> str:
        if len(self.running) >= 2:
            raise InputError("2 backtests are running. Wait for one to end or cancel it.")
        self.requests.append(request)
        id = f"job-{len(self.requests)}"
        self.running[id] = BacktestJob(
            id, request_label(request), "starting", 0, 0, None, None, "running", None
        )
        return id

    def jobs(self) -> Sequence[BacktestJob]:
        return tuple(reversed(self.running.values()))

    def cancel(self, id: str) -> None:
        if id not in self.running:
            raise NotFoundError(f"There is no running backtest {id!r}.")
        self.update_job(id, state="cancelled")

    def update_job(self, id: str, **changes: Any) -> None:
        self.running[id] = replace(self.running[id], **changes)

    def add_result(self, id: str, seed: int = 1, **changes: Any) -> None:
        """A made-up result, written as a real one is."""
        result_json = result(id=id, **changes)
        times, equity_curves = curves(seed)
        with self._results.draft_folder() as draft:
            (draft / RESULT).write_text(json.dumps(result_json))
            (draft / TEAR_SHEET).write_text(
                render_tear_sheet(result_json, times, equity_curves), "utf-8"
            )
            columns = {name: parquet.float_column(values) for name, values in equity_curves.items()}
            parquet.write_table(
                draft / EQUITY, {"known_at": parquet.timestamp_column(times), **columns}
            )
            symbol = parquet.dictionary_column(np.array([0, 1, 0]), ["AAPL", "MSFT"])
            fills = {
                "known_at": parquet.timestamp_column(times[:3]),
                "symbol": symbol,
                "price": parquet.float_column(np.array([1.5, np.nan, 2.5])),
            }
            for name in ("votes.parquet", "decisions.parquet", "fills.parquet"):
                parquet.write_table(draft / name, fills)
            self._results.save(
                draft,
                BacktestSummary(
                    id=id,
                    made_at=MADE + timedelta(minutes=seed),
                    label=result_json["label"],
                    market=result_json["market"],
                    simulated=result_json["simulated"],
                    start=result_json["from"],
                    end=result_json["to"],
                    symbols=tuple(result_json["symbols"]),
                    agents=tuple(result_json["agents"]),
                    headline=result_json["committee"],
                ),
            )
