"""The random panels that agents are checked on, as hypothesis draws them."""

from hypothesis import strategies as st

from domain.panel import Panel
from domain.timeframe import Timeframe
from research.lookahead.random_panel import SYMBOLS, random_panel

__all__ = ["SYMBOLS", "panels", "random_panel"]


def panels(max_bars: int = 320) -> st.SearchStrategy[Panel]:
    """Hypothesis strategy: random panels, short ones and intraday ones among them."""
    return st.builds(
        random_panel,
        seed=st.integers(0, 2**32 - 1),
        bars=st.integers(1, max_bars),
        timeframe=st.sampled_from([Timeframe.D1, Timeframe.D1, Timeframe.H1]),
        horizon=st.sampled_from([1, 5, 10]),
    )
