"""The command line with a note of its current stage: `python -m benchmarks.support.stage_tracking
NOTE WORD...`.

The first byte of the file NOTE is the stage (an index into STAGES), the four after it count the
cycles of this process. The file is shared memory, so the note outlives a process that is killed.
With ABSENT=FILE in front of the words, the agents named there abstain as they did in another run: a
JSON object of calendar and bar to agent and failure.
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
import wiring.engine
from domain.panel import Panel
from domain.votes import Agent
from orchestrator import cycle, engine
from orchestrator.account.cycle_orders import AccountCycle
from orchestrator.team.base import AgentHealth, AgentVoteResult, Team
from storage.journal.sql_journal import SqlJournal, SqlUnitOfWork

STAGES = (
    "starting", "between", "meeting bars", "laying out", "settling", "voting", "deciding",
    "writing",
)  # fmt: skip
SIZE = 5
AnyCallable = Callable[..., Any]


class StageNote:
    """The shared file and its present content."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), SIZE)

    def track(self, stage: str, do: AnyCallable, *, then: str = "") -> AnyCallable:
        """Wrap `do` so that its stage is noted; afterwards the stage is `then`, or what it was
        before."""

        def tracked(*args: Any, **kwargs: Any) -> Any:
            before, self._bytes[0] = self._bytes[0], STAGES.index(stage)
            try:
                return do(*args, **kwargs)
            finally:
                self._bytes[0] = STAGES.index(then) if then else before

        return tracked

    def track_writing(self, transaction: AnyCallable) -> AnyCallable:
        """Wrap a journal's `transaction`: its stage is `writing`, including the commit."""

        @contextmanager
        def tracked(journal: SqlJournal) -> Iterator[SqlUnitOfWork]:
            before, self._bytes[0] = self._bytes[0], STAGES.index("writing")
            try:
                with transaction(journal) as opened:
                    yield opened
            finally:
                self._bytes[0] = before

        return tracked

    def count_calls(self, do: AnyCallable) -> AnyCallable:
        def counted(*args: Any, **kwargs: Any) -> Any:
            result = do(*args, **kwargs)
            self._bytes[1:] = struct.pack("<I", struct.unpack("<I", self._bytes[1:])[0] + 1)
            return result

        return counted


class TeamWithAbsences:
    """A team in which some agents abstain as recorded, and the rest vote."""

    def __init__(self, team: Team, absent: Mapping[str, Mapping[str, str]]) -> None:
        self._team, self._absent = team, absent
        self.agents, self.dashboard_url, self.token = team.agents, None, None

    def vote(self, panel: Panel, since: int) -> tuple[AgentVoteResult, ...]:
        failed = self._absent.get(f"{panel.calendar} {panel.as_of.isoformat()}", {})
        return tuple(
            AgentVoteResult(each.agent, None, failed[each.agent], 0.0)
            if each.agent in failed
            else each
            for each in self._team.vote(panel, since)
        )

    def health(self) -> tuple[AgentHealth, ...]:
        return self._team.health()

    def replace_agent(self, agent: str, build: Callable[[str], Agent]) -> str | None:
        return self._team.replace_agent(agent, build)

    def close(self) -> None:
        self._team.close()


def install_tracking(path: Path, words: Sequence[str]) -> list[str]:
    """Let this process note its stage from here on. Return the words of the command."""
    note, absent = StageNote(path), {}
    if words[0].startswith("ABSENT="):
        absent = json.loads(Path(words[0].removeprefix("ABSENT=")).read_text())
        words = words[1:]

    def with_absences(make_team: AnyCallable) -> AnyCallable:
        def make(*args: Any, **kwargs: Any) -> Team:
            team = TeamWithAbsences(make_team(*args, **kwargs), absent)
            team.vote = note.track("voting", team.vote)  # type: ignore[method-assign]
            return team

        return make

    _wrap(wiring.engine, "make_team", with_absences)
    _wrap(
        engine,
        "run_cycles",
        lambda do: note.track("deciding", note.count_calls(do), then="between"),
    )
    _wrap(cycle, "prepare_panels", lambda do: note.track("laying out", do))
    _wrap(cycle, "settle_due_decisions", lambda do: note.track("settling", do))
    _wrap(AccountCycle, "process_bars", lambda do: note.track("meeting bars", do))
    _wrap(SqlJournal, "transaction", note.track_writing)
    return list(words)


def main() -> None:
    sys.argv = ["quorum", *install_tracking(Path(sys.argv[1]), sys.argv[2:])]
    app.main()


def _wrap(owner: object, name: str, wrap: Callable[[AnyCallable], AnyCallable]) -> None:
    setattr(owner, name, wrap(getattr(owner, name)))


if __name__ == "__main__":
    main()
