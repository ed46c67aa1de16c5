"""A finance lexicon that reads a headline as a reader of the wire does, in microseconds.

Promises a score in [-1, 1] that depends on the headline's text alone. Words point somewhere by
themselves (`fraud`), or move something whose direction counts: profits that fall are bad news,
losses that narrow are good (`unwanted`). Negation, hedging, contrast and strength bend the words
they stand beside. Leaves out syntax, irony and who of several companies a clause is about.
English only: a headline without a known word scores 0.
"""

import hashlib
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from domain.panel import Floats

SOURCE = Path(__file__).with_name("lexicon.toml")
LONGEST_PHRASE = 4
IRREGULAR_MOVE = 2.0
REACH_AHEAD, REACH_BEHIND = 3, 6
"""How many units from a move the unwanted thing that it moves may stand."""
SOFTNESS = 6.0
"""Sum of squares at which a score is half way (in square) to certain."""
KEPT_TONES = 65_536

_TOKEN = re.compile(
    r"(?:[$€£]|rs\.?|eur|usd|us\$)?\s?\d[\d.,]*\w*%?|[a-z][a-z'&]*(?:-[a-z]+)*|[,;:?!]"
)
_VOWELS = "aeiou"


class Kind(Enum):
    TONE = auto()
    MOVE = auto()
    UNWANTED = auto()
    NEUTRAL = auto()
    NEGATOR = auto()
    SOFTENER = auto()
    STRONGER = auto()
    WEAKER = auto()
    TURN = auto()
    CONCESSION = auto()
    BOUNDARY = auto()
    PAUSE = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Unit:
    """A matched word or phrase and its part in the headline; `weight` is signed."""

    kind: Kind
    weight: float = 0.0


_OTHER = Unit(Kind.OTHER)
_PAUSE = Unit(Kind.PAUSE)
_CONTEXT_KINDS = {
    "negators": Kind.NEGATOR,
    "softeners": Kind.SOFTENER,
    "stronger": Kind.STRONGER,
    "weaker": Kind.WEAKER,
    "turns": Kind.TURN,
    "concessions": Kind.CONCESSION,
    "boundaries": Kind.BOUNDARY,
    "pauses": Kind.PAUSE,
}


class LexiconScorer:
    """The scorer that needs no model and no network."""

    @property
    def name(self) -> str:
        """`lexicon@` and the digest of its words."""
        return f"lexicon@{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:8]}"

    def score(self, texts: Sequence[str]) -> Floats:
        """(len(texts),) in [-1, 1]; each depends on its own text only."""
        return np.array([tone(text) for text in texts], np.float64)


@lru_cache(KEPT_TONES)
def tone(text: str) -> float:
    """The sentiment of one cleaned headline, in [-1, 1]; equal texts are read once."""
    tokens = _TOKEN.findall(text.lower().replace("’", "'"))
    total = _weigh(list(_units(tokens)))
    if tokens and tokens[-1] == "?":
        total *= 0.5
    return total / math.sqrt(total * total + SOFTNESS)


def _units(tokens: Sequence[str]) -> Iterator[Unit]:
    """The headline as known phrases, longest first, and everything else."""
    words = ["#" if token[-1] not in ",;:?!" and _is_number(token) else token for token in tokens]
    known = entries()
    start = 0
    while start < len(words):
        for length in range(min(LONGEST_PHRASE, len(words) - start), 0, -1):
            unit = known.get(" ".join(words[start : start + length]))
            if unit is not None:
                break
        else:
            unit = _PAUSE if words[start] in ",;:?!" else _OTHER
        yield unit
        start += length


def _is_number(token: str) -> bool:
    return any(character.isdigit() for character in token)


def _weigh(units: Sequence[Unit]) -> float:
    """Sum of what every unit says in its place."""
    consumed: set[int] = set()
    points = []
    for place, unit in enumerate(units):
        if unit.kind is Kind.MOVE:
            moved = _moved(units, place)
            if moved is not None:
                consumed.add(moved)
            points.append((place, -unit.weight if moved is not None else unit.weight))
    points += [
        (place, unit.weight)
        for place, unit in enumerate(units)
        if unit.kind is Kind.TONE or (unit.kind is Kind.UNWANTED and place not in consumed)
    ]
    return sum(weight * _bent(units, place) for place, weight in sorted(points))


def _moved(units: Sequence[Unit], place: int) -> int | None:
    """Where the unwanted thing stands that the move at `place` moves; None if it moves another."""
    for ahead in range(place + 1, min(place + 1 + REACH_AHEAD, len(units))):
        if units[ahead].kind in (Kind.PAUSE, Kind.BOUNDARY):
            break
        if units[ahead].kind is Kind.UNWANTED:
            return ahead
    for behind in range(place - 1, max(place - 1 - REACH_BEHIND, -1), -1):
        if units[behind].kind in (Kind.PAUSE, Kind.MOVE):
            break
        if units[behind].kind is Kind.UNWANTED:
            return behind
    return None


def _bent(units: Sequence[Unit], place: int) -> float:
    """What the words around `place` multiply its weight by."""
    factor = 1.0
    before = [unit.kind for unit in units[:place]]
    near = before[-3:]
    if Kind.NEGATOR in near:
        factor *= -0.7
    if Kind.SOFTENER in before:
        factor *= 0.6
    beside = before[-1:] + [unit.kind for unit in units[place + 1 : place + 2]]
    if Kind.STRONGER in beside:
        factor *= 1.4
    if Kind.WEAKER in beside:
        factor *= 0.6
    if Kind.TURN in (unit.kind for unit in units[place + 1 :]):
        factor *= 0.5
    if Kind.CONCESSION in before:
        factor *= 0.3
    return factor


@cache
def entries() -> Mapping[str, Unit]:
    """Every phrase of the lexicon in all its forms, and its part."""
    source = tomllib.loads(SOURCE.read_text("utf-8"))
    return dict(_entries(source))


def _entries(source: Mapping[str, Any]) -> Iterator[tuple[str, Unit]]:
    """Later entries win: a phrase overrides the forms made from a verb."""
    for weight, text in source["tones"]["verbs"].items():
        yield from _all(_forms(_phrases(text)), Unit(Kind.TONE, float(weight)))
    for sign, direction in ((1.0, "up"), (-1.0, "down")):
        for weight, text in source["moves"][direction].items():
            yield from _all(_forms(_phrases(text)), Unit(Kind.MOVE, sign * float(weight)))
        irregular = _phrases(source["moves"]["irregular"][direction])
        yield from _all(irregular, Unit(Kind.MOVE, sign * IRREGULAR_MOVE))
    for weight, text in source["tones"]["words"].items():
        yield from _all(_phrases(text), Unit(Kind.TONE, float(weight)))
    for weight, text in source["unwanted"].items():
        yield from _all(_phrases(text), Unit(Kind.UNWANTED, float(weight)))
    for group, kind in _CONTEXT_KINDS.items():
        yield from _all(_phrases(source["context"][group]), Unit(kind))
    yield from _all(_phrases(source["neutral"]["phrases"]), Unit(Kind.NEUTRAL))


def _all(phrases: Iterable[str], unit: Unit) -> Iterator[tuple[str, Unit]]:
    return ((phrase, unit) for phrase in phrases)


def _phrases(text: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in text.split(",") if phrase.strip()]


def _forms(phrases: Iterable[str]) -> Iterator[str]:
    """Each phrase with its first word in the -s, -ed and -ing forms as well."""
    for phrase in phrases:
        verb, _, rest = phrase.partition(" ")
        for form in (verb, *_inflected(verb)):
            yield f"{form} {rest}".rstrip()


def _inflected(verb: str) -> tuple[str, str, str]:
    if verb.endswith("e"):
        return f"{verb}s", f"{verb}d", f"{verb[:-1]}ing"
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb}ing"
    if verb.endswith(("s", "x", "ch", "sh", "z")):
        return f"{verb}es", f"{verb}ed", f"{verb}ing"
    doubled = verb + verb[-1] if _doubles(verb) else verb
    return f"{verb}s", f"{doubled}ed", f"{doubled}ing"


def _doubles(verb: str) -> bool:
    """One short syllable that ends in a single consonant, as in drop, slip and cut."""
    return (
        len(verb) <= 5
        and verb[-1] not in "wxy" + _VOWELS
        and verb[-2] in _VOWELS
        and (len(verb) < 3 or verb[-3] not in _VOWELS)
        and sum(letter in _VOWELS for letter in verb) == 1
    )
