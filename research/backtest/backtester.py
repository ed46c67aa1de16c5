"""A backtest from beginning to end: read, vote, contest, report, keep.

The agents vote once over the whole period, by the same functions as live; everything after is a
fold over time. A result is kept whole or not at all, with a receipt from which it can be computed
again to the last bit. Leaves out who competes (`contest.py`) and what is reported (`report.py`).
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

from domain.canonical import canonical_bytes, instant
from domain.errors import ConfigurationError, VerificationError
from domain.votes import Agent, Builder
from market.store import Library
from orchestrator.team.base import Ballot
from orchestrator.team.local_team import LocalTeam
from research.backtest.history import Part, read
from research.backtest.jobs import label_of
from research.backtest.parquet import same
from research.backtest.report import Report, report
from research.backtest.request import REFITTED_EVERY, Request
from research.backtest.results import RESULT, TEAR_SHEET, Results, Summary
from research.backtest.scenarios import stage_of
from research.backtest.suite import Tell, perform
from research.fitting.walkforward import walk_forward_ballots
from research.report.tearsheet import tear_sheet
from storage.database import Database
from storage.journal.panel_archive import Archive, PanelManifest, store

_INPUTS, _GATE = "inputs.json", "gate.npz"


class Backtester:
    """Runs backtests over one home's history and keeps them in `results`.

    `version` is the program's.
    """

    def __init__(
        self,
        results: Results,
        library: Library,
        database: Database,
        build: Builder,
        version: str,
    ) -> None:
        self._results = results
        self._library = library
        self._database = database
        self._build = build
        self._version = version

    def run(self, asked: Request, *, simulated: bool, now: datetime, tell: Tell) -> dict[str, Any]:
        """The kept result, as `result.json` has it.

        Raises InputError for what cannot be tested, ConfigurationError where an agent cannot vote
        and StorageError where nothing can be kept; nothing is kept then.
        """
        began = time.perf_counter()
        earlier = sum(each.market == asked.market for each in self._results.summaries())
        with self._results.draft() as draft:
            tell("reading history", 0, 0)
            parts = read(self._library, asked, simulated)
            told, versions, vote_s = self._perform(asked, parts, earlier, self._build, tell)
            inputs = self._keep_inputs(asked, parts, earlier, draft)
            identity = f"{now:%Y%m%d-%H%M%S}-{told.digest[:8]}"
            result = {
                "id": identity,
                "made_at": instant(now),
                "label": label_of(asked),
                "simulated": simulated,
                **told.core,
                "timing": {
                    "vote_s": round(vote_s, 4),
                    "fold_s": round(told.fold_s, 4),
                    "total_s": round(time.perf_counter() - began, 3),
                    "bars": told.bars,
                },
                "receipt": {
                    "program": self._version,
                    "agents": versions,
                    "inputs": _digest(inputs),
                    "outcome": told.digest,
                },
            }
            (draft / RESULT).write_text(json.dumps(result, allow_nan=False))
            (draft / TEAR_SHEET).write_text(tear_sheet(result, told.times, told.curves))
            told.write(draft)
            self._results.keep(draft, _summary(result, now))
        return result

    def verify(self, identity: str, tell: Tell) -> tuple[str, ...]:
        """Computes a kept result again from its receipt, by the agents in their versions of then;
        every difference in words.

        Raises NotFoundError for a result that does not exist, StorageError for one that cannot be
        read and VerificationError where what it was made from is damaged.
        """
        kept = self._results.read(identity)
        folder, receipt = self._results.file(identity, RESULT).parent, kept["receipt"]
        inputs, masks = _stored_inputs(folder)
        asked = Request.model_validate(inputs["request"])
        parts = self._parts_again(inputs, masks)

        def as_then(name: str) -> Agent:
            return self._build(name, version=receipt["agents"].get(name))

        told, versions, _ = self._perform(asked, parts, inputs["earlier"], as_then, tell)
        differences = []
        if _digest(inputs) != receipt["inputs"]:
            differences.append("the stored inputs are not those of the receipt")
        for name, version in versions.items():
            if version != (was := receipt["agents"][name]):
                differences.append(f"the {name} agent was {was} and is {version} now")
        if changed := _changed(told, kept, folder):
            differences.append(f"computed again, it differs in {', '.join(changed)}")
        elif told.digest != receipt["outcome"]:
            differences.append("the outcome is not that of the receipt")
        return tuple(differences)

    def _perform(
        self,
        asked: Request,
        parts: Sequence[Part],
        earlier: int,
        build: Callable[[str], Agent],
        tell: Tell,
    ) -> tuple[Report, dict[str, str], float]:
        """The report, the version of each agent, and the seconds that voting took."""
        began = time.perf_counter()
        ballots = [self._votes(asked, part, build, tell) for part in parts]
        vote_s = time.perf_counter() - began
        programme = perform(stage_of(asked, parts, ballots), tell)
        tell("figures and intervals", 0, 0)
        return report(programme, earlier), _versions(ballots), vote_s

    def _votes(
        self, asked: Request, part: Part, build: Callable[[str], Agent], tell: Tell
    ) -> tuple[Ballot, ...]:
        if asked.walk_forward is not None:
            tell("fitting and voting", 0, 0)
            return walk_forward_ballots(
                part.panel, part.since, asked.walk_forward, REFITTED_EVERY, asked.seated, build
            )
        ballots = []
        for done, name in enumerate(asked.seated):
            tell(f"{name} votes", done, len(asked.seated))
            [ballot] = LocalTeam((name,), build).vote(part.panel, part.since)
            if ballot.votes is None:
                raise ConfigurationError(
                    f"The {name} agent could not vote: {ballot.failure}. Leave it out with "
                    "--agent, or see `quorum config check`."
                )
            ballots.append(ballot)
        return tuple(ballots)

    def _keep_inputs(
        self, asked: Request, parts: Sequence[Part], earlier: int, draft: Path
    ) -> Mapping[str, Any]:
        """Everything that went in: the panels in the archive, the rest beside the result."""
        with self._database.writing() as connection:
            manifests = [store(connection, part.panel) for part in parts]
        masks: dict[str, Any] = {}
        for number, part in enumerate(parts):
            masks |= {f"blocked {number}": part.blocked, f"factor {number}": part.factor}
        np.savez_compressed(draft / _GATE, **masks)
        inputs = {
            "request": asked.model_dump(mode="json"),
            "earlier": earlier,
            "panels": [manifest.to_json() for manifest in manifests],
            "since": [part.since for part in parts],
        }
        (draft / _INPUTS).write_bytes(canonical_bytes(inputs))
        return inputs

    def _parts_again(
        self, inputs: Mapping[str, Any], masks: Mapping[str, NDArray[Any]]
    ) -> tuple[Part, ...]:
        archive, since = Archive(self._database), inputs["since"]
        return tuple(
            Part(
                archive.load(PanelManifest.from_json(manifest)),
                since[number],
                masks[f"blocked {number}"],
                masks[f"factor {number}"],
            )
            for number, manifest in enumerate(inputs["panels"])
        )


def _stored_inputs(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What was kept of the inputs; the gate's word and the factors of each part."""
    try:
        inputs: dict[str, Any] = json.loads((folder / _INPUTS).read_text())
        with np.load(folder / _GATE, allow_pickle=False) as gate:
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


def _versions(ballots: Sequence[tuple[Ballot, ...]]) -> dict[str, str]:
    """By agent; on calendars of their own a walk-forward has a version each."""
    told: dict[str, list[str]] = {}
    for each in chain.from_iterable(ballots):
        if each.votes is not None and each.votes.version not in told.setdefault(each.agent, []):
            told[each.agent].append(each.votes.version)
    return {name: ", ".join(versions) for name, versions in told.items()}


def _changed(told: Report, kept: Mapping[str, Any], folder: Path) -> list[str]:
    """Parts of the kept result and files beside it that do not say what was computed again."""
    again = json.loads(json.dumps(told.core))
    parts = [part for part in again if again[part] != kept.get(part)]
    files = [name for name, columns in told.files.items() if not same(folder / name, columns)]
    return parts + files


def _summary(result: Mapping[str, Any], now: datetime) -> Summary:
    return Summary(
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
