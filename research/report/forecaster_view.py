"""One forecaster of a scored record: where it was right, when, and its best and worst calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.registry import describe_agent
from research.report.conclusions import implausible_forecasters, implausible_sentences
from research.report.formatting import FormattedFigure, format_number
from research.report.power import record_power
from research.report.record_sections import (
    Json,
    QuantileView,
    calibration_figure,
    decay_table,
    quantile_agent,
    quantile_view,
)
from research.report.record_view import SCORE_COLUMNS
from research.report.score_glossary import SCORE_TERMS
from research.report.tables import FigureRow, FigureTable, LabelledValue


@dataclass(frozen=True, slots=True)
class VoteOutcomeView:
    """A settled vote; `url` leads to its decision, empty where it has none (a backtest)."""

    symbol: str
    day: str
    forecast: str
    base_rate: str
    change: str
    tone: str
    gain: str
    url: str


@dataclass(frozen=True, slots=True)
class ForecasterView:
    """`warnings` say what is too good to be true. `overall` pairs each score's name with its
    figure, `power` says how small a score cannot be told from nothing. `tail` is of the agent whose
    quantile is scored."""

    name: str
    warnings: tuple[str, ...]
    settled: str
    coverage: str
    overall: tuple[FigureRow, ...]
    power: str
    words: tuple[LabelledValue, ...]
    calibration: str
    by_symbol: FigureTable
    by_regime: FigureTable
    by_period: FigureTable
    decay: FigureTable
    best: tuple[VoteOutcomeView, ...]
    worst: tuple[VoteOutcomeView, ...]
    tail: QuantileView | None


def forecaster_view(scores: Json, name: str) -> ForecasterView | None:
    """None for a name that never voted in the record."""
    own = next((each for each in scores["forecasters"] if each["name"] == name), None)
    if own is None:
        return None
    card = own["overall"]
    return ForecasterView(
        name=name,
        warnings=implausible_sentences({name: implausible_forecasters(scores)[name]}),
        settled=f"{card['settled']:,} of {card['votes']:,} settled",
        coverage=format_number(card["coverage"], "%", 0),
        overall=tuple(
            FigureRow(column.heading, (column.format(card),), hint=column.meaning)
            for column in SCORE_COLUMNS
        ),
        power=record_power(own, scores["horizon"]),
        words=SCORE_TERMS,
        calibration=calibration_figure(
            "calibration", f"Calibration: {describe_agent(name).label}", own
        ),
        by_symbol=_score_table("By symbol", "Symbol", own["by_symbol"], "/symbols/"),
        by_regime=_score_table("By regime", "Market", own["by_regime"]),
        by_period=_score_table("By period", "Period", own["by_period"]),
        decay=decay_table([own]),
        best=tuple(map(_outcome_view, own["best"])),
        worst=tuple(map(_outcome_view, own["worst"])),
        tail=quantile_view(scores) if name == quantile_agent(scores) else None,
    )


def _score_table(
    title: str, row_header: str, cards: Sequence[Json], folder: str = ""
) -> FigureTable:
    full_scales = [
        _full_scale([card[c.field] for card in cards]) if c.about_zero else None
        for c in SCORE_COLUMNS
    ]
    return FigureTable(
        title,
        row_header,
        ("Settled", *(column.heading for column in SCORE_COLUMNS)),
        tuple(
            FigureRow(
                card["name"],
                (
                    FormattedFigure(f"{card['settled']:,}"),
                    *(
                        column.format(card, full_scale)
                        for column, full_scale in zip(SCORE_COLUMNS, full_scales, strict=True)
                    ),
                ),
                f"{folder}{card['name']}" if folder else "",
            )
            for card in cards
        ),
    )


def _full_scale(figures: Sequence[Json]) -> float | None:
    ends = [estimate[end] for estimate in figures for end in ("value", "low", "high")]
    return max((abs(end) for end in ends if end is not None), default=0.0) or None


def _outcome_view(call: Mapping[str, Any]) -> VoteOutcomeView:
    change = call["change"]
    return VoteOutcomeView(
        symbol=call["symbol"],
        day=call["known_at"][:10],
        forecast=format_number(call["p_up"], "%", 1),
        base_rate=format_number(call["base_rate"], "%", 1),
        change=f"{'+' if change > 0 else ''}{format_number(change, '%', 2)}",
        tone="up" if change > 0 else "down" if change < 0 else "flat",
        gain=format_number(call["gain"] * 1000, "", 1),
        url=f"/decisions/{call['receipt']}" if call["receipt"] else "",
    )
