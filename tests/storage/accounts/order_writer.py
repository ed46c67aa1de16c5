"""A program to be killed: forks children that trade on one account until they are.

`python -m tests.storage.accounts.order_writer URL` reads lines of how many rounds to trade (0 for
ever) and the seeds of the children that do so at once. Each prints its pid once it is connected,
then the key of each round's orders when their commits have returned; `ended` means that all are
dead.
"""

import os
import sys
from itertools import count

from domain.trading.account import (
    Account,
    AccountEntry,
    AccountEvent,
    AccountOpened,
    OrderSubmitted,
    TradingMode,
)
from domain.trading.orders import OrderSource
from domain.trading.transactions import AccountCommand, ClientRequest
from storage.accounts.account_log import SqlAccountLog
from storage.database import Database
from storage.journal.sql_journal import SqlJournal
from tests.storage.accounts.account_fixtures import (
    ACCOUNT,
    account_log,
    append_command,
    closed_bar,
    fill,
    open_account,
    order,
)
from tests.storage.samples import INPUTS, cycle, day, panel
from trading.account import ledger

PANEL = panel(30)


def main(url: str) -> None:
    compile_ledger()
    for line in sys.stdin:
        rounds, *seeds = map(int, line.split())
        children = [fork_child(url, seed, rounds) for seed in seeds]
        for child in children:
            os.waitpid(child, 0)
        print("ended", flush=True)


def fork_child(url: str, seed: int, rounds: int) -> int:
    child = os.fork()
    if child == 0:
        write_orders(url, seed, rounds)
    return child


def compile_ledger() -> None:
    """What a fill is reckoned with, here and not in every child."""
    account = None
    events: list[AccountEvent] = [
        AccountOpened("USD", TradingMode.AUTO, ""),
        OrderSubmitted(order()),
        fill(order()),
    ]
    for number, what in enumerate(events, start=1):
        account = ledger.apply(account, AccountEntry(number, day(0), what))


def write_orders(url: str, seed: int, rounds: int) -> None:
    database = Database(url)
    paper, journal = account_log(database), SqlJournal(database)
    if paper.account(*ACCOUNT) is None:
        open_account(paper)
    os.write(1, f"{os.getpid()}\n".encode())  # connected: from here on it may be killed
    for number in range(rounds) if rounds else count():
        key = f"{seed}-{number}"
        place_manually(paper, key)
        place_by_committee(paper, journal, key, number)
        paper.transact(*ACCOUNT, day(number), fill_open_orders)
        os.write(1, f"{key}\n".encode())
    os._exit(0)


def place_manually(paper: SqlAccountLog, key: str) -> None:
    placed = OrderSubmitted(order(id=f"hand {key}", key=f"hand {key}"))
    paper.transact(
        *ACCOUNT, day(0), append_command(placed), request=ClientRequest(f"hand {key}", "content")
    )


def place_by_committee(paper: SqlAccountLog, journal: SqlJournal, key: str, number: int) -> None:
    name = f"cycle {key}"
    placed = order(id=name, key=name, source=OrderSource.COMMITTEE)
    command: AccountCommand = append_command(OrderSubmitted(placed))
    with journal.unit_of_work() as uow:
        if uow.record(cycle(number, salt=key), PANEL, INPUTS):
            paper.transact_within(uow, *ACCOUNT, day(number), command)


def fill_open_orders(account: Account | None) -> list[AccountEvent | AccountEntry]:
    """Whatever is open fills, half of it at a time, and a row of bars closes."""
    assert account is not None
    fills = [fill(each, each.remaining if each.filled else 5.0) for each in account.orders.values()]
    return [*fills, closed_bar(AAPL=100.0)]


if __name__ == "__main__":
    main(sys.argv[1])
