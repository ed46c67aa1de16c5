"""The paper broker keeps the contract of all brokers."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from domain.bar_matrix import Tape
from domain.errors import InputError
from domain.trading.account import Account, CashMoved, Entry, Mode, Opened
from domain.trading.orders import Kind, Side, Term, Ticket
from tests.trading.bar_matrices import tape_of
from tests.trading.broker_contract import CALM, Bar, BrokerContract
from trading.account.account_arrays import moment
from trading.account.ledger import apply, fold
from trading.limits import UNLIMITED, TradingSettings
from trading.orders.broker import Capabilities, PaperBroker


class PaperVenue:
    def __init__(self) -> None:
        self.symbol = "AAPL"
        self.bars: list[Bar] = [CALM]
        self.broker = PaperBroker(
            tape=lambda account, until: self.tape(),
            rules=lambda account: TradingSettings(limits=UNLIMITED),
            splits=lambda account, until: {},
        )
        at = self.now
        opening = (Opened("USD", Mode.AUTO, "balanced"), CashMoved(50_000.0, ""))
        self.account: Account = fold(Entry(n, at, what) for n, what in enumerate(opening, 1))
        for entry in self.broker.sync(self.account, at):
            self.account = apply(self.account, entry)

    @property
    def now(self) -> datetime:
        return moment(self.tape().known_at.astype("datetime64[us]").astype(np.int64)[-1])

    def tape(self) -> Tape:
        return tape_of(np.array(self.bars))

    def move(self, *bars: Bar) -> datetime:
        self.bars += bars
        return self.now


class TestPaper(BrokerContract):
    @pytest.fixture
    def venue(self) -> PaperVenue:
        return PaperVenue()


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"kind": Kind.STOP}, "takes no stop orders. Choose one of: limit, market"),
        ({"term": Term.FOK}, "takes no fok orders. Choose one of: day, gtc"),
        ({"stop_loss": 90.0}, "holds no exits"),
        ({"quantity": 2.5}, "Give 2 or 3"),
    ],
)
def test_a_ticket_beyond_a_brokers_capabilities_is_refused_with_what_is_taken(
    terms: dict[str, object], why: str
) -> None:
    little = Capabilities(
        kinds=frozenset({Kind.MARKET, Kind.LIMIT}),
        terms=frozenset({Term.DAY, Term.GTC}),
        bracket=False,
        fractional=False,
    )
    asked = Ticket(symbol="AAPL", side=Side.BUY, quantity=2.0)
    little.demand(asked)
    with pytest.raises(InputError, match=why):
        little.demand(replace(asked, **terms))  # type: ignore[arg-type]
