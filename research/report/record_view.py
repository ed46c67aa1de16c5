"""A scored record made ready to be shown: a live run's and a backtest's alike.

Reads `orchestrator.evaluation.scores.Scores` as JSON. Promises that a score without enough behind
it is a dash beside how much there is, and that a figure is never shown without the number of votes
(for rank correlations, bars) it rests on. Leaves out the single forecaster (`forecaster_view.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.evaluation.scores import EARNED_WEIGHTS, EQUAL_WEIGHTS
from research.report.formatting import Said, number, said
from research.report.record_sections import (
    Json,
    Label,
    TailView,
    ahead_grid,
    calibration_figure,
    decay_grid,
    regret_figure,
    scaled,
    tail_view,
)
from research.report.score_glossary import MEANINGS, WORDS
from research.report.tables import Fact, Grid


def _nowhere(_: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Column:
    """A score; `about_zero` where zero is what knows nothing, `counted` what its n counts if not
    votes, `needs` what there was none of where that is 0."""

    field: str
    head: str
    unit: str = "%"
    about_zero: bool = True
    digits: int | None = None
    counted: str = ""
    needs: str = ""

    @property
    def meaning(self) -> str:
        return MEANINGS[self.head]

    def told(self, card: Json, full: float | None = None) -> Said:
        counted = self.counted if card[self.field]["n"] else self.needs
        return said(card[self.field], self.unit, full, self.digits, counted)


COLUMNS = (
    Column("brier_skill", "Brier skill"),
    Column("log_skill", "Log skill"),
    Column("hit_rate", "Hit rate", about_zero=False),
    Column("hit_edge", "Hits above base rate"),
    Column("rank_ic", "Rank IC", "", digits=3, counted="bars", needs="bars of 5 symbols"),
    Column("relative_hit_rate", "Relative hits", about_zero=False),
)
BOARD = tuple(column for column in COLUMNS if column.field != "log_skill")
"""What forecasters are compared by at a glance: of two skills that say the same, one."""


@dataclass(frozen=True, slots=True)
class Head:
    name: str
    hint: str


@dataclass(frozen=True, slots=True)
class Standing:
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
    cells: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class RecordView:
    """`weighed` says that weights are known. `calibration` and `regret` are figures in HTML, empty
    where there is nothing to draw."""

    weighed: bool
    heads: tuple[Head, ...]
    standings: tuple[Standing, ...]
    scale: str
    calibration: str
    regret: str
    ahead: Grid
    decay: Grid
    tail: TailView | None
    words: tuple[Fact, ...]


def record_view(
    scores: Json | None,
    weights: Mapping[str, float] | None = None,
    earned: Mapping[str, float] | None = None,
    url: Label = _nowhere,
    label: Label = str,
) -> RecordView | None:
    """None where there is no record. `weights` are those in force now, by agent, `earned` those
    that would be had they to be earned; `url` is the address of a forecaster's own page."""
    if not scores or not scores["forecasters"]:
        return None
    marginal = {each["agent"]: each["value"] for each in scores["marginal"]}
    overall = [each["overall"] for each in scores["forecasters"]]
    reach = [_reach(overall, column) for column in BOARD]
    wide = max((_far(scaled(value)) for value in marginal.values()), default=0.0)
    standings = []
    for card in overall:
        name = card["name"]
        cells = [column.told(card, full) for column, full in zip(BOARD, reach, strict=True)]
        worth = marginal.get(name) if card["settled"] else None
        cells.append(said(scaled(worth), "", wide or None))
        standings.append(
            Standing(
                name=name,
                label=label(name),
                url=url(name),
                weight=number((weights or {}).get(name), "%", 1),
                earned=number((earned or {}).get(name), "%", 1),
                votes=f"{card['votes']:,}",
                settled=f"{card['settled']:,} settled",
                coverage=number(card["coverage"], "%", 0),
                cells=tuple(cells),
            )
        )
    committee = scores["forecasters"][0]
    return RecordView(
        weighed=bool(weights),
        heads=(
            *(Head(column.head, column.meaning) for column in BOARD),
            Head("Marginal value, thousandths", MEANINGS["Marginal value"]),
        ),
        standings=tuple(standings),
        scale=_scale(scores),
        calibration=calibration_figure("calibration", "Calibration of the committee", committee),
        regret=regret_figure(scores, label),
        ahead=ahead_grid(scores, label),
        decay=decay_grid(scores["forecasters"], label),
        tail=tail_view(scores),
        words=WORDS,
    )


def why_weights(weighting: str, scores: Json | None) -> str:
    """Why every agent counts the same, or why it does not."""
    rivals = {each["name"]: each for each in (scores or {}).get("regret", {}).get("rivals", ())}
    other = EARNED_WEIGHTS if weighting == "equal" else EQUAL_WEIGHTS
    ahead = rivals.get(other, {}).get("committee_ahead") or {}
    low, high = ahead.get("low"), ahead.get("high")
    now = "Weights are equal" if weighting == "equal" else "Weights are earned from settled votes"
    if low is None or high is None:
        return f"{now}: there is no record yet long enough to compare them with {other}."
    told = said(scaled(ahead))
    by = f"{told.text} thousandths of log score a vote ({told.between}, n {told.n})"
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


def _reach(cards: Sequence[Json], column: Column) -> float | None:
    """The farthest from zero that any interval of the column gets; None where zero is no mark."""
    if not column.about_zero:
        return None
    return max((_far(card[column.field]) for card in cards), default=0.0) or None


def _far(told: Json | None) -> float:
    ends = [told[name] for name in ("value", "low", "high")] if told else []
    return max((abs(end) for end in ends if end is not None), default=0.0)
