"""A backtest from beginning to end: load the history, vote, simulate, report, store.

The agents vote once over the whole period, by the same functions as live; everything after is a
fold over time. A result is stored whole or not at all, with a receipt from which it can be
recomputed to the last bit. Leaves out which strategies are compared (`scenarios.py`) and what is
reported (`report.py`).
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from domain.canonical import canonical_bytes, format_instant
from domain.errors import ConfigurationError, VerificationError
from domain.votes import Agent, AgentFactory
from market.store import MarketDataStore
from orchestrator.team.base import AgentVoteResult
from orchestrator.team.local_team import LocalTeam
from research.backtest.history import CalendarPanel, load_panels
from research.backtest.jobs import request_label
from research.backtest.parquet import matches_file
from research.backtest.report import BacktestReport, build_report
from research.backtest.request import REFIT_BARS, BacktestRequest
from research.backtest.results import RESULT, TEAR_SHEET, BacktestStore, BacktestSummary
from research.backtest.scenarios import build_inputs
from research.backtest.suite import ProgressCallback, run_suite
from research.fitting.walkforward import walk_forward_votes
from research.report.tearsheet import render_tear_sheet
from storage.database import Database
from storage.journal.panel_archive import PanelManifest, SqlPanelArchive, store_panel

_INPUTS_FILE, _GATE_FILE = "inputs.json", "gate.npz"


class Backtester:
    """Runs backtests over the history of one home and stores them in `results`.

    `version` is the program's.
    """

    def __init__(
        self,
        results: BacktestStore,
        store: MarketDataStore,
        database: Database,
        build: AgentFactory,
        version: str,
    ) -> None:
        self._results = results
        self._store = store
        self._database = database
        self._build = build
        self._version = version

    def run(
        self,
        request: BacktestRequest,
        *,
        simulated: bool,
        now: datetime,
        on_progress: ProgressCallback,
    ) -> dict[str, Any]:
        """Run a backtest; return the stored result, the content of `result.json`.

        Raises InputError for what cannot be tested, ConfigurationError where an agent cannot vote
        and StorageError where nothing can be stored; nothing is stored then.
        """
        began = time.perf_counter()
        earlier_trials = sum(each.market == request.market for each in self._results.summaries())
        with self._results.draft_folder() as draft:
            on_progress("reading history", 0, 0)
            panels = load_panels(self._store, request, simulated)
            report, versions, vote_s = self._evaluate(
                request, panels, earlier_trials, self._build, on_progress
            )
            inputs = self._save_inputs(request, panels, earlier_trials, draft)
            identity = f"{now:%Y%m%d-%H%M%S}-{report.digest[:8]}"
            result = {
                "id": identity,
                "made_at": format_instant(now),
                "label": request_label(request),
                "simulated": simulated,
                **report.core,
                "timing": {
                    "vote_s": round(vote_s, 4),
                    "fold_s": round(report.fold_s, 4),
                    "total_s": round(time.perf_counter() - began, 3),
                    "bars": report.bars,
                },
                "receipt": {
                    "program": self._version,
                    "agents": versions,
                    "inputs": _digest(inputs),
                    "outcome": report.digest,
                },
            }
            (draft / RESULT).write_text(json.dumps(result, allow_nan=False))
            (draft / TEAR_SHEET).write_text(render_tear_sheet(result, report.times, report.curves))
            report.write(draft)
            self._results.save(draft, _summary(result, now))
        return result

    def verify(self, identity: str, on_progress: ProgressCallback) -> tuple[str, ...]:
        """Recompute a stored result from its receipt, with the versions of the agents of that time;
        return every difference in words.

        Raises NotFoundError for a result that does not exist, StorageError for one that cannot be
        read and VerificationError where its stored inputs are damaged.
        """
        stored = self._results.read(identity)
        folder, receipt = self._results.file(identity, RESULT).parent, stored["receipt"]
        inputs, masks = _read_inputs(folder)
        request = BacktestRequest.model_validate({"rules": 1, **inputs["request"]})
        parts = self._load_panels(inputs, masks)

        def build_recorded(name: str) -> Agent:
            return self._build(name, version=receipt["agents"].get(name))

        report, versions, _ = self._evaluate(
            request, parts, inputs["earlier"], build_recorded, on_progress
        )
        differences = []
        if _digest(inputs) != receipt["inputs"]:
            differences.append("the stored inputs are not those of the receipt")
        for name, version in versions.items():
            if version != (recorded := receipt["agents"][name]):
                differences.append(f"the {name} agent was {recorded} and is {version} now")
        if changed := _differing_parts(report, stored, folder):
            differences.append(f"computed again, it differs in {', '.join(changed)}")
        elif report.digest != receipt["outcome"]:
            differences.append("the outcome is not that of the receipt")
        return tuple(differences)

    def _evaluate(
        self,
        request: BacktestRequest,
        panels: Sequence[CalendarPanel],
        earlier_trials: int,
        build: Callable[[str], Agent],
        on_progress: ProgressCallback,
    ) -> tuple[BacktestReport, dict[str, str], float]:
        """Return the report, the version of each agent, and the seconds that voting took."""
        began = time.perf_counter()
        votes = [self._collect_votes(request, part, build, on_progress) for part in panels]
        vote_s = time.perf_counter() - began
        suite = run_suite(build_inputs(request, panels, votes), on_progress)
        on_progress("figures and intervals", 0, 0)
        return build_report(suite, earlier_trials), _agent_versions(votes), vote_s

    def _collect_votes(
        self,
        request: BacktestRequest,
        part: CalendarPanel,
        build: Callable[[str], Agent],
        on_progress: ProgressCallback,
    ) -> tuple[AgentVoteResult, ...]:
        if request.walk_forward is not None:
            on_progress("fitting and voting", 0, 0)
            return walk_forward_votes(
                part.panel,
                part.since,
                request.walk_forward,
                REFIT_BARS,
                request.required_agents,
                build,
            )
        results = []
        for done, name in enumerate(request.required_agents):
            on_progress(f"{name} votes", done, len(request.required_agents))
            [result] = LocalTeam((name,), build).vote(part.panel, part.since)
            if result.votes is None:
                raise ConfigurationError(
                    f"The {name} agent could not vote: {result.failure}. Leave it out with "
                    "--agent, or see `quorum config check`."
                )
            results.append(result)
        return tuple(results)

    def _save_inputs(
        self,
        request: BacktestRequest,
        panels: Sequence[CalendarPanel],
        earlier_trials: int,
        draft: Path,
    ) -> Mapping[str, Any]:
        """Store all inputs: the panels in the archive, the rest beside the result; return what the
        receipt holds."""
        with self._database.writing() as connection:
            manifests = [store_panel(connection, part.panel) for part in panels]
        masks: dict[str, Any] = {}
        for number, part in enumerate(panels):
            masks |= {
                f"blocked {number}": part.blocked,
                f"withheld {number}": part.withheld,
                f"factor {number}": part.factor,
            }
        np.savez_compressed(draft / _GATE_FILE, **masks)
        inputs = {
            "request": request.model_dump(mode="json"),
            "earlier": earlier_trials,
            "panels": [manifest.to_json() for manifest in manifests],
            "since": [part.since for part in panels],
        }
        (draft / _INPUTS_FILE).write_bytes(canonical_bytes(inputs))
        return inputs

    def _load_panels(
        self, inputs: Mapping[str, Any], masks: Mapping[str, NDArray[Any]]
    ) -> tuple[CalendarPanel, ...]:
        archive, since = SqlPanelArchive(self._database), inputs["since"]
        return tuple(
            CalendarPanel(
                archive.load(PanelManifest.from_json(manifest)),
                since[number],
                masks[f"blocked {number}"],
                masks.get(f"withheld {number}", np.zeros_like(masks[f"blocked {number}"])),
                masks[f"factor {number}"],
            )
            for number, manifest in enumerate(inputs["panels"])
        )


def _read_inputs(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the stored inputs; return them, and by name what is stored for each part: where the gate
    blocked, where bars were withheld (not kept by early releases) and the price factors."""
    try:
        inputs: dict[str, Any] = json.loads((folder / _INPUTS_FILE).read_text())
        with np.load(folder / _GATE_FILE, allow_pickle=False) as gate:
            masks = {name: gate[name] for name in gate.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise VerificationError(
            f"The inputs of the backtest {folder.name} are damaged ({error}), so it cannot be "
            "computed again. Restore its folder from a copy."
        ) from None
    if "factor 0" not in masks:
        raise VerificationError(
            f"The backtest {folder.name} was made on adjusted prices, before an account's fills "
            "were those of traded ones, and cannot be computed again. Run it anew."
        )
    return inputs, masks


def _digest(inputs: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_bytes(inputs)).hexdigest()


def _agent_versions(votes: Sequence[tuple[AgentVoteResult, ...]]) -> dict[str, str]:
    """Return the versions by agent; a refitted agent has a version for each calendar."""
    by_agent: dict[str, list[str]] = {}
    for each in chain.from_iterable(votes):
        if each.votes is not None and each.votes.version not in by_agent.setdefault(each.agent, []):
            by_agent[each.agent].append(each.votes.version)
    return {name: ", ".join(versions) for name, versions in by_agent.items()}


def _differing_parts(report: BacktestReport, stored: Mapping[str, Any], folder: Path) -> list[str]:
    """Return the parts of the stored result, and the files, that differ from the recomputed
    ones."""
    recomputed = json.loads(json.dumps(report.core))
    parts = [part for part in recomputed if recomputed[part] != stored.get(part)]
    files = [
        name for name, columns in report.files.items() if not matches_file(folder / name, columns)
    ]
    return parts + files


def _summary(result: Mapping[str, Any], now: datetime) -> BacktestSummary:
    return BacktestSummary(
        id=result["id"],
        made_at=now,
        label=result["label"],
        market=result["market"],
        simulated=result["simulated"],
        start=result["from"],
        end=result["to"],
        symbols=tuple(result["symbols"]),
        agents=tuple(result["agents"]),
        headline=result["committee"],
    )
