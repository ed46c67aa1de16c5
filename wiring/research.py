"""Backtests and the RL lab of a home."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agents.registry import build, policy_agent
from domain.votes import Agent
from orchestrator.clocks import WatchedSymbols
from settings import Settings
from wiring.agents import agent_factory
from wiring.home import Home
from wiring.stores import PROGRAM_VERSION, Stores, TimeSource

if TYPE_CHECKING:  # heavy, and most commands do without
    from orchestrator.engine import Engine
    from orchestrator.team.ray_session import RaySession
    from research.backtest.backtester import Backtester
    from research.backtest.results import BacktestStore
    from research.backtest.service import BacktestService
    from research.lab.lab import RLLab
    from research.lab.training_jobs import TrainingJobs


def backtest_results(settings: Settings) -> "BacktestStore":
    """Return the backtests kept in this home."""
    from research.backtest.results import BacktestStore

    return BacktestStore(settings.home / "backtests")


def make_backtester(settings: Settings, stores: Stores) -> "Backtester":
    """Return what runs backtests on this home's history, with agents in this process."""
    from research.backtest.backtester import Backtester

    return Backtester(
        backtest_results(settings),
        stores.market_data,
        stores.database,
        agent_factory(settings, stores),
        PROGRAM_VERSION,
    )


def make_backtest_service(home: Home, on_change: Callable[[], None]) -> "BacktestService":
    """Return the backtests of the pages; each job runs this program's own command."""
    from research.backtest.jobs import BacktestJobs
    from research.backtest.service import BacktestService

    command = (sys.executable, "-m", "app", "backtest", "--request", "--market", home.market.name)
    return BacktestService(backtest_results(home.settings), BacktestJobs(command, on_change))


def runs_folder(settings: Settings) -> Path:
    """Return the folder of training runs."""
    return settings.home / "rl" / "runs"


def make_lab(
    home: Home,
    watched_symbols: WatchedSymbols,
    now: TimeSource,
    training: "TrainingJobs | None" = None,
) -> "RLLab":
    """Return the RL lab of this home. `training` runs the trainings started from it; None if none
    can be."""
    from agents.rl import SHIPPED_POLICY
    from research.lab.lab import ActiveModelSlot, RLLab
    from research.lab.training_data import StoredMarket

    settings, stores, market = home.settings, home.stores, home.market

    def validate_model(folder: Path) -> Agent:
        return build(policy_agent(), settings.agents.model_copy(update={"rl_policy": folder}))

    return RLLab(
        stores.models,
        runs_folder(settings),
        ActiveModelSlot(SHIPPED_POLICY, settings.agents.rl_policy, validate_model),
        StoredMarket(
            stores.market_data,
            market.name,
            market.simulated,
            settings.market.timeframe,
            watched_symbols,
            now,
        ),
        training,
    )


def make_training_jobs(
    home: Home, engine: "Engine", on_change: Callable[[], None]
) -> "TrainingJobs":
    """Return the training jobs, which run in the Ray that the agents vote in; a finished run is
    kept as a model."""
    from research.lab.training_jobs import TrainingJobs

    def session() -> "RaySession | None":
        return getattr(engine.team, "session", None)

    return TrainingJobs(
        home.settings.home, session, on_policy=home.stores.models.add, on_change=on_change
    )
