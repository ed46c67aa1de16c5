"""What the fundamental agent makes of filings and announcements, and when it abstains."""

from dataclasses import replace

import numpy as np
import pytest

from agents.fundamental import FundamentalAgent
from domain.panel import Earnings, empty_earnings, empty_filings
from tests.agents.random_panels import SYMBOLS, random_panel


def test_a_fund_has_no_filings_and_gets_no_vote() -> None:
    votes = FundamentalAgent().vote(random_panel(seed=1))
    assert votes.abstention_reason(319, SYMBOLS.index("DRY")) == "no filings known"


def test_what_could_not_be_fetched_is_not_called_missing() -> None:
    panel = replace(
        random_panel(seed=1), filings=empty_filings(), earnings=empty_earnings(),
        unavailable={"filings": {"WALK": "429"}},
    )  # fmt: skip
    votes = FundamentalAgent().vote(panel)
    assert votes.abstention_reason(319, SYMBOLS.index("WALK")) == "filings could not be fetched"
    assert votes.abstention_reason(319, SYMBOLS.index("WILD")) == "no filings known"


def test_old_filings_are_not_voted_on() -> None:
    panel = random_panel(seed=1, bars=500)
    panel = replace(panel, filings=panel.filings.head(20), earnings=empty_earnings())
    votes = FundamentalAgent().vote(panel)
    assert votes.abstention_reason(499, 0) == "last filing older than 200 days"


def test_a_surprise_is_usable_from_the_next_bar_and_fades_within_sixty_days() -> None:
    panel = replace(random_panel(seed=1), filings=empty_filings())
    midnight = panel.known_at[100].astype("datetime64[D]") + np.timedelta64(1, "D")
    panel = replace(panel, earnings=Earnings(
        np.array([0], np.int32), np.array([midnight], "datetime64[us]"),
        np.array([1.0]), np.array([1.3]),
    ))  # fmt: skip
    votes = FundamentalAgent().vote(panel)
    surprise = next(term for term in votes.evidence if term.name == "earnings surprise").log_odds[
        :, 0
    ]
    assert np.isnan(surprise[100])
    assert 0.05 < surprise[101] <= 0.06
    faded = surprise[101:141]
    assert (np.diff(faded) < 0).all()
    assert np.isnan(surprise[101 + 45])
    assert votes.evidence[-2].value[101, 0] == pytest.approx(3.0)
