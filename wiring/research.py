"""Backtests and the RL lab of a home."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agents.registry import build, policy_agent
from domain.votes import Agent
from settings import Settings
from wiring.agents import builder
from wiring.market import Market
from wiring.stores import PROGRAM, Clock, Stores

if TYPE_CHECKING:  # heavy, and most verbs do without
    from research.backtest.backtester import Backtester
    from research.backtest.results import Results
    from research.lab.lab import Lab
    from research.lab.training_jobs import TrainingJobs


def results_of(settings: Settings) -> "Results":
    """The backtests kept in this home."""
    from research.backtest.results import Results

    return Results(settings.home / "backtests")


def make_backtester(settings: Settings, stores: Stores) -> "Backtester":
    """Runs backtests on this home's history, its agents in this process."""
    from research.backtest.backtester import Backtester

    return Backtester(
        results_of(settings),
        stores.library,
        stores.database,
        builder(settings, stores),
        PROGRAM,
    )


def runs_folder(settings: Settings) -> Path:
    """Where training runs are kept."""
    return settings.home / "rl" / "runs"


def make_lab(
    settings: Settings,
    stores: Stores,
    market: Market,
    watched: Callable[[], Sequence[str]],
    now: Clock,
    training: "TrainingJobs | None" = None,
) -> "Lab":
    """The RL lab of this home; `training` runs what is started from it, None where nothing can
    be."""
    from agents.rl import SHIPPED as SHIPPED_POLICY
    from research.lab.lab import Lab, Seat
    from research.lab.training_data import HomeMarket

    def try_out(folder: Path) -> Agent:
        return build(policy_agent(), settings.agents.model_copy(update={"rl_policy": folder}))

    return Lab(
        stores.models,
        runs_folder(settings),
        Seat(SHIPPED_POLICY, settings.agents.rl_policy, try_out),
        HomeMarket(
            stores.library, market.name, market.simulated, settings.market.timeframe, watched, now
        ),
        training,
    )
