"""The documentation quotes the program's own words, and links and names only what exists."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

from agents.registry import AgentSettings
from app import app
from settings import MarketSettings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "agents" / "policies" / "README.md",
    *sorted(DOCS.rglob("*.md")),
]
ROOMS = (
    "agents", "benchmarks", "cli", "docs", "domain", "envs", "examples", "market", "orchestrator",
    "quant", "research", "storage", "tests", "trading", "web", "wiring",
)  # fmt: skip
ABSENT = {
    "agents/leader.py", "agents.leader", "tests/agents/test_leader.py", "agents/overnight_gap.py",
    "market/providers/csv_folder.py", "web/closes/pages.py", "web/closes/feature.py",
    "web/closes/templates/closes.html",
    "cli/stored_bars.py", "tests/cli/test_coverage.py", "benchmarks/service/votes.py",
    "make_bars.py",
}  # fmt: skip
"""Named as what a reader writes, or what a command writes for the reader."""
SETTING_KEYS = {f"agents.{key}" for key in AgentSettings.model_fields}
SETTING_KEYS |= {f"market.{key}" for key in MarketSettings.model_fields}

QUOTED = re.findall(r"^\| (`.*?`) \|", (DOCS / "use/troubleshooting.md").read_text(), re.MULTILINE)
FILE = re.compile(rf"(?:{'|'.join(ROOMS)})(?:/[\w.-]+)*/?|[\w/]+\.py")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def program_text() -> str:
    """Every string in the code, f-strings in the parts between their fields, and the Makefile."""
    files = [*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text())))
    strings = (
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return "\n".join([*strings, (ROOT / "Makefile").read_text()])


@cache
def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub makes links of them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def code_spans(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", page.read_text()))


def shell_lines(page: Path) -> Iterator[str]:
    """The commands of fenced and indented blocks, without prompts and comments, and of spans."""
    text = page.read_text()
    fenced = (body for language, body in FENCE.findall(text) if language in ("sh", "console", ""))
    indented = re.findall(r"^    (quorum .*)$", FENCE.sub("", text), re.MULTILINE)
    for line in [*"\n".join(fenced).splitlines(), *indented, *code_spans(page)]:
        for part in line.split(" # ")[0].split(";"):
            yield part.strip().removeprefix("$ ")


@pytest.mark.parametrize("message", QUOTED)
def test_a_message_in_the_troubleshooting_page_is_one_that_the_program_has(message: str) -> None:
    for part in re.split(r"…|`, `", message.strip("`")):
        assert part.strip() in program_text()


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} does not exist"
        assert not anchor or anchor in anchors(file), f"{target} names no heading"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_file_and_folder_that_a_page_names_exists(page: Path) -> None:
    for span in code_spans(page):
        named = FILE.fullmatch(span)
        if named and span not in ABSENT:
            assert (ROOT / span).exists(), f"{span} does not exist; name a file with its folder"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_python_name_that_a_page_gives_in_full_exists(page: Path) -> None:
    for span in code_spans(page):
        if (
            re.fullmatch(rf"(?:{'|'.join(ROOMS)})(?:\.\w+)+", span)
            and span not in ABSENT | SETTING_KEYS
        ):
            module, *names = span.split(".")
            resolved = importlib.import_module(module)
            for name in names:
                module = f"{module}.{name}"
                resolved = getattr(resolved, name, None) or importlib.import_module(module)


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_command_that_a_page_shows_exists_with_its_options(page: Path) -> None:
    root = typer.main.get_command(app)
    for line in shell_lines(page):
        if not line.startswith("quorum "):
            continue
        command = root
        words = re.split(r"[\s\[\]]+", line)[1:]
        while words and (commands := getattr(command, "commands", {})):
            name = words[0].split("|")[0]
            if not re.fullmatch(r"[a-z][a-z-]*", name):
                break
            words = words[1:]
            assert name in commands, f"{line}: there is no command {name!r}"
            command = commands[name]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        known |= {option for parameter in command.params for option in parameter.secondary_opts}
        for word in words:
            option = word.split("|")[0].split("=")[0].rstrip(",.")
            assert not option.startswith("--") or option in known, f"{line}: no option {option}"


def test_every_python_sample_of_the_recipes_compiles_and_passes_ruff(tmp_path: Path) -> None:
    """As a new module of the project; `app` stands in the file to which a command is added."""
    for page in (DOCS / "extend").glob("*.md"):
        for k, (language, code) in enumerate(FENCE.findall(page.read_text())):
            if language == "python":
                compile(code, f"{page.name}, block {k}", "exec")
                (tmp_path / f"{page.stem}_{k}.py").write_text(code)
    options = [
        f'src = ["{ROOT}"]',
        'builtins = ["app"]',
        'lint.extend-ignore = ["ARG002", "S101"]',
        'lint.isort.known-first-party = ["web"]',
    ]
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise"),
            *("--config", str(ROOT / "pyproject.toml")),
            *(part for option in options for part in ("--config", option)),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_index_lists_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.glob("*/*.md")]
    assert [page for page in pages if f"]({page})" not in index] == []
