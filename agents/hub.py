"""Finds a headline model: a named folder, a cache, or the model hub, asked briefly.

Answers within seconds, whatever the network does: a longer download continues in the background and
serves the next start. Only safetensors weights are fetched. A model whose main branch has only
pickled weights is taken from the conversion that the hub's own bot proposed (as transformers does),
and refused where there is none.
"""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB_TIMEOUT_SECONDS = 4.0
"""Seconds until a hub that does not answer counts as unreachable."""
DOWNLOAD_WAIT_SECONDS = 20.0
"""Seconds a start waits for the download: enough for a small model on a fast line."""
CONVERTER = "SFconvertbot"
WEIGHTS = "model.safetensors"
_OTHER_FILES = ["*.json", "*.txt", "*.model"]


def find_model(model: str, models_dir: Path) -> Path | str:
    """Return the folder of `model`, or a sentence why there is none.

    `model` is a folder or an id such as `ProsusAI/finbert`. Looks in `models_dir`, then in the
    user's own Hugging Face cache, then asks the hub. Raises ConfigurationError for a folder that
    does not exist.
    """
    named = Path(model).expanduser()
    if named.is_dir():
        return named
    if model.count("/") != 1 or model.startswith((".", "~", "/")):
        raise ConfigurationError(
            f"agents.news_model {model!r} is neither a folder nor a model id such as "
            "'ProsusAI/finbert'. Name one, or set agents.news_model to 'auto' or 'lexicon'."
        )
    return cached_model(model, models_dir) or _download_in_thread(model, models_dir)


def cached_model(model: str, models_dir: Path) -> Path | None:
    """Return the newest complete snapshot in `models_dir` or the user's Hugging Face cache, if any.

    Weights are fetched last, so a snapshot that has them is complete.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = f"models--{model.replace('/', '--')}"
    complete = [
        weights.parent
        for cache in (models_dir, Path(HF_HUB_CACHE))
        for weights in (cache / folder / "snapshots").glob(f"*/{WEIGHTS}")
        if (weights.parent / "config.json").exists()
    ]
    return max(complete, key=lambda path: path.stat().st_mtime, default=None)


def _download_in_thread(model: str, models_dir: Path) -> Path | str:
    """Ask the hub in a thread of its own, which is abandoned when it takes too long."""
    outcome: list[Path | str] = []
    answered = threading.Event()

    def fetch() -> None:
        outcome.append(_download(model, models_dir, answered))
        answered.set()

    thread = threading.Thread(target=fetch, name="model-fetch", daemon=True)
    thread.start()
    if not answered.wait(HUB_TIMEOUT_SECONDS):
        return (
            f"{model} is in no cache and the hub did not answer within {HUB_TIMEOUT_SECONDS:.0f} s"
        )
    thread.join(DOWNLOAD_WAIT_SECONDS)
    if outcome:
        return outcome[0]
    return f"{model} is still being fetched after {DOWNLOAD_WAIT_SECONDS:.0f} s, for the next start"


def _download(model: str, models_dir: Path, answered: threading.Event) -> Path | str:
    """Download the model; set `answered` once the hub has answered."""
    from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if constants.is_offline_mode():
        return f"{model} is in no cache and HF_HUB_OFFLINE forbids asking for it"
    disable_progress_bars()
    try:
        revision = _safe_revision(HfApi(), model)
        if revision is None:
            return f"{model} offers pickled weights only, which can run code and are refused"
        answered.set()
        snapshot_download(
            model, revision=revision, cache_dir=models_dir, allow_patterns=_OTHER_FILES
        )
        weights = hf_hub_download(model, WEIGHTS, revision=revision, cache_dir=models_dir)
    except Exception as error:  # the client raises its own, httpx's and the system's
        return f"{model} is in no cache and the hub did not give it ({type(error).__name__})"
    return Path(weights).parent


def _safe_revision(api: "HfApi", model: str) -> str | None:
    """Return the commit that holds safetensors weights: the main branch or the bot's conversion."""
    info = api.model_info(model, timeout=HUB_TIMEOUT_SECONDS)
    if any(file.rfilename == WEIGHTS for file in info.siblings or ()):
        return info.sha
    proposals = api.get_repo_discussions(
        model, author=CONVERTER, discussion_type="pull_request", discussion_status="open"
    )
    safe = (proposal.git_reference for proposal in proposals if proposal.author == CONVERTER)
    return next(safe, None)
