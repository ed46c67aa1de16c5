"""The documentation quotes the program as it speaks."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "agents", "cli", "domain", "envs", "market", "orchestrator", "quant", "research", "storage",
    "tests", "trading", "web", "wiring",
)  # fmt: skip
QUOTED = re.findall(
    r"^\| (`.*?`) \|", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE
)


@cache
def spoken() -> str:
    """Every string in the code, f-strings in the parts between their fields, and the Makefile."""
    files = [*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text())))
    strings = (
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return "\n".join([*strings, (ROOT / "Makefile").read_text()])


@pytest.mark.parametrize("message", QUOTED)
def test_a_message_in_the_troubleshooting_page_is_one_that_the_program_has(message: str) -> None:
    for part in re.split(r"…|`, `", message.strip("`")):
        assert part.strip() in spoken()
