"""Run by test_ray_cluster.py as a program: a cluster of three nodes loses one in mid-cycle.

Writes `result.json`: what each of the three cycles answered, and how long the middle one took.
"""

import json
import sys
import threading
import time
from functools import partial
from pathlib import Path

from ray.cluster_utils import Cluster

from orchestrator.team.ray_session import RaySession
from orchestrator.team.ray_team import RayTeam
from tests.orchestrator.random_panels import random_panel
from tests.orchestrator.sample_agents import build_fault_injecting

AGENTS = ("technical", "news", "fundamental", "risk", "rl")


def main(folder: Path) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    others = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    session = RaySession.join(cluster.address)
    team = RayTeam(
        session, AGENTS, partial(build_fault_injecting, folder=folder), home=folder, timeout=20
    )
    panel = random_panel()

    def cycle() -> list[str]:
        results = team.vote(panel, len(panel.known_at) - 1)
        return [result.failure or "voted" for result in results]

    before = cycle()
    for agent in AGENTS:
        (folder / agent).write_text("slow")
    threading.Timer(0.5, cluster.remove_node, (others[0], False)).start()
    started = time.monotonic()
    during = cycle()
    seconds = time.monotonic() - started
    for agent in AGENTS:
        (folder / agent).write_text("")
    after = cycle()
    restarts = sum(health.restarts for health in team.health())
    (folder / "result.json").write_text(json.dumps([before, during, after, seconds, restarts]))
    team.close()
    cluster.shutdown()


main(Path(sys.argv[1]))
