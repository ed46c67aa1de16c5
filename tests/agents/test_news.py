"""The news agent: what a headline does to a vote, and what it must never do."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.headlines import clean_headline
from agents.lexicon import LexiconScorer
from agents.news import BOUND, MAX_LISTED, NewsAgent
from domain.panel import News, Panel
from domain.votes import Reason, Votes
from tests.agents.random_panels import SYMBOLS, random_panel

AGENT = NewsAgent(LexiconScorer())
BAD = "Walk shares plunge after profit warning and fraud probe"
ROW = 100
DAY = np.timedelta64(1, "D")


def test_one_fresh_strongly_negative_headline_moves_the_probability_by_a_couple_of_points() -> None:
    votes = AGENT.vote(_panel((0.0, BAD)))
    before = AGENT.vote(_panel((0.0, "Walk to hold its meeting in March"))).p_up[ROW, 0]
    assert 0.01 < before - votes.p_up[ROW, 0] < 0.03


def test_news_fades_with_age_and_is_forgotten_after_a_fortnight() -> None:
    votes = AGENT.vote(_panel((0.0, BAD)))
    impact = [_headlines(votes, row)[0].log_odds for row in range(ROW, ROW + 10)]
    assert impact == sorted(impact)
    assert votes.abstention_reason(ROW + 10, 0) == "no headlines in the last 14 days"


def test_a_headline_is_unknown_before_the_bar_at_which_it_could_be_read() -> None:
    votes = AGENT.vote(_panel((-0.5, BAD)))
    assert votes.abstention_reason(ROW - 1, 0) == "no headlines in the last 14 days"
    assert votes.abstention_reason(ROW, 0) is None


def test_a_repeated_story_counts_once_from_its_first_telling() -> None:
    once = AGENT.vote(_panel((0.0, BAD)))
    again = AGENT.vote(_panel((0.0, BAD), (1.0, f"UPDATE 2-{BAD}"), (2.0, f"{BAD.upper()} - wire")))
    assert again.log_odds[:, 0].tobytes() == once.log_odds[:, 0].tobytes()


def test_a_story_repeated_after_days_is_news_again() -> None:
    again = AGENT.vote(_panel((0.0, BAD), (4.0, BAD)))
    assert len(_headlines(again, ROW + 5)) == 2


def test_the_opposite_story_in_the_same_words_is_no_repetition() -> None:
    rises, falls = (f"Walk shares {v} 3 percent in early trading" for v in ("rise", "fall"))
    assert len(_headlines(AGENT.vote(_panel((0.0, rises), (1.0, falls))), ROW + 2)) == 2


def test_weight_follows_source_and_relevance() -> None:
    wire = _panel((0.0, BAD))
    blog = replace(wire, news=replace(wire.news, source=("Zacks",)))
    aside = replace(wire, news=replace(wire.news, relevance=np.array([0.3])))
    strong, weak, weaker = (AGENT.vote(p).reasons(ROW, 0)[1].log_odds for p in (wire, blog, aside))
    assert strong < weak < 0.0
    assert strong < weaker < 0.0


def test_a_flood_of_bad_news_stays_within_the_bound_and_is_summed_beyond_five() -> None:
    flood = [(0.0, f"Warehouse {k} of {k + 7} units: {BAD} number {k * 13}") for k in range(60)]
    news = [f"{text} {' '.join(str(k * 97 + j) for j in range(20))}" for k, (_, text) in
            enumerate(flood)]  # fmt: skip
    votes = AGENT.vote(_panel(*((0.0, text) for text in news)))
    named = _headlines(votes, ROW)
    assert len(named) == MAX_LISTED + 1
    assert named[-1].name == "55 more headlines"
    assert named[-1].value is None
    assert -BOUND < sum(reason.log_odds for reason in named) < -0.8 * BOUND


def test_news_that_could_not_be_fetched_differs_from_no_news() -> None:
    panel = replace(_panel((0.0, BAD)), unavailable={"news": {"WALK": "timeout", "DRY": "404"}})
    votes = AGENT.vote(panel)
    assert votes.abstention_reason(ROW - 1, 0) == "news could not be fetched: timeout"
    assert votes.abstention_reason(ROW - 1, SYMBOLS.index("DRY")) == (
        "news could not be fetched: 404"
    )
    assert votes.abstention_reason(ROW - 1, SYMBOLS.index("STILL")) == (
        "no headlines in the last 14 days"
    )
    assert votes.abstention_reason(ROW, 0) is None


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("<script>alert('x')</script> Shares &amp; bonds", "alert('x') Shares & bonds"),
        ("Profit\x00 up\x1b[31m\r\nsharply", "Profit up [31m sharply"),
        ("evil\u202egnp.exe \u2066rises\u2069", "evilgnp.exe rises"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("<img src=x onerror=alert(1)", ""),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("\u200b \u00a0\t", ""),
    ],
)
def test_a_hostile_headline_is_cleaned(hostile: str, harmless: str) -> None:
    assert clean_headline(hostile) == harmless


@settings(max_examples=60)
@given(st.text(max_size=300))
def test_what_is_left_of_any_headline_is_printable_and_stable(text: str) -> None:
    assert clean_headline(text).isprintable()
    clean_headline(text).encode()


def test_huge_and_empty_headlines_do_no_harm() -> None:
    votes = AGENT.vote(_panel((0.0, "profit warning " * 8_000), (0.0, ""), (0.0, "<b></b>")))
    (only,) = _headlines(votes, ROW)
    assert len(only.name) <= 160


def test_only_headlines_of_the_requested_rows_are_scored() -> None:
    class Counting(LexiconScorer):
        texts: tuple[str, ...] = ()

        def score(self, texts):
            self.texts = tuple(texts)
            return super().score(texts)

    scorer = Counting()
    panel = _panel((0.0, BAD), (60.0, "Walk beats estimates"))
    NewsAgent(scorer).vote(panel, len(panel.known_at) - 5)
    assert scorer.texts == ()
    NewsAgent(scorer).vote(panel, ROW + 45)
    assert scorer.texts == ("Walk beats estimates",)


def test_the_version_names_the_scorer_in_use() -> None:
    assert LexiconScorer().name in AGENT.version


def _panel(*stories: tuple[float, str]) -> Panel:
    """A market in which WALK has these headlines, each so many days after bar `ROW` closed."""
    panel = random_panel(seed=3, bars=200)
    at = [panel.known_at[ROW] + np.timedelta64(int(days * 86_400), "s") for days, _ in stories]
    news = News(
        symbol=np.zeros(len(stories), np.int32),
        known_at=np.array(at, "datetime64[us]"),
        headline=tuple(text for _, text in stories),
        source=("Reuters",) * len(stories),
        relevance=np.ones(len(stories)),
    )
    return replace(panel, news=news)


def _headlines(votes: Votes, row: int) -> tuple[Reason, ...]:
    """The reasons of WALK's vote after the base rate."""
    return votes.reasons(row, 0)[1:]
