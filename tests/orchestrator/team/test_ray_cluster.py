import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_a_cycle_survives_a_node_removed_in_its_middle_and_the_next_is_complete(tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_health_check_initial_delay_ms": "500",
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_failure_threshold": "3",
    }
    run = subprocess.run(
        [sys.executable, "-m", "tests.orchestrator.team.lose_a_node", str(tmp_path)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    result = (tmp_path / "result.json").read_text()
    before, during, after, seconds, restarts = json.loads(result)
    assert before == ["voted"] * 5
    assert seconds < 25
    assert "voted" in during
    assert set(during) - {"voted"}, "the removed node hosted no agent"
    assert after == ["voted"] * 5
    assert restarts >= 1
