"""`fit`: weights fitted on the stored history, and whether they would have helped.

Promises that recommended weights beat the shipped ones on bars later than those they were fitted
on, and that a file is written whole or not at all. Leaves out the arithmetic (`research/`) and how
it is shown (`fit_report.py`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from agents.coefficients import Coefficients
from agents.evidence import TunableAgent
from agents.registry import AgentSettings, build
from cli.market_data import parse_date
from cli.progress import progress_bar
from domain.errors import InputError, StorageError
from domain.panel import Panel
from market.panels.panel_builder import PanelQuery, build_panels
from research.fitting.fit import FOLDS, build_sample
from research.fitting.study import (
    AgentFit,
    bar_close,
    build_coefficients,
    study_agent,
    window_length,
)
from settings import Settings
from storage.journal.panel_archive import panel_digest
from storage.paths import refuse_unless_file
from wiring.agents import agent_settings, build_agents
from wiring.home import Home, make_home
from wiring.stores import Log, open_stores, utc_now

MIN_BARS, MIN_SYMBOLS = 500, 2


@dataclass(frozen=True, slots=True)
class FitReport:
    """The results of a fit. `tested_from` is the first bar of the walk-forward tests. `path` is
    None if nothing was written."""

    market: str
    simulated: bool
    symbols: tuple[str, ...]
    timeframe: str
    horizon: int
    first: datetime
    tested_from: datetime
    last: datetime
    agents: tuple[AgentFit, ...]
    path: Path | None


def fit_weights(
    settings: Settings,
    agents: Sequence[str],
    *,
    start: str | None,
    end: str | None,
    symbols: Sequence[str],
    folds: int = FOLDS,
    out: Path | None,
    log: Log,
) -> FitReport:
    """Fit `agents` (all that have weights, if empty) on the period.

    Writes all of them to `out`, or the recommended ones into the home. Raises InputError for a
    period or symbols that cannot be fitted on and for an `out` that is no regular file,
    NotFoundError for an agent that does not exist and StorageError if the file cannot be written.
    """
    first, until = _parse_period(start, end)
    _refuse_folds(folds)
    if out is not None:
        refuse_unless_file(out, "Name another --out.")
    with open_stores(settings) as stores:
        unfitted_settings = agent_settings(settings, stores).model_copy(
            update={"coefficients": None}
        )
        tunable = _tunable_agents(agents, unfitted_settings, log)
        home = make_home(settings, stores, log)
        now = home.now()
        panel = _panel(home, symbols, min(until or now, now), log)
    begin = _begin(panel, first)
    results = []
    with progress_bar() as progress:
        for done, agent in enumerate(tunable):
            progress(f"fitting {agent.name}", done, len(tunable))
            sample = build_sample(panel, begin, agent, agent.observe(panel, begin))
            results.append(study_agent(sample, folds))
    to_write = [result for result in results if out is not None or result.recommended]
    path = (out or settings.home / "models" / "coefficients.json") if to_write else None
    if path is not None:
        _write(path, build_coefficients(panel, panel_digest(panel), begin, to_write, utc_now()))
    return FitReport(
        market=home.market.name,
        simulated=home.market.simulated,
        symbols=panel.symbols,
        timeframe=str(panel.timeframe),
        horizon=panel.horizon,
        first=bar_close(panel, begin),
        tested_from=bar_close(panel, begin + window_length(len(panel.known_at) - begin)),
        last=bar_close(panel, -1),
        agents=tuple(results),
        path=path,
    )


def _tunable_agents(
    names: Sequence[str], settings: AgentSettings, log: Log
) -> list[TunableAgent[Any]]:
    named = [build(name, settings) for name in dict.fromkeys(names)]
    built = named or build_agents(settings, log)
    tunable = [agent for agent in built if isinstance(agent, TunableAgent)]
    without_weights = [agent.name for agent in built if not isinstance(agent, TunableAgent)]
    if names and without_weights:
        raise InputError(
            f"{', '.join(without_weights)} has no weights to fit. Name other agents, or none for "
            "all that do."
        )
    return tunable


def _parse_period(start: str | None, end: str | None) -> tuple[datetime | None, datetime | None]:
    first = parse_date(start) if start else None
    until = parse_date(end) + timedelta(days=1) if end else None
    if first and until and until <= first:
        raise InputError(f"--to {end} lies before --from {start}. Exchange them.")
    return first, until


def _refuse_folds(folds: int) -> None:
    if not 2 <= folds <= 20:
        raise InputError(f"--folds {folds} is not from 2 to 20. Try {FOLDS}.")


def _panel(home: Home, symbols: Sequence[str], as_of: datetime, log: Log) -> Panel:
    """Return the panel of the calendar with most of the requested symbols; others are open at other
    hours."""
    stores, market, timeframe = home.stores, home.market, home.settings.market.timeframe
    stored = set(stores.market_data.symbols(market.name, timeframe))
    requested = list(symbols) or [s for s in stores.watchlist.symbols() if s in stored]
    if not requested:
        raise InputError(
            f"No {timeframe} history of the watchlist is stored in the market {market.name!r}. "
            "Download or import some, or name symbols with --symbol."
        )
    built = build_panels(
        stores.market_data,
        PanelQuery(
            market=market.name,
            symbols=requested,
            timeframe=timeframe,
            as_of=as_of,
            horizon=home.settings.market.horizon,
            simulated=market.simulated,
        ),
    )
    panel = max((panel for panel, _ in built), key=lambda panel: len(panel.symbols))
    if left_out := [s for s in requested if s not in panel.symbols]:
        log(f"Left out, because they trade at other hours than the rest: {', '.join(left_out)}.")
    if len(panel.symbols) < MIN_SYMBOLS:
        raise InputError(
            f"One symbol ({panel.symbols[0]}) is too little to fit on: what it did by chance would "
            "be taken for a rule. Name more with --symbol."
        )
    return panel


def _begin(panel: Panel, first: datetime | None) -> int:
    """Return the first row of the period; without a date, the row from which half of the symbols
    have bars."""
    if first is None:
        listed = (~np.isnan(panel.close)).mean(axis=1) >= 0.5
        begin = int(np.argmax(listed)) if listed.any() else len(listed)
    else:
        instant = np.datetime64(first.replace(tzinfo=None), "us")
        begin = int(np.searchsorted(panel.known_at, instant))
    bars = len(panel.known_at) - begin
    if bars < MIN_BARS:
        raise InputError(
            f"The period has {bars} bars, and {MIN_BARS} are needed to fit on some and test on "
            "others. Begin earlier, or add history."
        )
    return begin


def _write(path: Path, coefficients: Coefficients) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(coefficients.to_bytes())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(
            f"The coefficients {path} cannot be written: {error.strerror}. Name another --out."
        ) from None
