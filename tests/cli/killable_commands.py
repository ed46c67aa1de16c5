"""A program to be killed: forks children, each of which runs one `quorum` command until it is.

`python -m tests.cli.killable_commands WORD...` runs the command WORD... itself, so that everything
is loaded and its children are at work at once. Then it reads a line for each child, a JSON list: a
home, how it dies (`before` or `after`), at which of its commits (0: at none), and the words of a
command. It prints the child's exit code, negative where a signal ended it.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from sqlalchemy import Connection

import app
from cli import replays, server  # noqa: F401 not imported by what is run first
from storage.database import Database


def main() -> None:
    app.run_command(sys.argv[1:])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run_child(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def run_child(home: str, when: str, commit: int, *words: str) -> None:
    os.environ["QUORUM_HOME"] = home
    os.dup2(2, 1)
    kill_at(when, commit)
    os._exit(app.run_command(list(words)))


def kill_at(when: str, commit: int) -> None:
    """Have this process kill itself as no other could: exactly there."""
    writing, commits = Database.writing, count(1)

    @contextmanager
    def killing(database: Database) -> Iterator[Connection]:
        number = next(commits)
        with writing(database) as connection:
            yield connection
            if (when, commit) == ("before", number):
                os.kill(os.getpid(), signal.SIGKILL)
        if (when, commit) == ("after", number):
            os.kill(os.getpid(), signal.SIGKILL)

    Database.writing = killing  # type: ignore[assignment]


if __name__ == "__main__":
    main()
