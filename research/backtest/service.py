"""Everything that a page can do with backtests: read the stored ones; start, watch and cancel
others.

One value over `results.py` and `jobs.py`; leaves out running them (`backtester.py`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domain.instants import Times
from domain.panel import Floats
from research.backtest.jobs import BacktestJob, BacktestJobs
from research.backtest.request import BacktestRequest
from research.backtest.results import BacktestStore, BacktestSummary


class BacktestService:
    """See `BacktestStore` and `BacktestJobs` for the contract of each method."""

    def __init__(self, results: BacktestStore, jobs: BacktestJobs) -> None:
        self._results = results
        self._jobs = jobs

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
        return self._jobs.start(request)

    def jobs(self) -> Sequence[BacktestJob]:
        return self._jobs.jobs()

    def cancel(self, id: str) -> None:
        self._jobs.cancel(id)

    def close(self) -> None:
        """End all running jobs."""
        self._jobs.close()
