"""What a cycle does to a paper account: apply the bars that have closed, turn decisions into
orders.

Promises that every bar is processed exactly once, even if the process is killed at any point: the
account's own last bars say what it has processed, so a start is a recovery. Orders from a cycle are
placed in the transaction that records it. Leaves out what people do to the account (`service.py`)
and how an order is matched with a bar (`trading/account/paper_account.py`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.decision import Cycle, Decision
from domain.events import Event
from domain.instants import INSTANT
from domain.panel import BarMatrix, Panel
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from domain.trading.account import Account, AccountEntry, OrderSubmitted, TradingMode
from domain.trading.orders import Order
from market.panels.bar_matrix import read_bar_matrix
from market.panels.panel_builder import PanelQuery, build_panels
from market.store import MarketDataStore
from orchestrator.account.store import AccountStore, TradingRules
from orchestrator.ports import HasDatedDecision, UnitOfWork
from quant.per_symbol import week_numbers
from trading.account import paper_account
from trading.account.paper_account import TargetRequest
from trading.kernels.state import SharedLimits
from trading.sizing.correlation import correlation_groups
from trading.sizing.position_sizing import shared_limits

BAR_LOOKBACK = timedelta(days=14)
"""How far before the first unprocessed bar the history is read, so that the previous bar is known.
"""
CORRELATION_LOOKBACK = timedelta(days=730)
"""How far back the correlation of symbols is measured."""


@dataclass(frozen=True, slots=True)
class CycleAccountState:
    """The account when a cycle begins. `symbols` are those of the bar matrix in its order,
    `volatility_halted` those whose last bar trips the volatility breaker, `rules` the rules in
    force."""

    symbols: tuple[str, ...]
    volatility_halted: frozenset[str]
    rules: TradingRules


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCycle:
    """The account of a run in its cycles. `rules` gives the rules of a profile, `latest_decisions`
    the newest decision on every symbol."""

    account_store: AccountStore
    store: MarketDataStore
    timeframe: Timeframe
    rules: Callable[[str], TradingRules]
    latest_decisions: Callable[[], Sequence[HasDatedDecision]]

    def relevant_symbols(
        self, account: Account | None, followed: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Return the followed symbols and those with a position or an open order, sorted. The
        account adds up its figures in this order."""
        symbols = _traded_symbols(account) if account else set()
        return tuple(sorted(symbols.union(followed)))

    def process_bars(self, followed: Sequence[str], as_of: datetime) -> CycleAccountState:
        """Apply every bar closed by `as_of` that the account has not processed, in a transaction of
        its own. A symbol that is ordered while the bars are read is included. Raises
        VerificationError for an account whose log is broken."""
        account = self.account_store.account()
        while True:
            symbols = self.relevant_symbols(account, followed)
            bars = self.load_bars(account, symbols, as_of)
            split_ratios = self._split_ratios(account, symbols, as_of) if account else {}
            account = self.account_store.transact(
                as_of, self._bar_processing(symbols, bars, split_ratios)
            ).account
            if _traded_symbols(account) <= set(symbols):
                rules = self.rules(account.profile)
                return CycleAccountState(
                    symbols, paper_account.find_volatility_halted(bars, rules.trading), rules
                )

    def _bar_processing(
        self, symbols: Sequence[str], bars: BarMatrix, split_ratios: Mapping[str, float]
    ) -> Callable[[Account], Sequence[AccountEntry]]:
        """Return the change that applies the bars; it changes nothing if the account trades a
        symbol that is not in `symbols`."""

        def process(account: Account) -> Sequence[AccountEntry]:
            if not _traded_symbols(account) <= set(symbols):
                return ()
            return paper_account.apply_bars(
                account, bars, self.rules(account.profile).trading, split_ratios
            ).entries

        return process

    def place_target_orders(
        self, uow: UnitOfWork, cycle: Cycle, account_state: CycleAccountState, panel: Panel
    ) -> tuple[Event, ...]:
        """Place the orders that follow from the cycle's decisions on the panel's last bar, in the
        cycle's transaction."""

        def place(account: Account) -> Sequence[AccountEntry]:
            if account.mode is not TradingMode.AUTO:
                return ()
            requests = target_requests(cycle.decisions, account_state.rules)
            symbols = self.relevant_symbols(account, account_state.symbols)
            return paper_account.place_targets(
                account,
                symbols,
                requests,
                cycle.as_of,
                account_state.rules.trading,
                account_state.volatility_halted,
                shared_limits_of(panel, symbols, account_state.rules),
            )

        return self.account_store.write(uow, cycle.as_of, place).events

    def suggest_orders(self, account: Account) -> tuple[Order, ...]:
        """Return the orders that the newest decisions of each calendar would place on the account
        now."""
        rules, placed = self.rules(account.profile), []
        for as_of, decisions in _latest_cycles(self.latest_decisions()).items():
            symbols = self.relevant_symbols(account, (decision.symbol for decision in decisions))
            volatility_halted = paper_account.find_volatility_halted(
                self.load_bars(None, symbols, as_of), rules.trading
            )
            requests = target_requests(decisions, rules)
            limits = shared_limits_of(self._correlation_panel(requests, as_of), symbols, rules)
            entries = paper_account.place_targets(
                account, symbols, requests, as_of, rules.trading, volatility_halted, limits
            )
            placed += [
                entry.event.order for entry in entries if isinstance(entry.event, OrderSubmitted)
            ]
        return tuple(placed)

    def load_bars(
        self, account: Account | None, symbols: Sequence[str], as_of: datetime
    ) -> BarMatrix:
        """Return the rows that the account may have to process by `as_of`, and some before them."""
        last_bars = account.last_bars if account else {}
        seen = [last_bars[symbol].at for symbol in symbols if symbol in last_bars]
        if account and not seen:
            seen = [account.opened_at]
        since = min([*seen, as_of]) - BAR_LOOKBACK
        return read_bar_matrix(
            self.store, self.account_store.market, symbols, self.timeframe, since, as_of
        )

    def _correlation_panel(self, symbols: Iterable[str], as_of: datetime) -> Panel:
        """Build the panel that correlation is measured on, of `symbols` of one calendar."""
        [(panel, _)] = build_panels(
            self.store,
            PanelQuery(
                market=self.account_store.market,
                symbols=sorted(symbols),
                timeframe=self.timeframe,
                as_of=as_of,
                horizon=1,
                since=as_of - CORRELATION_LOOKBACK,
            ),
        )
        return panel

    def _split_ratios(
        self, account: Account, symbols: Sequence[str], as_of: datetime
    ) -> Mapping[str, float]:
        """Return, by symbol, the new units for one old unit since the account's last bar of it."""
        seen = {
            symbol: account.last_bars[symbol].at
            for symbol in symbols
            if symbol in account.last_bars
        }
        ratios: dict[str, float] = {}
        if not seen:
            return ratios
        first, last = min(seen.values()), as_of + INSTANT
        facts = self.store.read_many(self.account_store.market, list(seen), "actions", first, last)
        splits = facts[facts["kind"] == "split"]
        for symbol, at, ratio in zip(splits["symbol"], splits["at"], splits["value"], strict=True):
            if at.to_pydatetime() > seen[symbol]:
                ratios[symbol] = ratios.get(symbol, 1.0) * float(ratio)
        return ratios


def target_requests(decisions: Iterable[Decision], rules: TradingRules) -> dict[str, TargetRequest]:
    """Turn decisions into target requests by symbol. A blocked symbol has no target, so its
    position stays; a symbol without a price has no request, so its order stays too. The ceiling is
    the smallest cap that an agent gave, at most the position limit."""
    return {
        each.symbol: TargetRequest(
            target=None if each.verdict.blocked else each.target_weight,
            ceiling=min([rules.position_limit, *(vote.cap for vote in each.votes)]),
            receipt=each.receipt,
        )
        for each in decisions
        if each.price is not None
    }


def shared_limits_of(panel: Panel, symbols: Sequence[str], rules: TradingRules) -> SharedLimits:
    """Return the limits that `symbols` share on the panel's last bar."""
    correlation = correlation_groups(
        panel.close, week_numbers(panel.known_at), len(panel.known_at) - 1
    )
    return shared_limits(
        symbols, correlation.reindex(panel.symbols, symbols), rules.committee.sizing
    )


def _traded_symbols(account: Account) -> set[str]:
    return {*account.positions, *(order.symbol for order in account.orders.values())}


def _latest_cycles(recorded: Iterable[HasDatedDecision]) -> dict[datetime, list[Decision]]:
    """Group the decisions of the newest cycle of each calendar by its time. Older decisions are on
    symbols that are no longer followed."""
    newest: dict[str, datetime] = {}
    for each in recorded:
        calendar = calendar_of(each.decision.symbol)
        newest[calendar] = max(newest.get(calendar, each.as_of), each.as_of)
    decisions: dict[datetime, list[Decision]] = {}
    for each in recorded:
        if each.as_of == newest[calendar_of(each.decision.symbol)]:
            decisions.setdefault(each.as_of, []).append(each.decision)
    return dict(sorted(decisions.items()))
