"""How fast headlines are scored, on one thread, and how well, on labelled sentences.

Speed needs only this module: generated headlines and, if FinBERT is not installed, a network of its
size with random weights, which takes as long. Accuracy needs a table of labelled sentences (columns
`dataset`, `text` and `label`), which this project does not ship. The lexicon was tuned on one half
of such a table; only the other half is reported.
"""

import hashlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score

from agents.hub import cached_model
from agents.lexicon import LexiconScorer
from agents.registry import AgentSettings
from agents.sentiment import DEFAULT_MODEL, HeadlineScorer, TransformerScorer

NEUTRAL_BAND = 0.2
"""Scores within ± this count as neutral."""
_SUBJECTS = ("Acme", "Northern Rail", "Blue Harbor Bank", "Helios Energy", "Orchard Foods")
_EVENTS = (
    "beats quarterly estimates as cloud sales surge {} percent",
    "shares slide {} percent after weak outlook",
    "to cut {} jobs in restructuring of its European business",
    "names new chief financial officer from {} January",
    "net loss narrows to {} million dollars on lower costs",
    "faces antitrust probe over {} billion dollar merger",
)


def run(labelled: str | Path | None = None) -> dict[str, Any]:
    """Return headlines a second per scorer and, with `labelled`, accuracy and macro-F1 per
    dataset."""
    with tempfile.TemporaryDirectory() as scratch:
        scorers: dict[str, tuple[HeadlineScorer, int]] = {"lexicon": (LexiconScorer(), 20_000)}
        finbert = cached_model(DEFAULT_MODEL, AgentSettings().models_dir)
        if finbert:
            scorers[DEFAULT_MODEL] = (TransformerScorer(DEFAULT_MODEL, finbert), 200)
        else:
            stand_in = _untrained_bert_base(Path(scratch))
            scorers["BERT-base, untrained"] = (TransformerScorer("untrained", stand_in), 200)
        results: dict[str, Any] = {
            f"{name}, headlines a second": _speed(scorer, count)
            for name, (scorer, count) in scorers.items()
        }
        if labelled is not None:
            table = _held_out(pd.read_parquet(labelled))
            for name in scorers.keys() & {"lexicon", DEFAULT_MODEL}:
                results |= _quality(name, scorers[name][0], table)
    return results


def headlines(count: int) -> list[str]:
    """Return distinct invented headlines, the same ones every time."""
    return [
        f"{_SUBJECTS[k % len(_SUBJECTS)]} {_EVENTS[k % len(_EVENTS)].format(k)}"
        for k in range(count)
    ]


def _speed(scorer: HeadlineScorer, count: int) -> float:
    texts = headlines(count)
    scorer.score(texts[:10])
    started = time.perf_counter()
    scorer.score(texts)
    return round(count / (time.perf_counter() - started), 1)


def _held_out(table: pd.DataFrame) -> pd.DataFrame:
    """Return the half that the lexicon was not tuned on: odd first byte of SHA-256."""
    odd = [hashlib.sha256(text.encode()).digest()[0] % 2 == 1 for text in table["text"]]
    return table[odd]


def _quality(name: str, scorer: HeadlineScorer, table: pd.DataFrame) -> dict[str, float]:
    """Return accuracy and macro-F1 over everything and per dataset."""
    label = _labels(scorer.score(table["text"].tolist()))
    datasets = {"all": np.ones(len(table), bool)}
    datasets |= {d: (table["dataset"] == d).to_numpy() for d in sorted(set(table["dataset"]))}
    measured = {}
    for dataset, member in datasets.items():
        truth, predicted = table["label"].to_numpy()[member], label[member]
        title = f"{name}, {dataset} ({len(truth)})"
        measured[f"{title}, accuracy"] = round(float(accuracy_score(truth, predicted)), 3)
        measured[f"{title}, macro-F1"] = round(
            float(f1_score(truth, predicted, average="macro")), 3
        )
    return measured


def _labels(scores: np.ndarray) -> np.ndarray:
    return np.select(
        [scores > NEUTRAL_BAND, scores < -NEUTRAL_BAND], ["positive", "negative"], "neutral"
    )


def _untrained_bert_base(folder: Path) -> Path:
    """Write a classifier with BERT-base's 12 layers, random weights and the headlines' own
    words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    words = sorted({word for text in headlines(1_000) for word in text.split()})
    vocabulary = {word: k for k, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 no secret
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    labels = {0: "positive", 1: "negative", 2: "neutral"}
    config = BertConfig(vocab_size=len(vocabulary), id2label=labels)
    BertForSequenceClassification(config).save_pretrained(folder)
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return folder
