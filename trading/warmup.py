"""`python -m trading.warmup`: compiles the loops of account and sizing, so that nobody waits for
it.

Set-up runs it once; numba keeps the code beside the sources, where every later process finds it
until a source changes. It calls each face once, with two symbols and two bars of the kinds of
arrays that cycles and backtests have. Leaves out the loops of agents, which compile in a moment.
"""

import numpy as np

from trading import kernels
from trading.account.simulation import asked, play
from trading.kernels import codes
from trading.kernels.batch import new_many, side_by_side
from trading.kernels.state import Bars, new_desk
from trading.limits import TradingSettings
from trading.sizing.correlation import kinship
from trading.sizing.position_sizing import SizingSettings, Wishes, groups, size, size_all, stakes

SYMBOLS = ("AAPL", "JPM")


def compile_loops() -> None:
    """Every loop that a first decision, its orders, a backtest or a training would wait for."""
    sizing, trading = SizingSettings(), TradingSettings()
    ones, yes, days = np.ones((2, 2)), np.ones((2, 2), bool), np.arange(1, 3) * codes.A_DAY
    kin = kinship(ones, np.arange(2), 0)
    stake = stakes(ones, ones, np.ones(2), sizing)
    wishes = Wishes(
        asked=stake, cap=ones, frozen=~yes, doubtful=~yes, untradable=~yes, present=yes,
        together=~yes[0], kinship=kin, buyable=yes[0], sector=np.zeros(2, np.int32),
    )  # fmt: skip
    size(wishes, 0, np.zeros(2), sizing)
    targets = size_all(wishes, np.zeros(2), sizing)
    bars = Bars(ones, ones, ones, ones, ones, ones, ones, days, days, days)
    asks, shared = asked(targets, yes), groups(SYMBOLS, kin, sizing)
    play(SYMBOLS, bars, asks, trading, 1.0, groups=shared)
    kernels.ask_row(new_desk(SYMBOLS, trading), asks, shared, 0, 0)
    many = new_many([SYMBOLS], trading, 1, alike=True)
    sets = side_by_side(Bars._make(each[None] if each.ndim == 2 else each for each in bars))
    words, which = np.full((1, 2), codes.LEAVE, np.int8), np.zeros(1, np.int64)
    kernels.step_many(many, sets, which, words, np.zeros((1, 2)), np.zeros(1), np.zeros(1))


if __name__ == "__main__":
    compile_loops()
