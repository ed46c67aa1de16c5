"""The check catches every kind of leak and names it, and leaves honest agents alone."""

import pickle
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.registry import AGENTS, GROUP, AgentSettings, build
from cli.research import agent_checks
from domain.errors import InputError, NotFoundError, VerificationError
from domain.instants import Times
from domain.panel import Floats, Panel
from quant.per_symbol import pct_change
from research.lookahead.examine import LookaheadReport, choose_cuts, examine
from research.lookahead.invariants import (
    NO_LEVEL,
    NO_LOOKAHEAD,
    NO_NEIGHBOURS,
    NO_WINDOW,
    PANEL_LENGTH,
    REPEATABLE,
    SILENT_WITHOUT_BARS,
    SOUND_VOTES,
    WARMUP,
    InvariantViolation,
)
from research.lookahead.perturbations import replace_future
from settings import Settings, load_settings
from tests.agents.random_panels import random_panel
from tests.research.lookahead.faulty_agents import (
    DependsOnNeighboursAgent,
    FailingAgent,
    FaultyAgent,
    NonDeterministicAgent,
    VotesWithoutBarsAgent,
    WindowedAgent,
    WrongWarmupAgent,
    constant_signal,
)

PANEL = random_panel(seed=11, bars=260)


def centred_window(panel: Panel) -> Floats:
    ahead = np.vstack([panel.close[2:], np.full((2, len(panel.symbols)), np.nan)])[
        : len(panel.close)
    ]
    return ahead / panel.close - 1.0


def whole_sample(panel: Panel) -> Floats:
    highest = np.nan_to_num(panel.close).max(axis=0)
    return panel.close / np.where(highest > 0, highest, np.nan) - 1.0


def latest(panel: Panel, symbol: np.ndarray, known_at: Times, figure: Floats) -> Floats:
    """Each symbol's last figure known at each bar."""
    by_row = np.full(panel.shape, np.nan)
    for column in range(len(panel.symbols)):
        of = np.flatnonzero(symbol == column)
        of = of[np.argsort(known_at[of], kind="stable")]
        place = np.searchsorted(known_at[of], panel.known_at, side="right") - 1
        by_row[place >= 0, column] = figure[of][place[place >= 0]]
    return by_row


def period_end(panel: Panel) -> Floats:
    filed = panel.filings
    months = 12 * (filed.fiscal_year - 1970) + 3 * filed.fiscal_quarter
    ended = months.astype("datetime64[M]").astype("datetime64[us]")
    return latest(panel, filed.symbol, ended, np.log(filed.shares) * np.sign(filed.net_income))


def morning_headline(panel: Panel) -> Floats:
    news = panel.news
    morning = (news.known_at - np.timedelta64(1, "us")).astype("datetime64[D]")
    length = np.array([len(text) for text in news.headline], np.float64)
    return latest(panel, news.symbol, morning.astype("datetime64[us]"), np.sin(length))


def future_surprise(panel: Panel) -> Floats:
    earnings = panel.earnings
    before = earnings.known_at - np.timedelta64(5, "D")
    return latest(panel, earnings.symbol, before, earnings.eps_actual - earnings.eps_estimate)


def share_of_time(panel: Panel) -> Floats:
    return np.arange(len(panel.known_at))[:, np.newaxis] / len(panel.known_at)


def average_move(panel: Panel) -> Floats:
    return np.nan_to_num(pct_change(panel.close, 1)).mean(axis=1)[:, np.newaxis]


def violations_of(
    observe: Callable[[Panel], Floats], panel: Panel = PANEL
) -> list[InvariantViolation]:
    return list(examine(FaultyAgent(observe), panel, cuts=12).violations)


@pytest.mark.parametrize(
    ("leak", "source"),
    [
        (centred_window, "prices"),
        (whole_sample, "prices"),
        (period_end, "filings"),
        (morning_headline, "headlines"),
        (future_surprise, "announcements"),
        (share_of_time, PANEL_LENGTH),
    ],
)
def test_a_leak_is_caught_and_traced_to_where_it_comes_from(
    leak: Callable[[Panel], Floats], source: str
) -> None:
    (finding,) = violations_of(leak)
    assert (finding.invariant, finding.source) == (NO_LOOKAHEAD, source)
    assert finding.difference is not None
    assert finding.difference.symbol in PANEL.symbols
    assert np.datetime64(finding.difference.at.replace(tzinfo=None)) in PANEL.known_at
    assert finding.difference.one != finding.difference.other
    assert finding.difference.field == "log-odds"
    assert 0 < finding.cuts <= 12
    assert (
        f"first {finding.difference.symbol} at {finding.difference.at:%Y-%m-%d}" in finding.message
    )


def test_the_reported_difference_is_the_one_that_an_earlier_look_would_have_shown() -> None:
    (finding,) = violations_of(morning_headline)
    where = finding.difference
    assert where is not None
    row = int(np.searchsorted(PANEL.known_at, np.datetime64(where.at.replace(tzinfo=None))))
    column = PANEL.symbols.index(where.symbol)
    agent = FaultyAgent(morning_headline)
    then, on_all = agent.vote(PANEL.head(row + 1)), agent.vote(PANEL)
    values = [repr(float(votes.log_odds[row, column])) for votes in (then, on_all)]
    assert values == [where.one, where.other]


def test_two_leaks_at_once_are_both_named() -> None:
    both = violations_of(lambda panel: centred_window(panel) + np.nan_to_num(period_end(panel)))
    assert {finding.source for finding in both} == {"prices", "filings"}


@pytest.mark.parametrize(
    ("observe", "promise"),
    [
        (
            lambda panel: np.nan_to_num(pct_change(panel.close, 1)).mean(axis=1)[:, np.newaxis],
            NO_NEIGHBOURS,
        ),
        (lambda panel: panel.close - 100.0, NO_LEVEL),
    ],
)
def test_neighbours_and_levels_are_caught(observe: Callable[[Panel], Floats], promise: str) -> None:
    with np.errstate(all="ignore"):
        assert [finding.invariant for finding in violations_of(observe)] == [promise]


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (WindowedAgent(constant_signal), {NO_WINDOW}),
        (NonDeterministicAgent(constant_signal), {REPEATABLE}),
        (VotesWithoutBarsAgent(constant_signal), {SOUND_VOTES, SILENT_WITHOUT_BARS}),
        (WrongWarmupAgent(constant_signal), {WARMUP}),
        (FailingAgent(constant_signal), {NO_LOOKAHEAD}),
        (FaultyAgent(constant_signal), set()),
    ],
    ids=lambda each: type(each).__name__,
)
def test_every_other_broken_promise_is_reported_by_its_name(
    agent: FaultyAgent, expected: set[str]
) -> None:
    report = examine(agent, PANEL, cuts=4)
    broken = {finding.invariant for finding in report.violations}
    assert broken == expected


def test_an_agent_that_differs_from_process_to_process_is_caught() -> None:
    report = examine(
        DependsOnNeighboursAgent(constant_signal),
        PANEL,
        cuts=2,
        make_fresh=partial(DependsOnNeighboursAgent, constant_signal),
    )
    assert {finding.invariant for finding in report.violations} == {REPEATABLE}
    assert "in a fresh one" in report.violations[0].message


def test_an_agent_that_always_fails_is_a_finding_and_no_crash() -> None:
    report = examine(FaultyAgent(lambda panel: 1 / 0), PANEL)
    assert "ZeroDivisionError" in report.violations[0].message
    assert report.votes == 0


def test_half_of_the_cuts_fall_right_before_something_becomes_known() -> None:
    cuts = choose_cuts(PANEL, 40, seed=5)
    assert cuts == choose_cuts(PANEL, 40, seed=5) != choose_cuts(PANEL, 40, seed=6)
    assert cuts[:2] == [1, 259]
    assert all(1 <= rows <= 260 for rows in cuts)
    events = [PANEL.news.known_at, PANEL.filings.known_at, PANEL.earnings.known_at]
    known = np.concatenate(events)
    eves = np.searchsorted(PANEL.known_at, known, side="left")
    assert sum(rows in eves for rows in cuts[3::2]) == len(cuts[3::2])


def test_the_future_is_another_and_the_past_is_untouched() -> None:
    other = replace_future(PANEL, 100, seed=1)
    for name in ("open", "high", "low", "close", "volume"):
        value, other_value = getattr(PANEL, name), getattr(other, name)
        assert value[:100].tobytes() == other_value[:100].tobytes()
        assert not np.allclose(value[100:], other_value[100:], equal_nan=True)
    last = PANEL.known_at[99]
    for events, changed, column in (
        (PANEL.filings, other.filings, "revenue"),
        (PANEL.earnings, other.earnings, "eps_actual"),
    ):
        count = int(np.searchsorted(events.known_at, last, side="right"))
        before, after = getattr(events, column), getattr(changed, column)
        assert before[:count].tobytes() == after[:count].tobytes()
        assert not np.allclose(before[count:], after[count:], equal_nan=True)
    count = int(np.searchsorted(PANEL.news.known_at, last, side="right"))
    assert PANEL.news.headline[:count] == other.news.headline[:count]
    assert not set(PANEL.news.headline[count:]) & set(other.news.headline[count:])


def test_cutting_ends_when_time_is_up_and_says_how_far_it_came() -> None:
    answers: Iterator[bool] = iter([False, False, True])
    assert (
        examine(FaultyAgent(constant_signal), PANEL, cuts=9, out_of_time=lambda: next(answers)).cuts
        == 2
    )


@pytest.mark.parametrize("name", AGENTS)
def test_every_shipped_agent_keeps_every_promise(name: str) -> None:
    agent = build(name, AgentSettings(news_model="lexicon"))
    report = examine(agent, random_panel(seed=4, bars=400), cuts=6)
    assert report.violations == ()
    assert report.votes > 300


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUORUM_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("QUORUM__AGENTS__NEWS_MODEL", "lexicon")
        yield load_settings({"market": {"provider": "demo"}})


def discard_text(_: str) -> None:
    return None


@pytest.fixture
def _no_fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting one takes seconds; that it could be is enough."""

    def examine_here(*args: Any, make_fresh: Any, **options: Any) -> LookaheadReport:
        assert make_fresh is None or pickle.dumps(make_fresh)
        return examine(*args, **options)

    monkeypatch.setattr(agent_checks, "examine", examine_here)


@pytest.mark.usefixtures("_no_fresh_process")
@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_keeps_every_promise_on_the_simulated_market(demo: Settings, name: str) -> None:
    symbols = ["AAPL", "BTC-USD"]
    checked = agent_checks.check_agent(
        demo, name, symbols=symbols, cuts=4, seed=1, log=discard_text
    )
    body = agent_checks.as_json(checked)
    assert (body["agent"], body["market"], body["simulated"]) == (name, "demo", True)
    assert body["kept"]
    assert [panel["symbols"] for panel in body["panels"]] == [["AAPL"], ["BTC-USD"]]
    assert all(panel["cuts"] == 4 for panel in body["panels"])
    assert body["panels"][0]["votes"] > 100
    agent_checks.refuse_if_broken(checked)


def leaking() -> FaultyAgent:
    return FaultyAgent(centred_window)


@pytest.mark.usefixtures("_no_fresh_process")
def test_what_leaks_is_shown_and_refused_by_name(
    demo: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    row = EntryPoint("odd", f"{__name__}:leaking", GROUP)
    monkeypatch.setitem(AGENTS, "odd", row)  # type: ignore[index]
    checked = agent_checks.check_agent(
        demo, "odd", symbols=["AAPL"], cuts=3, seed=1, log=discard_text
    )
    agent_checks.show(checked, Console(width=200))
    shown = capsys.readouterr().out
    assert "broken no look-ahead" in shown
    assert "log-odds differs in" in shown
    finding = agent_checks.as_json(checked)["panels"][0]["findings"][0]
    assert (finding["symbol"], finding["source"]) == ("AAPL", "prices")
    assert finding["at"].endswith("Z")
    with pytest.raises(VerificationError, match=r"odd breaks 1 .* no look-ahead \(prices\)"):
        agent_checks.refuse_if_broken(checked)


def test_what_cannot_be_checked_is_refused_with_the_remedy(
    demo: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'technical'"):
        agent_checks.check_agent(demo, "techncal", symbols=[], cuts=3, seed=1, log=discard_text)
    with pytest.raises(InputError, match="at least 1"):
        agent_checks.check_agent(demo, "risk", symbols=[], cuts=0, seed=1, log=discard_text)
    monkeypatch.setenv("QUORUM_HOME", str(tmp_path))
    bare = load_settings({"market": {"provider": "files"}})
    with pytest.raises(InputError, match="quorum import"):
        agent_checks.check_agent(bare, "risk", symbols=[], cuts=3, seed=1, log=discard_text)
