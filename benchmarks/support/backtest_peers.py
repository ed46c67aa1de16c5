"""The SMA(20/50) cross through other engines, and through a plain loop that can do nothing else.

Each `Engine` takes opens and closes (K, N) and gives the final equity of one account that starts
with `CASH` and holds `1/N` of its equity in each symbol from the open after its fast average rose
above its slow one to the open after it fell below, at `COSTS`. Where an engine cannot do that,
`differs` says what it does. Imports happen when an engine is made, so a peer that is not
installed costs nothing; they come with the extra `peers`.
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
from quant.jit import compiled
from trading.account.simulation import asked, moved, play
from trading.costs import CostSettings
from trading.kernels.codes import A_DAY
from trading.kernels.state import Bars
from trading.limits import UNLIMITED, TradingSettings

FAST, SLOW = 20, 50
CASH = 1e6
COSTS = CostSettings(half_spread_bps=1, commission_bps=1, impact=0, volume_cap=1)
"""Impact and volume caps are left out, for not all engines know them."""
Run = Callable[[Floats, Floats], float]


@dataclass(frozen=True, slots=True)
class Engine:
    """`most` is on how many bars of one symbol, and how many symbols, it is measured; `imported_s`
    the seconds its import took."""

    name: str
    run: Run
    differs: str = ""
    most: tuple[int, int] | None = None
    imported_s: float = 0.0


def engines() -> Iterator[Engine | str]:
    """Every engine, ours first; for a peer that is not installed its name."""
    yield Engine("quorum", ours)
    yield Engine("plain numba loop", loop, "no record of fills, costs or exposure")
    for name, make in (("vectorbt", _vectorbt), ("backtesting", _backtesting)):
        yield make() if find_spec(name) else name


def targets(close: Floats) -> Floats:
    """(K, N) shares of equity wanted at each close."""
    return np.where(sma(close, FAST) > sma(close, SLOW), 1.0 / close.shape[1], 0.0)


def ours(opening: Floats, close: Floats) -> float:
    """Our own indicators and the accounting that backtests use."""
    wanted = targets(close)
    names, bars = [f"S{number}" for number in range(close.shape[1])], daily(opening, close)
    settings = TradingSettings(costs=COSTS, limits=UNLIMITED)
    return float(play(names, bars, asked(wanted, moved(wanted)), settings, CASH).equity[-1])


def daily(opening: Floats, close: Floats) -> Bars:
    """Bars of nothing but an open and a close (K, N), with more volume than one could want."""
    none, days = np.zeros(close.shape), np.arange(1, len(close) + 1) * A_DAY
    return Bars(
        opening, np.maximum(opening, close), np.minimum(opening, close), close, none + 1e15, none,
        none + 0.01, days, days - A_DAY // 2, days,
    )  # fmt: skip


def loop(opening: Floats, close: Floats) -> float:
    return float(_loop(opening, close, COSTS.half_spread, COSTS.commission)[-1])


@compiled
def _loop(opening: Floats, close: Floats, half_spread: float, commission: float) -> Floats:
    """What anybody would write by hand: running sums, a cross, a fill at the next open."""
    rows, symbols = close.shape
    equity = np.empty(rows)
    units, fast, slow = np.zeros(symbols), np.zeros(symbols), np.zeros(symbols)
    held, wanted = np.zeros(symbols, np.bool_), np.zeros(symbols, np.bool_)
    cash = CASH
    for t in range(rows):
        worth = cash
        for n in range(symbols):
            worth += units[n] * opening[t, n]
        for n in range(symbols):
            if held[n] and not wanted[n]:
                cash += units[n] * opening[t, n] * (1.0 - half_spread) * (1.0 - commission)
                units[n], held[n] = 0.0, False
        for n in range(symbols):
            if wanted[n] and not held[n]:
                price = opening[t, n] * (1.0 + half_spread)
                bought = worth / symbols / opening[t, n]
                bought = min(bought, cash / (price * (1.0 + commission)))
                cash -= bought * price * (1.0 + commission)
                units[n], held[n] = bought, True
        equity[t] = cash
        for n in range(symbols):
            fast[n] += close[t, n] - (close[t - FAST, n] if t >= FAST else 0.0)
            slow[n] += close[t, n] - (close[t - SLOW, n] if t >= SLOW else 0.0)
            wanted[n] = t >= SLOW - 1 and fast[n] / FAST > slow[n] / SLOW
            equity[t] += units[n] * close[t, n]
    return equity


def _vectorbt() -> Engine:
    began = time.perf_counter()
    import vectorbt

    def run(opening: Floats, close: Floats) -> float:
        fast = vectorbt.MA.run(close, FAST).ma.to_numpy()
        slow = vectorbt.MA.run(close, SLOW).ma.to_numpy()
        wanted = np.where(fast > slow, 1.0 / close.shape[1], 0.0)
        size = np.full(close.shape, np.nan)
        size[1:] = np.where(moved(wanted), wanted, np.nan)[:-1]
        one: dict[str, Any] = {"group_by": True, "cash_sharing": True, "call_seq": "auto"}
        together = one if close.shape[1] > 1 else {}
        portfolio = vectorbt.Portfolio.from_orders(
            close, size, size_type="targetpercent", price=opening, fees=COSTS.commission,
            slippage=COSTS.half_spread, init_cash=CASH, **together,
        )  # fmt: skip
        return float(np.asarray(portfolio.value()).reshape(-1)[-1])

    return Engine("vectorbt", run, imported_s=time.perf_counter() - began)


def _backtesting() -> Engine:
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
                trial = Backtest(
                    bars, Cross, cash=1e9, spread=COSTS.half_spread, commission=COSTS.commission
                )
                total += float(trial.run()["Equity Final [$]"]) / 1e9
        return total / close.shape[1] * CASH

    return Engine(
        "backtesting.py",
        run,
        "an account a symbol, whole units",
        most=(100_000, 10),
        imported_s=time.perf_counter() - began,
    )
