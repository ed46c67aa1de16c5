"""The command line with a note of what it is doing: `python -m benchmarks.support.stage_tracking
NOTE WORD...`.

The first byte of the file NOTE is the stage (a place in STAGES), the four after it count the cycles
of this process. The file is shared memory, so the note outlives the process that is killed. With
ABSENT=FILE in front of the words, the agents named there abstain as they did in another run: a JSON
object of calendar and bar to agent and failure.
"""

import json
import mmap
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import app
from cli import replays
from domain.panel import Panel
from orchestrator import cycle, engine
from orchestrator.account.cycle_orders import AccountCycle
from orchestrator.committee.decisions import closed_at
from orchestrator.team.base import AgentHealth, AgentVoteResult, Team
from storage.journal.sql_journal import JournalTransaction, SqlJournal

STAGES = (
    "starting", "between", "meeting bars", "laying out", "settling", "voting", "deciding",
    "writing",
)  # fmt: skip
SIZE = 5
AnyCallable = Callable[..., Any]


class StageNote:
    """The shared file, as its writer holds it."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), SIZE)

    def track(self, stage: str, do: AnyCallable, *, then: str = "") -> AnyCallable:
        """`do` under that stage; afterwards `then`, or what was before."""

        def done(*words: Any, **named: Any) -> Any:
            before, self._bytes[0] = self._bytes[0], STAGES.index(stage)
            try:
                return do(*words, **named)
            finally:
                self._bytes[0] = STAGES.index(then) if then else before

        return done

    def track_writing(self, pen: AnyCallable) -> AnyCallable:
        """A journal's pen: the stage of whoever holds it is `writing`, its commit included."""

        @contextmanager
        def tracked(journal: SqlJournal) -> Iterator[JournalTransaction]:
            before, self._bytes[0] = self._bytes[0], STAGES.index("writing")
            try:
                with pen(journal) as mine:
                    yield mine
            finally:
                self._bytes[0] = before

        return tracked

    def count_calls(self, do: AnyCallable) -> AnyCallable:
        def done(*words: Any, **named: Any) -> Any:
            result = do(*words, **named)
            self._bytes[1:] = struct.pack("<I", struct.unpack("<I", self._bytes[1:])[0] + 1)
            return result

        return done


class TeamWithAbsences:
    """A team in which some abstain as they did before: the rest answers for itself."""

    def __init__(self, team: Team, absent: Mapping[str, Mapping[str, str]]) -> None:
        self._team, self._absent = team, absent
        self.agents, self.dashboard_url, self.token = team.agents, None, None

    def vote(self, panel: Panel, since: int) -> tuple[AgentVoteResult, ...]:
        failed = self._absent.get(f"{panel.calendar} {closed_at(panel).isoformat()}", {})
        return tuple(
            AgentVoteResult(each.agent, None, failed[each.agent], 0.0)
            if each.agent in failed
            else each
            for each in self._team.vote(panel, since)
        )

    def health(self) -> tuple[AgentHealth, ...]:
        return self._team.health()

    def close(self) -> None:
        self._team.close()


def install_tracking(path: Path, words: Sequence[str]) -> list[str]:
    """From here on this process notes what it does; the words of the command that is left."""
    note, absent = StageNote(path), {}
    if words[0].startswith("ABSENT="):
        absent = json.loads(Path(words[0].removeprefix("ABSENT=")).read_text())
        words = words[1:]

    def team(made: AnyCallable) -> AnyCallable:
        def make(*told: Any, **named: Any) -> Team:
            found = TeamWithAbsences(made(*told, **named), absent)
            found.vote = note.track("voting", found.vote)  # type: ignore[method-assign]
            return found

        return make

    _wrap(replays, "make_team", team)
    _wrap(
        engine,
        "run_cycles",
        lambda do: note.track("deciding", note.count_calls(do), then="between"),
    )
    _wrap(cycle, "lay_out", lambda do: note.track("laying out", do))
    _wrap(cycle, "settle_due", lambda do: note.track("settling", do))
    _wrap(AccountCycle, "meet", lambda do: note.track("meeting bars", do))
    _wrap(SqlJournal, "pen", note.track_writing)
    return list(words)


def main() -> None:
    sys.argv = ["quorum", *install_tracking(Path(sys.argv[1]), sys.argv[2:])]
    app.main()


def _wrap(where: object, name: str, by: Callable[[AnyCallable], AnyCallable]) -> None:
    setattr(where, name, by(getattr(where, name)))


if __name__ == "__main__":
    main()
