"""What a cycle does to a paper account: bars that have closed are met, decisions become orders.

Promises that every bar is met once, whoever was killed when: the account's own marks say what it
has seen, so starting is recovering. Orders from a cycle are placed in the transaction that records
it. Leaves out what people do to the account (`floor.py`) and how an order meets a bar
(`trading/account/paper_account.py`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.bar_matrix import Tape
from domain.decision import Cycle, Decision
from domain.events import Event
from domain.panel import Panel
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from domain.trading.account import Account, Entry, Mode, OrderPlaced
from domain.trading.orders import Order
from market.panels.bar_matrix import read_tape
from market.panels.panel_builder import build_panels
from market.store import Library
from orchestrator.account.store import Book, Rules
from orchestrator.ports import Dated
from quant.per_symbol import weeks
from trading.account import paper_account
from trading.account.paper_account import Wish
from trading.kernels.state import Groups
from trading.sizing.correlation import kinship
from trading.sizing.position_sizing import groups

BEFORE = timedelta(days=14)
"""How much of the past a tape begins before what is to be met, so that the bar before is known."""
KIN = timedelta(days=730)
"""How much of the past says who moves together."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """The account as a cycle finds it. `symbols` are those of the tape in its order, `wild` those
    whose last bar trips the volatility breaker, `rules` what is in force."""

    symbols: tuple[str, ...]
    wild: frozenset[str]
    rules: Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingDay:
    """The account of a run through its cycles. `rules` are those of a profile, `latest` the newest
    decision on every symbol."""

    book: Book
    library: Library
    timeframe: Timeframe
    rules: Callable[[str], Rules]
    latest: Callable[[], Sequence[Dated]]

    def concerned(self, account: Account | None, followed: Iterable[str] = ()) -> tuple[str, ...]:
        """What is followed, held or ordered, sorted: an account adds up in this order."""
        own = _own(account) if account else set()
        return tuple(sorted(own.union(followed)))

    def meet(self, followed: Sequence[str], as_of: datetime) -> Opening:
        """Every bar closed by `as_of` that the account has not seen is met, in a transaction of
        its own; what is ordered while the bars are read is read too. Raises VerificationError for
        an account whose log is broken."""
        account = self.book.account()
        while True:
            symbols = self.concerned(account, followed)
            tape = self.tape(account, symbols, as_of)
            splits = self._splits(account, symbols, as_of) if account else {}
            account = self.book.change(as_of, self._meeting(symbols, tape, splits)).account
            if _own(account) <= set(symbols):
                rules = self.rules(account.profile)
                return Opening(symbols, paper_account.wild(tape, rules.trading), rules)

    def _meeting(
        self, symbols: Sequence[str], tape: Tape, splits: Mapping[str, float]
    ) -> Callable[[Account], Sequence[Entry]]:
        """Meets the tape; nothing is met where the account has something that it leaves out."""

        def act(account: Account) -> Sequence[Entry]:
            if not _own(account) <= set(symbols):
                return ()
            return paper_account.meet(
                account, tape, self.rules(account.profile).trading, splits
            ).entries

        return act

    def follow(self, pen: Any, cycle: Cycle, opening: Opening, panel: Panel) -> tuple[Event, ...]:
        """The orders that follow from the cycle's decisions on the panel's last bar, in the pen's
        transaction."""

        def act(account: Account) -> Sequence[Entry]:
            if account.mode is not Mode.AUTO:
                return ()
            wishes = wishes_of(cycle.decisions, opening.rules)
            symbols = self.concerned(account, opening.symbols)
            trading, shared = opening.rules.trading, groups_of(panel, symbols, opening.rules)
            return paper_account.ask(
                account, symbols, wishes, cycle.as_of, trading, opening.wild, shared
            )

        return self.book.write(pen, cycle.as_of, act).events

    def suggestions(self, account: Account) -> tuple[Order, ...]:
        """What the newest decisions of each calendar would place on the account as it stands."""
        rules, placed = self.rules(account.profile), []
        for as_of, decisions in _newest(self.latest()).items():
            symbols = self.concerned(account, (each.symbol for each in decisions))
            wild = paper_account.wild(self.tape(None, symbols, as_of), rules.trading)
            wishes = wishes_of(decisions, rules)
            shared = groups_of(self._panel(wishes, as_of), symbols, rules)
            entries = paper_account.ask(
                account, symbols, wishes, as_of, rules.trading, wild, shared
            )
            placed += [each.what.order for each in entries if isinstance(each.what, OrderPlaced)]
        return tuple(placed)

    def tape(self, account: Account | None, symbols: Sequence[str], as_of: datetime) -> Tape:
        """The rows that the account may have to meet by `as_of`, and some before them."""
        seen = [mark.at for symbol in symbols if account and (mark := account.marks.get(symbol))]
        if account and not seen:
            seen = [account.opened_at]
        since = min([*seen, as_of]) - BEFORE
        return read_tape(self.library, self.book.market, symbols, self.timeframe, since, as_of)

    def _panel(self, symbols: Iterable[str], as_of: datetime) -> Panel:
        """Of symbols of one calendar that were decided on."""
        [(panel, _)] = build_panels(
            self.library, self.book.market, sorted(symbols), self.timeframe, as_of, 1, as_of - KIN
        )
        return panel

    def _splits(
        self, account: Account, symbols: Sequence[str], as_of: datetime
    ) -> Mapping[str, float]:
        """New units for an old one since the account last saw a bar of the symbol."""
        seen = {each: account.marks[each].at for each in symbols if each in account.marks}
        ratios: dict[str, float] = {}
        if not seen:
            return ratios
        first, last = min(seen.values()), as_of + _INSTANT
        facts = self.library.facts(self.book.market, list(seen), "actions", first, last)
        splits = facts[facts["order_type"] == "split"]
        for symbol, at, ratio in zip(splits["symbol"], splits["at"], splits["value"], strict=True):
            if at.to_pydatetime() > seen[symbol]:
                ratios[symbol] = ratios.get(symbol, 1.0) * float(ratio)
        return ratios


def wishes_of(decisions: Iterable[Decision], rules: Rules) -> dict[str, Wish]:
    """What the account is asked for: a blocked symbol is left as it is, one without a bar keeps its
    order too; the ceiling is the smallest cap that an agent gave, at most the position limit."""
    return {
        each.symbol: Wish(
            target=None if each.verdict.blocked else each.target_weight,
            ceiling=min([rules.position_limit, *(vote.cap for vote in each.votes)]),
            receipt=each.receipt,
        )
        for each in decisions
        if each.price is not None
    }


def groups_of(panel: Panel, symbols: Sequence[str], rules: Rules) -> Groups:
    """The limits that `symbols` share on the panel's last bar."""
    kin = kinship(panel.close, weeks(panel.known_at), len(panel.known_at) - 1)
    return groups(symbols, kin.placed(panel.symbols, symbols), rules.committee.sizing)


def _own(account: Account) -> set[str]:
    return {*account.positions, *(order.symbol for order in account.orders.values())}


def _newest(recorded: Iterable[Dated]) -> dict[datetime, list[Decision]]:
    """The decisions of the newest cycle of each calendar, by its time; an older decision is of a
    symbol that is no longer followed."""
    newest: dict[str, datetime] = {}
    for each in recorded:
        calendar = calendar_of(each.decision.symbol)
        newest[calendar] = max(newest.get(calendar, each.as_of), each.as_of)
    found: dict[datetime, list[Decision]] = {}
    for each in recorded:
        if each.as_of == newest[calendar_of(each.decision.symbol)]:
            found.setdefault(each.as_of, []).append(each.decision)
    return dict(sorted(found.items()))
