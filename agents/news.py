"""The news agent: sentiment of the headlines of the last fortnight, fresh ones weighing most.

A vote is the base rate plus one named contribution a headline, from headlines known at the bar,
each story counted once, when it was first told. Leaves out the articles below their headlines, and
whether the market has already moved on the news.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.base import WeightedAgent
from agents.evidence import Weights
from agents.headlines import Stories, extract_stories
from agents.sentiment import HeadlineScorer, make_scorer
from agents.settings import NewsSettings
from domain.panel import Floats, Panel
from domain.votes import ItemEvidence, Votes
from quant.jit import cached_njit

IntArray = NDArray[np.int64]

WINDOW = np.timedelta64(14, "D")
HALF_LIFE_DAYS = 3.0
BOUND = 0.3
"""Largest log-odds of any amount of news: about seven points of probability."""
RESISTANCE = 2.0
"""Weight of news at which half the bound is reached. One fresh headline of sentiment -0.8 from a
full-weight source moves the vote by 0.3 × 0.8 / (2.0 + 0.8) = 0.086, two points of probability."""
BOUND_WEIGHT = "all headlines"
"""Name of the bound among the coefficients."""
MAX_LISTED = 5
"""Headlines that a cell names; the rest are summed."""
MAX_NAME_LENGTH = 160

SOURCE_WEIGHTS = {
    "reuters": 1.0, "bloomberg": 1.0, "associated press": 1.0, "dow jones": 1.0,
    "the wall street journal": 1.0, "wall street journal": 1.0, "financial times": 1.0,
    "cnbc": 0.9, "barrons.com": 0.8, "barron's": 0.8, "marketwatch": 0.8, "yahoo finance": 0.8,
    "investor's business daily": 0.7, "business wire": 0.6, "pr newswire": 0.6, "prnewswire": 0.6,
    "globenewswire": 0.6, "globe newswire": 0.6, "accesswire": 0.5, "benzinga": 0.5,
    "seeking alpha": 0.5, "zacks": 0.4, "motley fool": 0.4, "the motley fool": 0.4,
    "insider monkey": 0.4, "simply wall st.": 0.4, "gurufocus.com": 0.4,
}  # fmt: skip
"""Newsrooms count fully, a company's own announcements less, opinion least."""
OTHER_SOURCE_WEIGHT = 0.7

_DAY = np.timedelta64(1, "D") / np.timedelta64(1, "us")


@dataclass(frozen=True, slots=True)
class _Readings:
    """P pairs of a cell and a story read there, in order of cell, then story.

    A story has `weighted_sentiment` (P,), and `weighted_sentiment / denominator` is its fraction of
    the bound; in a cell they sum to at most 1 in size.
    """

    cell: IntArray
    story: IntArray
    weighted_sentiment: Floats
    denominator: Floats


@dataclass(frozen=True, slots=True, eq=False)
class NewsObservations:
    """The stories told in the requested rows, their sentiment, and where each is read."""

    stories: Stories
    sentiment: Floats
    readings: _Readings


class NewsAgent(WeightedAgent[NewsObservations]):
    """Scores the headlines of the last fortnight, the fresh ones most, and votes with their
    sentiment.

    Abstains where there are none.
    """

    name = "news"
    label = "News"
    icon = "newspaper"
    default_weights: ClassVar[Mapping[str, float]] = {BOUND_WEIGHT: BOUND}
    Settings = NewsSettings

    def __init__(self, scorer: HeadlineScorer, weights: Mapping[str, float] | None = None) -> None:
        """`weights` may hold a fitted bound instead of `BOUND`."""
        super().__init__(weights)
        self._scorer = scorer

    @classmethod
    def create(cls, settings: NewsSettings) -> "NewsAgent":
        """Raises ConfigurationError for a headline model that is not available."""
        return cls(make_scorer(settings.news_model, settings.models_dir))

    @property
    def base_version(self) -> str:
        """The agent's own version and the scorer in use."""
        return f"1 {self._scorer.name}"

    def observe(self, panel: Panel, since: int) -> NewsObservations:
        known_at = panel.known_at
        stories = extract_stories(panel.news, known_at[since] - WINDOW, known_at[-1])
        sentiment = self._scorer.score(stories.text)
        readings = _weigh_stories(panel, since, stories, sentiment)
        return NewsObservations(stories, sentiment, readings)

    def vote_with_weights(
        self, panel: Panel, since: int, observed: NewsObservations, weights: Weights
    ) -> Votes:
        bound = weights.get(BOUND_WEIGHT, BOUND)
        return self.build_votes(
            panel,
            since,
            abstain_where=_abstentions(panel, since, observed.readings),
            item_evidence=_item_evidence(observed, bound, panel.close[since:].shape),
        )


def _weigh_stories(panel: Panel, since: int, stories: Stories, sentiment: Floats) -> _Readings:
    """Weigh every story in every requested row in which it is known and no older than the window.

    A story of sentiment s has the weight w = relevance × source × 2^(-age / half-life), and
    contributes BOUND × w s / (RESISTANCE + Σ w |s|) over the stories of its cell: nearly w s
    each while news is scarce, and never more than BOUND together.
    """
    begin = np.maximum(np.searchsorted(panel.known_at, stories.known_at, side="left"), since)
    end = np.searchsorted(panel.known_at, stories.known_at + WINDOW, side="left")
    rows = np.maximum(end - begin, 0)
    story = np.repeat(np.arange(len(rows)), rows)
    row = np.arange(len(story)) + np.repeat(begin - (np.cumsum(rows) - rows), rows)
    cell = (row - since) * len(panel.symbols) + stories.symbol[story]
    order = np.argsort(cell, kind="stable")
    cell, story, row = cell[order], story[order], row[order]

    age = (panel.known_at[row] - stories.known_at[story]).astype(np.int64) / _DAY
    weight = _story_weight(stories)[story] * np.exp2(-age / HALF_LIFE_DAYS)
    weighted_sentiment = weight * sentiment[story]
    total = np.bincount(cell, np.abs(weighted_sentiment), minlength=1)
    return _Readings(cell, story, weighted_sentiment, RESISTANCE + total[cell])


def _story_weight(stories: Stories) -> Floats:
    source = [SOURCE_WEIGHTS.get(name.casefold(), OTHER_SOURCE_WEIGHT) for name in stories.source]
    return stories.relevance * np.array(source, np.float64)


def _abstentions(
    panel: Panel, since: int, readings: _Readings
) -> list[tuple[NDArray[np.bool_], str]]:
    """Return where there is no headline, and why: not fetched, or there was none."""
    rows, columns = len(panel.known_at) - since, len(panel.symbols)
    quiet = np.ones((rows, columns), bool)
    quiet.reshape(-1)[readings.cell] = False
    failed = panel.unavailable.get("news", {})
    failures = [
        (quiet & np.array([failed.get(symbol) == why for symbol in panel.symbols]), why)
        for why in sorted(set(failed.values()))
    ]
    failed_masks = [(mask, f"news could not be fetched: {why}") for mask, why in failures]
    return [*failed_masks, (quiet, f"no headlines in the last {WINDOW.astype(int)} days")]


def _item_evidence(
    observed: NewsObservations, bound: float | Floats, shape: tuple[int, ...]
) -> ItemEvidence:
    """Return the heaviest headlines of each cell by name, and the sum of the rest."""
    readings, stories, sentiment = observed.readings, observed.stories, observed.sentiment
    bounds = np.broadcast_to(bound, shape).reshape(-1)[readings.cell]
    log_odds = bounds * readings.weighted_sentiment / readings.denominator
    order = _heaviest_first(readings.cell, np.abs(log_odds))
    cell, story, log_odds = readings.cell[order], readings.story[order], log_odds[order]
    rank = np.arange(len(cell)) - np.searchsorted(cell, cell, side="left")
    listed = rank < MAX_LISTED
    cells_with_more, more = np.unique(cell[~listed], return_counts=True)
    summed = np.bincount(cell[~listed], log_odds[~listed], minlength=1)[cells_with_more]

    is_listed = np.bincount(story[listed], minlength=len(stories.text)) > 0
    shown, name = np.flatnonzero(is_listed), (np.cumsum(is_listed) - 1)[story[listed]]
    sizes, size = np.unique(more, return_inverse=True)
    names = [_shorten(stories.text[k]) for k in shown.tolist()]
    names += [f"{n} more headline{'s' if n > 1 else ''}" for n in sizes.tolist()]

    all_cells = np.concatenate([cell[listed], cells_with_more])
    by_cell = np.argsort(all_cells, kind="stable")
    value = np.concatenate([sentiment[story[listed]], np.full(len(cells_with_more), np.nan)])
    row, col = np.divmod(all_cells[by_cell], shape[1])
    return ItemEvidence(
        row=row.astype(np.int32),
        col=col.astype(np.int32),
        name=np.concatenate([name, len(shown) + size])[by_cell].astype(np.int32),
        names=tuple(names),
        value=value[by_cell],
        log_odds=np.concatenate([log_odds[listed], summed])[by_cell],
    )


@cached_njit
def _heaviest_first(cell: IntArray, weight: Floats) -> IntArray:
    """Sort by `weight` within each cell, stably; by insertion, since few stories share a cell."""
    order = np.arange(len(cell))
    for k in range(1, len(cell)):
        place = k
        while place > 0 and cell[order[place - 1]] == cell[k]:
            if weight[order[place - 1]] >= weight[k]:
                break
            order[place] = order[place - 1]
            place -= 1
        order[place] = k
    return order


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_NAME_LENGTH else f"{text[: MAX_NAME_LENGTH - 1].rstrip()}…"
