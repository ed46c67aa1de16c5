"""Parity: paper days replayed as a backtest, and every difference with its cause.

Each day starts from the record: the targets and the account as they were when it began. Agents vote
once over the panel, decisions come from `decide_rows`, orders and fills from the loop that
backtests run, all on the history as it is stored now. Nothing differs unless something changed: a
bar was revised or late, an agent failed, somebody traded by hand or changed a setting. A day that
differs does not make the next one differ. Days are of UTC; a close at midnight belongs to the day
that it ends. Leaves out how causes are explained (`explain_diff.py`).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import numpy as np

from domain.errors import NotFoundError
from domain.instants import INSTANT, to_datetime, to_datetime64
from domain.panel import BarMatrix, Floats
from domain.stored_names import ENTRY_KINDS
from domain.trading.account import TradingMode
from domain.votes import AgentFactory
from orchestrator.account.cycle_orders import AccountCycle
from orchestrator.account.store import TradingRules
from orchestrator.parity.diff import ParityDifference, diff_decisions, diff_trades, diff_votes
from orchestrator.parity.explain_diff import UNEXPLAINED, DifferenceExplainer
from orchestrator.parity.recomputed_decisions import (
    RecomputedRun,
    RecordedCycle,
    load_cycles,
    recompute_run,
)
from orchestrator.parity.recomputed_trades import (
    AccountDay,
    CycleTargets,
    account_days,
    recompute_trades,
)
from orchestrator.ports import DecisionRecords, PanelArchive
from trading.account.paper_account import TargetRequest
from trading.limits import FILL_MODELS

DAY = timedelta(days=1)
PreviousTargets = Callable[[datetime], Mapping[str, float]]
"""The targets as they were before an instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """What was compared and what differs; `differences` is empty if nothing does."""

    market: str
    run: str
    first: date
    last: date
    days: int
    cycles: int
    votes: int
    decisions: int
    orders: int
    fills: int
    differences: tuple[ParityDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityChecker:
    """Compares the paper days of one run. Every agent votes in the version of that time;
    `previous_targets` are the run's recorded ones."""

    account_cycle: AccountCycle
    previous_targets: PreviousTargets
    records: DecisionRecords
    archive: PanelArchive
    build: AgentFactory
    horizon: int
    simulated: bool

    def compare(self, first: date, last: date) -> ParityReport:
        """Compare every day from `first` to `last`.

        Raises NotFoundError if the run recorded no cycle in that time.
        """
        account_store = self.account_cycle.account_store
        cycles = load_cycles(
            self.records,
            account_store.market,
            account_store.run,
            day_start(first),
            day_start(last) + DAY,
        )
        if not cycles:
            raise NotFoundError(
                f"The run {account_store.run!r} held no cycle from {first} to {last} in the market "
                f"{account_store.market!r}. `quorum account show` tells of a run, the record of "
                "its days."
            )
        recomputed = self._recompute(cycles)
        days = sorted(
            {day_of(recomputed.close_time(row)) for row in range(len(recomputed.row_index))}
        )
        bounds = [*map(day_start, days), day_start(days[-1]) + DAY]
        accounts = account_days(
            account_store.blotter.account_entries(*ENTRY_KINDS.values()), bounds
        )
        explainer = DifferenceExplainer(self.archive)
        results = [
            self._compare_day(recomputed, day, account, explainer)
            for day, account in zip(days, accounts, strict=True)
        ]
        decisions = [decision for cycle in cycles for decision in cycle.decisions.values()]
        return ParityReport(
            market=account_store.market,
            run=account_store.run,
            first=first,
            last=last,
            days=len(days),
            cycles=len(cycles),
            votes=sum(len(decision.votes) for decision in decisions),
            decisions=len(decisions),
            orders=sum(result.orders for result in results),
            fills=sum(result.fills for result in results),
            differences=tuple(
                difference for result in results for difference in result.differences
            ),
        )

    def _recompute(self, cycles: Sequence[RecordedCycle]) -> RecomputedRun:
        return recompute_run(
            self.account_cycle.store,
            self.account_cycle.account_store.market,
            cycles,
            timeframe=self.account_cycle.timeframe,
            horizon=self.horizon,
            simulated=self.simulated,
            build=self.build,
            settings=self._rules(None).committee,
        )

    def _rules(self, account: AccountDay | None) -> TradingRules:
        """Return today's rules, under the profile of that day."""
        initial = self.account_cycle.account_store.initial_settings
        return self.account_cycle.rules(account.account.profile if account else initial.profile)

    def _compare_day(
        self,
        recomputed: RecomputedRun,
        day: date,
        account: AccountDay | None,
        explainer: DifferenceExplainer,
    ) -> "_DayResult":
        """Compare votes, decisions, orders and fills of one day."""
        closes = [recomputed.close_time(row) for row in range(len(recomputed.row_index))]
        start, end = day_start(day), day_start(day) + DAY
        rows = slice(bisect_right(closes, start), bisect_right(closes, end))
        settings = self._rules(account).committee
        differences, vote_causes = [], defaultdict[tuple[int, str], dict[str, str]](dict)
        for row in range(rows.start, rows.stop):
            for agent, difference in diff_votes(recomputed, row, explainer):
                differences.append(difference)
                vote_causes[row, difference.symbol][agent] = difference.cause
        previous = self.previous_targets(closes[rows.start])
        actions, targets = recomputed.decide_rows(rows, previous, settings)
        differences += diff_decisions(
            recomputed, rows, actions, targets, settings, explainer, vote_causes
        )
        if account is None:
            return _DayResult(differences, 0, 0)
        differing_symbols = {
            difference.symbol for difference in differences if difference.kind == "decision"
        }
        requests = _target_requests(recomputed, rows, targets, self._rules(account))
        history = partial(_stored_changes, recomputed, rows, explainer)
        return self._trade_day(
            account, (start, end), requests, differences, differing_symbols, history
        )

    def _trade_day(
        self,
        account: AccountDay,
        bounds: tuple[datetime, datetime],
        requests: Sequence[CycleTargets],
        differences: list[ParityDifference],
        differing_symbols: Collection[str],
        history: Callable[[str], tuple[str, ...]],
    ) -> "_DayResult":
        start, end = bounds
        followed = {symbol for request in requests for symbol in request.requests}
        symbols = self.account_cycle.relevant_symbols(account.account, followed)
        bars = self.account_cycle.load_bars(account.account, symbols, end)
        from_instant = max(start, account.account.opened_at - INSTANT)
        rows = slice(*(int(np.searchsorted(bars.known_at, to_datetime64(at), "right"))
                       for at in (from_instant, end)))  # fmt: skip
        then = account.trades()
        rules = self._rules(account)
        explain = _explain(account, bars, rows, differing_symbols, history)
        by_model: list[list[ParityDifference]] = []
        for fill_model in FILL_MODELS:  # the log does not say which it was traded by
            trading = rules.trading.model_copy(update={"fill_model": fill_model})
            now = recompute_trades(
                account.account, bars, rows, requests, replace(rules, trading=trading)
            )
            by_model.append(
                [
                    *diff_trades("order", then.orders, now.orders, explain),
                    *diff_trades("fill", then.fills, now.fills, explain),
                ]
            )
            if not by_model[-1]:
                break
        fewest = min(by_model, key=len)
        differences += fewest
        return _DayResult(differences, len(then.orders), len(then.fills))


@dataclass(frozen=True, slots=True)
class _DayResult:
    """The differences of a day, and how many orders and fills were compared."""

    differences: list[ParityDifference]
    orders: int
    fills: int


def day_start(day: date) -> datetime:
    """Return the instant at which a day starts: bars that close after it, and by a day later, are
    of the day."""
    return datetime.combine(day, time(), UTC)


def day_of(close: datetime) -> date:
    return (close - INSTANT).astimezone(UTC).date()


def _target_requests(
    recomputed: RecomputedRun, rows: slice, targets: Floats, rules: TradingRules
) -> list[CycleTargets]:
    """Return what the decisions on those rows request of an account, for each calendar and
    instant."""
    results, inputs = [], recomputed.inputs
    for k, row in enumerate(range(rows.start, rows.stop)):
        part, own, _ = recomputed.locate(row)
        requests: dict[str, TargetRequest] = {}
        for column, symbol in enumerate(part.panel.symbols):
            n = recomputed.symbols.index(symbol)
            bar = part.panel.close[part.since + own, column]
            if inputs.present[row, n] and not np.isnan(bar):
                requests[symbol] = TargetRequest(
                    None if inputs.blocked[row, n] else float(targets[k, n]),
                    min(rules.position_limit, float(inputs.cap[row, n])),
                )
        correlation = inputs.correlation_groups
        groups = replace(correlation, matrix_index=correlation.matrix_index[row : row + 1])
        results.append(
            CycleTargets(recomputed.close_time(row), requests, groups, recomputed.symbols)
        )
    return results


def _stored_changes(
    recomputed: RecomputedRun, rows: slice, explainer: DifferenceExplainer, symbol: str
) -> tuple[str, ...]:
    """Say how the stored history of a symbol has changed since the day's first cycle on it."""
    for row in range(rows.start, rows.stop):
        part, own, cycle = recomputed.locate(row)
        if cycle is not None and symbol in cycle.decisions:
            return explainer.explain_history(cycle, part, own, symbol)
    return ()


def _explain(
    account: AccountDay,
    bars: BarMatrix,
    rows: slice,
    differing_symbols: Collection[str],
    history: Callable[[str], tuple[str, ...]],
) -> Callable[[str], str]:
    """Return a function that explains why a symbol's orders or fills of the day differ today;
    `history` explains how the stored history of a symbol has changed."""
    causes = list(account.manual_actions)
    if account.account.mode is not TradingMode.AUTO:
        causes.append(f"the mode was {account.account.mode}")
    now = _bar_closes(bars, rows)
    causes += [
        f"a bar was revised: {symbol} at {at:%Y-%m-%d %H:%M} closed at {close:g}"
        for (at, symbol), close in account.bar_closes.items()
        if (at, symbol) in now and now[at, symbol] != close
    ]
    causes += [
        f"a bar came late: {symbol} at {at:%Y-%m-%d %H:%M}"
        for at, symbol in sorted(now.keys() - account.bar_closes.keys())
    ]

    def explain(symbol: str) -> str:
        if symbol in differing_symbols:
            return "its decision is another"
        if differing_symbols:
            others = ", ".join(sorted(differing_symbols))
            return f"the decisions on {others} are others, and so is the equity"
        reasons = causes or history(symbol)
        return "; ".join(reasons) or f"other costs or limits are configured now, or {UNEXPLAINED}"

    return explain


def _bar_closes(bars: BarMatrix, rows: slice) -> dict[tuple[datetime, str], float]:
    return {
        (to_datetime(bars.known_at[t]), symbol): float(bars.close[t, n])
        for t in range(rows.start, rows.stop)
        for n, symbol in enumerate(bars.symbols)
        if not np.isnan(bars.close[t, n])
    }
