"""Parts by name: those that ship, and those that installed distributions add by entry points.

Promises that a mistake in one distribution does not affect the others: a part is left out, and a
sentence says so, if its name is taken, claimed by two distributions or not an identifier. A part is
imported only when it is loaded. Leaves out what a part must be able to do.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

from pydantic import BaseModel

from domain.errors import ConfigurationError, NotFoundError

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""The form of a name: it is part of settings, addresses and records."""
SPELLING = "lower-case letters, digits and _, a letter first, at most 40 characters"


@dataclass(frozen=True, slots=True)
class Registry:
    """Parts of one `kind` ('agent') by name, and sentences about those that were left out."""

    kind: str
    entries: Mapping[str, EntryPoint]
    problems: tuple[str, ...]


def build_registry(
    kind: str, group: str, shipped: Mapping[str, str], reserved: Iterable[str] = ()
) -> Registry:
    """Collect the parts of one `kind`.

    `shipped` maps names to 'module:Class'; after them come the entry points of distributions in
    `group`, in order of name. A distribution may not use a name that is shipped or `reserved`.
    """
    entries = {name: EntryPoint(name, value, group) for name, value in shipped.items()}
    problems = []
    claims: dict[str, list[EntryPoint]] = {}
    for distribution in distributions():
        try:
            for entry in _announced(distribution, group):
                claims.setdefault(entry.name, []).append(entry)
        except Exception as error:  # whatever its metadata makes the reader raise
            problems.append(
                f"The {kind}s of {_title(distribution)} are left out, because its entry points "
                f"cannot be read ({error}). Repair or uninstall it."
            )
    taken = {*entries, *reserved}
    for name in sorted(claims):
        claimed = {title: entry for entry in claims[name] if (title := distribution_label(entry))}
        if fault := _fault(kind, name, sorted(claimed), taken):
            problems.append(fault)
        else:
            entries[name] = claims[name][0]
    return Registry(kind, entries, tuple(problems))


def load_class(kind: str, entry: EntryPoint) -> Any:
    """Import the class or function that `entry` names.

    Raises ConfigurationError, with the distribution and the remedy, where one that does not ship
    with Quorum cannot be imported.
    """
    if entry.dist is None:
        return entry.load()
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise ConfigurationError(
            f"The {kind} {entry.name!r} of {distribution_label(entry)} "
            f"cannot be loaded from {entry.value!r} "
            f"({type(error).__name__}: {text[:200]}). Repair that package or uninstall it."
        ) from error


def require_known(kind: str, name: str, names: Iterable[str]) -> str:
    """Return `name` if it is one of `names`. Otherwise raise NotFoundError with the nearest."""
    existing = tuple(names)
    if name not in existing:
        near = get_close_matches(name, existing, n=1, cutoff=0.0)
        article = "an" if kind[0] in "aeiou" else "a"
        raise NotFoundError(
            f"{name[:60]!r} is not {article} {kind}. Did you mean {near[0]!r}? There are: "
            f"{', '.join(existing)}."
        )
    return name


def distribution_label(entry: EntryPoint) -> str:
    """The origin of a part: 'Quorum', or the distribution and its version."""
    return "Quorum" if entry.dist is None else _title(entry.dist)


def _announced(distribution: Distribution, group: str) -> Iterator[EntryPoint]:
    """Yield the entry points of `group`. Most distributions have none, so search the text first:
    parsing all of them is slow."""
    if group in (distribution.read_text("entry_points.txt") or ""):
        yield from distribution.entry_points.select(group=group)


def _title(distribution: Distribution) -> str:
    found = distribution.metadata
    return f"{found['Name'] or 'an unnamed package'} {found['Version'] or ''}".strip()


def _fault(kind: str, name: str, claimed: list[str], taken: set[str]) -> str:
    """A sentence on why `name` is left out; empty where it is not."""
    by = " and ".join(claimed)
    if not IDENTIFIER.fullmatch(name):
        return (
            f"The {kind} {name[:60]!r} of {by} is left out: its name must be {SPELLING}. Rename "
            f"its entry point, or uninstall {by}."
        )
    if name in taken:
        return (
            f"The {kind} {name!r} of {by} is left out: Quorum has that name itself. Rename its "
            f"entry point, or uninstall {by}."
        )
    if len(claimed) > 1:
        return (
            f"The {kind} {name!r} is left out: {by} both offer one. Uninstall one of them, or "
            "rename an entry point."
        )
    return ""


def refuse_unknown_options(
    key: str, options: Mapping[str, Any], declared: type[BaseModel] | None
) -> None:
    """Raise ConfigurationError for an option under `key` that the part's `declared` settings do not
    have; None is a part without settings of its own."""
    known = sorted(declared.model_fields) if declared else []
    for name in options:
        if name not in known:
            words = f"known are {', '.join(known)}" if known else "there are none to set there"
            raise ConfigurationError(f"The setting '{key}.{name}' is refused: {words}. Remove it.")
