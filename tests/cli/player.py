"""A program to be killed: forks children, each of which runs one `quorum` command until it is.

`python -m tests.cli.player WORD...` runs the command WORD... itself, so that everything is loaded
and its children are at work at once. Then it reads a home and the words of a command a line, as a
JSON list, and prints the child's pid, whatever the child prints, and `ended CODE` when it is dead
(negative: the number of a signal).
"""

import json
import os
import sys

import app
from cli import replaying, serving  # noqa: F401 not imported by what is run first


def main() -> None:
    app.run(sys.argv[1:])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            print(os.getpid(), flush=True)
            os.environ["QUORUM_HOME"], *words = json.loads(line)
            os._exit(app.run(words))
        status = os.waitpid(child, 0)[1]
        print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    main()
