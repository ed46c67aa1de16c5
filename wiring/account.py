"""Where cycles are held and the paper account of a run is traded on."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.account.cycle_orders import TradingDay
from orchestrator.account.latest_prices import Prices
from orchestrator.account.service import Floor
from orchestrator.account.store import Book, Rules
from orchestrator.cycle import Desk
from settings import Settings
from storage.accounts.blotter import Blotter
from storage.journal.panel_archive import digest
from trading.limits import TradingSettings
from trading.sizing.profiles import profile
from wiring.agents import builder
from wiring.market import Market
from wiring.stores import Clock, Stores, secret, utc_now

if TYPE_CHECKING:  # heavy, and most verbs do without
    from orchestrator.parity.checker import Examiner


def make_desk(
    settings: Settings, stores: Stores, market: Market, run: str, day: TradingDay | None = None
) -> Desk:
    """Where the cycles of `run` are held, and traded on if it has a paper account."""
    return Desk(
        market=market.name,
        run=run,
        simulated=market.simulated,
        timeframe=settings.market.timeframe,
        horizon=settings.market.horizon,
        settings=settings.committee,
        library=stores.library,
        journal=stores.journal,
        digest_of=digest,
        day=day,
    )


def make_day(
    settings: Settings,
    stores: Stores,
    market: Market,
    run: str,
    begins: Clock,
) -> TradingDay:
    """The paper account of `run` through its cycles; one that is not opened yet `begins` then."""
    blotter = Blotter(stores.database, market.name, run)
    return TradingDay(
        book=Book(market.name, run, stores.accounts, blotter, settings.account, begins),
        library=stores.library,
        timeframe=settings.market.timeframe,
        rules=partial(rules_of, settings),
        latest=partial(stores.records.latest, market.name, run),
    )


def rules_of(settings: Settings, name: str) -> Rules:
    """What is in force under a strategy profile. Raises InputError for a name that is none."""
    known, sizing = profile(name), settings.committee.sizing
    return Rules(
        TradingSettings(costs=settings.costs, limits=known.limit(settings.limits)),
        settings.committee.model_copy(update={"sizing": known.size(sizing)}),
    )


def make_floor(
    settings: Settings,
    stores: Stores,
    day: TradingDay,
    now: Clock,
    publish: Callable[[], None] = lambda: None,
) -> Floor:
    """Where the paper account of `day` is traded on; `now` is its run's time."""
    return Floor(
        day.book,
        Prices(stores.library, day.book.market, day.timeframe),
        day.rules,
        secret=secret(settings.home, "quotes").encode(),
        now=now,
        suggest=day.suggestions,
        publish=publish,
    )


def make_examiner(settings: Settings, stores: Stores, market: Market, run: str) -> "Examiner":
    """Compares paper days of `run` with a backtest of them, its agents in this process."""
    from orchestrator.parity.checker import Examiner

    return Examiner(
        day=make_day(settings, stores, market, run, utc_now),
        previous=partial(stores.journal.previous_targets, market.name, run),
        records=stores.records,
        archive=stores.archive,
        build=builder(settings, stores),
        horizon=settings.market.horizon,
        simulated=market.simulated,
    )
