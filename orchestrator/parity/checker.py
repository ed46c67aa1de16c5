"""Parity: paper days replayed as a backtest, and every difference with its cause.

Each day starts from what was recorded: the targets and the account as they stood when it began.
Votes come from one vote over the panel, decisions from the fold, orders and fills from the loop
that backtests run, all over the history as it is stored now. Nothing differs unless something
changed: a bar was revised or late, an agent failed, somebody traded by hand or changed a setting.
A day that differs does not make the next one differ. Days are of UTC; a close at midnight belongs
to the day that it ends. Leaves out the causes' words (`causes.py`).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import numpy as np

from domain.bar_matrix import Tape
from domain.errors import NotFoundError
from domain.panel import Floats
from domain.trading.account import Mode
from domain.trading.account_json import KINDS
from domain.votes import Builder
from market.calendars import instant, moment
from orchestrator.account.cycle_orders import TradingDay
from orchestrator.account.store import Rules
from orchestrator.parity.diff import Difference, decisions_apart, trades_apart, votes_apart
from orchestrator.parity.explain_diff import UNEXPLAINED, Causes
from orchestrator.parity.recomputed_decisions import Again, Held, again, recorded
from orchestrator.parity.recomputed_trades import AccountDay, Wishes, account_days, trade_again
from orchestrator.ports import Archive, Records
from trading.account.paper_account import Wish
from trading.sizing.correlation import Kinship

DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
Previous = Callable[[datetime], Mapping[str, float]]
"""The targets as they stood before an instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """What was compared, and what differs; nothing does where `differences` is empty."""

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
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Compares the paper days of one run. Every agent votes in its version of then; `previous` are
    the run's recorded targets."""

    day: TradingDay
    previous: Previous
    records: Records
    archive: Archive
    build: Builder
    horizon: int
    simulated: bool

    def compare(self, first: date, last: date) -> Parity:
        """Every day from `first` to `last`, and what differs.

        Raises NotFoundError where the run held no cycle in that time.
        """
        book = self.day.book
        held = recorded(self.records, book.market, book.run, begins(first), begins(last) + DAY)
        if not held:
            raise NotFoundError(
                f"The run {book.run!r} held no cycle from {first} to {last} in the market "
                f"{book.market!r}. `quorum account show` tells of a run, the record of its days."
            )
        stretch = self._again(held)
        days = sorted({day_of(stretch.closes(row)) for row in range(len(stretch.place))})
        bounds = [*map(begins, days), begins(days[-1]) + DAY]
        accounts = account_days(book.blotter.happenings(*KINDS.values()), bounds)
        causes = Causes(self.archive)
        found = [
            self._compare_day(stretch, day, account, causes)
            for day, account in zip(days, accounts, strict=True)
        ]
        decisions = [decision for cycle in held for decision in cycle.decisions.values()]
        return Parity(
            market=book.market,
            run=book.run,
            first=first,
            last=last,
            days=len(days),
            cycles=len(held),
            votes=sum(len(decision.votes) for decision in decisions),
            decisions=len(decisions),
            orders=sum(each.orders for each in found),
            fills=sum(each.fills for each in found),
            differences=tuple(difference for each in found for difference in each.differences),
        )

    def _again(self, held: Sequence[Held]) -> Again:
        return again(
            self.day.library,
            self.day.book.market,
            held,
            timeframe=self.day.timeframe,
            horizon=self.horizon,
            simulated=self.simulated,
            build=self.build,
            settings=self._rules(None).committee,
        )

    def _rules(self, account: AccountDay | None) -> Rules:
        """Today's, under the profile of that day."""
        opening = self.day.book.opening
        return self.day.rules(account.account.profile if account else opening.profile)

    def _compare_day(
        self, again: Again, day: date, account: AccountDay | None, causes: Causes
    ) -> "_Day":
        """Votes, decisions, orders and fills of one day."""
        closes = [again.closes(row) for row in range(len(again.place))]
        start, end = begins(day), begins(day) + DAY
        rows = slice(bisect_right(closes, start), bisect_right(closes, end))
        settings = self._rules(account).committee
        differences, blames = [], defaultdict[tuple[int, str], dict[str, str]](dict)
        for row in range(rows.start, rows.stop):
            for agent, difference in votes_apart(again, row, causes):
                differences.append(difference)
                blames[row, difference.symbol][agent] = difference.cause
        previous = self.previous(closes[rows.start])
        actions, targets = again.fold(rows, previous, settings)
        differences += decisions_apart(again, rows, actions, targets, settings, causes, blames)
        if account is None:
            return _Day(differences, 0, 0)
        apart = {each.symbol for each in differences if each.kind == "decision"}
        wishes = _wishes(again, rows, targets, self._rules(account))
        history = partial(_history, again, rows, causes)
        return self._trade_day(account, (start, end), wishes, differences, apart, history)

    def _trade_day(
        self,
        account: AccountDay,
        bounds: tuple[datetime, datetime],
        wishes: Sequence[Wishes],
        differences: list[Difference],
        apart: Collection[str],
        history: Callable[[str], tuple[str, ...]],
    ) -> "_Day":
        start, end = bounds
        followed = {symbol for each in wishes for symbol in each.wishes}
        symbols = self.day.concerned(account.account, followed)
        tape = self.day.tape(account.account, symbols, end)
        begun = max(start, account.account.opened_at - INSTANT)
        rows = slice(*(int(np.searchsorted(tape.known_at, instant(at), "right"))
                       for at in (begun, end)))  # fmt: skip
        now, then = (
            trade_again(account.account, tape, rows, wishes, self._rules(account)),
            account.traded(),
        )
        why = _why(account, tape, rows, apart, history)
        differences += trades_apart("order", then.orders, now.orders, why)
        differences += trades_apart("fill", then.fills, now.fills, why)
        return _Day(differences, len(then.orders), len(then.fills))


@dataclass(frozen=True, slots=True)
class _Day:
    """What differs on a day, and how many orders and fills were compared."""

    differences: list[Difference]
    orders: int
    fills: int


def begins(day: date) -> datetime:
    """Bars that close after this instant, and by a day later, are of the day."""
    return datetime.combine(day, time(), UTC)


def day_of(close: datetime) -> date:
    return (close - timedelta(microseconds=1)).astimezone(UTC).date()


def _wishes(again: Again, rows: slice, targets: Floats, rules: Rules) -> list[Wishes]:
    """What the decisions on those rows ask of an account, a calendar and instant each."""
    found, told = [], again.docket
    for k, row in enumerate(range(rows.start, rows.stop)):
        part, own, _ = again.at(row)
        wishes: dict[str, Wish] = {}
        for column, symbol in enumerate(part.panel.symbols):
            n = again.symbols.index(symbol)
            bar = part.panel.close[part.since + own, column]
            if told.present[row, n] and not np.isnan(bar):
                wishes[symbol] = Wish(
                    None if told.blocked[row, n] else float(targets[k, n]),
                    min(rules.position_limit, float(told.cap[row, n])),
                )
        kin = Kinship(told.kinship.alike, told.kinship.table[row : row + 1])
        found.append(Wishes(again.closes(row), wishes, kin, again.symbols))
    return found


def _history(again: Again, rows: slice, causes: Causes, symbol: str) -> tuple[str, ...]:
    """How what is stored of a symbol has changed since the day's first cycle on it."""
    for row in range(rows.start, rows.stop):
        part, own, held = again.at(row)
        if held is not None and symbol in held.decisions:
            return causes.of_history(held, part, own, symbol)
    return ()


def _why(
    account: AccountDay,
    tape: Tape,
    rows: slice,
    apart: Collection[str],
    history: Callable[[str], tuple[str, ...]],
) -> Callable[[str], str]:
    """Says of a symbol why its orders or fills of the day are others today; `history` says how
    what is stored of it has changed."""
    causes = list(account.by_hand)
    if account.account.mode is not Mode.AUTO:
        causes.append(f"the mode was {account.account.mode}")
    now = _closes(tape, rows)
    causes += [
        f"a bar was revised: {symbol} at {at:%Y-%m-%d %H:%M} closed at {close:g}"
        for (at, symbol), close in account.closes.items()
        if (at, symbol) in now and now[at, symbol] != close
    ]
    causes += [
        f"a bar came late: {symbol} at {at:%Y-%m-%d %H:%M}"
        for at, symbol in sorted(now.keys() - account.closes.keys())
    ]

    def why(symbol: str) -> str:
        if symbol in apart:
            return "its decision is another"
        if apart:
            return f"the decisions on {', '.join(sorted(apart))} are others, and so is the equity"
        told = causes or history(symbol)
        return "; ".join(told) or f"other costs or limits are configured now, or {UNEXPLAINED}"

    return why


def _closes(tape: Tape, rows: slice) -> dict[tuple[datetime, str], float]:
    return {
        (moment(tape.known_at[t]), symbol): float(tape.close[t, n])
        for t in range(rows.start, rows.stop)
        for n, symbol in enumerate(tape.symbols)
        if not np.isnan(tape.close[t, n])
    }
