"""Turns raw headlines into stories: clean text, each story once.

The treatment of a headline depends only on itself and on earlier headlines of the same symbol, so
that a later copy never changes an earlier row. Leaves out what the words mean.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.lexicon import tone
from domain.instants import Times
from domain.panel import Floats, Ints, News

MAX_TEXT_LENGTH = 2_000
"""Characters of a headline that are read."""
SAME_STORY_WITHIN = np.timedelta64(3, "D")
SAME_STORY_OVERLAP = 0.7
"""Overlap of words (Jaccard index) from which two headlines tell one story, unless their tones
oppose: "Apple rises 3% in early trading" does not repeat "Apple falls 3% in early trading"."""
MAX_COMPARED = 200
"""Earlier headlines of the window that a headline is compared with."""

_MARKUP = re.compile(r"<[a-zA-Z/!?][^<>]*>?")
_WORD = re.compile(r"[^\W_]+")
_WIRE_PREFIX = re.compile(
    r"^(?:(?:update \d+|wrapup \d+|corrected|rpt|refile|brief|exclusive|insight|timeline|factbox)"
    r"[\s:-]+)+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, eq=False)
class Stories:
    """S stories in order of symbol, instant and text; all columns (S,) of equal length."""

    symbol: Ints
    known_at: Times
    text: tuple[str, ...]
    source: tuple[str, ...]
    relevance: Floats


def extract_stories(news: News, after: np.datetime64, until: np.datetime64) -> Stories:
    """Return the stories first told in (`after`, `until`], without repetitions and empty
    headlines."""
    start, stop = np.searchsorted(
        news.known_at, [after - SAME_STORY_WITHIN, until], side="right"
    ).tolist()
    known = slice(start, stop)
    headlines = news.headline[known]
    cleaned = {headline: clean_headline(headline) for headline in set(headlines)}
    columns = zip(
        news.symbol[known].tolist(),
        _microseconds(news.known_at[known]).tolist(),  # Python's numbers compare faster
        map(cleaned.__getitem__, headlines),
        news.source[known],
        news.relevance[known].tolist(),
        strict=True,
    )
    rows = sorted(row for row in columns if row[2])
    first = _first_occurrences(
        [row[0] for row in rows], [row[1] for row in rows], [r[2] for r in rows]
    )
    start_us = int(_microseconds(after))
    kept = [row for row, new in zip(rows, first, strict=True) if new and row[1] > start_us]
    return Stories(
        symbol=np.array([row[0] for row in kept], np.int32),
        known_at=np.array([row[1] for row in kept], np.int64).view("datetime64[us]"),
        text=tuple(row[2] for row in kept),
        source=tuple(row[3] for row in kept),
        relevance=np.array([row[4] for row in kept], np.float64),
    )


def clean_headline(headline: str) -> str:
    """Return a headline without markup, control, bidirectional and private characters."""
    text = headline[:MAX_TEXT_LENGTH]
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _MARKUP.sub(" ", text)
    if not text.isprintable():
        text = "".join(map(_printable, text))
    return " ".join(text.split())


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    return "" if category.startswith("C") else character


def _microseconds(at: Times | np.datetime64) -> NDArray[np.int64]:
    return at.astype("datetime64[us]").astype(np.int64)


def _first_occurrences(
    symbols: Sequence[int], instants: Sequence[int], texts: Sequence[str]
) -> list[bool]:
    """Return whether each headline is the first to tell its story; sorted by symbol and instant
    (µs)."""
    distinct = {text: _words(text) for text in set(texts)}
    words = [distinct[text] for text in texts]
    within = int(SAME_STORY_WITHIN / np.timedelta64(1, "us"))
    first = []
    window = 0
    for k in range(len(texts)):
        while symbols[window] != symbols[k] or instants[k] - instants[window] > within:
            window += 1
        earlier = range(max(window, k - MAX_COMPARED), k)
        first.append(not _repeats_earlier(k, earlier, words, texts))
    return first


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_WIRE_PREFIX.sub("", text).lower()))


def _repeats_earlier(
    k: int, earlier: range, words: Sequence[frozenset[str]], texts: Sequence[str]
) -> bool:
    words_k = words[k]
    size = len(words_k)
    for j in earlier:
        words_j = words[j]
        shared = len(words_k & words_j)
        enough = shared >= SAME_STORY_OVERLAP * (size + len(words_j) - shared)
        if enough and tone(texts[k]) * tone(texts[j]) >= 0.0:
            return True
    return False
