"""One whole cycle, through Ray and in process: what the actors cost in time and memory.

`python -m benchmarks cycle`: the five agents on the simulated market (bars, headlines, filings),
500 bars of 50 and of 500 symbols. A cycle builds the panel from the database, votes on the last
bar, decides and records. Medians of a few cycles after a first one that warms up.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from agents.registry import AGENTS, AgentSettings, build
from domain.timeframe import Timeframe
from market.calendars import last_close
from market.simulated.provider import DemoProvider
from orchestrator.cycle import RunContext, run_cycles
from orchestrator.team.base import Team
from orchestrator.team.local_team import LocalTeam
from orchestrator.team.ray_session import RaySession
from orchestrator.team.ray_team import RayTeam
from settings import DatabaseSettings, Settings
from storage.market_data.sql_store import SqlMarketDataStore
from wiring.engine import make_run_context
from wiring.home import Home, SimulatedClock
from wiring.market import ActiveMarket
from wiring.stores import make_stores

START = datetime(2023, 12, 29, tzinfo=UTC)
"""Some 500 sessions after the simulated history begins."""
HISTORY_START = datetime(2022, 1, 1, tzinfo=UTC)
SHARES = ("AAPL", "MSFT", "NVDA", "AMZN", "GOOGL", "META", "TSLA", "JPM", "XOM")
STAGES = ("panel", "settle", "vote", "decide", "record")
SETTINGS = AgentSettings(news_model="lexicon")


def run(symbols: str = "50,500", cycles: str = "5") -> dict[str, Any]:
    """Return milliseconds of a cycle and its stages, the share Ray adds, and resident megabytes."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        session = RaySession.local(home, dashboard=False)
        builder = partial(build, settings=SETTINGS)
        ray_team = RayTeam(session, tuple(AGENTS), builder, home=home)
        local_team = LocalTeam(tuple(AGENTS), builder)
        try:
            for count in map(int, symbols.split(",")):
                figures |= _measure(home, count, int(cycles), ray_team, local_team)
            for agent in ray_team.health():
                figures[f"{agent.agent} actor, MB"] = _resident_megabytes(agent.pid)
            figures["this process, MB"] = _resident_megabytes("self")
        finally:
            ray_team.close()
    return figures


def _measure(
    home: Path, count: int, cycles: int, ray_team: Team, local_team: Team
) -> dict[str, Any]:
    url = f"sqlite:///{home / f'{count}.db'}"
    settings = Settings(agents=SETTINGS, database=DatabaseSettings(url=url))
    stores = make_stores(settings)
    stores.database.migrate()
    names = [f"B{number:03}" for number in range(count)]
    end = START + timedelta(days=2 * cycles + 10)
    for number, name in enumerate(names):
        _store_simulated(stores.market_data, name, number, end)
    market = ActiveMarket("demo", simulated=True, feed=None)
    measured_home = Home(settings, stores, market, SimulatedClock(end))
    figures = {}
    for run_name, team in (("Ray", ray_team), ("in process", local_team)):
        context = make_run_context(measured_home, run_name)
        for stage, seconds in _run_cycles(context, team, names, cycles).items():
            figures[f"{count} symbols, {run_name}, {stage}, ms"] = round(1000 * seconds, 1)
    stores.database.close()
    ray_vote, local_vote = (
        figures[f"{count} symbols, {w}, vote, ms"] for w in ("Ray", "in process")
    )
    whole = figures[f"{count} symbols, Ray, whole, ms"]
    figures[f"{count} symbols, share of the cycle Ray adds"] = round(
        (ray_vote - local_vote) / whole, 3
    )
    return figures


def _run_cycles(
    context: RunContext, team: Team, names: Sequence[str], cycles: int
) -> dict[str, float]:
    """Return median seconds by stage and of the whole."""
    durations: dict[str, list[float]] = {"whole": [], **{stage: [] for stage in STAGES}}
    for day in range(cycles + 1):
        as_of = last_close("XNYS", Timeframe.D1, START + timedelta(days=2 * day))
        started = time.perf_counter()
        (result,) = run_cycles(context, team, names, as_of)
        durations["whole"].append(time.perf_counter() - started)
        for stage in STAGES:
            durations[stage].append(result.seconds[stage])
    return {stage: statistics.median(seconds[1:]) for stage, seconds in durations.items()}


def _store_simulated(store: SqlMarketDataStore, name: str, seed: int, end: datetime) -> None:
    """Store one of the simulated market's shares, of another seed, under a name of its own."""
    provider, share = DemoProvider(seed, lambda: end), SHARES[seed % len(SHARES)]
    with store.transaction():
        store.put_bars(
            "demo", name, Timeframe.D1, provider.bars(share, Timeframe.D1, HISTORY_START, end)
        )
        store.put_news("demo", name, provider.news(share, HISTORY_START, end).assign(symbol=name))
        store.put_filings("demo", name, provider.filings(share).assign(symbol=name))
        store.put_earnings("demo", name, provider.earnings(share).assign(symbol=name))


def _resident_megabytes(pid: int | str | None) -> int | None:
    """Return the megabytes of a process in memory; None if the system does not report it (Linux
    does)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return int(status.split("VmRSS:")[1].split()[0]) // 1024
