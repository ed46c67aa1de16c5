"""What `fit` answered: tables for people, and one object for programs."""

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from cli.weight_fitting import Fitted
from quant.resampling import Estimate
from research.fitting.study import Studied
from research.fitting.walkforward import Skills

KEY = "agents.coefficients"


def show(fitted: Fitted, console: Console) -> None:
    console.print(
        f"{len(fitted.symbols)} symbols, {fitted.first:%Y-%m-%d} to {fitted.last:%Y-%m-%d}, "
        f"horizon {fitted.horizon} bars of {fitted.timeframe}; tested from "
        f"{fitted.tested_from:%Y-%m-%d} on bars later than those fitted on"
        + (", SIMULATED." if fitted.simulated else ".")
    )
    for each in fitted.agents:
        console.print(_weights_table(each))
    console.print(_skills_table(fitted.agents))
    console.print(_advice(fitted), markup=False)


def as_json(fitted: Fitted) -> dict[str, Any]:
    return {
        "market": fitted.market,
        "simulated": fitted.simulated,
        "symbols": list(fitted.symbols),
        "timeframe": fitted.timeframe,
        "horizon": fitted.horizon,
        "from": fitted.first,
        "tested_from": fitted.tested_from,
        "to": fitted.last,
        "agents": {each.agent: _agent_json(each) for each in fitted.agents},
        "file": None if fitted.path is None else str(fitted.path),
        "key": KEY,
    }


def _weights_table(each: Studied) -> Table:
    kept = "kept as shipped" if each.spread == 0.0 else f"spread {each.spread:g}"
    table = Table(
        each.agent,
        Column("shipped", justify="right"),
        Column("fitted", justify="right"),
        title=f"{each.agent}: {kept}, {each.rows:,} settled bars",
        title_justify="left",
    )
    for name, weight in each.shipped.items():
        table.add_row(name, f"{weight:+.4f}", f"{each.weights[name]:+.4f}")
    return table


def _skills_table(results: Sequence[Studied]) -> Table:
    right = [Column(title, justify="right") for title in ("Brier skill", "rank IC", "votes")]
    table = Table("out of sample", "weights", *right)
    for each in results:
        for name, told in (("shipped", each.shipped_skills), ("refitted", each.fitted_skills)):
            table.add_row(each.agent, name, _percent(told.brier_skill), _interval(told.rank_ic),
                          f"{told.brier_skill.n:,}")  # fmt: skip
        table.add_row(each.agent, "gain", _percent(each.gain), "", "")
        table.add_row(
            each.agent,
            f"{each.crossed.brier_skill.n} histories",
            _percent(each.crossed.brier_skill),
            _interval(each.crossed.rank_ic),
            "",
        )
    return table


def _advice(fitted: Fitted) -> str:
    better = [each.agent for each in fitted.agents if each.recommended]
    others = [each.agent for each in fitted.agents if not each.recommended]
    told = []
    if others:
        told.append(
            f"Not recommended: {', '.join(others)}. Out of sample the refitted weights did not "
            "beat those that ship."
        )
    if better:
        told.append(f"Recommended: {', '.join(better)}.")
    if fitted.path is None:
        told.append("Nothing was written; --out FILE writes the fitted weights all the same.")
    else:
        told.append(f'Written to {fitted.path}. To use it: {KEY} = "{fitted.path}" in quorum.toml.')
    return "\n".join(told)


def _agent_json(each: Studied) -> dict[str, Any]:
    return {
        "version": each.version,
        "spread": each.spread,
        "settled_bars": each.rows,
        "weights": {
            name: {"shipped": weight, "fitted": each.weights[name]}
            for name, weight in each.shipped.items()
        },
        "out_of_sample": {
            "shipped": _skills_json(each.shipped_skills),
            "refitted": _skills_json(each.fitted_skills),
            "gain": _figure(each.gain),
        },
        "cross_validation": {
            "brier_skill": _figure(each.crossed.brier_skill),
            "rank_ic": _figure(each.crossed.rank_ic),
        },
        "recommended": each.recommended,
    }


def _skills_json(told: Skills) -> dict[str, Any]:
    return {
        "brier_skill": _figure(told.brier_skill),
        "rank_ic": _figure(told.rank_ic),
        "relative_hits": _figure(told.relative_hits),
    }


def _figure(estimate: Estimate) -> dict[str, Any]:
    value, low, high = (x if math.isfinite(x) else None
                        for x in (estimate.value, estimate.low, estimate.high))  # fmt: skip
    return {"value": value, "low": low, "high": high, "n": estimate.n}


def _percent(told: Estimate) -> str:
    return _interval(told, 100.0, "%")


def _interval(told: Estimate, factor: float = 1.0, unit: str = "") -> str:
    if not math.isfinite(told.value):
        return "–"
    value = f"{factor * told.value:+.3f}{unit}"
    if not math.isfinite(told.low):
        return value
    return f"{value} [{factor * told.low:+.3f}, {factor * told.high:+.3f}]"
