"""`rl`: models and training runs from the command line, printed or as JSON.

Leaves out how they are printed (`rl_tables.py`) and what the lab promises (`research/lab`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.market_data import refuse_if_nothing_fetched
from cli.progress import progress_bar
from domain.errors import InputError, QuorumError
from envs.market_data import MarketHistory
from envs.observation import WARMUP
from envs.policies.drift import FeatureDrift
from envs.policies.policy import Policy
from envs.training.arguments import TrainingArguments, parse_arguments
from envs.training.run_folder import RunFolder, RunState
from research.lab.lab import RLLab
from research.lab.local_training import train_locally
from research.lab.runs import create_run
from settings import Settings
from storage.models.model_registry import ModelPromotion
from wiring.home import Home, make_marketless_home, open_home
from wiring.research import make_lab, runs_folder
from wiring.stores import Log, open_stores

ACTOR = "the command line"
TRAIN_SHARE, TRAIN_AND_VALIDATE_SHARE = 0.6, 0.8
"""Fractions of the history to train on, and to train and select on, if no dates are named."""


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """A model with its details. `policy` is None if its files are refused, and `error` says why.
    `is_active` is whether it votes; `promotions` are its own, newest first."""

    id: str
    policy: Policy | None
    error: str
    added_at: datetime | None
    is_active: bool
    promotions: tuple[ModelPromotion, ...]


@dataclass(frozen=True, slots=True)
class TrainResult:
    run: str
    model: ModelDetails


@dataclass(frozen=True, slots=True)
class PromotionResult:
    """The model that votes now and the one before; the same if nothing changed."""

    model: str
    previous: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    model: str
    market: str
    simulated: bool
    features: tuple[FeatureDrift, ...]


def train(
    settings: Settings, symbols: Sequence[str], requested: Mapping[str, Any], log: Log
) -> TrainResult:
    """Train on the stored history of `symbols` (of the watchlist, if empty) and keep the model.

    Raises InputError naming everything that prevents training; nothing is kept then.
    """
    with open_home(settings, log) as home:
        _fetch_if_empty(home, log)
        lab = make_lab(home, home.stores.watchlist.symbols, home.now)
        training_data = lab.market.training_data(symbols)
        if training_data.left_out:
            log(f"Left out, for they close at other hours or nothing of them is stored: "
                f"{', '.join(training_data.left_out)}.")  # fmt: skip
        arguments = complete_arguments(settings, training_data.history, requested)
        folder = create_run(runs_folder(settings), arguments, training_data.history)
        run = folder.path.name
        log(
            f"Training on {training_data.history.name}. Stopped, it goes on: quorum rl resume {run}"
        )
        return _finish_training(lab, folder)


def resume(settings: Settings, run: str) -> TrainResult:
    """Resume a training run. Raises NotFoundError for a run that does not exist, InputError for one
    that is done or is running elsewhere."""
    with _open_lab(settings) as lab:
        return _finish_training(lab, lab.run(run))


def runs(settings: Settings) -> Sequence[RunState]:
    with _open_lab(settings) as lab:
        return lab.runs()


def models(settings: Settings) -> tuple[ModelDetails, ...]:
    with _open_lab(settings) as lab:
        return tuple(_model_details(lab, id) for id in lab.models())


def model(settings: Settings, id: str) -> ModelDetails:
    """Return a model's details. Raises NotFoundError, and ConfigurationError for a model whose
    files are refused."""
    with _open_lab(settings) as lab:
        lab.policy(id)
        return _model_details(lab, id)


def compare(settings: Settings, ids: Sequence[str]) -> tuple[ModelDetails, ...]:
    """Return several models' details. Raises InputError for a single id, and as `model` does."""
    model_ids = tuple(dict.fromkeys(ids))
    if len(model_ids) < 2:
        raise InputError(f"{model_ids[0]} has nothing beside it. Name two models or more.")
    return tuple(model(settings, id) for id in model_ids)


def promote(settings: Settings, id: str) -> PromotionResult:
    with _open_lab(settings) as lab:
        before = lab.active_model()
        lab.promote(id, ACTOR)
        return PromotionResult(lab.active_model(), before)


def roll_back(settings: Settings) -> PromotionResult:
    with _open_lab(settings) as lab:
        before = lab.active_model()
        lab.roll_back(ACTOR)
        return PromotionResult(lab.active_model(), before)


def delete(settings: Settings, id: str, *, yes: bool) -> None:
    with _open_lab(settings) as lab:
        lab.delete_model(id, voted=yes)


def import_folder(settings: Settings, folder: Path) -> str:
    with _open_lab(settings) as lab:
        return lab.import_folder(folder)


def drift(settings: Settings, id: str | None, symbols: Sequence[str], log: Log) -> DriftReport:
    """Measure the drift of a model (None: the active one) on the last year of `symbols` (of the
    watchlist, if empty)."""
    with open_home(settings, log) as home:
        lab = make_lab(home, lambda: symbols or home.stores.watchlist.symbols(), home.now)
        model_id, market = id or lab.active_model(), home.market
        return DriftReport(model_id, market.name, market.simulated, lab.drift(model_id))


def complete_arguments(
    settings: Settings, history: MarketHistory, requested: Mapping[str, Any]
) -> TrainingArguments:
    """Complete the requested arguments: the home's horizon and costs, a default split of its
    history, and episodes short enough that a short history has several."""
    costs, days = settings.costs, history.dates.astype("datetime64[D]")
    train_days = int(TRAIN_SHARE * (len(days) - 1))
    defaults = replace(
        TrainingArguments(),
        horizon=settings.market.horizon,
        half_spread_bps=costs.half_spread_bps,
        commission_bps=costs.commission_bps,
        impact=costs.impact,
        borrow_bps=costs.borrow_bps,
        episode=min(TrainingArguments().episode, max((train_days - WARMUP) // 2, 1)),
        train_until=days[train_days].item(),
        validate_until=days[int(TRAIN_AND_VALIDATE_SHARE * (len(days) - 1))].item(),
    )
    given = {
        name: " ".join(value) if isinstance(value, list) else value
        for name, value in requested.items()
    }
    return parse_arguments({**defaults.to_json(), **given})


@contextmanager
def _open_lab(settings: Settings) -> Iterator[RLLab]:
    """Open the lab for commands that need no bars."""
    with open_stores(settings) as stores:
        home = make_marketless_home(settings, stores)
        yield make_lab(home, stores.watchlist.symbols, home.now)


def _fetch_if_empty(home: Home, log: Log) -> None:
    market, symbols = home.market, home.stores.watchlist.symbols()
    timeframe = home.settings.market.timeframe
    if market.feed and not home.stores.market_data.symbols(market.name, timeframe):
        log(f"Fetching history of {', '.join(symbols)} first.")
        refuse_if_nothing_fetched(home.refresh(symbols, home.now()))


def _finish_training(lab: RLLab, folder: RunFolder) -> TrainResult:
    with progress_bar() as on_progress:
        id = train_locally(folder, lab.add, on_progress)
    return TrainResult(folder.path.name, _model_details(lab, id))


def _model_details(lab: RLLab, id: str) -> ModelDetails:
    try:
        policy, error = lab.policy(id), ""
    except QuorumError as refusal:
        policy, error = None, str(refusal)
    added = {stored.id: stored.added_at for stored in lab.local_models()}
    return ModelDetails(
        id=id,
        policy=policy,
        error=error,
        added_at=added.get(id),
        is_active=id == lab.active_model(),
        promotions=tuple(promotion for promotion in lab.promotions() if promotion.model == id),
    )
