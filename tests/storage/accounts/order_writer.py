"""A program to be killed: forks children that trade on one account until they are.

`python -m tests.storage.accounts.order_writer URL` reads lines of how many rounds to trade (0 for
ever) and the seeds of the children that do so at once. Each prints its pid once it is connected,
then the key of each round's orders when their commits have returned; `ended` means that all are
dead.
"""

import os
import sys
from itertools import count

from domain.trading.account import Account, Entry, Happening, Mode, Opened, OrderPlaced
from domain.trading.orders import Source
from domain.trading.transactions import Act, Request
from storage.accounts.account_log import Accounts
from storage.database import Database
from storage.journal.sql_journal import Journal, Pen
from tests.storage.accounts.account_fixtures import HERE, accounts, bar, fill, opened, order, says
from tests.storage.samples import INPUTS, cycle, day, panel
from trading.account import ledger

PANEL = panel(30)


def main(url: str) -> None:
    compile_once()
    for line in sys.stdin:
        rounds, *seeds = map(int, line.split())
        children = [fork(url, seed, rounds) for seed in seeds]
        for child in children:
            os.waitpid(child, 0)
        print("ended", flush=True)


def fork(url: str, seed: int, rounds: int) -> int:
    child = os.fork()
    if child == 0:
        trade(url, seed, rounds)
    return child


def compile_once() -> None:
    """What a fill is reckoned with, here and not in every child."""
    account = None
    happenings: list[Happening] = [
        Opened("USD", Mode.AUTO, ""),
        OrderPlaced(order()),
        fill(order()),
    ]
    for number, what in enumerate(happenings, start=1):
        account = ledger.apply(account, Entry(number, day(0), what))


def trade(url: str, seed: int, rounds: int) -> None:
    database = Database(url)
    paper, journal = accounts(database), Journal(database)
    if paper.account(*HERE) is None:
        opened(paper)
    os.write(1, f"{os.getpid()}\n".encode())  # connected: from here on it may be killed
    for number in range(rounds) if rounds else count():
        key = f"{seed}-{number}"
        by_hand(paper, key)
        by_the_committee(paper, journal, key, number)
        paper.transact(*HERE, day(number), meet)
        os.write(1, f"{key}\n".encode())
    os._exit(0)


def by_hand(paper: Accounts, key: str) -> None:
    placed = OrderPlaced(order(id=f"hand {key}", key=f"hand {key}"))
    paper.transact(*HERE, day(0), says(placed), request=Request(f"hand {key}", "content"))


def by_the_committee(paper: Accounts, journal: Journal, key: str, number: int) -> None:
    name = f"cycle {key}"
    placed = order(id=name, key=name, source=Source.COMMITTEE)
    act: Act = says(OrderPlaced(placed))

    def then(pen: Pen) -> tuple[object, ...]:
        return paper.book(pen, *HERE, day(number), act).events

    journal.record(cycle(number, salt=key), PANEL, INPUTS, then)  # type: ignore[arg-type]


def meet(account: Account | None) -> list[Happening | Entry]:
    """Whatever is open fills, half of it at a time, and a row of bars closes."""
    assert account is not None
    fills = [fill(each, each.left if each.filled else 5.0) for each in account.orders.values()]
    return [*fills, bar(AAPL=100.0)]


if __name__ == "__main__":
    main(sys.argv[1])
