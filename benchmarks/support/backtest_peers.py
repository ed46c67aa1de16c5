"""The SMA(20/50) cross in our engine, in other engines, and in a minimal loop.

Each `BacktestEngine` takes opens and closes (K, N) and gives the final equity of one account that
starts with `CASH` and holds `1/N` of its equity in each symbol from the open after its fast average
rose above its slow one to the open after it fell below, at `COSTS`. If an engine cannot do that,
`differs` says what it does. Imports happen when an engine is made, so a peer that is not installed
costs nothing; they come with the extra `peers`.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from typing import Any

import numpy as np

from domain.panel import Floats
from quant.features.indicators import sma
from quant.jit import cached_njit
from trading.account.simulation import changed_targets, simulate_trading, targets_where
from trading.costs import CostSettings
from trading.kernels.codes import DAY_MICROSECONDS
from trading.kernels.state import BarArrays
from trading.limits import UNLIMITED, TradingSettings

FAST, SLOW = 20, 50
CASH = 1e6
COSTS = CostSettings(half_spread_bps=1, commission_bps=1, impact=0, volume_cap=1)
"""Impact and volume caps are left out, because not all engines have them."""
EngineRun = Callable[[Floats, Floats], float]


@dataclass(frozen=True, slots=True)
class BacktestEngine:
    """One engine. `max_size` is the largest number of bars of one symbol, and of symbols, that it
    is measured on; `imported_s` the seconds its import took."""

    name: str
    run: EngineRun
    differs: str = ""
    max_size: tuple[int, int] | None = None
    imported_s: float = 0.0


def engines() -> Iterator[BacktestEngine | str]:
    """Yield every engine, ours first; for a peer that is not installed, its name."""
    yield BacktestEngine("quorum", own_engine)
    yield BacktestEngine("plain numba loop", plain_loop, "no record of fills, costs or exposure")
    for name, make in (("vectorbt", _vectorbt), ("backtesting", _backtesting)):
        yield make() if find_spec(name) else name


def target_weights(close: Floats) -> Floats:
    """Return the target shares of equity (K, N) at each close."""
    return np.where(sma(close, FAST) > sma(close, SLOW), 1.0 / close.shape[1], 0.0)


def own_engine(opening: Floats, close: Floats) -> float:
    """Run our own indicators and the accounting that backtests use."""
    shares = target_weights(close)
    names, bars = [f"S{number}" for number in range(close.shape[1])], daily_bars(opening, close)
    settings = TradingSettings(costs=COSTS, limits=UNLIMITED)
    return float(
        simulate_trading(
            names, bars, targets_where(shares, changed_targets(shares)), settings, CASH
        ).equity[-1]
    )


def daily_bars(opening: Floats, close: Floats) -> BarArrays:
    """Return bars with only an open and a close (K, N), and more volume than any order needs."""
    none, days = np.zeros(close.shape), np.arange(1, len(close) + 1) * DAY_MICROSECONDS
    return BarArrays(
        opening, np.maximum(opening, close), np.minimum(opening, close), close, none + 1e15, none,
        none + 0.01, days, days - DAY_MICROSECONDS // 2, days,
    )  # fmt: skip


def plain_loop(opening: Floats, close: Floats) -> float:
    return float(_loop(opening, close, COSTS.half_spread, COSTS.commission)[-1])


@cached_njit
def _loop(opening: Floats, close: Floats, half_spread: float, commission: float) -> Floats:
    """Compute the cross as one would write it by hand: running sums, a cross, a fill at the next
    open."""
    rows, symbols = close.shape
    equity = np.empty(rows)
    units, fast, slow = np.zeros(symbols), np.zeros(symbols), np.zeros(symbols)
    holding, target = np.zeros(symbols, np.bool_), np.zeros(symbols, np.bool_)
    cash = CASH
    for t in range(rows):
        equity_at_open = cash
        for n in range(symbols):
            equity_at_open += units[n] * opening[t, n]
        for n in range(symbols):
            if holding[n] and not target[n]:
                cash += units[n] * opening[t, n] * (1.0 - half_spread) * (1.0 - commission)
                units[n], holding[n] = 0.0, False
        for n in range(symbols):
            if target[n] and not holding[n]:
                price = opening[t, n] * (1.0 + half_spread)
                bought = equity_at_open / symbols / opening[t, n]
                bought = min(bought, cash / (price * (1.0 + commission)))
                cash -= bought * price * (1.0 + commission)
                units[n], holding[n] = bought, True
        equity[t] = cash
        for n in range(symbols):
            fast[n] += close[t, n] - (close[t - FAST, n] if t >= FAST else 0.0)
            slow[n] += close[t, n] - (close[t - SLOW, n] if t >= SLOW else 0.0)
            target[n] = t >= SLOW - 1 and fast[n] / FAST > slow[n] / SLOW
            equity[t] += units[n] * close[t, n]
    return equity


def _vectorbt() -> BacktestEngine:
    began = time.perf_counter()
    import vectorbt

    def run(opening: Floats, close: Floats) -> float:
        fast = vectorbt.MA.run(close, FAST).ma.to_numpy()
        slow = vectorbt.MA.run(close, SLOW).ma.to_numpy()
        targets = np.where(fast > slow, 1.0 / close.shape[1], 0.0)
        size = np.full(close.shape, np.nan)
        size[1:] = np.where(changed_targets(targets), targets, np.nan)[:-1]
        one_account: dict[str, Any] = {"group_by": True, "cash_sharing": True, "call_seq": "auto"}
        sharing = one_account if close.shape[1] > 1 else {}
        portfolio = vectorbt.Portfolio.from_orders(
            close, size, size_type="targetpercent", price=opening, fees=COSTS.commission,
            slippage=COSTS.half_spread, init_cash=CASH, **sharing,
        )  # fmt: skip
        return float(np.asarray(portfolio.value()).reshape(-1)[-1])

    return BacktestEngine("vectorbt", run, imported_s=time.perf_counter() - began)


def _backtesting() -> BacktestEngine:
    began = time.perf_counter()
    import pandas as pd
    from backtesting import Backtest, Strategy

    class Cross(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            close = np.asarray(self.data.Close)
            self.above = self.I(lambda: (sma(close, FAST) > sma(close, SLOW)).astype(float))

        def next(self) -> None:
            if self.above[-1] and not self.position:
                self.buy()
            elif self.position and not self.above[-1]:
                self.position.close()

    def run(opening: Floats, close: Floats) -> float:
        total = 0.0
        for column in range(close.shape[1]):
            open_, last = opening[:, column], close[:, column]
            bars = pd.DataFrame({
                "Open": open_, "High": np.maximum(open_, last), "Low": np.minimum(open_, last),
                "Close": last, "Volume": 1e15,
            })  # fmt: skip
            with warnings.catch_warnings(), redirect_stderr(StringIO()):
                warnings.simplefilter("ignore")
                backtest = Backtest(
                    bars, Cross, cash=1e9, spread=COSTS.half_spread, commission=COSTS.commission
                )
                total += float(backtest.run()["Equity Final [$]"]) / 1e9
        return total / close.shape[1] * CASH

    return BacktestEngine(
        "backtesting.py",
        run,
        "an account a symbol, whole units",
        max_size=(100_000, 10),
        imported_s=time.perf_counter() - began,
    )
