"""Cleaning of text from outside: headlines, names and addresses made safe to store.

Markup is kept as written (pages escape it); characters that could hide or reverse text or break a
database are removed. Leaves out any judgement of the content.
"""

import re
import unicodedata

HEADLINE_LENGTH = 500
SUMMARY_LENGTH = 4_000

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Unicode categories: control, format (zero width, direction), surrogate, private, unassigned."""

_SPACE = re.compile(r"\s+")
_ADDRESS = re.compile(r"https?://[^\s\"'<>\\^`{|}]+", re.IGNORECASE)


def clean_text(text: object, length: int) -> str:
    """Return `text` on one line without invisible characters, '' for no text.

    Text longer than `length` characters is cut and ends in an ellipsis.
    """
    if not isinstance(text, str):
        return ""
    text = _SPACE.sub(" ", text[: 4 * length])
    if not text.isprintable():
        visible = "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE)
        text = _SPACE.sub(" ", visible)
    text = text.strip()
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def clean_url(text: object) -> str:
    """Return `text` if it is an http or https address of at most 2,000 characters, else ''."""
    if not isinstance(text, str) or len(text) > 2_000 or not text.isprintable():
        return ""
    text = text.strip()
    return text if _ADDRESS.fullmatch(text) else ""


_LEGAL_SUFFIX = re.compile(
    r"[,.]?\s+(?:inc|incorporated|corp|corporation|co|company|companies|ltd|limited|plc|ag|se|sa|nv"
    r"|n\.v|s\.a|s\.p\.a|holdings?|group|trust|etf|fund|platforms|usd|class\s+\w)\b.*$",
    re.IGNORECASE,
)
_COMMON_WORDS = frozenset({
    "american", "bank", "consolidated", "first", "general", "global", "international", "ishares",
    "national", "spdr", "standard", "united", "vanguard",
})  # fmt: skip


def mentions_company(text: str, symbol: str, company: str) -> bool:
    """Whether `text` names the company: by its symbol, its name, or the first word of its name.

    A one-letter symbol counts only where it is marked as a symbol: `$F`, `(F)`, `NYSE:F`.
    """
    bare = re.escape(symbol.split("-")[0].lstrip("^"))
    marked = rf"[$(:]\s?{bare}\b" if len(bare) == 1 else rf"(?<!\w){bare}(?!\w)"
    if re.search(marked, text):
        return True
    name = _LEGAL_SUFFIX.sub(
        "", re.sub(r"^the\s+", "", company.strip(), flags=re.IGNORECASE)
    ).strip(" ,.&")
    first = re.split(r"[\s.,]", name)[0]
    names = [name] if len(name) > 2 else []
    if len(first) > 3 and first.lower() not in _COMMON_WORDS:
        names.append(first)
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for name in names)
