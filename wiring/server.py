"""The pages of a run: its engine in a thread, and the server that shows it.

The only module outside `web/` that builds it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from socket import socket

from orchestrator.account.history import AccountHistoryReader
from orchestrator.engine import Engine
from orchestrator.evaluation.record_scorer import RecordScorer
from orchestrator.status import EngineStatus
from research.lab.training_jobs import TrainingJobs
from settings import Settings
from web.live.notifier import Notifier
from web.server import create_app
from web.services import AppServices, Backtests, EngineControl, RayDashboard, ServedRun
from web.serving import WebServer, address, listen
from wiring.account import make_account_service, make_blotter
from wiring.engine import EngineRun, make_engine
from wiring.home import Home
from wiring.parity import make_receipt_verifier
from wiring.research import make_backtest_service, make_lab, make_training_jobs
from wiring.stores import PROGRAM_VERSION, TimeSource, utc_now


@contextmanager
def take_address(settings: Settings) -> Iterator[socket]:
    """Listen at the configured address, so that it is taken before anything slow begins.

    Raises ConfigurationError if it cannot be had.
    """
    with closing(listen(settings.server.host, settings.server.port)) as listener:
        yield listener


class RunServer:
    """A run's engine and its pages at `url`, where the listener already waits."""

    def __init__(self, home: Home, run: EngineRun, listener: socket, *, in_process: bool) -> None:
        notifier = Notifier()
        self.url = address(listener)
        self._engine = make_engine(home, run, in_process=in_process, notify=notifier.notify)
        self._backtests = make_backtest_service(home, notifier.notify)
        self._training = (
            None if in_process else make_training_jobs(home, self._engine, notifier.notify)
        )
        services = make_services(
            home,
            run,
            engine=self._engine,
            notifier=notifier,
            backtests=self._backtests,
            training=self._training,
            now=_current_time(run, self._engine),
            ray_dashboard=partial(_ray_dashboard, self._engine),
        )
        self._server = WebServer(create_app(services), listener)

    def serve(self, *, until_finished: bool = False) -> EngineStatus:
        """Run the engine and serve the pages until a signal arrives or, with `until_finished`, the
        clock has no more bars. Return how the engine ended."""
        self._engine.start()
        if until_finished:
            threading.Thread(target=self._stop_when_finished, daemon=True).start()
        try:
            self._server.run(on_stop=self._stop)
        finally:
            self._backtests.close()
        return self._engine.status()

    def _stop_when_finished(self) -> None:
        self._engine.join()
        self._server.stop()

    def _stop(self) -> None:
        """Stop trainings first, so that they end in order while their Ray is there; then the
        engine."""
        if self._training:
            self._training.close()
        self._engine.stop()


def make_services(
    home: Home,
    run: EngineRun,
    *,
    engine: EngineControl,
    notifier: Notifier,
    backtests: Backtests,
    training: TrainingJobs | None,
    now: TimeSource,
    ray_dashboard: Callable[[], RayDashboard | None],
) -> AppServices:
    """Return the services of the pages of `run`; nothing later than `now` is shown."""
    settings, stores, market = home.settings, home.stores, home.market
    served_run = ServedRun(
        market=market.name,
        run=run.name,
        simulated=market.simulated,
        timeframe=settings.market.timeframe,
        horizon=settings.market.horizon,
        agents=settings.agents.names,
        version=PROGRAM_VERSION,
    )
    blotter = make_blotter(home, run.name)
    return AppServices(
        served_run=served_run,
        journal=stores.journal,
        records=stores.records,
        store=stores.market_data,
        watchlist=stores.watchlist,
        watched_symbols=run.watched_symbols,
        engine=engine,
        verify=make_receipt_verifier(settings, stores),
        account_service=make_account_service(home, run.account_cycle, now, notify=notifier.notify),
        blotter=blotter,
        clock=now,
        notifier=notifier,
        account_history=AccountHistoryReader(
            served_run, stores.market_data, blotter, run.watched_symbols
        ),
        record_scorer=RecordScorer(
            served_run,
            stores.market_data,
            lambda: stores.records.record(
                served_run.market,
                served_run.run,
                served_run.timeframe,
                served_run.horizon,
                served_run.agents,
            ),
            now,
            settings.committee.calibrated,
        ),
        backtests=backtests,
        lab=make_lab(home, run.watched_symbols, now, training),
        committee=settings.committee,
        ray_dashboard=ray_dashboard,
    )


def _current_time(run: EngineRun, engine: Engine) -> TimeSource:
    """Return the time that the pages show: the clock's in a run in real time, else the newest bar
    that the engine has reached."""
    starts_at = run.starts_at
    if starts_at is None:
        return utc_now
    return lambda: engine.status().last or starts_at


def _ray_dashboard(engine: Engine) -> RayDashboard | None:
    team = engine.team
    if team is None or team.dashboard_url is None:
        return None
    return RayDashboard(team.dashboard_url, team.token or "")
