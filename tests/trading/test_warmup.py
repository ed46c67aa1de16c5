import numpy as np

from domain.trading.account import CashMoved, Entry, Mode, Opened
from tests.trading.bar_matrices import walk
from trading import kernels
from trading.account.account_arrays import moment
from trading.account.ledger import fold
from trading.account.paper_account import Wish, ask, meet
from trading.limits import TradingSettings
from trading.warmup import compile_loops


def compiled_kinds() -> tuple[int, int]:
    return len(kernels.trade_rows.signatures), len(kernels.ask_row.signatures)


def test_what_set_up_compiles_is_what_a_cycle_runs() -> None:
    compile_loops()
    ready = compiled_kinds()
    tape, settings = walk(1), TradingSettings()
    begun = moment(tape.known_at[0].astype("datetime64[us]").astype(np.int64))
    account = fold(
        [Entry(1, begun, Opened("USD", Mode.AUTO, "balanced")), Entry(2, begun, CashMoved(1e5, ""))]
    )
    met = meet(account, tape, settings)
    at = moment(tape.known_at[-1].astype("datetime64[us]").astype(np.int64))
    assert ask(met.account, tape.symbols, {"AAPL": Wish(0.2, 1.0)}, at, settings)
    assert compiled_kinds() == ready
