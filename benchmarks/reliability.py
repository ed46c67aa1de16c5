"""Does an account survive `kill -9` of the server, of Ray's actors and of PostgreSQL?

`python -m benchmarks reliability [server=60] [database=40] [actor=15] [seed=1] [home=FOLDER]`
plays a trading replay of the simulated market, or of the real history in the home FOLDER
(`symbols=A,B from=DATE to=DATE`), again and again until each kind has had its kills, at random
moments. After every kill the ledger must reconcile, the audit log verify, and no event, entry or
order be missing or there twice. What was played to its end must equal what was played
undisturbed: every vote, decision, order, fill and entry, to the last bit. An actor that died is an
abstention, so there the undisturbed one is played with the abstentions that were recorded.
"""

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.support.fault_injection import (
    Ground,
    Tally,
    actor,
    database,
    server,
    undisturbed_play,
)
from benchmarks.support.replay_processes import Play, prepare, warm_up

INVENTED = Play("demo", ("AAPL", "MSFT", "JPM", "GLD", "BTC-USD"), "2023-06-01", "2023-08-31")
REAL = Play("files", ("AAPL", "MSFT", "JPM", "XOM", "BTC-USD"), "2020-02-03", "2020-04-30")
KINDS = {"server": server, "database": database, "actor": actor}


def run(
    server: str = "60", database: str = "40", actor: str = "15", seed: str = "1", home: str = "",
    symbols: str = "", **period: str,
) -> dict[str, Any]:  # fmt: skip
    """Kills by kind and by what they interrupted, what was compared, and what was wrong."""
    usual = REAL if home else INVENTED
    play = Play(
        usual.market, tuple(filter(None, symbols.split(","))) or usual.symbols,
        period.get("from", usual.start), period.get("to", usual.end),
    )  # fmt: skip
    wanted = {"server": int(server), "database": int(database), "actor": int(actor)}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        moments = random.Random(int(seed))  # noqa: S311 nobody need be surprised by them
        ground = Ground(play, prepare(Path(folder), play, home), Path(folder), moments)
        with ground.home() as scratch:
            warm_up(scratch, play)
        undisturbed, figures = undisturbed_play(ground)
        for kind, disturb in KINDS.items():
            tally = Tally(wanted[kind])
            if tally.wanted:
                disturb(ground, tally, undisturbed)
                figures |= dict(tally.told(kind))
    return figures | {"minutes": round((time.monotonic() - began) / 60, 1)}
