"""`python -m trading.warmup`: compile the loops of account and sizing before they are needed.

Set-up runs it once; numba stores the code next to the sources, where every later process finds it
until a source changes. It calls each entry point once, with two symbols and two bars of the kinds
of arrays that cycles and backtests have. Leaves out the loops of agents, which compile quickly.
"""

import numpy as np

from trading import kernels
from trading.account.simulation import simulate_trading, targets_where
from trading.kernels import codes
from trading.kernels.batch import interleave_bars, new_account_batch
from trading.kernels.state import BarArrays, new_account_arrays
from trading.limits import TradingSettings
from trading.sizing.correlation import correlation_groups
from trading.sizing.position_sizing import (
    SizingInputs,
    SizingSettings,
    raw_weights,
    shared_limits,
    size_row,
    size_rows,
)

SYMBOLS = ("AAPL", "JPM")


def compile_kernels() -> None:
    """Compile every loop that a first decision, its orders, a backtest or a training would wait
    for."""
    sizing, trading = SizingSettings(), TradingSettings()
    ones, yes = np.ones((2, 2)), np.ones((2, 2), bool)
    days = np.arange(1, 3) * codes.DAY_MICROSECONDS
    correlation = correlation_groups(ones, np.arange(2), 0)
    stake = raw_weights(ones, ones, np.ones(2), sizing)
    inputs = SizingInputs(
        requested=stake, cap=ones, risk_missing=~yes, low_probability=~yes, untradable=~yes,
        has_bar=yes, same_instant=~yes[0], correlation=correlation, buyable=yes[0],
        sector=np.zeros(2, np.int32),
    )  # fmt: skip
    size_row(inputs, 0, np.zeros(2), sizing)
    targets = size_rows(inputs, np.zeros(2), sizing)
    bars = BarArrays(ones, ones, ones, ones, ones, ones, ones, days, days, days)
    target_matrix, limits = targets_where(targets, yes), shared_limits(SYMBOLS, correlation, sizing)
    simulate_trading(SYMBOLS, bars, target_matrix, trading, 1.0, shared_limits=limits)
    kernels.place_target_orders(new_account_arrays(SYMBOLS, trading), target_matrix, limits, 0, 0)
    batch = new_account_batch([SYMBOLS], trading, 1, share_rules=True)
    sets = interleave_bars(
        BarArrays._make(array[None] if array.ndim == 2 else array for array in bars)
    )
    instructions, accounts = np.full((1, 2), codes.KEEP, np.int8), np.zeros(1, np.int64)
    kernels.step_batch(
        batch, sets, accounts, instructions, np.zeros((1, 2)), np.zeros(1), np.zeros(1)
    )


if __name__ == "__main__":
    compile_kernels()
