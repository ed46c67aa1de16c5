"""Reads the past of a run's paper account, and the benchmark it is held against."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from domain.instants import Times, to_datetime
from domain.panel import Floats
from domain.record import RunScope
from domain.symbols import calendar_of
from domain.trading.account import AccountReset, CashTransferred
from market.panels.panel_builder import BENCHMARKS
from market.series import read_series
from market.store import MarketDataStore
from orchestrator.ports import AccountCurve, Blotter
from trading.account.history import AccountHistory, CashFlow, account_history


@dataclass(frozen=True, slots=True)
class AccountHistoryReader:
    """The account's history beside the benchmark of the calendar that most of the followed symbols
    (`followed`) trade on."""

    run: RunScope
    store: MarketDataStore
    blotter: Blotter
    followed: Callable[[], Sequence[str]]

    def read(self) -> AccountHistory:
        """Return the history since the account last began, (K,) rows of bars."""
        curve = self.blotter.curve()
        return account_history(
            curve.times,
            curve.equity,
            curve.exposure,
            self._cash_flows(curve),
            self._benchmark(curve.times),
        )

    def _cash_flows(self, curve: AccountCurve) -> tuple[CashFlow, ...]:
        """Money that was moved by hand since the account was opened, oldest first. The order of the
        entries tells which row was the first to have it: a row may be met after money that was
        moved later, and at the very instant at which money was moved."""
        flows = []
        for entry in self.blotter.account_entries(CashTransferred, AccountReset):
            row = int(np.searchsorted(curve.numbers, entry.number))
            match entry.event:
                case CashTransferred(amount=amount):
                    flows.append(CashFlow(row, amount))
                case AccountReset(capital=capital):
                    flows.append(CashFlow(row, capital, reset=True))
        return tuple(flows)

    def _benchmark(self, times: Times) -> tuple[str, Times, Floats] | None:
        """Return the benchmark's symbol and closes from the bars before `times` on, with the
        instants at which they were known; None where none is stored."""
        run, calendars = self.run, [calendar_of(symbol) for symbol in self.followed()]
        for calendar in sorted(set(calendars), key=lambda each: (-calendars.count(each), each)):
            for symbol in BENCHMARKS.get(calendar, ()):
                if len(times) and self.store.span(run.market, symbol, run.timeframe):
                    return self._benchmark_closes(symbol, times)
        return None

    def _benchmark_closes(self, symbol: str, times: Times) -> tuple[str, Times, Floats]:
        run = self.run
        since, until = (to_datetime(at) for at in times[[0, -1]])
        start = since - 10 * run.timeframe.duration
        [series] = read_series(self.store, run.market, [symbol], run.timeframe, until, start)
        return symbol, series.known_at, series.close
