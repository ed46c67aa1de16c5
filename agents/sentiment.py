"""Scorers of headlines: a FinBERT-like classifier where there is one, else the lexicon.

A scorer is ready within seconds, online or not, and its scores depend on each headline's text
alone, never on its batch. Transformer weights are read from safetensors files only: pickled weights
(`pytorch_model.bin`) can run code and are refused, and so is code that comes with a model. Leaves
out training, GPUs and languages the model does not know.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from agents.hub import find_model
from agents.lexicon import LexiconScorer
from domain.errors import ConfigurationError
from domain.panel import Floats

DEFAULT_MODEL = "ProsusAI/finbert"
CACHE_SIZE = 65_536
MAX_TOKENS = 128
"""Tokens of a headline that the classifier reads."""

_logger = logging.getLogger(__name__)


class HeadlineScorer(Protocol):
    """`name` changes whenever a text could get another score; `score` returns (len(texts),) in [-1,
    1], each a function of its own text, to the last bit."""

    @property
    def name(self) -> str: ...
    def score(self, texts: Sequence[str]) -> Floats: ...


def make_scorer(setting: str, models_dir: Path) -> HeadlineScorer:
    """Make the scorer that `agents.news_model` asks for, with a cache of its scores.

    'lexicon' is the lexicon, 'auto' is FinBERT; a folder or a model id is a transformers
    classifier. A model that is neither in a cache nor on the hub is replaced by the lexicon,
    which is logged and shows in the scorer's name. Raises ConfigurationError for a
    folder that holds no usable model.
    """
    if setting == "lexicon":
        return CachedScorer(LexiconScorer())
    model = DEFAULT_MODEL if setting == "auto" else setting
    found = find_model(model, models_dir)
    if isinstance(found, str):
        _logger.warning("Headlines are read by the lexicon: %s.", found)
        return CachedScorer(LexiconScorer())
    return CachedScorer(TransformerScorer(model, found))


class CachedScorer:
    """A scorer that scores every headline once and keeps the scores of the last `capacity`
    texts."""

    def __init__(self, scorer: HeadlineScorer, capacity: int = CACHE_SIZE) -> None:
        self._scorer = scorer
        self._capacity = capacity
        self._cache: dict[str, float] = {}

    @property
    def name(self) -> str:
        return self._scorer.name

    def score(self, texts: Sequence[str]) -> Floats:
        new = [text for text in dict.fromkeys(texts) if text not in self._cache]
        scores = dict(zip(new, self._scorer.score(new).tolist(), strict=True)) if new else {}
        result = [scores[text] if text in scores else self._cache[text] for text in texts]
        self._cache.update(scores)
        for oldest in list(self._cache)[: max(len(self._cache) - self._capacity, 0)]:
            del self._cache[oldest]
        return np.array(result, np.float64)


class TransformerScorer:
    """P(positive) less P(negative) of a text classifier in `folder`, on one thread.

    Reads one headline at a time: padding a batch changes the last bits of every score in it.
    Raises ConfigurationError where the folder holds no such model.
    """

    def __init__(self, model: str, folder: Path) -> None:
        self._classify = _pipeline(model, folder)
        self._sign = _signs(model, self._classify.model.config.id2label)
        self._name = f"{model}@{_digest(folder)}"

    @property
    def name(self) -> str:
        """The model's name and the digest of its weights, vocabulary and labels."""
        return self._name

    def score(self, texts: Sequence[str]) -> Floats:
        return np.array([self._score_one(text) for text in texts], np.float64)

    def _score_one(self, text: str) -> float:
        (classes,) = self._classify([text])
        return sum(self._sign[c["label"]] * float(c["score"]) for c in classes)


def _pipeline(model: str, folder: Path) -> Any:
    """Load the classifier in `folder` without the network. transformers is imported here because
    that takes seconds and hundreds of megabytes."""
    if not any(folder.glob("*.safetensors")):
        raise ConfigurationError(
            f"agents.news_model {model!r}: {folder} holds no safetensors weights. Pickled weights "
            "(pytorch_model.bin) can run code and are never loaded. Save the model with "
            "save_pretrained, which writes safetensors, or set agents.news_model = 'lexicon'."
        )
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
    from transformers.utils.logging import disable_progress_bar

    torch.set_num_threads(1)
    disable_progress_bar()  # type: ignore[no-untyped-call] # transformers left it untyped
    safely = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **safely)
        network = AutoModelForSequenceClassification.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, **safely
        )
    except Exception as error:  # the formats raise a dozen kinds
        raise ConfigurationError(
            f"agents.news_model {model!r}: {folder} cannot be read as a text classifier "
            f"({type(error).__name__}: {str(error)[:200]}). Delete the folder so that it is "
            "fetched again, name another one, or set agents.news_model = 'lexicon'."
        ) from error
    return pipeline(
        "text-classification", model=network, tokenizer=tokenizer, device="cpu",
        top_k=None, truncation=True, max_length=_max_tokens(tokenizer, network), padding=False,
    )  # fmt: skip


def _max_tokens(tokenizer: Any, network: Any) -> int:
    """Return the tokens that the model can take, at most `MAX_TOKENS`."""
    positions = getattr(network.config, "max_position_embeddings", MAX_TOKENS)
    return int(min(MAX_TOKENS, tokenizer.model_max_length, positions))


def _signs(model: str, id2label: Mapping[int, str]) -> dict[str, float]:
    """Return +1, 0 or -1 for each label, by its name.

    Raises ConfigurationError where the names do not say which class is which (`LABEL_0`).
    """
    signs = {label: _sign(label) for label in id2label.values()}
    if {1.0, -1.0} - set(signs.values()):
        raise ConfigurationError(
            f"agents.news_model {model!r} has the labels {', '.join(map(repr, signs))}: they do "
            "not say which is positive and which negative. Name them in id2label of the model's "
            "config.json, or choose another model."
        )
    return signs


def _sign(label: str) -> float:
    name = label.lower()
    if name.startswith(("pos", "bull")):
        return 1.0
    return -1.0 if name.startswith(("neg", "bear")) else 0.0


def _digest(folder: Path) -> str:
    """Return the first 8 hex digits of the SHA-256 of every file that can change a score."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in {".safetensors", ".json", ".txt", ".model"}:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:8]
