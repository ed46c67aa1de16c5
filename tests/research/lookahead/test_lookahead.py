"""The check catches every kind of leak and names it, and leaves honest agents alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli.research import agent_checks
from domain.errors import InputError, NotFoundError, VerificationError
from domain.panel import Floats, Panel
from domain.votes import Agent
from research.lookahead.agent_process import agent_pair
from research.lookahead.cuts import DEFAULT_CUTS, choose_cuts
from research.lookahead.examine import LookaheadReport, examine
from research.lookahead.invariants import (
    MEMORY,
    NO_LEVEL,
    NO_LOOKAHEAD,
    NO_NEIGHBOURS,
    NO_WINDOW,
    NOTHING_OUTSIDE,
    PANEL_LENGTH,
    REPEATABLE,
    SILENT_WITHOUT_BARS,
    SOUND_VOTES,
    WARMUP,
    InvariantViolation,
)
from research.lookahead.perturbations import replace_future, select_symbols
from settings import Settings, load_settings
from storage.journal.panel_archive import panel_digest
from tests.agents.random_panels import random_panel
from tests.research.lookahead import leaks
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


def examined(
    make_agent: Callable[[], Agent], *, cuts: int = 6, deadline: float | None = None
) -> LookaheadReport:
    with agent_pair(make_agent) as pair:
        return examine(pair, PANEL, cuts=cuts, deadline=deadline)


def violations_of(observe: Callable[[Panel], Floats]) -> list[InvariantViolation]:
    return list(examined(partial(FaultyAgent, observe)).violations)


@pytest.mark.parametrize(
    ("leak", "source"),
    [
        (leaks.centred_window, "prices"),
        (leaks.whole_sample, "prices"),
        (leaks.period_end, "filings"),
        (leaks.morning_headline, "headlines"),
        (leaks.future_surprise, "announcements"),
        (leaks.share_of_time, PANEL_LENGTH),
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
    assert 0 < finding.cuts <= 6
    assert (
        f"first {finding.difference.symbol} at {finding.difference.at:%Y-%m-%d}" in finding.message
    )


def test_the_reported_difference_is_the_one_that_an_earlier_look_would_have_shown() -> None:
    (finding,) = violations_of(leaks.morning_headline)
    where = finding.difference
    assert where is not None
    row = int(np.searchsorted(PANEL.known_at, np.datetime64(where.at.replace(tzinfo=None))))
    column = PANEL.symbols.index(where.symbol)
    agent = FaultyAgent(leaks.morning_headline)
    then, on_all = agent.vote(PANEL.head(row + 1)), agent.vote(PANEL)
    values = [repr(float(votes.log_odds[row, column])) for votes in (then, on_all)]
    assert values == [where.one, where.other]


def test_two_leaks_at_once_are_both_named() -> None:
    both = violations_of(leaks.two_leaks)
    assert {finding.source for finding in both} == {"prices", "filings"}


@pytest.mark.parametrize(
    ("observe", "promise"), [(leaks.average_move, NO_NEIGHBOURS), (leaks.level, NO_LEVEL)]
)
def test_neighbours_and_levels_are_caught(observe: Callable[[Panel], Floats], promise: str) -> None:
    assert [finding.invariant for finding in violations_of(observe)] == [promise]


@pytest.mark.parametrize(
    ("kind", "observe", "broken"),
    [
        (leaks.UniverseAgent, leaks.rank_of_move, set()),
        (FaultyAgent, leaks.rank_of_move, {NO_NEIGHBOURS}),
        (leaks.UniverseAgent, leaks.average_move, {NO_NEIGHBOURS}),
        (leaks.UniverseAgent, leaks.column_number, {NO_NEIGHBOURS}),
        (leaks.WorldAgent, constant_signal, {SOUND_VOTES}),
    ],
)
def test_a_scope_is_what_an_agent_promises_about_other_symbols(
    kind: type[FaultyAgent], observe: Callable[[Panel], Floats], broken: set[str]
) -> None:
    report = examined(partial(kind, observe))
    assert {finding.invariant for finding in report.violations} == broken


@pytest.mark.parametrize(
    ("leak", "promise", "source"),
    [
        (leaks.remembered_week, NO_LOOKAHEAD, MEMORY),
        (leaks.cached_average, NO_LOOKAHEAD, MEMORY),
        (leaks.month_ends, NO_LOOKAHEAD, PANEL_LENGTH),
        (leaks.mantissas, NO_LEVEL, ""),
        (leaks.callers_panel, NO_LOOKAHEAD, "prices"),
        (leaks.weekday_now, NOTHING_OUTSIDE, "the clock"),
        (leaks.another_program, NOTHING_OUTSIDE, "subprocess.Popen"),
    ],
)
def test_a_leak_that_goes_around_the_panel_is_caught(
    leak: Callable[[Panel], Floats], promise: str, source: str
) -> None:
    (finding,) = examined(partial(FaultyAgent, leak), cuts=20).violations
    assert finding.invariant == promise
    assert finding.source.startswith(source)


def test_everything_outside_the_panel_is_named() -> None:
    report = examined(partial(FaultyAgent, leaks.everything_outside))
    assert {finding.invariant for finding in report.violations} == {NOTHING_OUTSIDE}
    reached = [
        finding.source.removeprefix("the clock (").removeprefix("the file system (")
        for finding in report.violations
    ]
    assert [words.split()[0] for words in reached] == [
        "time", "time_ns", "localtime", "gmtime", "perf_counter", "date.today", "datetime.now",
        "the", "os.listdir", "stat", "socket.getaddrinfo", "sqlite3.connect", "os.system",
        "ctypes.dlopen",
    ]  # fmt: skip


def test_scores_too_good_to_be_true_are_called_so() -> None:
    clairvoyant = examined(partial(FaultyAgent, leaks.callers_panel), cuts=1)
    assert any(words.startswith("hit rate") for words in clairvoyant.implausible)
    assert examined(partial(FaultyAgent, leaks.rank_of_move), cuts=1).implausible == ()


def test_a_file_read_while_voting_is_refused_and_named_though_the_agent_hides_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "next_week.npy"
    np.save(path, np.array(0.5))
    report = examined(partial(leaks.FileAgent, path))
    assert [finding.invariant for finding in report.violations] == [NOTHING_OUTSIDE]
    assert str(path) in report.violations[0].message
    assert report.opened == (str(path),)


def test_a_file_that_compiled_code_reads_while_voting_is_found(tmp_path: Path) -> None:
    path = tmp_path / "next_week.parquet"
    pd.DataFrame({"return": [0.5]}).to_parquet(path)
    report = examined(partial(leaks.FileAgent, path))
    assert {finding.invariant for finding in report.violations} == {NOTHING_OUTSIDE}
    assert any("compiled code" in finding.message for finding in report.violations)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (WindowedAgent, {NO_WINDOW}),
        (NonDeterministicAgent, {REPEATABLE}),
        (DependsOnNeighboursAgent, {REPEATABLE}),
        (VotesWithoutBarsAgent, {SOUND_VOTES, SILENT_WITHOUT_BARS}),
        (WrongWarmupAgent, {WARMUP}),
        (FailingAgent, {NO_LOOKAHEAD}),
        (FaultyAgent, set()),
    ],
)
def test_every_other_broken_promise_is_reported_by_its_name(
    kind: type[FaultyAgent], expected: set[str]
) -> None:
    report = examined(partial(kind, constant_signal), cuts=4)
    broken = {finding.invariant for finding in report.violations}
    assert broken == expected


def test_an_agent_that_always_fails_is_a_finding_and_no_crash() -> None:
    report = examined(partial(FaultyAgent, leaks.fails))
    assert "ZeroDivisionError" in report.violations[0].message
    assert report.votes == 0


def test_an_agent_that_cannot_be_sent_to_another_process_is_refused_with_the_remedy() -> None:
    with pytest.raises(InputError, match="top level of a module"):
        examined(partial(FaultyAgent, lambda panel: panel.close))


def test_cuts_fall_where_a_look_ahead_of_one_bar_shows() -> None:
    panel = random_panel(seed=11, bars=700)
    cuts = choose_cuts(panel, 20, seed=5)
    assert cuts == choose_cuts(panel, 20, seed=5) != choose_cuts(panel, 20, seed=6)
    assert cuts[:2] == [1, 699]
    assert all(1 <= rows <= 700 for rows in cuts)
    inside = [rows for rows in cuts if rows < 700]
    days = panel.known_at.astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(int)
    for period in ((days.astype(int) + 3) // 7, months, months // 3):
        assert any(period[rows] != period[rows - 1] for rows in inside)
    for events in (panel.news, panel.filings, panel.earnings):
        eves = np.searchsorted(panel.known_at, events.known_at, side="left")
        assert set(eves) & set(cuts)


@pytest.mark.parametrize("seed", range(7))
def test_a_cut_falls_before_every_weekday_of_every_week_of_a_month(seed: int) -> None:
    panel = random_panel(seed=11, bars=500)
    cuts = [rows for rows in choose_cuts(panel, DEFAULT_CUTS, seed) if rows < 500]
    following = pd.DatetimeIndex(panel.known_at[cuts])
    assert ((following.dayofweek == 4) & ((following.day - 1) // 7 == 2)).any()  # third Fridays
    weeks = set(zip(following.dayofweek, (following.day - 1) // 7, strict=True))
    assert weeks >= {(day, week) for day in range(5) for week in range(4)}


def test_cuts_fall_before_holidays_and_short_sessions() -> None:
    panel = random_panel(seed=11, bars=300)
    known_at = panel.known_at.copy()
    known_at[100] -= np.timedelta64(3, "h")
    kept = np.delete(np.arange(300), 201)
    bars = {
        name: getattr(panel, name)[kept]
        for name in ("open", "high", "low", "close", "volume", "benchmark")
    }
    irregular = replace(panel, known_at=known_at[kept], **bars)
    for seed in range(5):
        cuts = choose_cuts(irregular, 20, seed)
        assert {100, 201} <= set(cuts)


def test_a_cut_falls_before_the_first_filing_after_a_split() -> None:
    filings = PANEL.filings
    own = np.flatnonzero(filings.symbol == 0)
    inside = next(k for k in own[1:] if PANEL.known_at[50] < filings.known_at[k])
    after = (filings.symbol == 0) & (np.arange(len(filings.symbol)) >= inside)
    split = replace(filings, shares=np.where(after, 2.0, 1.0) * filings.shares)
    eve = int(np.searchsorted(PANEL.known_at, filings.known_at[inside], side="left"))
    for seed in range(5):
        assert eve in choose_cuts(replace(PANEL, filings=split), 20, seed)


def test_the_universe_is_part_of_a_panels_digest() -> None:
    fewer = select_symbols(PANEL, PANEL.symbols[:-1])
    reordered = select_symbols(PANEL, PANEL.symbols[::-1])
    assert len({panel_digest(panel) for panel in (PANEL, fewer, reordered)}) == 3


def test_cuts_prefer_bars_with_a_vote() -> None:
    voted = np.arange(260) >= 100
    assert all(rows > 100 for rows in choose_cuts(PANEL, 30, 1, voted)[1:])


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


def test_fewer_cuts_are_made_where_time_is_up() -> None:
    assert examined(partial(FaultyAgent, constant_signal), deadline=0.0).cuts == 1


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUORUM_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("QUORUM__AGENTS__NEWS_MODEL", "lexicon")
        yield load_settings({"market": {"provider": "demo"}})


def discard_text(_: str) -> None:
    return None


def test_a_report_covers_each_calendar_of_the_simulated_market(demo: Settings) -> None:
    symbols = ["AAPL", "BTC-USD"]
    checked = agent_checks.check_agent(
        demo,
        "fundamental",
        symbols=symbols,
        cuts=12,
        seed=1,
        log=discard_text,
        time_limit=600.0,
    )
    body = agent_checks.as_json(checked)
    assert (body["agent"], body["market"], body["simulated"]) == ("fundamental", "demo", True)
    assert body["kept"]
    assert [panel["symbols"] for panel in body["panels"]] == [["AAPL"], ["BTC-USD"]]
    assert [(panel["cuts"], panel["opened"]) for panel in body["panels"]] == [(12, []), (12, [])]
    assert body["panels"][0]["votes"] > 100
    agent_checks.refuse_if_broken(checked)


def test_what_leaks_is_shown_and_refused_by_name(
    demo: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    monkeypatch.setattr(agent_checks, "build", leaks.build_leaking)
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
