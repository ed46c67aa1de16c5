"""How often each action occurs over years of history: do the defaults always hold, or trade too
much?

`python -m benchmarks actions data=FOLDER from=2015-01-01 to=2025-01-01`: imports the folder's files
into a home of its own, lets the five agents vote on every bar at once and runs the committee on
their votes. Symbols with fewer than two years before the first date are left out.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from agents.registry import AGENTS
from benchmarks.support.imported_history import (
    build_panel,
    imported_store,
    share_symbols,
    vote_all,
)
from domain.panel import Panel
from orchestrator.committee.learned_weights import equal_influence
from orchestrator.committee.pooling import ACTIONS, CommitteeSettings, collect_votes, pool_votes
from orchestrator.committee.targets import decide_rows, target_inputs
from orchestrator.team.base import AgentVoteResult


def run(data: str, **period: str) -> dict[str, Any]:
    """Return shares of the actions, changes of action a symbol and year, turnover, and
    quantiles."""
    start = datetime.fromisoformat(period.get("from", "2015-01-01")).replace(tzinfo=UTC)
    end = datetime.fromisoformat(period.get("to", "2025-09-26")).replace(tzinfo=UTC)
    with imported_store(data) as (_, store):
        panel = build_panel(store, share_symbols(store, start - timedelta(days=730)), end)
    since = int(np.searchsorted(panel.known_at, np.datetime64(start.replace(tzinfo=None))))
    began = time.perf_counter()
    results = vote_all(panel, since)
    voted = time.perf_counter() - began
    return {"vote_s": round(voted, 2), **_counts(panel, results, since)}


def _counts(panel: Panel, results: Sequence[AgentVoteResult], since: int) -> dict[str, Any]:
    settings = CommitteeSettings()
    pooled = pool_votes(
        collect_votes(panel, results, since), equal_influence(len(AGENTS)), settings
    )
    blocked = np.isnan(panel.close[since:])
    actions, targets = decide_rows(
        target_inputs(pooled, blocked), np.zeros(len(panel.symbols)), settings
    )
    open_cells = ~blocked
    share = partial(_share, actions[open_cells])
    years = len(actions) / 252
    changes = (np.diff(actions, axis=0) != 0).sum() / years / len(panel.symbols)
    turnover = np.abs(np.diff(targets, axis=0)).sum() / years
    abstained = {
        f"abstained {result.agent} %": round(
            100 * float(np.isnan(result.votes.log_odds[open_cells]).mean()), 1
        )
        for result in results
        if result.votes is not None
    }
    quantiles = np.nanquantile(pooled.p_up[open_cells], [0.01, 0.25, 0.5, 0.75, 0.99])
    return {
        "symbols": len(panel.symbols),
        "bars": len(actions),
        "decisions": int(open_cells.sum()),
        **{f"{action} %": share(code) for code, action in enumerate(ACTIONS, start=-2)},
        "changes of action a symbol and year": round(float(changes), 1),
        "turnover a year, times equity": round(float(turnover), 1),
        "mean exposure %": round(100 * float(targets.sum(axis=1).mean()), 1),
        "p_up quantiles 1 25 50 75 99 %": [round(100 * float(q), 1) for q in quantiles],
        **abstained,
    }


def _share(actions: Any, code: int) -> float:
    return round(100 * float((actions == code).mean()), 1)
