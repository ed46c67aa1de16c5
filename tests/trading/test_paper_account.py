"""The paper account trades as history does, to the bit, and every event of it is an entry."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.bar_matrix import Tape
from domain.errors import NotFoundError, VerificationError
from domain.trading.account import (
    Account,
    BarClosed,
    CashMoved,
    DividendPaid,
    Entry,
    Filled,
    Happening,
    Mode,
    Opened,
    OrderChanged,
    OrderEnded,
    OrderPlaced,
    SplitApplied,
    Standing,
)
from domain.trading.lots import lots_and_trips
from domain.trading.orders import DUST, Kind, Order, Side, Source, Status, Term, Ticket, resized
from tests.trading.bar_matrices import tape_of, two_calendars, until, walk
from tests.trading.random_orders_stress import Storm
from trading import kernels
from trading.account.account_arrays import moment
from trading.account.ledger import apply, equity, fold
from trading.account.paper_account import Met, Wish, ask, meet, wild
from trading.kernels import codes
from trading.kernels.state import FILL, NO_GROUPS, Asks, Bars, Groups, new_desk
from trading.limits import UNLIMITED, LimitSettings, TradingSettings
from trading.orders import manual_orders

CAPITAL = 100_000.0
FREE = TradingSettings(limits=UNLIMITED)
CALM = (100.0, 101.0, 99.0, 100.0)


def micros(times: Any) -> Any:
    return times.astype("datetime64[us]").astype(np.int64)


def closing(tape: Tape, row: int) -> datetime:
    return moment(micros(tape.known_at)[row])


def opened(at: datetime, capital: float = CAPITAL) -> tuple[Entry, ...]:
    return (
        Entry(1, at, Opened("USD", Mode.AUTO, "balanced")),
        Entry(2, at, CashMoved(capital, "opening capital")),
    )


class Paper:
    """An account that lives through a tape, and all its entries."""

    def __init__(self, tape: Tape, settings: TradingSettings = FREE) -> None:
        self.tape, self.settings, self.row = tape, settings, 0
        self.entries = list(opened(closing(tape, 0)))
        self.account = fold(self.entries)

    def keep(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.account = apply(self.account, entry)
            self.entries.append(entry)

    def bars(self, count: int = 1) -> Met:
        """The next rows, met together."""
        self.row += count
        met = meet(self.account, until(self.tape, self.row), self.settings)
        self.keep(met.entries)
        assert met.account == self.account
        return met

    def ask(self, wishes: Mapping[str, Wish], groups: Groups = NO_GROUPS) -> None:
        at, barred = (
            closing(self.tape, self.row - 1),
            wild(until(self.tape, self.row), self.settings),
        )
        self.keep(ask(self.account, self.tape.symbols, wishes, at, self.settings, barred, groups))

    def place(self, key: str = "k", **terms: Any) -> Order:
        asked = Ticket(**{"symbol": "AAPL", "side": Side.BUY, "quantity": 10.0, **terms})
        at = closing(self.tape, self.row - 1)
        entries = manual_orders.place(self.account, asked, key=key, at=at)
        self.keep(entries)
        assert isinstance(entries[0].what, OrderPlaced)
        return entries[0].what.order

    def told(self, kind: type[Happening]) -> list[Any]:
        return [entry.what for entry in self.entries if isinstance(entry.what, kind)]


def paper(*bars: tuple[float, ...], settings: TradingSettings = FREE, volume: float = 1e9) -> Paper:
    """AAPL, whose first bar was met and is calm."""
    begun = Paper(tape_of(np.array([CALM, *bars]), volume), settings)
    begun.bars()
    return begun


def decisions(tape: Tape, seed: int) -> tuple[Any, Any, Any]:
    """Words, targets and ceilings (K, N) at random."""
    dice = np.random.default_rng(seed)
    shape = tape.close.shape
    words = dice.choice([0, 0, 1, 1, 1, 2, 3], shape)
    words = np.where(np.isnan(tape.close), codes.LEAVE, words).astype(np.int8)
    targets = np.where(dice.random(shape) < 0.3, 0.0, dice.uniform(0.0, 0.5, shape))
    return words, targets, dice.uniform(0.1, 0.5, shape)


def shared_limits(tape: Tape, seed: int) -> Groups:
    """Two symbols, which move together at times."""
    dice = np.random.default_rng([seed, 1])
    twins = ~np.eye(2, dtype=bool)
    return Groups(
        np.array([0, 0], np.int32), np.stack([twins, ~twins & False]),
        dice.integers(0, 2, len(tape.known_at), np.int32), dice.choice([0.1, 0.4, 1.0], 3),
    )  # fmt: skip


def history(
    tape: Tape, settings: TradingSettings, words: Any, targets: Any, ceilings: Any, shared: Groups
) -> Any:
    desk = new_desk(tape.symbols, settings)
    for name in ("cash", "equity", "high", "day_equity"):
        desk.state[0][name] = CAPITAL
    bars = Bars(
        tape.open, tape.high, tape.low, tape.close, tape.volume, tape.dividend, tape.volatility,
        micros(tape.known_at), micros(tape.opened_at), micros(tape.session_end),
    )  # fmt: skip
    rows = len(tape.known_at)
    desk = desk._replace(fills=np.empty(rows * len(desk.book), FILL))
    sums, standing = np.empty((4, rows)), np.empty((2, rows), np.int8)
    asks = Asks(words, targets, ceilings)
    assert kernels.trade_rows(desk, bars, asks, shared, 0, rows, sums, standing) == rows
    return desk, sums, standing


def live(
    tape: Tape, settings: TradingSettings, words: Any, targets: Any, ceilings: Any, shared: Groups
) -> Paper:
    """Row by row, the account forgotten and rebuilt from its entries between them."""
    account = Paper(tape, settings)
    for t in range(len(tape.known_at)):
        account.bars()
        account.ask(
            wishes_of(tape, t, words, targets, ceilings),
            shared._replace(table=shared.table[t : t + 1]),
        )
    return account


def wishes_of(tape: Tape, t: int, words: Any, targets: Any, ceilings: Any) -> dict[str, Wish]:
    """What is asked at row t."""
    return {
        symbol: Wish(
            None if words[t, n] == codes.WITHDRAW else float(targets[t, n]),
            float(ceilings[t, n]),
            bool(words[t, n] == codes.SHRINK),
        )
        for n, symbol in enumerate(tape.symbols)
        if words[t, n] != codes.LEAVE
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
    tape, rules = walk(seed), TradingSettings(limits=limits)
    words, targets, ceilings = decisions(tape, seed)
    shared = shared_limits(tape, seed)
    desk, sums, standing = history(tape, rules, words, targets, ceilings, shared)
    account = live(tape, rules, words, targets, ceilings, shared)
    rows = account.told(BarClosed)
    assert [row.equity for row in rows] == sums[0].tolist()
    assert account.account.cash == sums[1][-1]
    assert account.account.dividends == sums[2][-1]
    words_of = (Standing.ACTIVE, Standing.REDUCING, Standing.HALTED)
    assert [row.guard.standing for row in rows] == [words_of[code] for code in standing[0]]
    fills = desk.fills[: desk.state[0]["fill_count"]]
    told = account.told(Filled)
    figures = {
        "quantity": [fill.units for fill in told],
        "price": [fill.price for fill in told],
        "commission": [fill.commission for fill in told],
        "slippage": [fill.slippage for fill in told],
        "residual_slippage": [fill.charged for fill in told],
    }
    for name, told_of in figures.items():
        assert told_of == fills[name].tolist(), name
    assert [codes.MOMENTS.index(fill.moment) for fill in told] == fills["trigger"].tolist()
    assert fold(account.entries) == account.account


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), limits=limits())
def test_history_asks_when_all_rows_that_close_together_are_met(
    seed: int, limits: LimitSettings
) -> None:
    tape, rules = two_calendars(walk(seed)), TradingSettings(limits=limits)
    words, targets, ceilings = decisions(tape, seed)
    shared = shared_limits(tape, seed)
    desk, sums, _ = history(tape, rules, words, targets, ceilings, shared)
    account = Paper(tape, rules)
    for row in range(0, len(tape.known_at), 2):
        account.bars(2)
        for t in (row, row + 1):
            account.ask(
                wishes_of(tape, t, words, targets, ceilings),
                shared._replace(table=shared.table[t : t + 1]),
            )
    assert [row.equity for row in account.told(BarClosed)] == sums[0][
        ~np.isnan(tape.close).all(axis=1)
    ].tolist()
    fills = desk.fills[: desk.state[0]["fill_count"]]
    assert [fill.units for fill in account.told(Filled)] == fills["quantity"].tolist()
    assert account.account.cash == sums[1][-1]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.lists(st.integers(1, 7), min_size=40))
def test_rows_met_together_or_one_by_one_are_the_same_entries(seed: int, steps: list[int]) -> None:
    tape = walk(seed)
    one, many = (Paper(tape, TradingSettings()) for _ in range(2))
    for account in (one, many):
        account.bars()
        for n, symbol in enumerate(tape.symbols):
            account.place(f"buy {n}", symbol=symbol, quantity=50.0, term=Term.GTC,
                          stop_loss=85.0, take_profit=112.0)  # fmt: skip
            account.place(f"limit {n}", symbol=symbol, quantity=40.0, term=Term.GTC,
                          kind=Kind.LIMIT, limit=95.0)  # fmt: skip
            account.place(f"trail {n}", symbol=symbol, side=Side.SELL, quantity=30.0,
                          term=Term.GTC, kind=Kind.TRAILING_STOP, trail_share=0.05)  # fmt: skip
    while one.row < len(tape.known_at):
        one.bars()
    for step in steps:
        if many.row < len(tape.known_at):
            many.bars(min(step, len(tape.known_at) - many.row))
    assert one.entries == many.entries


def test_a_market_order_fills_at_the_next_open_and_never_in_the_bar_it_was_placed_in() -> None:
    account = paper((102.0, 103.0, 101.0, 102.5))
    account.place()
    assert account.told(Filled) == []
    account.bars()
    (fill,) = account.told(Filled)
    assert fill.price == pytest.approx(102.0 * 1.0002, rel=1e-4)
    assert fill.moment == "open"
    assert account.account.positions["AAPL"].units == 10.0
    assert account.account.orders == {}


def test_an_order_placed_within_a_bar_waits_for_the_one_after_it() -> None:
    account = paper(CALM, CALM)
    asked = Ticket(symbol="AAPL", side=Side.BUY, quantity=10.0, term=Term.GTC)
    within = closing(account.tape, 1) - timedelta(hours=1)
    account.keep(manual_orders.place(account.account, asked, key="k", at=within))
    account.bars()
    assert account.told(Filled) == []
    account.bars()
    assert len(account.told(Filled)) == 1


def test_a_fill_at_the_open_belongs_to_the_open_and_the_bar_to_its_close() -> None:
    account = paper(CALM)
    account.place()
    account.bars()
    times = {type(entry.what): entry.at for entry in account.entries}
    assert times[BarClosed] - times[Filled] == timedelta(minutes=390)
    assert account.account.marks["AAPL"].traded_at == times[Filled]


def test_volume_caps_what_fills_and_the_rest_waits() -> None:
    account = paper(CALM, CALM, volume=1000.0)
    account.place(quantity=60.0, term=Term.GTC)
    account.bars()
    (order,) = account.account.orders.values()
    assert (order.status, order.filled, order.left) == (Status.PARTIAL, 25.0, 35.0)
    account.bars()
    assert [fill.units for fill in account.told(Filled)] == [25.0, 25.0]


def test_a_day_order_ends_with_its_session_and_says_so() -> None:
    account = paper(CALM)
    account.place(kind=Kind.LIMIT, limit=90.0)
    account.bars()
    (end,) = account.told(OrderEnded)
    assert (end.status, end.why) == (Status.EXPIRED, "its session has ended")


def test_the_exits_of_a_bracket_wait_for_it_and_one_cancels_the_other() -> None:
    account = paper(CALM, (100.0, 101.0, 94.0, 96.0))
    account.place(stop_loss=95.0, take_profit=110.0)
    assert [order.status for order in account.account.orders.values()] == [
        Status.WORKING,
        Status.HELD,
        Status.HELD,
    ]
    account.bars()
    assert [order.status for order in account.account.orders.values()] == [Status.WORKING] * 2
    account.bars()
    assert [fill.moment for fill in account.told(Filled)] == ["open", "stop"]
    (end,) = account.told(OrderEnded)
    assert end.order.endswith("-profit")
    assert account.account.positions == {}


def test_exits_of_what_has_filled_outlive_their_cancelled_parent_and_cover_no_more() -> None:
    account = paper(CALM, CALM, volume=1000.0)
    order = account.place(quantity=60.0, term=Term.GTC, stop_loss=95.0, take_profit=110.0)
    account.bars()
    account.keep(manual_orders.cancel(account.account, order.id, closing(account.tape, 1)))
    assert {order.left for order in account.account.orders.values()} == {25.0}
    waiting = paper(CALM)
    order = waiting.place(stop_loss=95.0)
    waiting.keep(manual_orders.cancel(waiting.account, order.id, closing(waiting.tape, 0)))
    assert waiting.account.orders == {}


def test_an_amended_order_trades_on_its_new_terms_from_the_next_bar_on() -> None:
    account = paper((100.0, 101.0, 95.0, 96.0), (96.0, 97.0, 95.0, 96.0))
    order = account.place(kind=Kind.LIMIT, limit=90.0, term=Term.GTC, stop_loss=80.0)
    within = closing(account.tape, 1) - timedelta(hours=1)
    changed = replace(resized(account.account.orders[order.id], 20.0), limit=98.0)
    account.keep(manual_orders.amend(account.account, changed, within))
    assert {order.left for order in account.account.orders.values()} == {20.0}
    account.bars()
    assert account.told(Filled) == []
    account.bars()
    assert [fill.units for fill in account.told(Filled)] == [20.0]


def test_a_dividend_is_paid_on_what_was_held_before_the_bar() -> None:
    account = paper(CALM, CALM)
    account.tape.dividend[1:] = 0.5
    account.place()
    account.bars(2)
    (paid,) = account.told(DividendPaid)
    assert (paid.per_unit, paid.cash) == (0.5, 5.0)


def test_a_recorded_split_is_applied_and_equity_goes_on_as_if_nothing_was() -> None:
    account = paper(CALM, CALM)
    account.place()
    account.place("exit", side=Side.SELL, kind=Kind.STOP, stop=80.0, term=Term.GTC)
    account.bars()
    before = equity(account.account)
    halved = replace(
        account.tape,
        **{name: getattr(account.tape, name) / 2 for name in ("open", "high", "low", "close")},
    )
    met = meet(account.account, until(halved, 3), FREE, {"AAPL": 2.0})
    assert met.account.positions["AAPL"].units == 20.0
    assert [order.stop for order in met.account.orders.values()] == [40.0]
    assert equity(met.account) == pytest.approx(before)
    assert sum(isinstance(entry.what, SplitApplied) for entry in met.entries) == 1
    again = meet(met.account, halved, FREE, {"AAPL": 2.0})
    assert again.entries == ()


def test_a_rewritten_history_halts_the_account_once_and_nothing_is_met() -> None:
    account = paper(CALM, CALM)
    account.place()
    account.bars()
    account.tape.close[:] *= 0.7
    met = account.bars()
    assert met.account.guard.standing is Standing.HALTED
    assert "the history of AAPL was rewritten: its close of 100 at" in met.account.guard.reason
    assert met.account.marks == meet(met.account, account.tape, FREE).account.marks
    assert meet(met.account, account.tape, FREE).entries == ()


def test_an_instant_that_is_begun_again_before_the_last_bar_seen_changes_nothing() -> None:
    account = paper(CALM, CALM)
    account.place()
    account.bars(2)
    assert meet(account.account, until(account.tape, 2), FREE).entries == ()


def test_what_is_held_must_be_on_the_tape() -> None:
    account = paper(CALM)
    account.place()
    account.bars()
    other = tape_of(np.array([CALM] * 3), symbols=("MSFT",))
    with pytest.raises(VerificationError, match="holds or has orders on AAPL"):
        meet(account.account, other, FREE)


def test_a_decision_becomes_an_order_with_its_receipt_and_only_once() -> None:
    account = paper(CALM)
    wishes = {"AAPL": Wish(0.2, 1.0, receipt="r-1")}
    account.ask(wishes)
    (order,) = account.account.orders.values()
    assert (order.source, order.receipt, order.quantity) == (Source.COMMITTEE, "r-1", 200.0)
    account.ask(wishes)
    assert len(account.told(OrderPlaced)) == 1
    assert account.told(OrderEnded) == []


def test_a_new_decision_replaces_what_is_left_of_the_last_and_a_block_withdraws_it() -> None:
    account = paper(CALM, CALM, CALM, volume=1000.0)
    account.ask({"AAPL": Wish(0.2, 1.0)})
    account.bars()
    account.ask({"AAPL": Wish(0.1, 1.0)})
    account.bars()
    account.ask({"AAPL": Wish(None, 1.0)})
    assert [end.why for end in account.told(OrderEnded)] == [
        "a new decision",
        "the symbol is blocked",
    ]
    assert account.account.orders == {}


def test_what_is_barred_or_wild_is_not_bought() -> None:
    rules = TradingSettings(limits=UNLIMITED.model_copy(update={"volatility_breaker": 3.0}))
    account = paper((100.0, 107.0, 100.0, 107.0), settings=rules)
    account.ask({"AAPL": Wish(0.2, 1.0, barred=True)})
    assert account.told(OrderPlaced) == []
    account.bars()
    account.ask({"AAPL": Wish(0.2, 1.0)})
    assert account.told(OrderPlaced) == []


def test_protective_exits_are_orders_like_any_other() -> None:
    rules = TradingSettings(limits=UNLIMITED.model_copy(update={"stop_loss": 0.05}))
    account = paper(CALM, (94.0, 95.0, 93.0, 94.0), settings=rules)
    account.ask({"AAPL": Wish(0.2, 1.0)})
    account.bars()
    (stop,) = account.account.orders.values()
    assert (stop.source, stop.kind, stop.reduce_only) == (Source.EXIT, Kind.STOP, True)
    assert stop.stop == pytest.approx(95.0, rel=1e-3)
    account.bars()
    assert account.account.positions == {}
    assert account.told(Filled)[-1].price < 94.0


def test_the_emergency_stop_cancels_halts_and_flattens_over_as_many_opens_as_it_takes() -> None:
    account = paper(CALM, CALM, CALM, CALM, CALM, volume=1000.0)
    account.place("a", quantity=20.0, term=Term.GTC)
    account.place("b", quantity=20.0, term=Term.GTC)
    account.bars(2)
    account.place("c", kind=Kind.LIMIT, limit=90.0, term=Term.GTC)
    at = closing(account.tape, 2)
    account.keep(
        manual_orders.emergency(account.account, flatten=True, reason="fire", by="me", at=at)
    )
    guard = account.account.guard
    assert (guard.standing, guard.reason, guard.by) == (
        Standing.HALTED, "emergency stop: fire", "me",
    )  # fmt: skip
    (way_out,) = account.account.orders.values()
    assert (way_out.source, way_out.side, way_out.quantity) == (Source.STOP, Side.SELL, 40.0)
    account.bars(2)
    assert account.account.positions == {}
    account.ask({"AAPL": Wish(0.2, 1.0)})
    account.bars()
    assert account.account.orders == {}
    assert account.account.guard.standing is Standing.HALTED


def test_two_stops_at_one_instant_place_orders_of_two_keys() -> None:
    account = paper(CALM, CALM)
    account.place()
    account.bars()
    at = closing(account.tape, 1)
    for _ in range(2):
        account.keep(
            manual_orders.emergency(account.account, flatten=True, reason="", by="me", at=at)
        )
    keys = [placed.order.key for placed in account.told(OrderPlaced)]
    assert len(keys) == len(set(keys)) == 3


def test_a_stop_without_flattening_keeps_what_is_held_and_trades_nothing() -> None:
    account = paper(CALM, CALM)
    account.place()
    account.bars()
    at = closing(account.tape, 1)
    account.keep(manual_orders.emergency(account.account, flatten=False, reason="", by="me", at=at))
    account.bars()
    assert account.account.positions["AAPL"].units == 10.0
    account.keep(manual_orders.release(account.account, by="me", at=closing(account.tape, 2)))
    assert account.account.guard.standing is Standing.ACTIVE
    assert account.account.guard.high == equity(account.account)


def test_a_reset_ends_orders_and_begins_with_its_capital() -> None:
    account = paper(CALM)
    account.place()
    account.bars()
    account.place("b", kind=Kind.LIMIT, limit=90.0, term=Term.GTC)
    account.keep(manual_orders.reset(account.account, 5_000.0, "again", closing(account.tape, 1)))
    assert (account.account.orders, account.account.positions) == ({}, {})
    assert account.account.cash == equity(account.account) == 5_000.0


def test_an_order_that_is_not_open_cannot_be_cancelled() -> None:
    account: Account = paper(CALM).account
    with pytest.raises(NotFoundError, match="No open order has the id 'o99'"):
        manual_orders.cancel(account, "o99", closing(tape_of(np.array([CALM])), 0))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_lots_add_up_to_positions_and_trips_and_lots_to_the_profit(seed: int) -> None:
    tape = walk(seed)
    account = live(tape, TradingSettings(), *decisions(tape, seed), NO_GROUPS)
    lots, trips = lots_and_trips(account.entries)
    held = {symbol: sum(lot.units for lot in parts) for symbol, parts in lots.items()}
    positions = account.account.positions
    assert held == pytest.approx({symbol: p.units for symbol, p in positions.items()}, abs=1e-6)
    by_average = sum(p.units * p.cost for p in positions.values()) - account.account.realised
    by_lot = sum(
        lot.units * lot.price + abs(lot.units) * lot.fees
        for parts in lots.values()
        for lot in parts
    ) - sum(trip.profit for trip in trips)
    assert by_lot == pytest.approx(by_average, abs=1e-6)


def test_an_exit_that_another_sale_shrinks_is_told_before_it_fills() -> None:
    account = paper(CALM, (90.0, 91.0, 89.0, 90.0), volume=1e6)
    account.place("a", stop_loss=95.0)
    account.bars()
    account.place("b", side=Side.SELL, quantity=4.0)
    account.bars()
    assert account.account.positions == {}
    assert sum(fill.units for fill in account.told(Filled)) == pytest.approx(0.0)
    assert account.account.orders == {}
    assert account.told(OrderChanged)


def test_the_ledger_and_the_loops_have_one_dust() -> None:
    assert DUST == codes.DUST


@pytest.mark.parametrize("seed", range(4))
def test_a_storm_of_orders_leaves_cash_units_and_statuses_in_order(seed: int) -> None:
    storm = Storm(8 * seed + seed).rage()
    storm.check()
    assert len(storm.entries) > 200
