"""`fit`: weights fitted on the stored history, and whether they would have been worth having.

Promises that what is recommended beat the shipped weights on bars later than those it was fitted
on, and that a file is written whole or not at all. Leaves out the arithmetic (`research/`) and
how it is told (`fitted.py`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from agents.coefficients import Coefficients
from agents.evidence import Tunable
from agents.registry import AgentSettings, build
from cli.market_data import parse_date
from cli.progress import bar
from domain.errors import InputError, StorageError
from domain.panel import Panel
from market.panels.panel_builder import build_panels
from research.fitting.fit import FOLDS, lesson
from research.fitting.study import Studied, coefficients_of, moment, study, window_of
from settings import Settings
from storage.journal.panel_archive import digest
from wiring.agents import agents_of, build_agents
from wiring.market import Market, choose_market, demo_present
from wiring.stores import Say, Stores, open_stores, utc_now

FEWEST_BARS, FEWEST_SYMBOLS = 500, 2


@dataclass(frozen=True, slots=True)
class Fitted:
    """`tested_from` is the first bar of the walk's tests. `path` is None where nothing was
    written."""

    market: str
    simulated: bool
    symbols: tuple[str, ...]
    timeframe: str
    horizon: int
    first: datetime
    tested_from: datetime
    last: datetime
    agents: tuple[Studied, ...]
    path: Path | None


def fit(
    settings: Settings,
    agents: Sequence[str],
    *,
    start: str | None,
    end: str | None,
    symbols: Sequence[str],
    folds: int = FOLDS,
    out: Path | None,
    say: Say,
) -> Fitted:
    """Fits `agents` (all that have weights, if none are named) on the period.

    Writes all of them to `out`, or those that are recommended into the home. Raises InputError for
    a period or symbols that cannot be fitted on, NotFoundError for an agent that does not
    exist and StorageError where the file cannot be written.
    """
    first, until = _period(start, end)
    _refuse_folds(folds)
    with open_stores(settings) as stores:
        plain = agents_of(settings, stores).model_copy(update={"coefficients": None})
        tunable = _tunable(agents, plain, say)
        market = choose_market(settings, stores.library, lambda: demo_present(stores.journal), say)
        now = demo_present(stores.journal) if market.simulated else utc_now()
        panel = _panel(settings, stores, market, symbols, min(until or now, now), say)
    begin = _begin(panel, first)
    results = []
    with bar() as progress:
        for done, agent in enumerate(tunable):
            progress(f"fitting {agent.name}", done, len(tunable))
            taught = lesson(panel, begin, agent, agent.see(panel, begin))
            results.append(study(taught, folds))
    chosen = [each for each in results if out is not None or each.recommended]
    path = (out or settings.home / "models" / "coefficients.json") if chosen else None
    if path is not None:
        _write(path, coefficients_of(panel, digest(panel), begin, chosen, utc_now()))
    return Fitted(
        market=market.name,
        simulated=market.simulated,
        symbols=panel.symbols,
        timeframe=str(panel.timeframe),
        horizon=panel.horizon,
        first=moment(panel, begin),
        tested_from=moment(panel, begin + window_of(len(panel.known_at) - begin)),
        last=moment(panel, -1),
        agents=tuple(results),
        path=path,
    )


def _tunable(names: Sequence[str], settings: AgentSettings, say: Say) -> list[Tunable[Any]]:
    named = [build(name, settings) for name in dict.fromkeys(names)]
    built = named or build_agents(settings, say)
    tunable = [agent for agent in built if isinstance(agent, Tunable)]
    fixed = [agent.name for agent in built if not isinstance(agent, Tunable)]
    if names and fixed:
        raise InputError(
            f"{', '.join(fixed)} has no weights to fit. Name other agents, or none for all that do."
        )
    return tunable


def _period(start: str | None, end: str | None) -> tuple[datetime | None, datetime | None]:
    first = parse_date(start) if start else None
    until = parse_date(end) + timedelta(days=1) if end else None
    if first and until and until <= first:
        raise InputError(f"--to {end} lies before --from {start}. Exchange them.")
    return first, until


def _refuse_folds(folds: int) -> None:
    if not 2 <= folds <= 20:
        raise InputError(f"--folds {folds} is not from 2 to 20. Try {FOLDS}.")


def _panel(
    settings: Settings, stores: Stores, market: Market, symbols: Sequence[str],
    as_of: datetime, say: Say,
) -> Panel:  # fmt: skip
    """The calendar with most of the asked symbols: others open at other hours."""
    timeframe = settings.market.timeframe
    stored = set(stores.library.symbols(market.name, timeframe))
    wanted = list(symbols) or [s for s in stores.watchlist.symbols() if s in stored]
    if not wanted:
        raise InputError(
            f"No {timeframe} history of the watchlist is stored in the market {market.name!r}. "
            "Download or import some, or name symbols with --symbol."
        )
    built = build_panels(
        stores.library, market.name, wanted, timeframe, as_of, settings.market.horizon,
        simulated=market.simulated,
    )  # fmt: skip
    panel = max((panel for panel, _ in built), key=lambda panel: len(panel.symbols))
    if left_out := [s for s in wanted if s not in panel.symbols]:
        say(f"Left out, because they trade at other hours than the rest: {', '.join(left_out)}.")
    if len(panel.symbols) < FEWEST_SYMBOLS:
        raise InputError(
            f"One symbol ({panel.symbols[0]}) is too little to fit on: what it did by chance would "
            "be taken for a rule. Name more with --symbol."
        )
    return panel


def _begin(panel: Panel, first: datetime | None) -> int:
    """The first row of the period; unless told, that from which half of the symbols have bars."""
    if first is None:
        there = (~np.isnan(panel.close)).mean(axis=1) >= 0.5
        begin = int(np.argmax(there)) if there.any() else len(there)
    else:
        instant = np.datetime64(first.replace(tzinfo=None), "us")
        begin = int(np.searchsorted(panel.known_at, instant))
    bars = len(panel.known_at) - begin
    if bars < FEWEST_BARS:
        raise InputError(
            f"The period has {bars} bars, and {FEWEST_BARS} are needed to fit on some and test on "
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
