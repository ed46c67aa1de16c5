import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from research.backtest.baselines import TargetPlan, buy_and_hold, equal_weight, sma_cross
from research.backtest.history import CalendarPanel, build_grid
from tests.agents.random_panels import random_panel
from trading.kernels.codes import TARGET

MONTHS = (np.datetime64("2024-01-15T21:00") + np.arange(120) * np.timedelta64(1, "D")).astype(
    "datetime64[us]"
)


def order_rows(plan: TargetPlan) -> np.ndarray:
    return plan.target_matrix.instructions == TARGET


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_buy_and_hold_orders_each_symbol_once_at_its_first_bar(symbols: int, seed: int) -> None:
    buyable = np.random.default_rng(seed).random((40, symbols)) < 0.5
    plan = buy_and_hold(buyable)
    assert (order_rows(plan).sum(axis=0) == buyable.any(axis=0)).all()
    assert (np.argmax(order_rows(plan), axis=0) == np.argmax(buyable, axis=0)).all()
    assert plan.target_matrix.targets[order_rows(plan)].sum() <= 1.0 + 1e-12


def test_equal_weight_is_restored_at_the_first_bar_of_each_month() -> None:
    buyable = np.ones((len(MONTHS), 3), bool)
    buyable[:40, 2] = False
    plan = equal_weight(buyable, MONTHS)
    days = MONTHS[order_rows(plan)[:, 0]].astype("datetime64[D]").astype(str).tolist()
    assert days == ["2024-01-15", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"]
    assert (plan.target_matrix.targets[:40] == 0.5).any()
    assert plan.target_matrix.targets[-1].tolist() == [1 / 3] * 3


def test_what_cannot_be_bought_takes_no_share_of_any_yardstick() -> None:
    panel = random_panel(seed=3, bars=200)
    nowhere = np.zeros((140, len(panel.symbols)), bool)
    part = CalendarPanel(panel, 60, nowhere, nowhere, np.ones(panel.close.shape))
    grid = build_grid([part])
    buyable = part.traded.copy()
    buyable[:, 0] = False
    cross = sma_cross([part], grid, buyable)
    assert cross.target_matrix.targets[:, 1:].any()
    for plan in (buy_and_hold(buyable), equal_weight(buyable, grid.known_at), cross):
        assert not order_rows(plan)[:, 0].any()
        assert plan.target_matrix.targets[order_rows(plan)].max() <= 1.0
    assert not cross.target_matrix.targets[:, 0].any()
