"""One forecaster of a scored record: where it was right, when, and its best and worst calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.registry import profile
from research.sheet.grids import Fact, Grid, Line
from research.sheet.record_parts import (
    Json,
    TailView,
    calibration_figure,
    decay_grid,
    quantile_agent,
    tail_view,
)
from research.sheet.record_view import COLUMNS
from research.sheet.wording import Said, number
from research.sheet.words import WORDS


@dataclass(frozen=True, slots=True)
class CallView:
    """A settled vote; `url` leads to its decision, empty where it has none (a backtest)."""

    symbol: str
    day: str
    said: str
    base: str
    change: str
    tone: str
    gain: str
    url: str


@dataclass(frozen=True, slots=True)
class ForecasterView:
    """`overall` pairs each score's name with its figure. `tail` is of the agent whose
    quantile is scored."""

    name: str
    settled: str
    coverage: str
    overall: tuple[Line, ...]
    words: tuple[Fact, ...]
    calibration: str
    by_symbol: Grid
    by_regime: Grid
    by_period: Grid
    decay: Grid
    best: tuple[CallView, ...]
    worst: tuple[CallView, ...]
    tail: TailView | None


def forecaster_view(scores: Json, name: str) -> ForecasterView | None:
    """None for a name that never voted in the record."""
    own = next((each for each in scores["forecasters"] if each["name"] == name), None)
    if own is None:
        return None
    card = own["overall"]
    return ForecasterView(
        name=name,
        settled=f"{card['settled']:,} of {card['votes']:,} settled",
        coverage=number(card["coverage"], "%", 0),
        overall=tuple(
            Line(column.head, (column.told(card),), hint=column.meaning) for column in COLUMNS
        ),
        words=WORDS,
        calibration=calibration_figure("calibration", f"Calibration: {profile(name).label}", own),
        by_symbol=_grid("By symbol", "Symbol", own["by_symbol"], "/symbols/"),
        by_regime=_grid("By regime", "Market", own["by_regime"]),
        by_period=_grid("By period", "Period", own["by_period"]),
        decay=decay_grid([own]),
        best=tuple(map(_call, own["best"])),
        worst=tuple(map(_call, own["worst"])),
        tail=tail_view(scores) if name == quantile_agent(scores) else None,
    )


def _grid(title: str, corner: str, cards: Sequence[Json], folder: str = "") -> Grid:
    reach = [_reach([card[c.field] for card in cards]) if c.about_zero else None for c in COLUMNS]
    return Grid(
        title,
        corner,
        ("Settled", *(column.head for column in COLUMNS)),
        tuple(
            Line(
                card["name"],
                (
                    Said(f"{card['settled']:,}"),
                    *(column.told(card, full) for column, full in zip(COLUMNS, reach, strict=True)),
                ),
                f"{folder}{card['name']}" if folder else "",
            )
            for card in cards
        ),
    )


def _reach(figures: Sequence[Json]) -> float | None:
    ends = [told[end] for told in figures for end in ("value", "low", "high")]
    return max((abs(end) for end in ends if end is not None), default=0.0) or None


def _call(call: Mapping[str, Any]) -> CallView:
    change = call["change"]
    return CallView(
        symbol=call["symbol"],
        day=call["known_at"][:10],
        said=number(call["p_up"], "%", 1),
        base=number(call["base_rate"], "%", 1),
        change=f"{'+' if change > 0 else ''}{number(change, '%', 2)}",
        tone="up" if change > 0 else "down" if change < 0 else "flat",
        gain=number(call["gain"] * 1000, "", 1),
        url=f"/decisions/{call['receipt']}" if call["receipt"] else "",
    )
