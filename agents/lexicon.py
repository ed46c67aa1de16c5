"""Scores the sentiment of a headline by a finance lexicon, in microseconds.

A score lies in [-1, 1] and depends on the headline's text alone. Words are good or bad by
themselves (`fraud`), or move something whose direction counts: profits that fall are bad news,
losses that narrow are good (`unwanted`). Negation, hedging, contrast and strength change the weight
of the words beside them. Leaves out syntax, irony and who of several companies a clause is about.
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
MAX_PHRASE_WORDS = 4
IRREGULAR_MOVE = 2.0
REACH_AHEAD, REACH_BEHIND = 3, 6
"""Most units between a move and the unwanted thing that it moves."""
HALF_SCORE_SQUARES = 6.0
"""Sum of squared weights at which the squared score is one half."""
TONE_CACHE_SIZE = 65_536

_TOKEN = re.compile(
    r"(?:[$€£]|rs\.?|eur|usd|us\$)?\s?\d[\d.,]*\w*%?|[a-z][a-z'&]*(?:-[a-z]+)*|[,;:?!]"
)
_VOWELS = "aeiou"


class LexiconKind(Enum):
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
class LexiconMatch:
    """A matched word or phrase and its role in the headline; `weight` is signed."""

    kind: LexiconKind
    weight: float = 0.0


_OTHER = LexiconMatch(LexiconKind.OTHER)
_PAUSE = LexiconMatch(LexiconKind.PAUSE)
_CONTEXT_KINDS = {
    "negators": LexiconKind.NEGATOR,
    "softeners": LexiconKind.SOFTENER,
    "stronger": LexiconKind.STRONGER,
    "weaker": LexiconKind.WEAKER,
    "turns": LexiconKind.TURN,
    "concessions": LexiconKind.CONCESSION,
    "boundaries": LexiconKind.BOUNDARY,
    "pauses": LexiconKind.PAUSE,
}


class LexiconScorer:
    """The scorer that needs no model and no network. It reads its words when it is made."""

    def __init__(self) -> None:
        self._name = f"lexicon@{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:8]}"
        lexicon_entries()

    @property
    def name(self) -> str:
        """`lexicon@` and the digest of its words."""
        return self._name

    def score(self, texts: Sequence[str]) -> Floats:
        """(len(texts),) in [-1, 1]; each depends on its own text only."""
        return np.array([tone(text) for text in texts], np.float64)


@lru_cache(TONE_CACHE_SIZE)
def tone(text: str) -> float:
    """Return the sentiment of one cleaned headline, in [-1, 1]; equal texts are read once."""
    tokens = _TOKEN.findall(text.lower().replace("’", "'"))
    total = _total_weight(list(_match_phrases(tokens)))
    if tokens and tokens[-1] == "?":
        total *= 0.5
    return total / math.sqrt(total * total + HALF_SCORE_SQUARES)


def _match_phrases(tokens: Sequence[str]) -> Iterator[LexiconMatch]:
    """Split the headline into known phrases, longest first, and everything else."""
    words = ["#" if token[-1] not in ",;:?!" and _is_number(token) else token for token in tokens]
    known = lexicon_entries()
    start = 0
    while start < len(words):
        for length in range(min(MAX_PHRASE_WORDS, len(words) - start), 0, -1):
            match = known.get(" ".join(words[start : start + length]))
            if match is not None:
                break
        else:
            match = _PAUSE if words[start] in ",;:?!" else _OTHER
        yield match
        start += length


def _is_number(token: str) -> bool:
    return any(character.isdigit() for character in token)


def _total_weight(matches: Sequence[LexiconMatch]) -> float:
    """Return the sum of the units' weights in their context."""
    consumed: set[int] = set()
    weighted = []
    for index, match in enumerate(matches):
        if match.kind is LexiconKind.MOVE:
            target = _find_moved(matches, index)
            if target is not None:
                consumed.add(target)
            weighted.append((index, -match.weight if target is not None else match.weight))
    weighted += [
        (index, match.weight)
        for index, match in enumerate(matches)
        if match.kind is LexiconKind.TONE
        or (match.kind is LexiconKind.UNWANTED and index not in consumed)
    ]
    return sum(weight * _context_factor(matches, index) for index, weight in sorted(weighted))


def _find_moved(matches: Sequence[LexiconMatch], index: int) -> int | None:
    """Return the index of the unwanted thing that the move at `index` moves; None if there is
    none."""
    for ahead in range(index + 1, min(index + 1 + REACH_AHEAD, len(matches))):
        if matches[ahead].kind in (LexiconKind.PAUSE, LexiconKind.BOUNDARY):
            break
        if matches[ahead].kind is LexiconKind.UNWANTED:
            return ahead
    for behind in range(index - 1, max(index - 1 - REACH_BEHIND, -1), -1):
        if matches[behind].kind in (LexiconKind.PAUSE, LexiconKind.MOVE):
            break
        if matches[behind].kind is LexiconKind.UNWANTED:
            return behind
    return None


def _context_factor(matches: Sequence[LexiconMatch], index: int) -> float:
    """Return the factor that the words around `index` put on its weight."""
    factor = 1.0
    before = [match.kind for match in matches[:index]]
    near = before[-3:]
    if LexiconKind.NEGATOR in near:
        factor *= -0.7
    if LexiconKind.SOFTENER in before:
        factor *= 0.6
    adjacent = before[-1:] + [match.kind for match in matches[index + 1 : index + 2]]
    if LexiconKind.STRONGER in adjacent:
        factor *= 1.4
    if LexiconKind.WEAKER in adjacent:
        factor *= 0.6
    if LexiconKind.TURN in (match.kind for match in matches[index + 1 :]):
        factor *= 0.5
    if LexiconKind.CONCESSION in before:
        factor *= 0.3
    return factor


@cache
def lexicon_entries() -> Mapping[str, LexiconMatch]:
    """Return every phrase of the lexicon in all its forms, with its role."""
    source = tomllib.loads(SOURCE.read_text("utf-8"))
    return dict(_entries(source))


def _entries(source: Mapping[str, Any]) -> Iterator[tuple[str, LexiconMatch]]:
    """Return the entries; later ones win, so a phrase overrides the forms made from a verb."""
    for weight, text in source["tones"]["verbs"].items():
        yield from _with_match(
            _forms(_phrases(text)), LexiconMatch(LexiconKind.TONE, float(weight))
        )
    for sign, direction in ((1.0, "up"), (-1.0, "down")):
        for weight, text in source["moves"][direction].items():
            yield from _with_match(
                _forms(_phrases(text)), LexiconMatch(LexiconKind.MOVE, sign * float(weight))
            )
        irregular = _phrases(source["moves"]["irregular"][direction])
        yield from _with_match(irregular, LexiconMatch(LexiconKind.MOVE, sign * IRREGULAR_MOVE))
    for weight, text in source["tones"]["words"].items():
        yield from _with_match(_phrases(text), LexiconMatch(LexiconKind.TONE, float(weight)))
    for weight, text in source["unwanted"].items():
        yield from _with_match(_phrases(text), LexiconMatch(LexiconKind.UNWANTED, float(weight)))
    for group, kind in _CONTEXT_KINDS.items():
        yield from _with_match(_phrases(source["context"][group]), LexiconMatch(kind))
    yield from _with_match(
        _phrases(source["neutral"]["phrases"]), LexiconMatch(LexiconKind.NEUTRAL)
    )


def _with_match(phrases: Iterable[str], match: LexiconMatch) -> Iterator[tuple[str, LexiconMatch]]:
    return ((phrase, match) for phrase in phrases)


def _phrases(text: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in text.split(",") if phrase.strip()]


def _forms(phrases: Iterable[str]) -> Iterator[str]:
    """Return each phrase, also with its first word in the -s, -ed and -ing forms."""
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
    doubled = verb + verb[-1] if _doubles_last_letter(verb) else verb
    return f"{verb}s", f"{doubled}ed", f"{doubled}ing"


def _doubles_last_letter(verb: str) -> bool:
    """Return whether a verb doubles its last letter: one short syllable that ends in a single
    consonant, as in drop, slip and cut."""
    return (
        len(verb) <= 5
        and verb[-1] not in "wxy" + _VOWELS
        and verb[-2] in _VOWELS
        and (len(verb) < 3 or verb[-3] not in _VOWELS)
        and sum(letter in _VOWELS for letter in verb) == 1
    )
