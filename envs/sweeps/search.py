"""The configurations that a sweep tries: fields of `TrainingArguments`, their possible values, and
a random choice of them.

The same options and seed give the same configurations. What defines the score itself (the bars, the
periods, the costs of trading, the seeds) cannot be searched: the easier market would always win.
Leaves out how configurations are trained (`envs/sweep.py`).
"""

import difflib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

import numpy as np

from domain.errors import InputError
from envs.training.arguments import TrainingArguments, value_parser
from envs.training.options import choices_of

NOT_SEARCHABLE: Mapping[str, str] = {
    **dict.fromkeys(
        ("bars", "symbols", "market_seed", "train_until", "validate_until", "horizon"),
        "it says what is scored on, and configurations are compared on the same bars",
    ),
    **dict.fromkeys(
        ("capital", "half_spread_bps", "commission_bps", "impact", "borrow_bps"),
        "it says what the score costs, and the cheapest would always win",
    ),
    **dict.fromkeys(
        ("seed", "seeds"), "every configuration is scored on the same seeds, or luck would win"
    ),
    "stages": "configurations are compared stage by stage",
    "select": "it changes how policies vote together, not what one learns",
    "parent": "it is a note",
    "tried": "it is a note",
}
LOG_SCALE_RATIO = 10.0
"""A range whose ends are at least this many times apart is drawn evenly in logarithms."""
MAX_LISTED = 10_000
MAX_TRIALS = 10_000
MAX_REPEATED_DRAWS = 1_000
"""Repeated draws in a row after which the search ends."""


@dataclass(frozen=True, slots=True)
class SearchDimension:
    """The possible values of one argument: one of `values`, or (where there are none) any number
    from `low` to `high`, a whole number where `whole`."""

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    def draw(self, rng: np.random.Generator) -> Any:
        if self.values:
            return self.values[rng.integers(len(self.values))]
        if self.low > 0.0 and self.high >= LOG_SCALE_RATIO * self.low:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = rng.uniform(self.low, self.high)
        value = round(value) if self.whole else float(f"{value:.3g}")
        return type(value)(min(max(value, self.low), self.high))


def parse_search(options: Sequence[str]) -> tuple[SearchDimension, ...]:
    """Parse `name=low..high` or `name=value,value,...`, each for a field of `TrainingArguments`.

    Raises InputError for a field that does not exist, cannot be searched or is named twice, for a
    value of another type, and for a range that is empty or reversed.
    """
    if not options:
        raise InputError(
            "There is nothing to search. Give --search name=low..high or --search name=a,b,c, for "
            "instance --search learning_rate=1e-4..1e-2.",
            field="search",
        )
    found = tuple(_parse_dimension(word) for word in options)
    names = [each.name for each in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"{twice[0]} is searched twice. Give it once.", field="search")
    return found


def draw_configurations(
    base: TrainingArguments, search: Sequence[SearchDimension], trials: int, seed: int
) -> tuple[Mapping[str, Any], ...]:
    """Return what `trials` configurations change of `base`; fewer where no more different ones can
    be trained.

    Raises InputError where none can be trained.
    """
    if not 1 <= trials <= MAX_TRIALS:
        raise InputError(
            f"--trials {trials}: give the number of configurations to try, from 1 to {MAX_TRIALS}.",
            field="trials",
        )
    _check_ends(base, search)
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    refusal: InputError | None = None
    for values in _candidates(search, np.random.default_rng(seed)):
        changes = {each.name: value for each, value in zip(search, values, strict=True)}
        try:
            replace(base, **changes).validate()
        except InputError as error:
            refusal = error
            continue
        found[values] = changes
        if len(found) == trials:
            break
    if not found:
        raise refusal or InputError("There is nothing to search.", field="search")
    return tuple(found.values())


def _candidates(
    search: Sequence[SearchDimension], rng: np.random.Generator
) -> Iterator[tuple[Any, ...]]:
    """Yield different configurations in random order: all of them where they can be listed."""
    if all(each.values for each in search):
        count = math.prod(len(each.values) for each in search)
        if count <= MAX_LISTED:
            every = list(itertools.product(*(each.values for each in search)))
            yield from (every[place] for place in rng.permutation(count))
            return
    drawn: set[tuple[Any, ...]] = set()
    repeats = 0
    while repeats < MAX_REPEATED_DRAWS:
        values = tuple(each.draw(rng) for each in search)
        repeats = repeats + 1 if values in drawn else 0
        if not repeats:
            drawn.add(values)
            yield values


def _parse_dimension(option: str) -> SearchDimension:
    name, equals, values = option.partition("=")
    name = name.strip().replace("-", "_")
    kind = _kind(name)
    if not equals or not values.strip():
        raise InputError(
            f"--search {option!r} says nothing to try. Write {name}=low..high or {name}=a,b,c.",
            field=name,
        )
    low, dots, high = values.partition("..")
    if dots:
        return _range(name, kind, low, high)
    return SearchDimension(
        name, tuple(dict.fromkeys(_value(name, kind, each) for each in values.split(",")))
    )


def _kind(name: str) -> Any:
    """Return the type of a field. Raises InputError where the field cannot be searched."""
    kinds = get_type_hints(TrainingArguments)
    if name not in kinds:
        near = difflib.get_close_matches(name, [*kinds], 1, 0.0)[0]
        able = ", ".join(
            each.name for each in fields(TrainingArguments) if each.name not in NOT_SEARCHABLE
        )
        raise InputError(
            f"There is no argument {name!r}; the nearest is {near}. These can be searched: {able}.",
            field=name,
        )
    if name in NOT_SEARCHABLE:
        raise InputError(f"{name} cannot be searched: {NOT_SEARCHABLE[name]}.", field=name)
    return kinds[name]


def _range(name: str, kind: Any, low: str, high: str) -> SearchDimension:
    whole = value_parser(kind) is int
    if not whole and value_parser(kind) is not float:
        raise InputError(
            f"{name} has no range, for it is not a number. List what to try: {name}=a,b,c.",
            field=name,
        )
    first, last = _value(name, kind, low), _value(name, kind, high)
    if not (math.isfinite(first) and math.isfinite(last)):
        raise InputError(f"{name}={low}..{high} has no end. Give two finite numbers.", field=name)
    if first == last:
        raise InputError(
            f"{name}={low}..{high} is empty: there is nothing between. Give two different numbers, "
            "or leave it out.",
            field=name,
        )
    if first > last:
        raise InputError(
            f"{name}={low}..{high} is reversed. Write {name}={high.strip()}..{low.strip()}.",
            field=name,
        )
    return SearchDimension(name, low=first, high=last, whole=whole)


def _value(name: str, kind: Any, word: str) -> Any:
    choices = choices_of(kind)
    try:
        value = value_parser(kind)(word.strip())
    except ValueError:
        what = "a whole number" if value_parser(kind) is int else "a number"
        raise InputError(f"{name}: {word.strip()!r} is not {what}.", field=name) from None
    if unknown := set(value if isinstance(value, tuple) else (value,)) - set(choices or (value,)):
        raise InputError(
            f"{name}: {' '.join(sorted(map(str, unknown)))!r} is none of {', '.join(choices)}.",
            field=name,
        )
    return value


def _check_ends(base: TrainingArguments, search: Sequence[SearchDimension]) -> None:
    """Reject a number that could not be trained with any value of the other arguments."""
    for each in search:
        ends = each.values or (each.low, each.high)
        for end in ends:
            if not isinstance(end, tuple | str):
                changes: dict[str, Any] = {each.name: int(end) if each.whole else end}
                replace(base, **changes).validate()
