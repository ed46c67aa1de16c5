"""`new`: the files of a new agent or provider, which can be checked and tested as they are.

In the checkout they are a module, its registry row and a test; anywhere else a package of its own,
registered by an entry point. Promises that nothing is written if a name is refused or a file is
already there.
"""

import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from agents import registry as agents
from domain.errors import InputError, StorageError
from domain.plugins import IDENTIFIER, SPELLING
from market import registry as providers
from settings import PROJECT_ROOT

TEMPLATES = Path(__file__).parent / "templates"
ROWS_BEGIN, ROWS_END = "SHIPPED: Mapping[str, str] = {\n", "}\n"


@dataclass(frozen=True, slots=True)
class ExtensionKind:
    """A kind of extension: an agent or a provider.

    In the checkout, `package` holds its registry and names the folder of its test; `folder` holds
    its module. `group` is the group of its entry points, `taken` the names in use, `test_imports`
    the imports of its test.
    """

    name: str
    package: str
    folder: str
    group: str
    taken: tuple[str, ...]
    test_imports: str


AGENT = ExtensionKind(
    "agent",
    "agents",
    "agents",
    agents.GROUP,
    (*agents.AGENTS, *agents.RESERVED),
    "from research.lookahead.contract import check_agent\n"
    "from research.lookahead.random_panel import random_panel\n"
    "from {module} import {class_name}",
)
PROVIDER = ExtensionKind(
    "provider",
    "market",
    "market/providers",
    providers.GROUP,
    (*providers.PROVIDERS, providers.AUTO, providers.FILES),
    "from market.provider_contract import check_provider\n"
    "from {module} import SYMBOL, {class_name}",
)


@dataclass(frozen=True, slots=True)
class CreatedFiles:
    """The files that were written or changed, and the next steps, a command a line."""

    name: str
    files: tuple[Path, ...]
    next: tuple[str, ...]


def create(
    kind: ExtensionKind, name: str, folder: Path, checkout: Path = PROJECT_ROOT
) -> CreatedFiles:
    """Write the files of a new `kind` called `name`: into `checkout` if `folder` is inside it, else
    as a package in `folder`.

    Raises InputError for an invalid or taken name, and if a file is already there; StorageError if
    nothing can be written.
    """
    _require_free_name(kind, name)
    if _is_checkout(checkout) and folder.resolve().is_relative_to(checkout.resolve()):
        return _in_checkout(kind, name, checkout)
    return _as_package(kind, name, folder)


def _require_free_name(kind: ExtensionKind, name: str) -> None:
    if not IDENTIFIER.fullmatch(name) or keyword.iskeyword(name):
        raise InputError(
            f"{name[:60]!r} cannot name the new {kind.name}: use {SPELLING}, such as "
            f"my_{kind.name}, and no keyword of Python."
        )
    if name in kind.taken:
        raise InputError(
            f"The name {name!r} is taken. These are: {', '.join(kind.taken)}. Choose another."
        )


def _is_checkout(checkout: Path) -> bool:
    return (checkout / "pyproject.toml").is_file() and (checkout / "tests").is_dir()


def _in_checkout(kind: ExtensionKind, name: str, checkout: Path) -> CreatedFiles:
    substitutions = _substitutions(kind, name, f"{kind.folder.replace('/', '.')}.{name}")
    module = checkout / kind.folder / f"{name}.py"
    test = checkout / "tests" / kind.package / f"test_{name}.py"
    rows = checkout / kind.package / "registry.py"
    _write(
        {
            module: _fill_template(kind.name, substitutions),
            test: _fill_template(f"{kind.name}_test", substitutions),
        },
        {rows: _add_row(rows, name, substitutions)},
    )
    return CreatedFiles(
        name,
        (module, rows, test),
        (f"python -m pytest {test.relative_to(checkout)}", f"quorum check {name}"),
    )


def _as_package(kind: ExtensionKind, name: str, folder: Path) -> CreatedFiles:
    substitutions = _substitutions(kind, name, f"quorum_{name}")
    package = folder / substitutions["distribution"]
    if package.exists():
        raise InputError(f"{package} is there already. Move it away, or choose another name.")
    project, module = package / "pyproject.toml", package / f"{substitutions['module']}.py"
    test = package / f"test_{name}.py"
    _write(
        {
            project: _fill_template("pyproject", substitutions),
            module: _fill_template(kind.name, substitutions),
            test: _fill_template(f"{kind.name}_test", substitutions),
        }
    )
    distribution = substitutions["distribution"]
    return CreatedFiles(
        name,
        (project, module, test),
        (
            f"pip install -e {distribution}",
            f"python -m pytest {distribution}",
            f"quorum check {name}",
        ),
    )


def _substitutions(kind: ExtensionKind, name: str, module: str) -> Mapping[str, str]:
    """Return the values of the templates' variables; `imports` are the test's, in order of their
    modules."""
    class_name = "".join(part.capitalize() for part in (*name.split("_"), kind.name))
    test_imports = kind.test_imports.format(module=module, class_name=class_name)
    return {
        "kind": kind.name,
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "class_name": class_name,
        "module": module,
        "imports": "\n".join(sorted(test_imports.split("\n"))),
        "group": kind.group,
        "distribution": f"quorum-{name.replace('_', '-')}",
    }


def _fill_template(template: str, substitutions: Mapping[str, str]) -> str:
    return Template((TEMPLATES / f"{template}.txt").read_text("utf-8")).substitute(substitutions)


def _add_row(rows: Path, name: str, substitutions: Mapping[str, str]) -> str:
    """Return the registry's source with a row for the new part after the others."""
    source = rows.read_text("utf-8")
    before, begin, rest = source.partition(ROWS_BEGIN)
    table, end, after = rest.partition(ROWS_END)
    if not begin or not end:
        raise InputError(
            f"{rows} has no table of rows that begins with {ROWS_BEGIN.strip()!r}. Restore it, and "
            "run this again."
        )
    row = f'    "{name}": "{substitutions["module"]}:{substitutions["class_name"]}",\n'
    return f"{before}{begin}{table}{row}{end}{after}"


def _write(new: Mapping[Path, str], changed: Mapping[Path, str] | None = None) -> None:
    if existing := [path for path in new if path.exists()]:
        raise InputError(f"{existing[0]} is there already. Choose another name.")
    try:
        for path, text in {**new, **(changed or {})}.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise StorageError(
            f"{error.filename} cannot be written: {error.strerror}. Free it, or run this in a "
            "folder that can be written."
        ) from None
