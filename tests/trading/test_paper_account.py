"""The paper account trades as history does, to the bit, and every event of it is an entry."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import NotFoundError, VerificationError
from domain.instants import from_microseconds
from domain.panel import BarMatrix
from domain.trading.account import (
    Account,
    AccountEntry,
    AccountEvent,
    AccountOpened,
    BarClosed,
    CashTransferred,
    DividendPaid,
    OrderClosed,
    OrderFilled,
    OrderSubmitted,
    OrderUpdated,
    SplitApplied,
    TradingMode,
    TradingState,
)
from domain.trading.lots import match_entries
from domain.trading.orders import (
    DUST,
    Order,
    OrderSource,
    OrderStatus,
    OrderType,
    Side,
    Ticket,
    TimeInForce,
    resize,
)
from tests.trading.bar_matrices import bar_matrix_of, first_rows, random_walk, two_calendars
from tests.trading.random_orders_stress import RandomOrdersStress
from trading import kernels
from trading.account.account_arrays import STATUS_CODES
from trading.account.ledger import apply, equity, fold
from trading.account.paper_account import (
    BarsApplied,
    TargetRequest,
    apply_bars,
    find_volatility_halted,
    place_targets,
)
from trading.kernels import codes
from trading.kernels.state import (
    FILL_DTYPE,
    NO_SHARED_LIMITS,
    BarArrays,
    SharedLimits,
    TargetMatrix,
    new_account_arrays,
)
from trading.limits import UNLIMITED, LimitSettings, TradingSettings
from trading.orders import manual_orders

CAPITAL = 100_000.0
FREE = TradingSettings(limits=UNLIMITED)
CALM = (100.0, 101.0, 99.0, 100.0)


def micros(times: Any) -> Any:
    return times.astype("datetime64[us]").astype(np.int64)


def close_of(bar_matrix: BarMatrix, row: int) -> datetime:
    return from_microseconds(micros(bar_matrix.known_at)[row])


def opening_entries(at: datetime, capital: float = CAPITAL) -> tuple[AccountEntry, ...]:
    return (
        AccountEntry(1, at, AccountOpened("USD", TradingMode.AUTO, "balanced")),
        AccountEntry(2, at, CashTransferred(capital, "opening capital")),
    )


class PaperAccountRun:
    """An account that goes through the rows of a bar matrix, and all its entries."""

    def __init__(self, bar_matrix: BarMatrix, settings: TradingSettings = FREE) -> None:
        self.bar_matrix, self.settings, self.row = bar_matrix, settings, 0
        self.entries = list(opening_entries(close_of(bar_matrix, 0)))
        self.account = fold(self.entries)

    def record(self, entries: Sequence[AccountEntry]) -> None:
        for entry in entries:
            self.account = apply(self.account, entry)
            self.entries.append(entry)

    def apply_bars(self, count: int = 1) -> BarsApplied:
        """The next rows, applied together."""
        self.row += count
        applied = apply_bars(self.account, first_rows(self.bar_matrix, self.row), self.settings)
        self.record(applied.entries)
        assert applied.account == self.account
        return applied

    def place_targets(
        self, requests: Mapping[str, TargetRequest], shared_limits: SharedLimits = NO_SHARED_LIMITS
    ) -> None:
        at = close_of(self.bar_matrix, self.row - 1)
        blocked = find_volatility_halted(first_rows(self.bar_matrix, self.row), self.settings)
        symbols = self.bar_matrix.symbols
        self.record(
            place_targets(
                self.account, symbols, requests, at, self.settings, blocked, shared_limits
            )
        )

    def place(self, key: str = "k", **terms: Any) -> Order:
        ticket = Ticket(**{"symbol": "AAPL", "side": Side.BUY, "quantity": 10.0, **terms})
        at = close_of(self.bar_matrix, self.row - 1)
        entries = manual_orders.place(self.account, ticket, key=key, at=at)
        self.record(entries)
        assert isinstance(entries[0].event, OrderSubmitted)
        return entries[0].event.order

    def events(self, event_type: type[AccountEvent]) -> list[Any]:
        return [entry.event for entry in self.entries if isinstance(entry.event, event_type)]


def start_paper_account(
    *bars: tuple[float, ...], settings: TradingSettings = FREE, volume: float = 1e9
) -> PaperAccountRun:
    """AAPL, whose first bar was applied and is calm."""
    run = PaperAccountRun(bar_matrix_of(np.array([CALM, *bars]), volume), settings)
    run.apply_bars()
    return run


def random_targets(bar_matrix: BarMatrix, seed: int) -> tuple[Any, Any, Any]:
    """Instructions, targets and ceilings (K, N) at random."""
    rng = np.random.default_rng(seed)
    shape = bar_matrix.close.shape
    instructions = rng.choice([0, 0, 1, 1, 1, 2, 3], shape)
    instructions = np.where(np.isnan(bar_matrix.close), codes.KEEP, instructions).astype(np.int8)
    targets = np.where(rng.random(shape) < 0.3, 0.0, rng.uniform(0.0, 0.5, shape))
    return instructions, targets, rng.uniform(0.1, 0.5, shape)


def random_shared_limits(bar_matrix: BarMatrix, seed: int) -> SharedLimits:
    """Two symbols, which are correlated at times."""
    rng = np.random.default_rng([seed, 1])
    twins = ~np.eye(2, dtype=bool)
    return SharedLimits(
        np.array([0, 0], np.int32), np.stack([twins, ~twins & False]),
        rng.integers(0, 2, len(bar_matrix.known_at), np.int32), rng.choice([0.1, 0.4, 1.0], 3),
    )  # fmt: skip


def run_history(
    bar_matrix: BarMatrix,
    settings: TradingSettings,
    instructions: Any,
    targets: Any,
    ceilings: Any,
    shared: SharedLimits,
) -> Any:
    arrays = new_account_arrays(bar_matrix.symbols, settings)
    for name in ("cash", "equity", "high", "day_equity"):
        arrays.state[0][name] = CAPITAL
    bars = BarArrays(
        bar_matrix.open,
        bar_matrix.high,
        bar_matrix.low,
        bar_matrix.close,
        bar_matrix.volume,
        bar_matrix.dividend,
        bar_matrix.volatility,
        micros(bar_matrix.known_at),
        micros(bar_matrix.opened_at),
        micros(bar_matrix.session_end),
    )
    rows = len(bar_matrix.known_at)
    arrays = arrays._replace(fills=np.empty(rows * len(arrays.orders), FILL_DTYPE))
    totals, trading_states = np.empty((4, rows)), np.empty((2, rows), np.int8)
    target_matrix = TargetMatrix(instructions, targets, ceilings)
    assert (
        kernels.process_bars(arrays, bars, target_matrix, shared, 0, rows, totals, trading_states)
        == rows
    )
    return arrays, totals, trading_states


def run_live(
    bar_matrix: BarMatrix,
    settings: TradingSettings,
    instructions: Any,
    targets: Any,
    ceilings: Any,
    shared: SharedLimits,
) -> PaperAccountRun:
    """Row by row, the account forgotten and rebuilt from its entries between them."""
    account = PaperAccountRun(bar_matrix, settings)
    for t in range(len(bar_matrix.known_at)):
        account.apply_bars()
        account.place_targets(
            requests_at(bar_matrix, t, instructions, targets, ceilings),
            shared._replace(matrix_index=shared.matrix_index[t : t + 1]),
        )
    return account


def requests_at(
    bar_matrix: BarMatrix, t: int, instructions: Any, targets: Any, ceilings: Any
) -> dict[str, TargetRequest]:
    """The requests of row t."""
    return {
        symbol: TargetRequest(
            None if instructions[t, n] == codes.CANCEL else float(targets[t, n]),
            float(ceilings[t, n]),
            bool(instructions[t, n] == codes.REDUCE),
        )
        for n, symbol in enumerate(bar_matrix.symbols)
        if instructions[t, n] != codes.KEEP
    }


@st.composite
def limits(draw: st.DrawFn) -> LimitSettings:
    return LimitSettings(
        stop_loss=draw(st.sampled_from([None, 0.03])),
        take_profit=draw(st.sampled_from([None, 0.04])),
        trailing=draw(st.sampled_from([None, 0.05])),
        flatten=draw(st.booleans()),
        losses=draw(st.sampled_from([None, 2, 5])),
        drawdown=draw(st.sampled_from([None, 0.05, 0.15])),
        daily_loss=draw(st.sampled_from([None, 0.02])),
        pause_seconds=draw(st.sampled_from([0.0, 300.0, 90_000.0])),
        volatility_breaker=draw(st.sampled_from([None, 2.0])),
        fractional=draw(st.booleans()),
    )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), limits=limits())
def test_live_steps_come_to_the_same_floats_as_history(seed: int, limits: LimitSettings) -> None:
    bar_matrix, rules = random_walk(seed), TradingSettings(limits=limits)
    instructions, targets, ceilings = random_targets(bar_matrix, seed)
    shared = random_shared_limits(bar_matrix, seed)
    arrays, totals, trading_states = run_history(
        bar_matrix, rules, instructions, targets, ceilings, shared
    )
    account = run_live(bar_matrix, rules, instructions, targets, ceilings, shared)
    rows = account.events(BarClosed)
    assert [row.equity for row in rows] == totals[0].tolist()
    assert account.account.cash == totals[1][-1]
    assert account.account.dividends == totals[2][-1]
    states = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)
    assert [row.risk.trading_state for row in rows] == [states[code] for code in trading_states[0]]
    fills = arrays.fills[: arrays.state[0]["fill_count"]]
    recorded = account.events(OrderFilled)
    figures = {
        "quantity": [fill.quantity for fill in recorded],
        "price": [fill.price for fill in recorded],
        "commission": [fill.commission for fill in recorded],
        "slippage": [fill.slippage for fill in recorded],
        "residual_slippage": [fill.residual_slippage for fill in recorded],
    }
    for name, values in figures.items():
        assert values == fills[name].tolist(), name
    assert [codes.FILL_TRIGGERS.index(fill.trigger) for fill in recorded] == fills[
        "trigger"
    ].tolist()
    assert fold(account.entries) == account.account


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), limits=limits())
def test_history_trades_targets_when_all_rows_that_close_together_are_processed(
    seed: int, limits: LimitSettings
) -> None:
    bar_matrix, rules = two_calendars(random_walk(seed)), TradingSettings(limits=limits)
    instructions, targets, ceilings = random_targets(bar_matrix, seed)
    shared = random_shared_limits(bar_matrix, seed)
    arrays, totals, _ = run_history(bar_matrix, rules, instructions, targets, ceilings, shared)
    account = PaperAccountRun(bar_matrix, rules)
    for row in range(0, len(bar_matrix.known_at), 2):
        account.apply_bars(2)
        for t in (row, row + 1):
            account.place_targets(
                requests_at(bar_matrix, t, instructions, targets, ceilings),
                shared._replace(matrix_index=shared.matrix_index[t : t + 1]),
            )
    assert [row.equity for row in account.events(BarClosed)] == totals[0][
        ~np.isnan(bar_matrix.close).all(axis=1)
    ].tolist()
    fills = arrays.fills[: arrays.state[0]["fill_count"]]
    assert [fill.quantity for fill in account.events(OrderFilled)] == fills["quantity"].tolist()
    assert account.account.cash == totals[1][-1]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.lists(st.integers(1, 7), min_size=40))
def test_rows_applied_together_or_one_by_one_are_the_same_entries(
    seed: int, steps: list[int]
) -> None:
    bar_matrix = random_walk(seed)
    one, many = (PaperAccountRun(bar_matrix, TradingSettings()) for _ in range(2))
    for account in (one, many):
        account.apply_bars()
        for n, symbol in enumerate(bar_matrix.symbols):
            account.place(f"buy {n}", symbol=symbol, quantity=50.0, time_in_force=TimeInForce.GTC,
                          stop_loss=85.0, take_profit=112.0)  # fmt: skip
            account.place(f"limit {n}", symbol=symbol, quantity=40.0, time_in_force=TimeInForce.GTC,
                          order_type=OrderType.LIMIT, limit_price=95.0)  # fmt: skip
            account.place(
                f"trail {n}",
                symbol=symbol,
                side=Side.SELL,
                quantity=30.0,
                time_in_force=TimeInForce.GTC,
                order_type=OrderType.TRAILING_STOP,
                trail_fraction=0.05,
            )
    while one.row < len(bar_matrix.known_at):
        one.apply_bars()
    for step in steps:
        if many.row < len(bar_matrix.known_at):
            many.apply_bars(min(step, len(bar_matrix.known_at) - many.row))
    assert one.entries == many.entries


def test_a_market_order_fills_at_the_next_open_and_never_in_the_bar_it_was_placed_in() -> None:
    account = start_paper_account((102.0, 103.0, 101.0, 102.5))
    account.place()
    assert account.events(OrderFilled) == []
    account.apply_bars()
    (fill,) = account.events(OrderFilled)
    assert fill.price == pytest.approx(102.0 * 1.0002, rel=1e-4)
    assert fill.trigger == "open"
    assert account.account.positions["AAPL"].quantity == 10.0
    assert account.account.orders == {}


def test_an_order_placed_within_a_bar_waits_for_the_one_after_it() -> None:
    account = start_paper_account(CALM, CALM)
    ticket = Ticket(symbol="AAPL", side=Side.BUY, quantity=10.0, time_in_force=TimeInForce.GTC)
    within = close_of(account.bar_matrix, 1) - timedelta(hours=1)
    account.record(manual_orders.place(account.account, ticket, key="k", at=within))
    account.apply_bars()
    assert account.events(OrderFilled) == []
    account.apply_bars()
    assert len(account.events(OrderFilled)) == 1


def test_a_fill_at_the_open_belongs_to_the_open_and_the_bar_to_its_close() -> None:
    account = start_paper_account(CALM)
    account.place()
    account.apply_bars()
    times = {type(entry.event): entry.at for entry in account.entries}
    assert times[BarClosed] - times[OrderFilled] == timedelta(minutes=390)
    assert account.account.last_bars["AAPL"].traded_at == times[OrderFilled]


def test_volume_caps_what_fills_and_the_rest_waits() -> None:
    account = start_paper_account(CALM, CALM, volume=1000.0)
    account.place(quantity=60.0, time_in_force=TimeInForce.GTC)
    account.apply_bars()
    (order,) = account.account.orders.values()
    assert (order.status, order.filled, order.remaining) == (
        OrderStatus.PARTIALLY_FILLED,
        25.0,
        35.0,
    )
    account.apply_bars()
    assert [fill.quantity for fill in account.events(OrderFilled)] == [25.0, 25.0]


def test_a_day_order_ends_with_its_session_and_says_so() -> None:
    account = start_paper_account(CALM)
    account.place(order_type=OrderType.LIMIT, limit_price=90.0)
    account.apply_bars()
    (end,) = account.events(OrderClosed)
    assert (end.status, end.reason) == (OrderStatus.EXPIRED, "its session has ended")


def test_the_exits_of_a_bracket_wait_for_it_and_one_cancels_the_other() -> None:
    account = start_paper_account(CALM, (100.0, 101.0, 94.0, 96.0))
    account.place(stop_loss=95.0, take_profit=110.0)
    assert [order.status for order in account.account.orders.values()] == [
        OrderStatus.WORKING,
        OrderStatus.ACCEPTED,
        OrderStatus.ACCEPTED,
    ]
    account.apply_bars()
    assert [order.status for order in account.account.orders.values()] == [OrderStatus.WORKING] * 2
    account.apply_bars()
    assert [fill.trigger for fill in account.events(OrderFilled)] == ["open", "stop"]
    (end,) = account.events(OrderClosed)
    assert end.order_id.endswith("-profit")
    assert account.account.positions == {}


def test_exits_of_what_has_filled_outlive_their_cancelled_parent_and_cover_no_more() -> None:
    account = start_paper_account(CALM, CALM, volume=1000.0)
    order = account.place(
        quantity=60.0, time_in_force=TimeInForce.GTC, stop_loss=95.0, take_profit=110.0
    )
    account.apply_bars()
    account.record(manual_orders.cancel(account.account, order.id, close_of(account.bar_matrix, 1)))
    assert {order.remaining for order in account.account.orders.values()} == {25.0}
    waiting = start_paper_account(CALM)
    order = waiting.place(stop_loss=95.0)
    waiting.record(manual_orders.cancel(waiting.account, order.id, close_of(waiting.bar_matrix, 0)))
    assert waiting.account.orders == {}


def test_an_amended_order_trades_on_its_new_terms_from_the_next_bar_on() -> None:
    account = start_paper_account((100.0, 101.0, 95.0, 96.0), (96.0, 97.0, 95.0, 96.0))
    order = account.place(
        order_type=OrderType.LIMIT, limit_price=90.0, time_in_force=TimeInForce.GTC, stop_loss=80.0
    )
    within = close_of(account.bar_matrix, 1) - timedelta(hours=1)
    changed = replace(resize(account.account.orders[order.id], 20.0), limit_price=98.0)
    account.record(manual_orders.amend(account.account, changed, within))
    assert {order.remaining for order in account.account.orders.values()} == {20.0}
    account.apply_bars()
    assert account.events(OrderFilled) == []
    account.apply_bars()
    assert [fill.quantity for fill in account.events(OrderFilled)] == [20.0]


def test_a_dividend_is_paid_on_what_was_held_before_the_bar() -> None:
    account = start_paper_account(CALM, CALM)
    account.bar_matrix.dividend[1:] = 0.5
    account.place()
    account.apply_bars(2)
    (paid,) = account.events(DividendPaid)
    assert (paid.per_unit, paid.cash) == (0.5, 5.0)


def test_a_recorded_split_is_applied_and_equity_goes_on_as_if_nothing_was() -> None:
    account = start_paper_account(CALM, CALM)
    account.place()
    account.place(
        "exit",
        side=Side.SELL,
        order_type=OrderType.STOP,
        stop_price=80.0,
        time_in_force=TimeInForce.GTC,
    )
    account.apply_bars()
    before = equity(account.account)
    halved = replace(
        account.bar_matrix,
        **{
            name: getattr(account.bar_matrix, name) / 2 for name in ("open", "high", "low", "close")
        },
    )
    applied = apply_bars(account.account, first_rows(halved, 3), FREE, {"AAPL": 2.0})
    assert applied.account.positions["AAPL"].quantity == 20.0
    assert [order.stop_price for order in applied.account.orders.values()] == [40.0]
    assert equity(applied.account) == pytest.approx(before)
    assert sum(isinstance(entry.event, SplitApplied) for entry in applied.entries) == 1
    again = apply_bars(applied.account, halved, FREE, {"AAPL": 2.0})
    assert again.entries == ()


def test_a_rewritten_history_halts_the_account_once_and_no_bar_is_applied() -> None:
    account = start_paper_account(CALM, CALM)
    account.place()
    account.apply_bars()
    account.bar_matrix.close[:] *= 0.7
    applied = account.apply_bars()
    assert applied.account.risk.trading_state is TradingState.HALTED
    assert "the history of AAPL was rewritten: its close of 100 at" in applied.account.risk.reason
    assert (
        applied.account.last_bars
        == apply_bars(applied.account, account.bar_matrix, FREE).account.last_bars
    )
    assert apply_bars(applied.account, account.bar_matrix, FREE).entries == ()


def test_a_matrix_that_ends_before_the_last_bar_seen_changes_nothing() -> None:
    account = start_paper_account(CALM, CALM)
    account.place()
    account.apply_bars(2)
    assert apply_bars(account.account, first_rows(account.bar_matrix, 2), FREE).entries == ()


def test_a_position_must_have_bars_in_the_matrix() -> None:
    account = start_paper_account(CALM)
    account.place()
    account.apply_bars()
    other = bar_matrix_of(np.array([CALM] * 3), symbols=("MSFT",))
    with pytest.raises(VerificationError, match="holds or has orders on AAPL"):
        apply_bars(account.account, other, FREE)


def test_a_decision_becomes_an_order_with_its_receipt_and_only_once() -> None:
    account = start_paper_account(CALM)
    requests = {"AAPL": TargetRequest(0.2, 1.0, receipt="r-1")}
    account.place_targets(requests)
    (order,) = account.account.orders.values()
    assert (order.source, order.receipt, order.quantity) == (OrderSource.COMMITTEE, "r-1", 200.0)
    account.place_targets(requests)
    assert len(account.events(OrderSubmitted)) == 1
    assert account.events(OrderClosed) == []


def test_a_new_decision_replaces_what_remains_of_the_last_and_a_block_cancels_it() -> None:
    account = start_paper_account(CALM, CALM, CALM, volume=1000.0)
    account.place_targets({"AAPL": TargetRequest(0.2, 1.0)})
    account.apply_bars()
    account.place_targets({"AAPL": TargetRequest(0.1, 1.0)})
    account.apply_bars()
    account.place_targets({"AAPL": TargetRequest(None, 1.0)})
    assert [end.reason for end in account.events(OrderClosed)] == [
        "a new decision",
        "the symbol is blocked",
    ]
    assert account.account.orders == {}


def test_what_is_blocked_or_volatile_is_not_bought() -> None:
    rules = TradingSettings(limits=UNLIMITED.model_copy(update={"volatility_breaker": 3.0}))
    account = start_paper_account((100.0, 107.0, 100.0, 107.0), settings=rules)
    account.place_targets({"AAPL": TargetRequest(0.2, 1.0, buy_blocked=True)})
    assert account.events(OrderSubmitted) == []
    account.apply_bars()
    account.place_targets({"AAPL": TargetRequest(0.2, 1.0)})
    assert account.events(OrderSubmitted) == []


def test_protective_exits_are_orders_like_any_other() -> None:
    rules = TradingSettings(limits=UNLIMITED.model_copy(update={"stop_loss": 0.05}))
    account = start_paper_account(CALM, (94.0, 95.0, 93.0, 94.0), settings=rules)
    account.place_targets({"AAPL": TargetRequest(0.2, 1.0)})
    account.apply_bars()
    (stop,) = account.account.orders.values()
    assert (stop.source, stop.order_type, stop.reduce_only) == (
        OrderSource.EXIT,
        OrderType.STOP,
        True,
    )
    assert stop.stop_price == pytest.approx(95.0, rel=1e-3)
    account.apply_bars()
    assert account.account.positions == {}
    assert account.events(OrderFilled)[-1].price < 94.0


def test_the_emergency_stop_cancels_halts_and_flattens_over_as_many_opens_as_it_takes() -> None:
    account = start_paper_account(CALM, CALM, CALM, CALM, CALM, volume=1000.0)
    account.place("a", quantity=20.0, time_in_force=TimeInForce.GTC)
    account.place("b", quantity=20.0, time_in_force=TimeInForce.GTC)
    account.apply_bars(2)
    account.place("c", order_type=OrderType.LIMIT, limit_price=90.0, time_in_force=TimeInForce.GTC)
    at = close_of(account.bar_matrix, 2)
    account.record(
        manual_orders.emergency_stop(account.account, flatten=True, reason="fire", by="me", at=at)
    )
    risk = account.account.risk
    assert (risk.trading_state, risk.reason, risk.by) == (
        TradingState.HALTED, "emergency stop: fire", "me",
    )  # fmt: skip
    (flatten_order,) = account.account.orders.values()
    assert (flatten_order.source, flatten_order.side, flatten_order.quantity) == (
        OrderSource.EMERGENCY_STOP,
        Side.SELL,
        40.0,
    )
    account.apply_bars(2)
    assert account.account.positions == {}
    account.place_targets({"AAPL": TargetRequest(0.2, 1.0)})
    account.apply_bars()
    assert account.account.orders == {}
    assert account.account.risk.trading_state is TradingState.HALTED


def test_two_stops_at_one_instant_place_orders_of_two_keys() -> None:
    account = start_paper_account(CALM, CALM)
    account.place()
    account.apply_bars()
    at = close_of(account.bar_matrix, 1)
    for _ in range(2):
        account.record(
            manual_orders.emergency_stop(account.account, flatten=True, reason="", by="me", at=at)
        )
    keys = [placed.order.key for placed in account.events(OrderSubmitted)]
    assert len(keys) == len(set(keys)) == 3


def test_a_stop_without_flattening_keeps_positions_and_trades_nothing() -> None:
    account = start_paper_account(CALM, CALM)
    account.place()
    account.apply_bars()
    at = close_of(account.bar_matrix, 1)
    account.record(
        manual_orders.emergency_stop(account.account, flatten=False, reason="", by="me", at=at)
    )
    account.apply_bars()
    assert account.account.positions["AAPL"].quantity == 10.0
    account.record(
        manual_orders.resume_trading(account.account, by="me", at=close_of(account.bar_matrix, 2))
    )
    assert account.account.risk.trading_state is TradingState.ACTIVE
    assert account.account.risk.peak_equity == equity(account.account)


def test_a_reset_ends_orders_and_begins_with_its_capital() -> None:
    account = start_paper_account(CALM)
    account.place()
    account.apply_bars()
    account.place("b", order_type=OrderType.LIMIT, limit_price=90.0, time_in_force=TimeInForce.GTC)
    account.record(
        manual_orders.reset_account(
            account.account, 5_000.0, "again", close_of(account.bar_matrix, 1)
        )
    )
    assert (account.account.orders, account.account.positions) == ({}, {})
    assert account.account.cash == equity(account.account) == 5_000.0


def test_an_order_that_is_not_open_cannot_be_cancelled() -> None:
    account: Account = start_paper_account(CALM).account
    with pytest.raises(NotFoundError, match="No open order has the id 'o99'"):
        manual_orders.cancel(account, "o99", close_of(bar_matrix_of(np.array([CALM])), 0))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_lots_add_up_to_positions_and_trips_and_lots_to_the_profit(seed: int) -> None:
    bar_matrix = random_walk(seed)
    account = run_live(
        bar_matrix, TradingSettings(), *random_targets(bar_matrix, seed), NO_SHARED_LIMITS
    )
    lots, trips = match_entries(account.entries)
    quantities = {symbol: sum(lot.quantity for lot in parts) for symbol, parts in lots.items()}
    positions = account.account.positions
    assert quantities == pytest.approx(
        {symbol: p.quantity for symbol, p in positions.items()}, abs=1e-6
    )
    by_average = (
        sum(p.quantity * p.average_cost for p in positions.values()) - account.account.realised
    )
    by_lot = sum(
        lot.quantity * lot.entry_price + abs(lot.quantity) * lot.fees_per_unit
        for parts in lots.values()
        for lot in parts
    ) - sum(trip.profit for trip in trips)
    assert by_lot == pytest.approx(by_average, abs=1e-6)


def test_an_exit_that_another_sale_shrinks_is_updated_before_it_fills() -> None:
    account = start_paper_account(CALM, (90.0, 91.0, 89.0, 90.0), volume=1e6)
    account.place("a", stop_loss=95.0)
    account.apply_bars()
    account.place("b", side=Side.SELL, quantity=4.0)
    account.apply_bars()
    assert account.account.positions == {}
    assert sum(fill.quantity for fill in account.events(OrderFilled)) == pytest.approx(0.0)
    assert account.account.orders == {}
    assert account.events(OrderUpdated)


def test_the_loops_know_every_status_but_those_that_wait_for_a_broker() -> None:
    waiting = {OrderStatus.SUBMITTED, OrderStatus.PENDING_CANCEL}
    assert set(STATUS_CODES) == set(OrderStatus) - waiting
    assert sorted(map(int, STATUS_CODES.values())) == list(range(1, 8))  # 0 is a free slot
    account = start_paper_account(CALM)
    order = account.place()
    for status in waiting:
        orders = {order.id: replace(order, status=status)}
        with pytest.raises(VerificationError, match=f"is {status}: it waits for the answer"):
            apply_bars(replace(account.account, orders=orders), account.bar_matrix, FREE)


def test_the_ledger_and_the_loops_have_one_dust() -> None:
    assert DUST == codes.DUST


@pytest.mark.parametrize("seed", range(4))
def test_random_orders_leave_cash_units_and_statuses_in_order(seed: int) -> None:
    stress = RandomOrdersStress(8 * seed + seed).run()
    stress.check_invariants()
    assert len(stress.entries) > 200
