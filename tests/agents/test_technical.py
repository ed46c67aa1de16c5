"""What the technical agent sees, and that it sees weeks only when they are over."""

from dataclasses import replace

import numpy as np
import pytest

from agents.technical import SIGNALS, TechnicalAgent, observe
from domain.timeframe import Timeframe
from quant.base_rate import base_rate
from tests.agents.random_panels import SYMBOLS, random_panel


def test_the_first_reason_is_the_base_rate_and_the_rest_are_signals() -> None:
    votes = TechnicalAgent().vote(random_panel(seed=1, bars=400))
    names = [reason.name for reason in votes.reasons(399, 0)]
    assert names[0] == "base rate"
    assert set(names[1:]) <= {signal.name for signal in SIGNALS}
    assert len(names) > 15


def test_without_a_price_move_no_signal_moves_the_odds_far() -> None:
    panel = random_panel(seed=1, bars=400)
    votes = TechnicalAgent().vote(panel)
    shift = votes.log_odds - votes.evidence[0].log_odds
    assert np.nanmax(np.abs(shift)) <= sum(abs(signal.weight) for signal in SIGNALS)


def test_overbought_lowers_and_a_year_of_gains_raises_the_odds() -> None:
    signals = {signal.name: signal for signal in SIGNALS}
    assert signals["RSI 14"].log_odds(np.array(74.0)) == pytest.approx(-0.0192)
    assert signals["momentum 252 less 21 bars"].log_odds(np.array(1.0)) == pytest.approx(0.02)


def test_fridays_row_still_sees_the_week_before_and_mondays_the_week_just_over() -> None:
    panel = random_panel(seed=5, bars=300)
    weekly = observe(panel)["weekly RSI 14"][:, 0]
    weekday = (panel.known_at.astype("datetime64[D]").astype(int) + 3) % 7
    moved = np.flatnonzero(weekly[1:] != weekly[:-1]) + 1
    moved = moved[~np.isnan(weekly[moved - 1])]
    assert len(moved) > 20
    assert set(weekday[moved]) == {0}


def test_shorter_bars_are_read_against_days() -> None:
    assert "daily RSI 14" in observe(random_panel(seed=5, timeframe=Timeframe.H1))
    assert "daily RSI 14" not in observe(random_panel(seed=5))


def test_a_symbol_without_volume_has_no_volume_signals_but_votes() -> None:
    panel = random_panel(seed=2, bars=400)
    votes = TechnicalAgent().vote(panel)
    reasons = {reason.name for reason in votes.reasons(399, SYMBOLS.index("DRY"))}
    assert "RSI 14" in reasons
    assert "money flow index" not in reasons


def test_the_vote_of_a_young_symbol_says_why_there_is_none() -> None:
    votes = TechnicalAgent().vote(random_panel(seed=2, bars=5))
    assert votes.abstention_reason(4, 0) == "fewer than 15 bars"


def test_the_base_rate_is_that_of_the_horizon() -> None:
    panel = replace(random_panel(seed=2, bars=400), horizon=10)
    votes = TechnicalAgent().vote(panel)
    assert votes.evidence[0].value[399, 0] == 100 * base_rate(panel.open, 10)[399, 0]
