"""What a record is too short to show: the smallest scores that it could tell from nothing.

From the measured interval of a score where there is one, else from the number of symbols and of
outcomes that do not overlap (`quant/scoring/power.py`).
"""

from collections.abc import Mapping
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
_SCORES = (
    ("brier_skill", "a Brier skill", "%", None),
    ("hit_edge", "hits above base rate", "%", None),
    ("rank_ic", "a rank IC", "", 3),
    ("time_ic", "a time IC", "", 3),
)
"""Field, name, unit and digits of the scores that are zero without skill."""


def record_power(forecaster: Mapping[str, Any], horizon: int) -> str:
    """Return the statement for one forecaster of `orchestrator.evaluation.scores`, as JSON; empty
    before anything is settled. The time IC stands in where there are too few symbols for a rank
    IC."""
    card = forecaster["overall"]
    symbols = sum(each["settled"] > 0 for each in forecaster["by_symbol"])
    if not symbols:
        return ""
    ranked = card["rank_ic"]["n"]
    bars = ranked or round(card["settled"] / symbols)
    measured = [
        f"{name} below {format_number(detectable_effect(low, high), unit, digits)}"
        for field, name, unit, digits in _SCORES
        if field != ("time_ic" if ranked else "rank_ic")
        and (low := card[field]["low"]) is not None
        and low < (high := card[field]["high"])
    ]
    if not measured:
        return history_power(bars, symbols, horizon)
    *others, last = measured
    listed = f"{', '.join(others)} or {last}" if others else last
    return f"{_sample(bars, symbols)} {listed} cannot be told from nothing ({TEST})."


def history_power(bars: int, symbols: int, horizon: int) -> str:
    """Return the statement for a number of voted bars and symbols, without a measured interval."""
    if symbols >= MIN_SYMBOLS:
        name, smallest = "rank IC", detectable_rank_ic(bars, symbols, horizon)
    else:
        name, smallest = "time IC", detectable_time_ic(bars, horizon)
    if not smallest < 1.0:
        return f"{_sample(bars, symbols)} no {name} can be told from nothing, however large."
    return (
        f"{_sample(bars, symbols)} a {name} below {format_number(smallest, digits=3)} cannot be "
        f"told from nothing ({TEST})."
    )


def _sample(bars: int, symbols: int) -> str:
    return f"With {_counted(symbols, 'symbol')} and {_counted(bars, 'bar')}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
