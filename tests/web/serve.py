"""A demo app in a server process of its own: `python -m tests.web.serve FOLDER PORT [--days N]`.

Runs that are started in its RL lab proceed by themselves to a policy that was made up.

With `--rate N` it casts so many votes a second, one event each, as a busy engine would.
"""

import argparse
import threading
import time
from dataclasses import replace
from pathlib import Path

import uvicorn

from domain.canonical import to_json
from domain.events import EventKind
from tests.web.demo_app import AGENTS, NOW, DemoApp
from web.server import create_app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--more", nargs="*", default=[], help="agents beside those that ship")
    args = parser.parse_args()
    demo_app = DemoApp(args.folder, agents=(*AGENTS, *args.more))
    if not demo_app.records.latest("demo", "live"):
        demo_app.fetch_demo_data()
        demo_app.run_daily_cycles(args.days)
    if args.rate:
        threading.Thread(target=append_votes, args=(demo_app, args.rate), daemon=True).start()
    demo_app.lab.training_jobs.train_automatically(
        demo_app.lab.models.add, demo_app.notifier.notify
    )
    app = create_app(demo_app.services())
    uvicorn.run(
        app, host="127.0.0.1", port=args.port, log_level="warning", timeout_graceful_shutdown=1
    )


def append_votes(demo_app: DemoApp, rate: float) -> None:
    """Votes whose probability changes each time, so that every one is seen."""
    votes = [v for r in demo_app.records.latest("demo", "live") for v in r.decision.votes]
    about = {"market": "demo", "simulated": True, "timeframe": "1d", "as_of": NOW}
    next_at, count = time.monotonic(), 0
    while True:
        vote = votes[count % len(votes)]
        p_up = 0.3 + (count * 7 % 400) / 1000
        changed = to_json(replace(vote, p_up=p_up, log_odds=0.1, abstained_because=None))
        payload = {**changed, "receipt": "none", **about}
        demo_app.journal.append(EventKind.VOTE_CAST, "live", vote.symbol, payload)
        demo_app.notifier.notify()
        count += 1
        next_at += 1 / rate
        time.sleep(max(0.0, next_at - time.monotonic()))


if __name__ == "__main__":
    main()
