import numpy as np

from domain.instants import from_microseconds
from domain.trading.account import AccountEntry, AccountOpened, CashTransferred, TradingMode
from tests.trading.bar_matrices import random_walk
from trading import kernels
from trading.account.ledger import fold
from trading.account.paper_account import TargetRequest, apply_bars, place_targets
from trading.limits import TradingSettings
from trading.warmup import compile_kernels


def compiled_kinds() -> tuple[int, int]:
    return len(kernels.process_bars.signatures), len(kernels.place_target_orders.signatures)


def test_what_set_up_compiles_is_what_a_cycle_runs() -> None:
    compile_kernels()
    ready = compiled_kinds()
    tape, settings = random_walk(1), TradingSettings()
    begun = from_microseconds(tape.known_at[0].astype("datetime64[us]").astype(np.int64))
    account = fold(
        [
            AccountEntry(1, begun, AccountOpened("USD", TradingMode.AUTO, "balanced")),
            AccountEntry(2, begun, CashTransferred(1e5, "")),
        ]
    )
    met = apply_bars(account, tape, settings)
    at = from_microseconds(tape.known_at[-1].astype("datetime64[us]").astype(np.int64))
    assert place_targets(met.account, tape.symbols, {"AAPL": TargetRequest(0.2, 1.0)}, at, settings)
    assert compiled_kinds() == ready
