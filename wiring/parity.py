"""What recomputes a record: a decision's receipt, and paper days as a backtest of them."""

from functools import partial

from orchestrator.parity.checker import ParityChecker
from orchestrator.parity.receipt_verification import ReceiptVerification, verify_receipt
from settings import Settings
from storage.journal.panel_archive import panel_digest
from wiring.account import make_account_cycle
from wiring.agents import agent_factory
from wiring.home import Home
from wiring.stores import Stores, utc_now


def make_receipt_verifier(settings: Settings, stores: Stores) -> partial[ReceiptVerification]:
    """Return a function of a receipt that recomputes its decision, with agents in this process."""
    return partial(
        verify_receipt,
        records=stores.records,
        archive=stores.archive,
        build=agent_factory(settings, stores),
        digest_of=panel_digest,
    )


def make_parity_checker(home: Home, run: str) -> ParityChecker:
    """Return what compares paper days of `run` with a backtest of them, with agents in this
    process."""
    stores = home.stores
    return ParityChecker(
        account_cycle=make_account_cycle(home, run, utc_now),
        previous_targets=partial(stores.journal.previous_targets, home.market.name, run),
        records=stores.records,
        archive=stores.archive,
        build=agent_factory(home.settings, stores),
        horizon=home.settings.market.horizon,
        simulated=home.market.simulated,
    )
