"""Whether votes live, in a replay and in a backtest are the same, to the last bit on real history.

`python -m benchmarks identity data=FOLDER pairs=1000`: imports the folder's files into a home of
its own. A backtest votes on the whole period at once. Then, on random days, cycles are run and
recorded as `quorum serve` does (each agent in a Ray actor) and as `quorum replay --in-process`
does, on random symbols, and every recorded vote is compared with the backtest's: log-odds, cap,
forecast quantile and every reason.
"""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agents.registry import AGENTS, build
from benchmarks.support.imported_history import SETTINGS, build_panel, imported_store, vote_all
from domain.decision import Vote
from domain.instants import to_datetime
from domain.panel import Panel
from domain.timeframe import Timeframe
from domain.votes import Votes
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.cycle import RunContext, run_cycles
from orchestrator.team.base import Team
from orchestrator.team.local_team import LocalTeam
from orchestrator.team.ray_session import RaySession
from orchestrator.team.ray_team import RayTeam
from storage.database import Database
from storage.journal.panel_archive import panel_digest
from storage.journal.sql_journal import SqlJournal
from storage.market_data.sql_store import SqlMarketDataStore

SYMBOLS_PER_DAY = 8
"""Symbols compared on one day."""


def run(data: str, pairs: str = "1000", seed: str = "7", **period: str) -> dict[str, Any]:
    """Return how many (symbol, day) pairs were compared, and every difference."""
    start = datetime.fromisoformat(period.get("from", "2012-01-03")).replace(tzinfo=UTC)
    end = datetime.fromisoformat(period.get("to", "2025-09-26")).replace(tzinfo=UTC)
    with imported_store(data) as (database, store), tempfile.TemporaryDirectory() as home:
        panel = build_panel(store, store.symbols("files", Timeframe.D1), end)
        since = int(np.searchsorted(panel.known_at, np.datetime64(start.replace(tzinfo=None))))
        backtest = {result.agent: result.votes for result in vote_all(panel, since) if result.votes}
        sample = list(_pairs(panel, since, int(pairs), int(seed)))
        builder = partial(build, settings=SETTINGS)
        session = RaySession.local(Path(home), dashboard=False)
        teams: dict[str, Team] = {
            "live": RayTeam(session, tuple(AGENTS), builder, home=Path(home), timeout=300),
            "replay": LocalTeam(tuple(AGENTS), builder),
        }
        try:
            differences_by_run = {
                run: list(_differences(run, team, database, store, panel, backtest, sample))
                for run, team in teams.items()
            }
        finally:
            for team in teams.values():
                team.close()
    return {
        "pairs": sum(len(names) for _, names in sample),
        "days": len(sample),
        "votes compared": sum(len(names) for _, names in sample) * len(AGENTS) * len(teams),
        **{f"differences {run}": differences for run, differences in differences_by_run.items()},
    }


def _pairs(panel: Panel, since: int, pairs: int, seed: int) -> Iterator[tuple[int, list[str]]]:
    """Yield random rows of the panel, each with random symbols that had a bar then."""
    rng = np.random.default_rng(seed)
    left = pairs
    for row in np.sort(
        rng.choice(np.arange(since, len(panel.known_at)), pairs // SYMBOLS_PER_DAY + 1, False)
    ):
        listed = np.flatnonzero(~np.isnan(panel.close[row]))
        names = rng.choice(listed, min(SYMBOLS_PER_DAY, len(listed), left), replace=False)
        if len(names):
            yield int(row), [panel.symbols[n] for n in names]
        left -= len(names)


def _differences(
    run: str,
    team: Team,
    database: Database,
    store: SqlMarketDataStore,
    panel: Panel,
    backtest: dict[str, Votes],
    sample: Sequence[tuple[int, list[str]]],
) -> Iterator[str]:
    context = RunContext(
        market="files", run=run, simulated=False, timeframe=Timeframe.D1, horizon=panel.horizon,
        settings=CommitteeSettings(), store=store, journal=SqlJournal(database),
        digest_of=panel_digest,
    )  # fmt: skip
    for row, names in sample:
        [result] = run_cycles(context, team, names, to_datetime(panel.known_at[row]), previous={})
        for decision in result.cycle.decisions:
            column = panel.symbols.index(decision.symbol)
            for vote in decision.votes:
                votes = backtest[vote.agent]
                matrix_row = row - (len(panel.known_at) - len(votes.known_at))
                if _vote_values(vote) != _matrix_values(votes, matrix_row, column):
                    yield f"{vote.agent} {decision.symbol} {panel.known_at[row]}"


def _vote_values(vote: Vote) -> tuple[object, ...]:
    return vote.log_odds, vote.cap, vote.quantile_5, vote.abstained_because, vote.reasons


def _matrix_values(votes: Votes, row: int, column: int) -> tuple[object, ...]:
    def number(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    quantile = votes.quantile_5
    return (
        number(votes.log_odds[row, column]),
        float(votes.cap[row, column]),
        None if quantile is None else number(quantile[row, column]),
        votes.abstention_reason(row, column),
        votes.reasons(row, column),
    )
