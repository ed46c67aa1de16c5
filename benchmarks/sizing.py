"""What the ways to size are worth on real history: the tables of docs/sizing.md.

`python -m benchmarks sizing data=FOLDER [walk=BARS]`: imports the folder's daily files into a home
of its own, lets the five agents vote on all shares and funds from 2015 on (by coefficients fitted
anew on the BARS before; 0 takes those that ship), and trades the same votes under each method,
each profile, and with each limit off. Each figure comes with its 90% interval. Then it counts on
how many days each limit bit.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import numpy as np

from agents.registry import AGENTS, build
from benchmarks.support.imported_history import SETTINGS, imported, shares
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.committee.targets import docket, settle
from orchestrator.team.base import Ballot
from orchestrator.team.local_team import LocalTeam
from research.backtest.history import Part, read
from research.backtest.performance import Accountant
from research.backtest.request import REFITTED_EVERY, Request, request
from research.backtest.scenarios import (
    Opinion,
    Stage,
    decide,
    opinion,
    plain_strategies,
    stage_of,
    trade,
)
from research.fitting.walkforward import walk_forward_ballots
from trading.account.simulation import Played
from trading.limits import LimitSettings
from trading.sizing.profiles import PROFILES

FIRST, LAST = date(2015, 1, 2), date(2025, 9, 26)
SHOWN = ("cagr", "sharpe", "max_drawdown", "exposure", "turnover")
RATIOS = ("sharpe", "turnover")
"""The rest is in percent."""
METHODS = ("kelly", "fixed", "volatility", "equal risk")
OFF: dict[str, dict[str, Any]] = {
    "no minimum probability": {"minimum_probability": 0.0},
    "no sector limit": {"sizing": {"sector_limit": 1.0}},
    "no correlation limit": {"sizing": {"correlated_limit": 1.0}},
    "none of the three": {
        "minimum_probability": 0.0, "sizing": {"sector_limit": 1.0, "correlated_limit": 1.0},
    },
    "a quarter of Kelly": {"sizing": {"kelly_fraction": 0.25}},
}  # fmt: skip
LOOSE = {
    "no breakers": LimitSettings(daily_loss=None, drawdown=None, losses=None),
    "no band": LimitSettings(band=0.0),
}
"""Limits of the account."""


def run(data: str, walk: str = "1008") -> dict[str, Any]:
    """By method, profile and what is left out: a row of a Markdown table each."""
    with imported(data) as (_, library):
        asked = request(
            market="files", symbols=tuple(shares(library, datetime(2015, 1, 1, tzinfo=UTC))),
            start=FIRST, end=LAST, agents=tuple(AGENTS),
        )  # fmt: skip
        parts = read(library, asked, False)
    stage = stage_of(asked, parts, [_ballots(asked, part, int(walk)) for part in parts])
    return dict(_rows(stage))


def _ballots(asked: Request, part: Part, walk: int) -> tuple[Ballot, ...]:
    make = partial(build, settings=SETTINGS)
    if walk:
        return walk_forward_ballots(
            part.panel, part.since, walk, REFITTED_EVERY, asked.seated, make
        )
    return LocalTeam(asked.seated, make).vote(part.panel, part.since)


def _rows(stage: Stage) -> Iterator[tuple[str, str]]:
    """Each with its interval, and how many fills it had."""
    plain = plain_strategies(stage)
    accountant = Accountant(stage, trade(stage, plain["buy and hold"]))
    held = opinion(stage, stage.asked.agents, CommitteeSettings())
    yield "symbols", str(len(stage.grid.symbols))
    yield "| |", " | ".join(name.replace("_", " ") for name in SHOWN) + " | fills |"
    for name, settings, limits in _settings():
        limited = replace(stage, asked=stage.asked.model_copy(update={"limits": limits}))
        plan = decide(limited, held, settings).plan
        yield f"| {name} |", _told(accountant, trade(limited, plan))
    for name, plan in plain.items():
        yield f"| {name} |", _told(accountant, trade(stage, plan))
    yield from _bites(stage, held)


def _bites(stage: Stage, held: Opinion) -> Iterator[tuple[str, str]]:
    """On how many days each limit shrank at least one target, and how many targets of those."""
    [added], [part] = held.tallies, stage.parts
    rows, previous = docket(added, part.blocked), np.zeros(len(stage.grid.symbols))
    days, targets = Counter[str](), Counter[str]()
    for row in range(len(part.blocked)):
        settled = settle(rows, row, previous, CommitteeSettings())
        previous = settled.target
        for clamp in settled.clamps:
            days[clamp.name] += bool(clamp.bit.any())
            targets[clamp.name] += int(clamp.bit.sum())
    for name, count in days.items():
        each = f", {targets[name] / count:.1f} targets each" if count else ""
        yield f"{name} bit", f"on {count / len(part.blocked):.1%} of the days{each}"


def _settings() -> Iterator[tuple[str, CommitteeSettings, LimitSettings]]:
    usual = LimitSettings()
    for method in METHODS:
        yield method, CommitteeSettings.model_validate({"sizing": {"method": method}}), usual
    for profile in PROFILES.values():
        sizing = profile.size(CommitteeSettings().sizing)
        yield profile.name, CommitteeSettings(sizing=sizing), profile.limit(usual)
    for name, changes in OFF.items():
        yield name, CommitteeSettings.model_validate(changes), usual
    for name, limits in LOOSE.items():
        yield name, CommitteeSettings(), limits


def _told(accountant: Accountant, played: Played) -> str:
    figures = accountant.figures(played, SHOWN)
    cells = []
    for name in SHOWN:
        told, scale = figures[name], 1.0 if name in RATIOS else 100.0
        value, low, high = (told[key] for key in ("value", "low", "high"))
        cell = "" if value is None else f"{value * scale:.2f}"
        if low is not None and high is not None:
            cell += f" [{low * scale:.2f}, {high * scale:.2f}]"
        cells.append(cell)
    return " | ".join([*cells, str(len(played.fills.row))]) + " |"
