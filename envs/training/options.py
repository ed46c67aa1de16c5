"""The arguments of a training as command-line options: one per field, with its sentence, its
default and one way to write a list.

Leaves out what the arguments mean and which are rejected (`arguments.py`).
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from domain.symbols import FLAGS
from envs.training.arguments import TrainingArguments, value_parser


@dataclass(frozen=True, slots=True)
class ArgumentOption:
    """One argument. `choices` are the words that it, or each of its list, can be; empty where any
    word is allowed."""

    name: str
    kind: Any
    sentence: str
    default: Any
    choices: tuple[str, ...]

    @property
    def is_list(self) -> bool:
        return get_origin(self.kind) is tuple

    @property
    def flags(self) -> tuple[str, ...]:
        return FLAGS if self.name == "symbols" else ("--" + self.name.replace("_", "-"),)

    @property
    def metavar(self) -> str:
        if self.choices:
            return f"{{{','.join(self.choices)}}}"
        return self.flags[0].removeprefix("--").replace("-", "_").upper()

    def help(self, default: str | None = None) -> str:
        """Return the sentence and the default, which the caller may override."""
        return f"{self.sentence} (default: {default or self._default_text})"

    @property
    def _default_text(self) -> str:
        if self.is_list:
            return ",".join(self.default) or "all"
        return "none" if self.default is None else str(self.default)

    def read_list(self, words: Iterable[str]) -> tuple[str, ...]:
        """Parse a list written in one word or several, with commas or without."""
        read: tuple[str, ...] = value_parser(self.kind)(" ".join(words))
        return read


@cache
def options() -> Mapping[str, ArgumentOption]:
    """Return the option of every argument, in the order of the fields."""
    hints = get_type_hints(TrainingArguments, include_extras=True)
    found = {}
    for each in fields(TrainingArguments):
        kind, sentence = get_args(hints[each.name])
        is_list = get_origin(kind) is tuple
        found[each.name] = ArgumentOption(
            name=each.name,
            kind=kind,
            sentence=f"{sentence} Repeat it, or separate by commas." if is_list else sentence,
            default=each.default,
            choices=choices_of(kind),
        )
    return found


def choices_of(kind: Any) -> tuple[str, ...]:
    """Return the words that a field of type `kind`, or each of its list, can be."""
    inner = get_args(kind)[0] if get_origin(kind) is tuple else kind
    return get_args(inner) if get_origin(inner) is Literal else ()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add one option per field."""
    for option in options().values():
        if option.is_list:
            parser.add_argument(
                *option.flags,
                dest=option.name,
                action="extend",
                nargs="+",
                metavar=option.metavar,
                help=option.help(),
            )
        else:
            parser.add_argument(
                *option.flags,
                dest=option.name,
                type=value_parser(option.kind),
                choices=option.choices or None,
                default=option.default,
                metavar=option.metavar,
                help=option.help(),
            )


def arguments_from_options(parsed: argparse.Namespace) -> TrainingArguments:
    """Return the arguments among the options that the parser read."""
    given: dict[str, Any] = {}
    for name, option in options().items():
        value = getattr(parsed, name)
        if option.is_list:
            value = option.default if value is None else option.read_list(value)
        given[name] = value
    return TrainingArguments(**given)
