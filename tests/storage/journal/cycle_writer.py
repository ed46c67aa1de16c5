"""A program to be killed: forks children that record cycles, settle and learn until they are.

`python -m tests.storage.journal.cycle_writer URL` reads a line for each child to start, prints its
pid once it is connected, then the digest of each cycle when its commit has returned, and `ended`
when the child is dead.
"""

import os
import sys
from itertools import count

from domain.settlement import DecisionOutcome, LearnerState, SettlementBatch, SettlementKey
from domain.timeframe import Timeframe
from storage.database import Database
from storage.journal.sql_journal import SqlJournal
from tests.storage.samples import INPUTS, cycle, day, panel

DELAY = 2
"""Days until a decision is settled, so that even a short life settles some."""


def main(url: str) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            write_cycles(url, int(line))
        os.waitpid(child, 0)
        print("ended", flush=True)


def write_cycles(url: str, seed: int) -> None:
    journal = SqlJournal(Database(url))
    journal.last_seq()
    print(os.getpid(), flush=True)  # connected: from here on it may be killed
    for number in count():
        recorded_cycle = cycle(number, run=f"{seed}")
        journal.record(recorded_cycle, panel(30 + number, seed=seed), INPUTS)
        os.write(1, f"{recorded_cycle.digest}\n".encode())
        settle_due(journal, f"{seed}", number - DELAY)


def settle_due(journal: SqlJournal, run: str, number: int) -> None:
    """Settle the run's decisions until day `number` and learn a round of each of their days."""
    key = SettlementKey("demo", run, "XNYS", Timeframe.D1, 5)
    learner_state = journal.learner_state(key, day(number + DELAY))
    pending = journal.pending(key, day(number))
    outcomes = tuple(DecisionOutcome(each, each.as_of, day(number), 0.01, 0) for each in pending)
    bars = sorted({each.as_of for each in pending})
    wait = day(DELAY) - day(0)
    learner_states = [LearnerState(as_of, as_of + wait, (), (), (), {}) for as_of in bars]
    after = learner_state.as_of if learner_state else None
    journal.settle(SettlementBatch(key, True, outcomes, tuple(learner_states), after))


if __name__ == "__main__":
    main(sys.argv[1])
