"""`repair`: propose, store and undo corrections of a symbol's bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from domain.canonical import format_instant
from domain.errors import InputError, UnknownSymbolError
from domain.symbols import calendar_of, parse_symbol
from domain.timeframe import Timeframe
from market.corrections import Correction, CorrectionKind, from_frame, to_frame
from market.quality.checks import describe_withheld
from market.quality.repair import Proposal, correct_days, propose_repairs
from market.series import BarSeries, build_series, read_series
from settings import Settings
from wiring.market import choose_market
from wiring.stores import Log, Stores, open_stores, utc_now

PREVIEWED = 3
"""Bars shown of each correction."""
FIGURES = {"close": "price_factor", "volume": "volume_factor", "adj_close": "adjusted_factor"}
"""Figures shown, and the factor that corrects each."""


@dataclass(frozen=True, slots=True)
class Repair:
    """The state of a symbol's bars. `stored` are corrections in force before, `proposals` what is
    proposed or, if `applied`, was stored now; `undone` were in force and no longer are. `withheld`
    bars are left out as things are or were, `withheld_after` with the proposals."""

    symbol: str
    timeframe: Timeframe
    bars: pd.DataFrame
    reasons: tuple[str, ...]
    withheld: int
    withheld_after: int
    stored: tuple[Correction, ...]
    proposals: tuple[Proposal, ...]
    undone: tuple[Correction, ...]
    applied: bool
    is_undo: bool


def repair(
    settings: Settings,
    symbol: str,
    *,
    accept: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    apply: bool = False,
    undo: bool = False,
    log: Log,
) -> Repair:
    """Propose corrections of `symbol`; `apply` stores them. `accept` and `leave_out` name days
    whose bars are corrected so, by themselves an order to store. `undo` undoes all in force.

    Raises UnknownSymbolError for a symbol without bars, InputError for a day without a bar and for
    words that contradict each other.
    """
    if undo and (apply or accept or leave_out):
        raise InputError("--undo takes corrections back and --apply stores them. Use one of them.")
    symbol = parse_symbol(symbol)
    with open_stores(settings) as stores:
        market = choose_market(settings, stores.market_data, utc_now, log).name
        return _repair(
            stores, market, symbol, settings.market.timeframe, accept, leave_out, apply, undo
        )


def _repair(
    stores: Stores,
    market: str,
    symbol: str,
    timeframe: Timeframe,
    accept: Sequence[str],
    leave_out: Sequence[str],
    apply: bool,
    undo: bool,
) -> Repair:
    store = stores.market_data
    bars = store.bars(market, symbol, timeframe)
    if bars.empty:
        raise UnknownSymbolError(
            f"No {timeframe} bars of {symbol} are stored in the market {market!r}. "
            "Import or download them first, or name another --market or --timeframe."
        )
    source = f"corrections {timeframe}"
    in_force = tuple(from_frame(store.read_many(market, [symbol], source)))
    [series] = read_series(store, market, [symbol], timeframe, utc_now())
    proposals: tuple[Proposal, ...] = ()
    if accept or leave_out:
        proposals = (
            *correct_days(bars, CorrectionKind.ACCEPT, accept),
            *correct_days(bars, CorrectionKind.LEAVE_OUT, leave_out),
        )
    elif not undo:
        proposals = propose_repairs(bars, series)
    wanted = [proposal.correction for proposal in proposals]
    kept = () if undo else (*in_force, *wanted)
    is_stored = bool(apply or accept or leave_out) and bool(wanted)
    if undo and in_force:
        store.put_corrections(market, symbol, timeframe, to_frame(in_force, undone=True))
    elif is_stored:
        store.put_corrections(market, symbol, timeframe, to_frame(wanted))
    return Repair(
        symbol=symbol,
        timeframe=timeframe,
        bars=bars,
        reasons=tuple(describe_withheld(series)),
        withheld=len(series.withheld.at),
        withheld_after=len(_corrected(bars, symbol, timeframe, kept).withheld.at),
        stored=() if undo else in_force,
        proposals=proposals,
        undone=in_force if undo else (),
        applied=is_stored,
        is_undo=undo,
    )


def _corrected(
    bars: pd.DataFrame, symbol: str, timeframe: Timeframe, corrections: Sequence[Correction]
) -> BarSeries:
    named = bars.assign(symbol=pd.Categorical([symbol] * len(bars), [symbol]))
    frame = to_frame(corrections).assign(symbol=symbol)
    calendar = calendar_of(symbol)
    [series] = build_series(named, calendar, timeframe, utc_now(), corrections=frame)
    return series


def as_json(found: Repair) -> dict[str, Any]:
    return {
        "symbol": found.symbol,
        "timeframe": found.timeframe,
        "withheld": found.withheld,
        "reasons": list(found.reasons),
        "withheld_after": found.withheld_after,
        "in_force": [_correction_json(each) for each in found.stored],
        "proposed": [
            {**_correction_json(each.correction), "reason": each.reason, "bars": each.bars}
            for each in found.proposals
        ],
        "undone": [_correction_json(each) for each in found.undone],
        "applied": found.applied,
    }


def show(found: Repair, console: Console) -> None:
    """Print what is withheld, what would correct it, and some bars before and after."""
    if found.is_undo:
        count = len(found.undone) or "No"
        console.print(f"{count} corrections undone. {_withheld_words(found)}", markup=False)
        return
    for sentence in found.reasons:
        console.print(f"left out: {sentence}", markup=False)
    for each in found.stored:
        console.print(f"in force: {each.kind}, {_span(each)}", markup=False)
    for proposal in found.proposals:
        console.print(
            f"{'stored' if found.applied else 'proposed'}: {proposal.correction.kind}, "
            f"{_span(proposal.correction)} ({proposal.bars} bars): {proposal.reason}",
            markup=False,
        )
        console.print(_preview(found.bars, proposal.correction))
    if not found.proposals:
        console.print("Nothing to repair.")
        return
    console.print(_withheld_words(found), markup=False)
    if not found.applied:
        console.print(
            f"Store it with `quorum repair {found.symbol} --apply`; the stored bars stay."
        )


def _withheld_words(found: Repair) -> str:
    return f"Bars left out: {found.withheld} before, {found.withheld_after} with it."


def _preview(bars: pd.DataFrame, correction: Correction) -> Table:
    table = Table("bar", *FIGURES)
    chosen = bars[bars["at"].between(correction.first, correction.last)]
    ends = chosen.iloc[np.unique(np.r_[0:PREVIEWED, -1 % len(chosen)].clip(max=len(chosen) - 1))]
    for row in ends.to_dict("records"):
        cells = []
        for name, of in FIGURES.items():
            factor, figure = getattr(correction, of), f"{row[name]:,.6g}"
            cells.append(figure if factor == 1.0 else f"{figure} -> {row[name] * factor:,.6g}")
        table.add_row(f"{row['at']:%Y-%m-%d %H:%M}", *cells)
    return table


def _span(correction: Correction) -> str:
    return f"{correction.first:%Y-%m-%d} to {correction.last:%Y-%m-%d}"


def _correction_json(correction: Correction) -> dict[str, Any]:
    stored = {name: getattr(correction, name) for name in ("price_factor", "volume_factor")}
    return {
        "kind": correction.kind,
        "from": format_instant(correction.first),
        "to": format_instant(correction.last),
        **stored,
        "adjusted_factor": correction.adjusted_factor,
    }
