"""Scorers: what they say of a headline, and that nothing but the headline decides it."""

import hashlib
import json
import re
import shutil
import socket
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from agents.lexicon import MAX_PHRASE_WORDS, SOURCE, LexiconScorer, tone
from agents.news import NewsAgent
from agents.registry import AgentSettings, build
from agents.sentiment import CachedScorer, TransformerScorer, make_scorer
from domain.errors import ConfigurationError
from domain.panel import Floats

GOOD = [
    "Apple beats estimates and raises guidance",
    "Losses narrow as costs fall",
    "Jobless claims drop to a five-year low",
    "Boeing shares surge to all-time high on record orders",
    "Goldman upgrades Exxon to buy",
    "Company slashes debt",
    "Profit up sharply from a year earlier",
]
BAD = [
    "Intel issues profit warning",
    "Losses widen as costs rise",
    "Shares plunge after profit warning, but outlook is great",
    "Wells Fargo fined over fraud",
    "Analyst downgrades Ford; cut to sell",
    "Net loss from continuing operations widened",
    "Sales fail to improve",
]
PLAIN = ["Microsoft to hold annual meeting in March", "", "東京株式市場", "How to buy a house"]
MODEL_ID = "example/finbert-tiny"
COMMIT = "a" * 40
CONFIG = ["config.json", "tokenizer.json", "tokenizer_config.json"]
PROPOSAL = {
    "num": 7, "title": "Adding `safetensors` variant of this model", "status": "open",
    "isPullRequest": True, "author": {"name": "SFconvertbot"},
    "createdAt": "2024-01-01T00:00:00.000Z", "repo": {"name": MODEL_ID, "type": "model"},
}  # fmt: skip
TEXTS = ["profit up", "profit down sharply on weak sales", "sales flat", "shares up up up"]


@pytest.mark.parametrize("headline", GOOD)
def test_the_lexicon_hears_good_news(headline: str) -> None:
    assert tone(headline) > 0.2


@pytest.mark.parametrize("headline", BAD)
def test_the_lexicon_hears_bad_news(headline: str) -> None:
    assert tone(headline) < -0.2


@pytest.mark.parametrize("headline", PLAIN)
def test_the_lexicon_has_no_opinion_on_plain_facts(headline: str) -> None:
    assert tone(headline) == 0.0


def test_no_phrase_of_the_lexicon_stands_in_two_places() -> None:
    places = list(_groups(tomllib.loads(SOURCE.read_text("utf-8"))))
    phrases = [" ".join(p.split()) for text in places for p in text.split(",")]
    assert len(phrases) > 800
    assert sorted(phrases) == sorted(set(phrases))
    assert max(len(phrase.split()) for phrase in phrases) <= MAX_PHRASE_WORDS


def _groups(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    else:
        for child in node.values():
            yield from _groups(child)


def test_doubt_and_contrast_soften_the_lexicon() -> None:
    assert 0 < tone("Profit may rise") < tone("Profit rises")
    assert 0 < tone("Is this stock a strong buy?") < tone("This stock is a strong buy")
    assert tone("Shares rise despite weak sales") > 0


@settings(max_examples=200)
@given(st.text(max_size=400))
def test_the_lexicon_scores_any_text_within_bounds(text: str) -> None:
    assert -1.0 <= tone(text) <= 1.0


class CountingScorer:
    """A scorer that remembers what it scored."""

    name = "counting"

    def __init__(self) -> None:
        self.scored_texts: list[str] = []

    def score(self, texts: Sequence[str]) -> Floats:
        self.scored_texts += texts
        return np.array([len(text) / 100 for text in texts], np.float64)


def test_a_headline_is_scored_once() -> None:
    inner = CountingScorer()
    scorer = CachedScorer(inner)
    assert scorer.score(["a", "bb", "a"]).tolist() == [0.01, 0.02, 0.01]
    assert scorer.score(["bb", "ccc"]).tolist() == [0.02, 0.03]
    assert inner.scored_texts == ["a", "bb", "ccc"]


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    inner = CountingScorer()
    scorer = CachedScorer(inner, capacity=2)
    scorer.score(["a", "bb", "ccc"])
    scorer.score(["bb", "ccc", "a"])
    assert inner.scored_texts == ["a", "bb", "ccc", "a"]


class FakeHub:
    """Answers as the model hub does, for one model whose files lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pickled = False
        """Whether the main branch has its weights in a pickle only."""
        self.proposed = False
        """Whether the hub's bot has proposed a conversion."""
        self.seconds = 0.0
        self.asked: list[str] = []

    def answer(self, request: Request) -> Response:
        time.sleep(self.seconds)
        self.asked.append(request.path)
        if request.path.endswith("/discussions"):
            discussions = [PROPOSAL] if self.proposed else []
            return _json({"discussions": discussions, "count": len(discussions), "start": 0})
        if "/resolve/" in request.path:
            return self._file(request.path.rsplit("/", 1)[1])
        if "/tree/" in request.path:
            return _json([{"type": "file", "path": f, "size": 1, "oid": "c" * 40} for f in CONFIG])
        at_main = "/revision/" not in request.path
        weights = "pytorch_model.bin" if self.pickled and at_main else "model.safetensors"
        listing = [{"rfilename": name} for name in [*CONFIG, weights]]
        return _json({"id": MODEL_ID, "sha": COMMIT, "siblings": listing})

    def _file(self, name: str) -> Response:
        content = (self.folder / name).read_bytes()
        etag = hashlib.sha256(content).hexdigest()
        return Response(content, headers={"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'})


def _json(answer: object) -> Response:
    return Response(json.dumps(answer), content_type="application/json")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT classifier of a few thousand weights, as `save_pretrained` writes it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    vocabulary_words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "profit",
        "sales",
        "shares",
        "up",
        "down",
        "flat",
    ]
    vocabulary = {word: k for k, word in enumerate(vocabulary_words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    config = BertConfig(
        vocab_size=len(vocabulary_words), hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=48, max_position_embeddings=64,
        initializer_range=0.5,
        id2label={0: "positive", 1: "negative", 2: "neutral"},
    )  # fmt: skip
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    BertForSequenceClassification(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]",
        cls_token="[CLS]", sep_token="[SEP]",
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose every name look-up fails, as on a train."""

    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_transformers_classifier_scores_positive_less_negative(
    tiny: Path, tmp_path: Path, no_network: None
) -> None:
    from transformers import pipeline

    scorer = make_scorer(str(tiny), tmp_path)
    reference = pipeline("text-classification", model=str(tiny), top_k=None)
    for classes, score in zip(reference(TEXTS), scorer.score(TEXTS), strict=True):
        by_label = {c["label"]: c["score"] for c in classes}
        assert score == pytest.approx(by_label["positive"] - by_label["negative"], abs=1e-6)
    assert np.ptp(scorer.score(TEXTS)) > 0.01


def test_a_classifiers_score_does_not_depend_on_its_neighbours(tiny: Path) -> None:
    scorer = TransformerScorer("tiny", tiny)
    together = scorer.score([*TEXTS, "sales down " * 400])
    alone = np.concatenate([scorer.score([text]) for text in TEXTS])
    assert together[: len(TEXTS)].tobytes() == alone.tobytes()


def test_a_cached_model_votes_without_the_network_and_is_named(
    tiny: Path, tmp_path: Path, no_network: None
) -> None:
    snapshot = tmp_path / "models--example--finbert-tiny" / "snapshots" / "0123abcd"
    shutil.copytree(tiny, snapshot)
    agent = build("news", AgentSettings(news_model=MODEL_ID, models_dir=tmp_path))
    assert agent.version.startswith(f"1 {MODEL_ID}@")


def test_a_model_that_cannot_be_had_gives_way_to_the_lexicon_at_once(
    tmp_path: Path, no_network: None, caplog: pytest.LogCaptureFixture
) -> None:
    started = time.monotonic()
    agent = build("news", AgentSettings(news_model=MODEL_ID, models_dir=tmp_path))
    assert time.monotonic() - started < 10
    assert isinstance(agent, NewsAgent)
    assert LexiconScorer().name in agent.version
    assert MODEL_ID in caplog.text


@pytest.fixture
def hub(tiny: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """The hub's client, with a hub on the loopback."""
    address = httpserver.url_for("").rstrip("/")
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    hub = FakeHub(tiny)
    httpserver.expect_request(re.compile(".*")).respond_with_handler(hub.answer)
    return hub


def test_a_model_is_fetched_once_and_then_found_without_the_hub(
    hub: FakeHub, tmp_path: Path
) -> None:
    first = make_scorer(MODEL_ID, tmp_path)
    requests_before = len(hub.asked)
    second = make_scorer(MODEL_ID, tmp_path)
    assert first.name.startswith(f"{MODEL_ID}@")
    assert second.name == first.name
    assert len(hub.asked) == requests_before


def test_pickled_weights_at_the_hub_are_passed_over_for_the_bots_conversion(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.pickled = True
    hub.proposed = True
    assert make_scorer(MODEL_ID, tmp_path).name.startswith(f"{MODEL_ID}@")
    assert not [path for path in hub.asked if path.endswith(".bin")]


def test_a_model_with_pickled_weights_alone_gives_way_to_the_lexicon(
    hub: FakeHub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.pickled = True
    assert make_scorer(MODEL_ID, tmp_path).name == LexiconScorer().name
    assert "pickled weights only" in caplog.text


def test_a_slow_hub_delays_no_start_and_serves_the_next(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agents.hub.DOWNLOAD_WAIT_SECONDS", 0.1)
    hub.seconds = 0.15
    assert make_scorer(MODEL_ID, tmp_path).name == LexiconScorer().name
    assert "for the next start" in caplog.text
    _let_the_fetch_end()
    assert make_scorer(MODEL_ID, tmp_path).name.startswith(f"{MODEL_ID}@")


def test_a_silent_hub_counts_as_unreachable(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.hub.HUB_TIMEOUT_SECONDS", 0.1)
    hub.seconds = 1.0
    started = time.monotonic()
    assert make_scorer(MODEL_ID, tmp_path).name == LexiconScorer().name
    assert time.monotonic() - started < 0.9
    _let_the_fetch_end()


def _let_the_fetch_end() -> None:
    for thread in threading.enumerate():
        if thread.name == "model-fetch":
            thread.join()


def test_another_model_is_another_version(tiny: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(tiny, tmp_path / "changed")
    config = changed / "config.json"
    config.write_text(config.read_text().replace("positive", "bullish"))
    assert TransformerScorer("m", tiny).name != TransformerScorer("m", changed).name
    assert TransformerScorer("m", tiny).score(TEXTS) == pytest.approx(
        TransformerScorer("m", changed).score(TEXTS)
    )


def test_a_corrupt_model_is_a_configuration_error(tiny: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ConfigurationError, match="cannot be read as a text classifier"):
        make_scorer(str(broken), tmp_path)


def test_pickled_weights_are_refused(tiny: Path, tmp_path: Path) -> None:
    pickled = shutil.copytree(tiny, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(ConfigurationError, match=r"Pickled weights .* are never loaded"):
        make_scorer(str(pickled), tmp_path)


def test_labels_without_a_meaning_are_refused(tiny: Path, tmp_path: Path) -> None:
    unnamed = shutil.copytree(tiny, tmp_path / "unnamed")
    config = unnamed / "config.json"
    text = config.read_text()
    for k, label in enumerate(("positive", "negative", "neutral")):
        text = text.replace(label, f"LABEL_{k}")
    config.write_text(text)
    with pytest.raises(ConfigurationError, match="which is positive and which negative"):
        make_scorer(str(unnamed), tmp_path)


@pytest.mark.parametrize("model", ["./no-such-folder", "finbert", "/nowhere/at/all"])
def test_a_model_that_is_neither_a_folder_nor_an_id_is_refused(model: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither a folder nor a model id"):
        make_scorer(str(model), tmp_path)
