"""The report of `fit`: tables for people, and one JSON object for programs."""

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from cli.research.weight_fitting import FitReport
from quant.resampling import IntervalEstimate
from research.fitting.study import AgentFit
from research.fitting.walkforward import SkillEstimates

KEY = "agents.coefficients"


def show(report: FitReport, console: Console) -> None:
    console.print(
        f"{len(report.symbols)} symbols, {report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}, "
        f"horizon {report.horizon} bars of {report.timeframe}; tested from "
        f"{report.tested_from:%Y-%m-%d} on bars later than those fitted on"
        + (", SIMULATED." if report.simulated else ".")
    )
    for study in report.agents:
        console.print(_weights_table(study))
    console.print(_skills_table(report.agents))
    console.print(_advice(report), markup=False)


def as_json(report: FitReport) -> dict[str, Any]:
    return {
        "market": report.market,
        "simulated": report.simulated,
        "symbols": list(report.symbols),
        "timeframe": report.timeframe,
        "horizon": report.horizon,
        "from": report.first,
        "tested_from": report.tested_from,
        "to": report.last,
        "agents": {study.agent: _agent_json(study) for study in report.agents},
        "file": None if report.path is None else str(report.path),
        "key": KEY,
    }


def _weights_table(study: AgentFit) -> Table:
    prior = "kept as shipped" if study.prior_std == 0.0 else f"spread {study.prior_std:g}"
    table = Table(
        study.agent,
        Column("shipped", justify="right"),
        Column("fitted", justify="right"),
        title=f"{study.agent}: {prior}, {study.rows:,} settled bars",
        title_justify="left",
    )
    for name, weight in study.shipped.items():
        table.add_row(name, f"{weight:+.4f}", f"{study.weights[name]:+.4f}")
    return table


def _skills_table(results: Sequence[AgentFit]) -> Table:
    right = [Column(title, justify="right") for title in ("Brier skill", "rank IC", "votes")]
    table = Table("out of sample", "weights", *right)
    for study in results:
        for name, skills in (("shipped", study.shipped_skills), ("refitted", study.fitted_skills)):
            brier_skill, rank_ic = _percent(skills.brier_skill), _interval(skills.rank_ic)
            table.add_row(study.agent, name, brier_skill, rank_ic, f"{skills.brier_skill.n:,}")
        table.add_row(study.agent, "gain", _percent(study.gain), "", "")
        table.add_row(
            study.agent,
            f"{study.cross_validation.brier_skill.n} histories",
            _percent(study.cross_validation.brier_skill),
            _interval(study.cross_validation.rank_ic),
            "",
        )
    return table


def _advice(report: FitReport) -> str:
    better = [fit.agent for fit in report.agents if fit.recommended]
    others = [fit.agent for fit in report.agents if not fit.recommended]
    sentences = []
    if others:
        sentences.append(
            f"Not recommended: {', '.join(others)}. Out of sample the refitted weights did not "
            "beat those that ship."
        )
    if better:
        sentences.append(f"Recommended: {', '.join(better)}.")
    if report.path is None:
        sentences.append("Nothing was written; --out FILE writes the fitted weights all the same.")
    else:
        sentences.append(
            f'Written to {report.path}. To use it: {KEY} = "{report.path}" in quorum.toml.'
        )
    return "\n".join(sentences)


def _agent_json(study: AgentFit) -> dict[str, Any]:
    return {
        "version": study.version,
        "spread": study.prior_std,
        "settled_bars": study.rows,
        "weights": {
            name: {"shipped": weight, "fitted": study.weights[name]}
            for name, weight in study.shipped.items()
        },
        "out_of_sample": {
            "shipped": _skills_json(study.shipped_skills),
            "refitted": _skills_json(study.fitted_skills),
            "gain": _figure(study.gain),
        },
        "cross_validation": {
            "brier_skill": _figure(study.cross_validation.brier_skill),
            "rank_ic": _figure(study.cross_validation.rank_ic),
        },
        "recommended": study.recommended,
    }


def _skills_json(estimate: SkillEstimates) -> dict[str, Any]:
    return {
        "brier_skill": _figure(estimate.brier_skill),
        "rank_ic": _figure(estimate.rank_ic),
        "relative_hits": _figure(estimate.relative_hits),
    }


def _figure(estimate: IntervalEstimate) -> dict[str, Any]:
    value, low, high = (x if math.isfinite(x) else None
                        for x in (estimate.value, estimate.low, estimate.high))  # fmt: skip
    return {"value": value, "low": low, "high": high, "n": estimate.n}


def _percent(estimate: IntervalEstimate) -> str:
    return _interval(estimate, 100.0, "%")


def _interval(estimate: IntervalEstimate, factor: float = 1.0, unit: str = "") -> str:
    if not math.isfinite(estimate.value):
        return "–"
    value = f"{factor * estimate.value:+.3f}{unit}"
    if not math.isfinite(estimate.low):
        return value
    return f"{value} [{factor * estimate.low:+.3f}, {factor * estimate.high:+.3f}]"
