"""A program to be killed: forks children that record cycles until they are.

`python -m tests.storage.recorder URL` reads a line for each child to start, prints its pid once
it is connected, then the digest of each cycle when its commit has returned, and `ended` when the
child is dead.
"""

import os
import sys
from itertools import count

from storage.database import Database
from storage.journal import Journal
from tests.storage.samples import INPUTS, cycle, panel


def main(url: str) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            record_for_ever(url, int(line))
        os.waitpid(child, 0)
        print("ended", flush=True)


def record_for_ever(url: str, seed: int) -> None:
    journal = Journal(Database(url))
    journal.last_seq()
    print(os.getpid(), flush=True)  # connected: from here on it may be killed
    for number in count():
        journal.record(cycle(number, salt=f"{seed}"), panel(30 + number, seed=seed), INPUTS)
        os.write(1, f"{cycle(number, salt=f'{seed}').digest}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
