"""`repair`: propose, store and undo corrections of a symbol's bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from domain.canonical import format_instant
from domain.errors import InputError, UnknownSymbolError
from domain.symbols import did_you_mean, parse_symbol
from domain.timeframe import Timeframe
from market.corrections import (
    Correction,
    CorrectionKind,
    apply_corrections,
    from_frame,
    to_frame,
)
from market.quality.checks import describe_withheld
from market.quality.repair import Proposal, correct_days, propose_repairs
from market.series import build_symbol_series
from settings import Settings
from wiring.market import choose_market
from wiring.stores import Log, Stores, open_stores, utc_now

PREVIEWED = 3
"""Bars shown of each correction."""
FIGURES = {"close": "price_factor", "volume": "volume_factor", "adj_close": "adjusted_factor"}
"""Figures shown, and the factor that corrects each."""
BY_HAND = {CorrectionKind.ACCEPT, CorrectionKind.LEAVE_OUT}
"""What a person says of single bars."""


@dataclass(frozen=True, slots=True)
class Repair:
    """The state of a symbol's bars. `stored` are corrections in force before and after, by which
    `bars` are corrected; `proposals` is what is proposed or, if `applied`, was stored now; `undone`
    were in force and no longer are. `withheld` bars are left out as things are or were,
    `withheld_after` with the proposals."""

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
    if both := set(accept) & set(leave_out):
        raise InputError(
            f"{min(both)} cannot be both accepted and left out. Name it for one of them."
        )
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
            f"{did_you_mean(symbol, store.symbols(market, timeframe))}"
        )
    stored = store.read_many(market, [symbol], f"corrections {timeframe}")
    in_force = tuple(from_frame(stored))
    build = partial(build_symbol_series, bars, symbol, timeframe, utc_now())
    by_hand = bool(accept or leave_out)
    if by_hand:
        proposals = [
            *correct_days(bars, CorrectionKind.ACCEPT, accept),
            *correct_days(bars, CorrectionKind.LEAVE_OUT, leave_out),
        ]
    else:
        proposals = [] if undo else propose_repairs(bars, build, in_force)
    wanted = [proposal.correction for proposal in proposals]
    withdrawn = tuple(each for each in in_force if undo or _is_withdrawn(each, wanted))
    kept = [each for each in in_force if each not in withdrawn]
    is_stored = (apply or by_hand) and bool(wanted)
    if is_stored or undo:
        with store.transaction():
            store.put_corrections(market, symbol, timeframe, to_frame(withdrawn, undone=True))
            store.put_corrections(market, symbol, timeframe, to_frame(wanted))
    before = build(in_force)
    return Repair(
        symbol=symbol,
        timeframe=timeframe,
        bars=apply_corrections(bars, kept)[0],
        reasons=tuple(describe_withheld(before)),
        withheld=len(before.withheld.at),
        withheld_after=len(build([*kept, *wanted]).withheld.at),
        stored=tuple(kept),
        proposals=tuple(proposals),
        undone=withdrawn,
        applied=is_stored,
        is_undo=undo,
    )


def _is_withdrawn(correction: Correction, wanted: Sequence[Correction]) -> bool:
    """Return whether what a person says now takes back what was said of the same bars before."""
    return correction.kind in BY_HAND and any(
        each.kind in BY_HAND
        and each.kind is not correction.kind
        and each.first <= correction.first
        and correction.last <= each.last
        for each in wanted
    )


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
    bars = found.bars
    for proposal in found.proposals:
        console.print(
            f"{'stored' if found.applied else 'proposed'}: {proposal.correction.kind}, "
            f"{_span(proposal.correction)} ({proposal.bars} bars): {proposal.reason}",
            markup=False,
        )
        console.print(_preview(bars, proposal.correction))
        bars, _ = apply_corrections(bars, [proposal.correction])
    if not found.proposals:
        console.print(_nothing_words(found), markup=False)
        return
    console.print(_withheld_words(found), markup=False)
    if not found.applied:
        console.print(
            f"Store it with `quorum repair {found.symbol} --apply`; the stored bars stay."
        )


def _withheld_words(found: Repair) -> str:
    return f"Bars left out: {found.withheld} before, {found.withheld_after} with it."


def _nothing_words(found: Repair) -> str:
    if not found.withheld:
        return "Nothing to repair."
    return (
        f"Nothing to propose: {found.withheld} bars stay left out. What was wrong by itself and is"
        f" over needs no cure; what is right is accepted with `quorum repair {found.symbol}"
        " --accept DATE`."
    )


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
    return {
        "kind": correction.kind,
        "from": format_instant(correction.first),
        "to": format_instant(correction.last),
        **{factor: getattr(correction, factor) for factor in FIGURES.values()},
    }
