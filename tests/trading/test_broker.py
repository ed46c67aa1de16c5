"""The paper broker keeps the contract of all brokers."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from domain.errors import InputError
from domain.instants import from_microseconds
from domain.panel import BarMatrix
from domain.trading.account import (
    Account,
    AccountEntry,
    AccountOpened,
    CashTransferred,
    TradingMode,
)
from domain.trading.orders import OrderType, Side, Ticket, TimeInForce
from tests.trading.bar_matrices import bar_matrix_of
from tests.trading.broker_contract import CALM, Bar, BrokerContract
from trading.account.ledger import apply, fold
from trading.limits import UNLIMITED, TradingSettings
from trading.orders.broker import BrokerCapabilities, PaperBroker


class PaperVenue:
    def __init__(self) -> None:
        self.symbol = "AAPL"
        self.bars: list[Bar] = [CALM]
        self.broker = PaperBroker(
            load_bars=lambda account, until: self.bar_matrix(),
            settings_of=lambda account: TradingSettings(limits=UNLIMITED),
            splits_since=lambda account, until: {},
        )
        at = self.now
        opening = (
            AccountOpened("USD", TradingMode.AUTO, "balanced"),
            CashTransferred(50_000.0, ""),
        )
        self.account: Account = fold(AccountEntry(n, at, what) for n, what in enumerate(opening, 1))
        for entry in self.broker.sync(self.account, at):
            self.account = apply(self.account, entry)

    @property
    def now(self) -> datetime:
        return from_microseconds(
            self.bar_matrix().known_at.astype("datetime64[us]").astype(np.int64)[-1]
        )

    def bar_matrix(self) -> BarMatrix:
        return bar_matrix_of(np.array(self.bars))

    def trade_bars(self, *bars: Bar) -> datetime:
        self.bars += bars
        return self.now


class TestPaper(BrokerContract):
    @pytest.fixture
    def venue(self) -> PaperVenue:
        return PaperVenue()


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"order_type": OrderType.STOP}, "takes no stop orders. Choose one of: limit, market"),
        ({"time_in_force": TimeInForce.FOK}, "takes no fok orders. Choose one of: day, gtc"),
        ({"stop_loss": 90.0}, "holds no exits"),
        ({"quantity": 2.5}, "Give 2 or 3"),
    ],
)
def test_a_ticket_beyond_a_brokers_capabilities_is_refused_with_what_is_taken(
    terms: dict[str, object], why: str
) -> None:
    little = BrokerCapabilities(
        order_types=frozenset({OrderType.MARKET, OrderType.LIMIT}),
        times_in_force=frozenset({TimeInForce.DAY, TimeInForce.GTC}),
        supports_brackets=False,
        supports_fractional=False,
    )
    asked = Ticket(symbol="AAPL", side=Side.BUY, quantity=2.0)
    little.validate(asked)
    with pytest.raises(InputError, match=why):
        little.validate(replace(asked, **terms))  # type: ignore[arg-type]
