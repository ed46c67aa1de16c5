"""What a record is too short to show: the smallest scores that it could tell from nothing.

From the measured interval of a score where there is one, else from the number of symbols and of
outcomes that do not overlap (`quant/scoring/power.py`).
"""

from collections.abc import Mapping
from math import isnan, nan
from typing import Any

from quant.scoring.forecast_scores import MIN_SYMBOLS
from quant.scoring.power import (
    LEVEL,
    POWER,
    detectable_effect,
    detectable_rank_ic,
    detectable_time_ic,
)
from research.report.formatting import format_number

TEST = f"two-sided at {LEVEL * 100:.0f} %, {POWER * 100:.0f} % power"


def record_power(forecaster: Mapping[str, Any], horizon: int) -> str:
    """Return the statement for one forecaster of `orchestrator.evaluation.scores`, as JSON; empty
    before anything is settled."""
    card = forecaster["overall"]
    symbols = sum(each["settled"] > 0 for each in forecaster["by_symbol"])
    if not symbols:
        return ""
    ranked = card["rank_ic"]["n"]
    bars = ranked or round(card["settled"] / symbols)
    correlation = _measured(card["rank_ic" if ranked else "time_ic"])
    return _statement(
        bars,
        symbols,
        ("a Brier skill", _measured(card["brier_skill"]), "%"),
        ("hits above base rate", _measured(card["hit_edge"]), "%"),
        _correlation(bars, symbols if ranked else 1, horizon)
        if isnan(correlation)
        else (f"a {'rank' if ranked else 'time'} IC", correlation, ""),
    )


def history_power(bars: int, symbols: int, horizon: int) -> str:
    """Return the statement for a number of voted bars and symbols, without a measured interval."""
    return _statement(bars, symbols, _correlation(bars, symbols, horizon))


def _measured(estimate: Mapping[str, Any]) -> float:
    """Return the smallest score that its interval can tell from zero; NaN without an interval."""
    low, high = estimate["low"], estimate["high"]
    return detectable_effect(low, high) if low is not None and low < high else nan


def _correlation(bars: int, symbols: int, horizon: int) -> tuple[str, float, str]:
    """Return the rank IC, or the time IC of few symbols, that these numbers can tell from zero."""
    if symbols < MIN_SYMBOLS:
        return "a time IC", detectable_time_ic(bars, horizon), ""
    return "a rank IC", detectable_rank_ic(bars, symbols, horizon), ""


def _statement(bars: int, symbols: int, *smallest: tuple[str, float, str]) -> str:
    """Put the names of scores, their smallest values and units (a correlation has none, and is at
    most 1) into a sentence."""
    sample = f"With {_counted(symbols, 'symbol')} and {_counted(bars, 'bar')}"
    told = [
        f"{name} below {format_number(value, unit, None if unit else 3)}"
        for name, value, unit in smallest
        if value < 1.0
    ]
    if not told:
        return f"{sample} no score can be told from nothing, however large."
    *others, last = told
    listed = f"{', '.join(others)} or {last}" if others else last
    return f"{sample} {listed} cannot be told from nothing ({TEST})."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
