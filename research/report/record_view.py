"""A scored record made ready to be shown: a live run's and a backtest's alike.

Reads `orchestrator.evaluation.scores.RecordScores` as JSON. Promises that a score without enough
behind it is a dash beside how much there is, and that a figure is never shown without the number of
votes (for rank correlations, bars) it rests on. Leaves out the single forecaster
(`forecaster_view.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.evaluation.scores import EARNED_WEIGHTS, EQUAL_WEIGHTS
from research.report.conclusions import implausible_forecasters, implausible_sentences
from research.report.formatting import FormattedFigure, format_figure, format_number
from research.report.power import record_power
from research.report.record_sections import (
    Json,
    Label,
    QuantileView,
    benchmark_table,
    calibration_figure,
    decay_table,
    in_thousandths,
    quantile_view,
    regret_figure,
)
from research.report.score_glossary import SCORE_MEANINGS, SCORE_TERMS
from research.report.tables import FigureTable, LabelledValue


def _no_url(_: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class ScoreColumn:
    """A score; `about_zero` where zero is what knows nothing, `counted_unit` what its n counts if
    not votes, `required` what there was none of where that is 0."""

    field: str
    heading: str
    unit: str = "%"
    about_zero: bool = True
    digits: int | None = None
    counted_unit: str = ""
    required: str = ""

    @property
    def meaning(self) -> str:
        return SCORE_MEANINGS[self.heading]

    def format(self, card: Json, full_scale: float | None = None) -> FormattedFigure:
        counted_unit = self.counted_unit if card[self.field]["n"] else self.required
        return format_figure(card[self.field], self.unit, full_scale, self.digits, counted_unit)


SCORE_COLUMNS = (
    ScoreColumn("brier_skill", "Brier skill"),
    ScoreColumn("log_skill", "Log skill"),
    ScoreColumn("hit_rate", "Hit rate", about_zero=False),
    ScoreColumn("hit_edge", "Hits above base rate"),
    ScoreColumn(
        "rank_ic", "Rank IC", "", digits=3, counted_unit="bars", required="bars of 5 symbols"
    ),
    ScoreColumn("relative_hit_rate", "Relative hits", about_zero=False),
)
LEADERBOARD_COLUMNS = tuple(column for column in SCORE_COLUMNS if column.field != "log_skill")
"""What forecasters are compared by at a glance: of two skills that say the same, one."""


@dataclass(frozen=True, slots=True)
class ColumnHeading:
    name: str
    hint: str


@dataclass(frozen=True, slots=True)
class ForecasterRow:
    """One forecaster of the leaderboard. `url` leads to its own page, empty where it has none;
    `weight` is in force now, `earned` what it would be by what is settled; `settled` is
    `120 of 150 settled`; `cells` follow the columns, the last is the marginal value."""

    name: str
    label: str
    url: str
    weight: str
    earned: str
    votes: str
    settled: str
    coverage: str
    cells: tuple[FormattedFigure, ...]


@dataclass(frozen=True, slots=True)
class RecordView:
    """`warnings` say who is too good to be true. `has_weights` says that weights are known. `power`
    says how small a score of the committee cannot be told from nothing, empty before anything is
    settled. `calibration` and `regret` are figures in HTML, empty where there is nothing to draw.
    """

    warnings: tuple[str, ...]
    has_weights: bool
    heads: tuple[ColumnHeading, ...]
    forecasters: tuple[ForecasterRow, ...]
    scale: str
    power: str
    calibration: str
    regret: str
    benchmarks: FigureTable
    decay: FigureTable
    tail: QuantileView | None
    words: tuple[LabelledValue, ...]


def record_view(
    scores: Json | None,
    weights: Mapping[str, float] | None = None,
    earned: Mapping[str, float] | None = None,
    url: Label = _no_url,
    label: Label = str,
) -> RecordView | None:
    """None where there is no record. `weights` are those in force now, by agent, `earned` those
    that would be had they to be earned; `url` is the address of a forecaster's own page."""
    if not scores or not scores["forecasters"]:
        return None
    marginal = {each["agent"]: each["value"] for each in scores["marginal"]}
    overall = [each["overall"] for each in scores["forecasters"]]
    full_scales = [_full_scale(overall, column) for column in LEADERBOARD_COLUMNS]
    marginal_scale = max(
        (_farthest_from_zero(in_thousandths(value)) for value in marginal.values()), default=0.0
    )
    forecasters = []
    for card in overall:
        name = card["name"]
        cells = [
            column.format(card, full_scale)
            for column, full_scale in zip(LEADERBOARD_COLUMNS, full_scales, strict=True)
        ]
        marginal_value = marginal.get(name) if card["settled"] else None
        cells.append(format_figure(in_thousandths(marginal_value), "", marginal_scale or None))
        forecasters.append(
            ForecasterRow(
                name=name,
                label=label(name),
                url=url(name),
                weight=format_number((weights or {}).get(name), "%", 1),
                earned=format_number((earned or {}).get(name), "%", 1),
                votes=f"{card['votes']:,}",
                settled=f"{card['settled']:,} settled",
                coverage=format_number(card["coverage"], "%", 0),
                cells=tuple(cells),
            )
        )
    committee = scores["forecasters"][0]
    return RecordView(
        warnings=implausible_sentences(implausible_forecasters(scores)),
        has_weights=bool(weights),
        heads=(
            *(ColumnHeading(column.heading, column.meaning) for column in LEADERBOARD_COLUMNS),
            ColumnHeading("Marginal value, thousandths", SCORE_MEANINGS["Marginal value"]),
        ),
        forecasters=tuple(forecasters),
        scale=_scale(scores),
        power=record_power(committee, scores["horizon"]),
        calibration=calibration_figure("calibration", "Calibration of the committee", committee),
        regret=regret_figure(scores, label),
        benchmarks=benchmark_table(scores, label),
        decay=decay_table(scores["forecasters"], label),
        tail=quantile_view(scores),
        words=SCORE_TERMS,
    )


def explain_weights(weighting: str, scores: Json | None) -> str:
    """Why every agent counts the same, or why it does not."""
    rivals = {each["name"]: each for each in (scores or {}).get("regret", {}).get("rivals", ())}
    other = EARNED_WEIGHTS if weighting == "equal" else EQUAL_WEIGHTS
    ahead = rivals.get(other, {}).get("committee_ahead") or {}
    low, high = ahead.get("low"), ahead.get("high")
    now = "Weights are equal" if weighting == "equal" else "Weights are earned from settled votes"
    if low is None or high is None:
        return f"{now}: there is no record yet long enough to compare them with {other}."
    lead = format_figure(in_thousandths(ahead))
    by = f"{lead.text} thousandths of log score a vote ({lead.interval}, n {lead.n})"
    if low > 0:
        return f"{now}: out of sample they did better than {other}, by {by}."
    if high < 0:
        return f"{now}, although out of sample {other} did better: the difference is {by}."
    return f"{now}: out of sample {other} made no difference that can be told from chance, {by}."


def _scale(scores: Json) -> str:
    return (
        f"Forecasts of the return over {scores['horizon']} bars, on {scores['bars']:,} bars. "
        f"Intervals hold 90 % of what blocks of {scores['block']:.0f} bars drawn again could have "
        "shown."
    )


def _full_scale(cards: Sequence[Json], column: ScoreColumn) -> float | None:
    """The farthest from zero that any interval of the column gets; None where zero is no mark."""
    if not column.about_zero:
        return None
    return max((_farthest_from_zero(card[column.field]) for card in cards), default=0.0) or None


def _farthest_from_zero(estimate: Json | None) -> float:
    ends = [estimate[name] for name in ("value", "low", "high")] if estimate else []
    return max((abs(end) for end in ends if end is not None), default=0.0)
