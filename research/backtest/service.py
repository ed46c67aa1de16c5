"""Everything a page may do with backtests: look at the kept ones, start, watch and cancel others.

One value over `results.py` and `jobs.py`; leaves out running them (`backtest.py`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domain.panel import Floats, Times
from research.backtest.jobs import Job, Jobs
from research.backtest.request import Request
from research.backtest.results import Results, Summary


class Bench:
    """See `Results` and `Jobs` for what each method promises and raises."""

    def __init__(self, kept: Results, running: Jobs) -> None:
        self._kept = kept
        self._running = running

    def results(self) -> Sequence[Summary]:
        return self._kept.summaries()

    def read(self, id: str) -> dict[str, Any]:
        return self._kept.read(id)

    def equity(self, id: str) -> tuple[Times, dict[str, Floats]]:
        return self._kept.equity(id)

    def file(self, id: str, name: str) -> Path:
        return self._kept.file(id, name)

    def delete(self, id: str) -> None:
        self._kept.delete(id)

    def start(self, request: Request) -> str:
        return self._running.start(request)

    def jobs(self) -> Sequence[Job]:
        return self._running.jobs()

    def cancel(self, id: str) -> None:
        self._running.cancel(id)

    def close(self) -> None:
        """End whatever runs."""
        self._running.close()
