"""`rl`: models and training runs from the command line, printed or as JSON.

Leaves out how they are printed (`lab_tables.py`) and all that they promise (`research/lab`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.market_data import refuse_if_nothing_came
from cli.progress import bar
from domain.errors import InputError, QuorumError
from envs.market_data import History
from envs.observation import WARMUP
from envs.policies.drift import Drift
from envs.policies.policy import Policy
from envs.training.arguments import Arguments, arguments_of
from envs.training.run_folder import RunFolder, RunState
from research.lab.lab import Lab
from research.lab.local_training import learn_here
from research.lab.runs import begin
from settings import Settings
from storage.models.model_registry import Promotion
from wiring.market import LIVE, Market, choose_market, demo_present, time_of
from wiring.research import make_lab, runs_folder
from wiring.stores import Say, Stores, open_stores, utc_now

BY = "the command line"
TRAINED, CHOSEN = 0.6, 0.8
"""Shares of the history to train on, and to train and choose on, where no dates are named."""


@dataclass(frozen=True, slots=True)
class ShownModel:
    """`policy` is None where its files are refused, and `broken` says why. `votes` tells whether it
    has the seat; `promotions` are its own, newest first."""

    id: str
    policy: Policy | None
    broken: str
    added_at: datetime | None
    votes: bool
    promotions: tuple[Promotion, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    run: str
    model: ShownModel


@dataclass(frozen=True, slots=True)
class Turn:
    """Who votes now and who did before; the same where nothing changed."""

    model: str
    previous: str


@dataclass(frozen=True, slots=True)
class Drifted:
    model: str
    market: str
    simulated: bool
    features: tuple[Drift, ...]


def train(
    settings: Settings, symbols: Sequence[str], asked: Mapping[str, Any], say: Say
) -> Trained:
    """Trains on the stored history of `symbols` (none: the watchlist) and keeps the model.

    Raises InputError naming whatever cannot be trained, and nothing is kept then.
    """
    with open_stores(settings) as stores:
        market = _market(settings, stores, say)
        _fetch_if_empty(settings, stores, market, say)
        lab = _lab(settings, stores, market)
        lessons = lab.market.lessons(symbols)
        if lessons.left_out:
            say(f"Left out, for they close at other hours or nothing of them is stored: "
                f"{', '.join(lessons.left_out)}.")  # fmt: skip
        arguments = completed(settings, lessons.history, asked)
        folder = begin(runs_folder(settings), arguments, lessons.history)
        run = folder.path.name
        say(f"Training on {lessons.history.name}. Stopped, it goes on: quorum rl resume {run}")
        return _finished(lab, folder)


def resume(settings: Settings, run: str) -> Trained:
    """Raises NotFoundError for a run that does not exist, InputError for one that is done or goes
    on elsewhere."""
    with _registry(settings) as lab:
        return _finished(lab, lab.run(run))


def runs(settings: Settings) -> Sequence[RunState]:
    with _registry(settings) as lab:
        return lab.runs()


def models(settings: Settings) -> tuple[ShownModel, ...]:
    with _registry(settings) as lab:
        return tuple(_shown(lab, id) for id in lab.models())


def model(settings: Settings, id: str) -> ShownModel:
    """Raises NotFoundError, and ConfigurationError for one whose files are refused."""
    with _registry(settings) as lab:
        lab.policy(id)
        return _shown(lab, id)


def compare(settings: Settings, ids: Sequence[str]) -> tuple[ShownModel, ...]:
    """Raises InputError for a single one, and as `model` does."""
    wanted = tuple(dict.fromkeys(ids))
    if len(wanted) < 2:
        raise InputError(f"{wanted[0]} has nothing beside it. Name two models or more.")
    return tuple(model(settings, id) for id in wanted)


def promote(settings: Settings, id: str) -> Turn:
    with _registry(settings) as lab:
        before = lab.seated()
        lab.promote(id, BY)
        return Turn(lab.seated(), before)


def roll_back(settings: Settings) -> Turn:
    with _registry(settings) as lab:
        before = lab.seated()
        lab.roll_back(BY)
        return Turn(lab.seated(), before)


def delete(settings: Settings, id: str, *, yes: bool) -> None:
    with _registry(settings) as lab:
        lab.delete(id, voted=yes)


def import_folder(settings: Settings, folder: Path) -> str:
    with _registry(settings) as lab:
        return lab.import_folder(folder)


def drift(settings: Settings, id: str | None, symbols: Sequence[str], say: Say) -> Drifted:
    """Of a model (None: the one that votes) on the last year of `symbols` (none: the watchlist)."""
    with open_stores(settings) as stores:
        market = _market(settings, stores, say)
        lab = _lab(settings, stores, market, symbols)
        seen = id or lab.seated()
        return Drifted(seen, market.name, market.simulated, lab.drift(seen))


def completed(settings: Settings, history: History, asked: Mapping[str, Any]) -> Arguments:
    """What was asked for, at the home's horizon and costs, on a usual share of its history and in
    episodes of which a short one has several."""
    costs, days = settings.costs, history.dates.astype("datetime64[D]")
    learnt = int(TRAINED * (len(days) - 1))
    usual = replace(
        Arguments(),
        horizon=settings.market.horizon,
        half_spread_bps=costs.half_spread_bps,
        commission_bps=costs.commission_bps,
        impact=costs.impact,
        borrow_bps=costs.borrow_bps,
        episode=min(Arguments().episode, max((learnt - WARMUP) // 2, 1)),
        train_until=days[learnt].item(),
        validate_until=days[int(CHOSEN * (len(days) - 1))].item(),
    )
    written = {
        name: " ".join(value) if isinstance(value, list) else value for name, value in asked.items()
    }
    return arguments_of({**usual.plain(), **written})


@contextmanager
def _registry(settings: Settings) -> Iterator[Lab]:
    """The lab for what has nothing to do with bars: no market is looked for."""
    with open_stores(settings) as stores:
        yield _lab(settings, stores, Market("", simulated=False, feed=None))


def _lab(settings: Settings, stores: Stores, market: Market, symbols: Sequence[str] = ()) -> Lab:
    def watched() -> Sequence[str]:
        return symbols or stores.watchlist.symbols()

    return make_lab(settings, stores, market, watched, lambda: time_of(stores, market, LIVE))


def _market(settings: Settings, stores: Stores, say: Say) -> Market:
    present = demo_present(stores.journal)
    return choose_market(settings, stores.library, lambda: present, say)


def _fetch_if_empty(settings: Settings, stores: Stores, market: Market, say: Say) -> None:
    timeframe, symbols = settings.market.timeframe, stores.watchlist.symbols()
    if market.feed and not stores.library.symbols(market.name, timeframe):
        say(f"Fetching history of {', '.join(symbols)} first.")
        now = demo_present(stores.journal) if market.simulated else utc_now()
        refuse_if_nothing_came(market.feed.refresh(symbols, timeframe, now))


def _finished(lab: Lab, folder: RunFolder) -> Trained:
    with bar() as tell:
        id = learn_here(folder, lab.add, tell)
    return Trained(folder.path.name, _shown(lab, id))


def _shown(lab: Lab, id: str) -> ShownModel:
    try:
        policy, broken = lab.policy(id), ""
    except QuorumError as refusal:
        policy, broken = None, str(refusal)
    added = {kept.id: kept.added_at for kept in lab.kept()}
    return ShownModel(
        id=id,
        policy=policy,
        broken=broken,
        added_at=added.get(id),
        votes=id == lab.seated(),
        promotions=tuple(each for each in lab.promotions() if each.model == id),
    )
