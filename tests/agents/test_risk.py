"""The risk agent's cap follows its forecast, tightens in storms and vetoes what cannot be sold."""

from dataclasses import replace

import numpy as np

from agents.risk import RISK_BUDGET, RiskAgent
from domain.panel import Panel
from tests.agents.random_panels import SYMBOLS, random_panel


def _scale_last_moves(panel: Panel, bars: int, factor: float) -> Panel:
    """The panel with the moves of its last bars made `factor` times as large."""
    first = len(panel.known_at) - bars
    growth = (panel.close[first:] / panel.close[first - 1]) ** (factor - 1.0)
    scaled = {}
    for name in ("open", "high", "low", "close"):
        values = getattr(panel, name).copy()
        values[first:] *= growth
        scaled[name] = values
    return replace(panel, **scaled)


def test_the_cap_risks_a_fixed_share_of_equity() -> None:
    votes = RiskAgent().vote(random_panel(seed=4, bars=600))
    quiet = [n for n, s in enumerate(SYMBOLS) if s in {"WALK", "HOLES", "LATE"}]
    assert votes.quantile_5 is not None
    risked = -votes.quantile_5[-1, quiet] * votes.cap[-1, quiet]
    assert (risked <= RISK_BUDGET * (1 + 1e-12)).all()
    assert (risked > 0).all()


def test_caps_tighten_through_a_storm() -> None:
    panel = random_panel(seed=4, bars=600)
    calm, storm = RiskAgent().vote(panel), RiskAgent().vote(_scale_last_moves(panel, 15, 6.0))
    assert storm.cap[-1, 0] < 0.5 * calm.cap[-1, 0]
    names = {reason.name for reason in storm.reasons(599, 0)}
    assert "cap × 0.75: volatility far above its year" in names


def test_a_price_that_stands_still_is_vetoed_and_the_veto_is_named() -> None:
    votes = RiskAgent().vote(random_panel(seed=4, bars=600))
    still = SYMBOLS.index("STILL")
    assert votes.cap[550, still] == 0.0
    assert "veto: price stands still" in {r.name for r in votes.reasons(550, still)}


def test_what_hardly_trades_is_vetoed() -> None:
    panel = random_panel(seed=4, bars=300)
    volume = panel.volume.copy()
    volume[-15:, 0] = 0.0
    votes = RiskAgent().vote(replace(panel, volume=volume))
    assert votes.cap[-1, 0] == 0.0
    assert "veto: hardly trades" in {r.name for r in votes.reasons(299, 0)}


def test_a_symbol_that_never_had_volume_is_not_called_illiquid() -> None:
    votes = RiskAgent().vote(random_panel(seed=4, bars=300))
    assert votes.cap[-1, SYMBOLS.index("DRY")] > 0.0


def test_before_the_first_forecast_nothing_may_be_held() -> None:
    votes = RiskAgent().vote(random_panel(seed=4, bars=60))
    assert (votes.cap[:20] == 0.0).all()
    assert votes.abstention_reason(10, 0) == "fewer than 21 bars: no forecast"
    assert votes.cap[30, 0] > 0.0


def test_a_missing_bar_keeps_the_last_cap() -> None:
    panel = random_panel(seed=4, bars=300)
    votes = RiskAgent().vote(panel)
    holes = np.flatnonzero(np.isnan(panel.close[:, 1]))
    holes = holes[holes > 60]
    assert (votes.cap[holes, 1] == votes.cap[holes - 1, 1]).all()


def test_one_return_in_twenty_falls_below_the_quantile() -> None:
    exceeded = seen = 0
    for seed in range(4):
        panel = random_panel(seed=seed, bars=1500)
        quantile = RiskAgent().vote(panel).quantile_5
        assert quantile is not None
        for name in ("WALK", "WILD"):
            column = SYMBOLS.index(name)
            outcome = panel.open[6:, column] / panel.open[1:-5, column] - 1
            forecast = quantile[:-6, column][200:]
            exceeded += int((outcome[200:] < forecast).sum())
            seen += len(forecast)
    assert 0.03 < exceeded / seen < 0.07
