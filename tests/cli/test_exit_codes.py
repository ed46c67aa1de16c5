"""How a run ends, whatever happens in it: its exit code, and what people and programs read."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli import decisions
from tests.cli.conftest import Quorum


def test_an_interrupted_verb_says_so_by_its_code(
    quorum: Quorum, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(decisions, "decide", interrupted)
    code, _, error = quorum("decide", "AAPL")
    assert (code, error) == (130, "Interrupted.\n")


def test_without_a_verb_only_the_help_is_printed(quorum: Quorum) -> None:
    code, out, error = quorum()
    assert (code, error) == (2, "")
    assert "decide" in out


def test_a_watchlist_is_edited_as_a_whole_or_not_at_all(quorum: Quorum) -> None:
    before = quorum("watch", "list")[1]
    assert quorum("watch", "add", "AMD", "a b")[0] == 2
    assert quorum("watch", "list")[1] == before


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order(sent: signal.Signals, home: Path) -> None:
    command = [sys.executable, "-m", "app", "serve", "--market", "demo", "--port", "0"]
    with subprocess.Popen(
        [*command, "--in-process"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "QUORUM_HOME": str(home)},
        preexec_fn=_mind_the_interrupt,
    ) as server:
        try:
            assert server.stderr is not None
            while "Not investment advice" not in server.stderr.readline():
                assert server.poll() is None
            server.send_signal(sent)
            error = server.communicate(timeout=60)[1]
        finally:
            server.kill()
    assert server.returncode == 130
    assert "Interrupted." in error
    assert "Traceback" not in error


def _mind_the_interrupt() -> None:
    """Tests in the background have children that ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_with_logging(home: Path, doing: str) -> str:
    """What a process of its own, with its log kept, writes on standard error while `doing`."""
    keep = (
        "import logging, sys; from pathlib import Path; from cli import log_setup\n"
        "log_setup.configure_logging(Path(sys.argv[1]))"
    )
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"{keep}\n{doing}",
            str(home),
        ],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    ).stderr


def test_a_traceback_goes_to_the_log_and_people_read_one_line(home: Path) -> None:
    failing = "try: 1 / 0\nexcept ArithmeticError: logging.exception('a cycle\\nfailed')"
    assert (
        run_with_logging(home, failing) == "a cycle failed: ZeroDivisionError: division by zero\n"
    )
    assert "Traceback" in (home / "logs" / "quorum.log").read_text()


def test_a_home_that_cannot_be_written_blocks_no_log_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert (
        run_with_logging(tmp_path / "file", "logging.warning('still printed')") == "still printed\n"
    )
