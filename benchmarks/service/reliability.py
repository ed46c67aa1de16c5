"""Whether an account survives `kill -9` of the server, of Ray's actors and of PostgreSQL.

`python -m benchmarks reliability [server=60] [database=40] [actor=15] [seed=1] [home=FOLDER]` plays
a trading replay of the simulated market, or of the real history in the home FOLDER (`symbols=A,B
from=DATE to=DATE`), again and again until each kind has had its kills, at random moments. After
every kill the ledger must reconcile, the audit log verify, and no event, entry or order be missing
or doubled. A replay that was played to its end must equal an undisturbed one: every vote, decision,
order, fill and entry, to the last bit. An actor that died is an abstention, so the undisturbed
replay is then played with the recorded abstentions.
"""

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.support.fault_injection import (
    KillStats,
    ReplayScenario,
    kill_actors,
    kill_database,
    kill_server,
    run_undisturbed,
)
from benchmarks.support.replay_processes import ReplaySpec, prepare, warm_up

SIMULATED = ReplaySpec(
    "demo", ("AAPL", "MSFT", "JPM", "GLD", "BTC-USD"), "2023-06-01", "2023-08-31"
)
REAL = ReplaySpec("files", ("AAPL", "MSFT", "JPM", "XOM", "BTC-USD"), "2020-02-03", "2020-04-30")
KINDS = {"server": kill_server, "database": kill_database, "actor": kill_actors}


def run(
    server: str = "60", database: str = "40", actor: str = "15", seed: str = "1", home: str = "",
    symbols: str = "", **period: str,
) -> dict[str, Any]:  # fmt: skip
    """Return kills by kind and by what they interrupted, what was compared, and what was wrong."""
    default = REAL if home else SIMULATED
    spec = ReplaySpec(
        default.market, tuple(filter(None, symbols.split(","))) or default.symbols,
        period.get("from", default.start), period.get("to", default.end),
    )  # fmt: skip
    planned = {"server": int(server), "database": int(database), "actor": int(actor)}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        rng = random.Random(int(seed))  # noqa: S311 not for secrets
        scenario = ReplayScenario(spec, prepare(Path(folder), spec, home), Path(folder), rng)
        with scenario.home() as scratch:
            warm_up(scratch, spec)
        undisturbed, figures = run_undisturbed(scenario)
        for kind, disturb in KINDS.items():
            stats = KillStats(planned[kind])
            if stats.planned:
                disturb(scenario, stats, undisturbed)
                figures |= dict(stats.figures(kind))
    return figures | {"minutes": round((time.monotonic() - began) / 60, 1)}
