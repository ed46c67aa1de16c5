"""A bar in doubt never reaches an account: orders wait, positions keep the last good price."""

import pytest

from domain.timeframe import Timeframe
from domain.trading.account import TradingMode
from domain.trading.orders import OrderSource, OrderStatus, OrderType, Side, Ticket, TimeInForce
from orchestrator.cycle import run_cycles
from storage.market_data.sql_store import SqlMarketDataStore
from tests.orchestrator.account_fixtures import (
    account_cycle,
    account_service,
    account_store,
    buy_ticket,
    clock_after,
)
from tests.orchestrator.market_fixtures import COINS, close_of_bar, run_context

PRICES = ["open", "high", "low", "close", "adj_close"]
HELD, FIRST_WRONG, WRONG = 136, 138, 3
"""Bars by which the position is held, and those that are in another unit."""


def spoil(database, factor: float) -> None:
    store = SqlMarketDataStore(database)
    bars = store.bars("files", "BTC-USD", Timeframe.D1)
    bars.loc[FIRST_WRONG : FIRST_WRONG + WRONG - 1, PRICES] *= factor
    store.put_bars("files", "BTC-USD", Timeframe.D1, bars, replace=True)


def place(service, ticket: Ticket, key: str):
    preview = service.preview(ticket)
    return service.place(preview.ticket, confirmation_token=preview.confirmation_token, key=key)


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_bars_in_another_unit_fill_and_mark_nothing(database, local_team, factor):
    context = run_context(database, account_cycle=account_cycle(database))
    clock = clock_after(HELD)
    service = account_service(database, clock)

    def run_to(bars: int) -> None:
        run_cycles(context, local_team, COINS, close_of_bar(bars), only_new=True)
        clock.market_time = close_of_bar(bars)

    service.update_settings(mode=TradingMode.OBSERVE, profile=None, by="test")
    run_to(HELD - 1)
    place(service, buy_ticket(2.0), "bought")
    run_to(HELD)
    run_to(FIRST_WRONG)
    good = account_store(database).account().positions["BTC-USD"]
    assert good.quantity == 2.0
    price = account_store(database).account().last_bars["BTC-USD"].close
    exits = Ticket(
        symbol="BTC-USD",
        side=Side.SELL,
        order_type=OrderType.LIMIT if factor > 1 else OrderType.STOP,
        quantity=2.0,
        limit_price=round(price * 20, 2) if factor > 1 else None,
        stop_price=round(price / 20, 2) if factor < 1 else None,
        time_in_force=TimeInForce.GTC,
        reduce_only=True,
    )
    place(service, exits, "exit")
    spoil(database, factor)
    marked = len(account_store(database).blotter.curve().equity)
    for bars in range(FIRST_WRONG + 1, FIRST_WRONG + WRONG + 3):
        run_to(bars)
        account = account_store(database).account()
        assert account.positions["BTC-USD"].quantity == 2.0
        assert account.last_bars["BTC-USD"].close == pytest.approx(price, rel=0.2)
        if bars <= FIRST_WRONG + WRONG:
            assert account.last_bars["BTC-USD"].close == price
            assert account.last_bars["BTC-USD"].at == close_of_bar(FIRST_WRONG)
    curve = account_store(database).blotter.curve().equity
    assert len(curve) > marked
    assert max(curve) / min(curve) < 1.05
    [waiting] = [
        line.order
        for line in account_store(database).blotter.orders(limit=50)
        if line.order.source is not OrderSource.COMMITTEE and line.order.side is Side.SELL
    ]
    assert waiting.status is OrderStatus.WORKING
