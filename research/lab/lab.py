"""The RL lab: models, the runs that they come of, and who votes. What a page and a terminal may do.

Promises that a model is read whole, and an agent made of it, before it is promoted, so that what is
damaged or of another observation leaves the former in its place. Leaves out training
(`training_jobs.py`, `local_training.py`) and where files lie (`storage/models/model_registry.py`,
`envs/training/run_folder.py`).
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from domain.errors import CorruptFileError, InputError, NotFoundError, StorageError
from domain.events import Event
from domain.model_files import MANIFEST_FILE, TENSORS_FILE
from envs.policies.drift import FeatureDrift, measure_drift
from envs.policies.files import load_policy
from envs.policies.policy import Policy, Score
from envs.training.arguments import TrainingArguments
from envs.training.run_folder import RUN, RunFolder, RunState, policy_folder
from research.lab.runs import RUN_NAME, run_states
from research.lab.training_data import StoredMarket
from research.lab.training_jobs import TrainingJobs
from storage.models.model_files import StoredModel
from storage.models.model_registry import SHIPPED, ModelPromotion, ModelRegistry

CONFIGURED = "configured"
"""Who votes where the setting agents.rl_policy names a folder."""
ENSEMBLE = "policy"
"""The name of the whole policy among its own scores; the others are members and benchmarks."""


@dataclass(frozen=True, slots=True)
class ActiveModelSlot:
    """Where the policy that ships lies, the folder that a setting puts in the place of any
    promotion (None: it does not), and what makes the agent of a model's folder, or says why not."""

    shipped: Path
    configured: Path | None
    validate_model: Callable[[Path], object]


class RLLab:
    """`training` is None where no run can be started from here."""

    def __init__(
        self,
        models: ModelRegistry,
        runs: Path,
        slot: ActiveModelSlot,
        market: StoredMarket,
        training: TrainingJobs | None = None,
    ) -> None:
        self._models = models
        self._runs = runs
        self._slot = slot
        self._market = market
        self._training = training
        self._drift: dict[tuple[str, datetime | None], tuple[FeatureDrift, ...]] = {}

    @property
    def can_train(self) -> bool:
        return self._training is not None

    @property
    def market(self) -> StoredMarket:
        return self._market

    def models(self) -> tuple[str, ...]:
        """Newest first; the policy that ships is the oldest of all."""
        return (*(model.id for model in self._models.models()), SHIPPED)

    def local_models(self) -> tuple[StoredModel, ...]:
        """Those that are kept in this home, newest first."""
        return self._models.models()

    def promotions(self) -> tuple[ModelPromotion, ...]:
        """Newest first."""
        return self._models.promotions()

    def policy(self, id: str) -> Policy:
        """Raises NotFoundError, and CorruptFileError where its files are refused."""
        return _load_policy(folder := self._folder(id), _modified_at(folder))

    def scores(self, *ids: str) -> Mapping[str, Mapping[str, Score]]:
        """What each was worth on its held-out period, by figure; each on a period of its own."""
        return {id: self.policy(id).manifest.scores.get(ENSEMBLE, {}) for id in ids}

    def active_model(self) -> str:
        """Who votes from the next cycle on."""
        return CONFIGURED if self._slot.configured else self._models.active_model() or SHIPPED

    def previous_model(self) -> str | None:
        """Who would vote after a roll back; None where there is none to roll back."""
        return None if self._slot.configured else self._models.previous_model()

    def promote(self, id: str, by: str) -> Event | None:
        """Let a model vote from the next cycle on; None if it does already.

        Raises NotFoundError, VerificationError or CorruptFileError for one that cannot vote, and
        InputError where a setting names the policy; the former stays active then.
        """
        self._refuse_if_configured()
        self._validate_model(id)
        return self._models.promote(id, by)

    def roll_back(self, by: str) -> Event:
        """Let the former vote again. Raises as `promote` does."""
        self._refuse_if_configured()
        return self._models.roll_back(by, self._validate_model)

    def delete_model(self, id: str, *, voted: bool = False) -> None:
        """See `ModelRegistry.delete`; the policy that ships stays."""
        if id == SHIPPED:
            raise InputError("The policy that ships cannot be deleted.")
        self._require_model(id)
        self._models.delete(id, allow_promoted=voted)

    def add(self, tensors: bytes, manifest: bytes) -> str:
        """Keep the two files of a policy; its id."""
        return self._models.add(tensors, manifest)

    def import_folder(self, folder: Path) -> str:
        """Keep a copy of the policy in `folder`, which may be its run's; its id.

        Raises InputError for a run without a policy and CorruptFileError where the files are
        refused; nothing is kept then.
        """
        source = policy_folder(folder)
        load_policy(source)
        return self.add(*((source / name).read_bytes() for name in (TENSORS_FILE, MANIFEST_FILE)))

    def runs(self) -> Sequence[RunState]:
        """Newest first."""
        return self._training.states() if self._training else run_states(self._runs)

    def run(self, id: str) -> RunFolder:
        """Raises NotFoundError, and CorruptFileError where it cannot be read."""
        return RunFolder.open(self._runs / self._run_id(id))

    def start(self, arguments: TrainingArguments, symbols: Sequence[str]) -> str:
        """Train in a worker on the stored bars of `symbols`; the run's id. See `TrainingJobs`."""
        return self._require_training().start(
            arguments, lambda: self._market.training_data(symbols).history
        )

    def stop(self, id: str) -> None:
        self._require_training().cancel(self._run_id(id))

    def resume(self, id: str) -> None:
        self._require_training().resume(self._run_id(id))

    def register_model(self, id: str) -> str:
        """Keep the policy of a run that is done as a model; its id."""
        folder = self.run(id).policy()
        if folder is None:
            raise InputError(
                f"The run {id} is not done, so there is no policy of it yet. Wait for it, or go "
                "on with it."
            )
        return self.import_folder(folder)

    def delete_run(self, id: str) -> None:
        """Delete a run, also one that cannot be read; a model that came of it stays. Raises
        InputError while it is going on."""
        run = RunFolder(self._runs / self._run_id(id), {})
        trash = self._runs.parent / f".gone-{id}"
        shutil.rmtree(trash, ignore_errors=True)
        with run.lock():
            try:
                run.path.rename(trash)
            except OSError as error:
                raise StorageError(
                    f"The run {id} cannot be deleted: {error.strerror}. Make {self._runs} writable."
                ) from None
        shutil.rmtree(trash, ignore_errors=True)

    def drift(self, id: str) -> tuple[FeatureDrift, ...]:
        """How far the market of the last year has moved from what the model was trained on."""
        key = (id, self._market.latest_close())
        if key not in self._drift:
            found = measure_drift(self.policy(id).reference, self._market.recent_observations())
            self._drift = {each: old for each, old in self._drift.items() if each[1] == key[1]}
            self._drift[key] = found
        return self._drift[key]

    def _validate_model(self, id: str) -> None:
        """Raises for a model that cannot vote, whatever is wrong with it."""
        folder = self._folder(id)
        if id != SHIPPED:
            self._models.read(id)  # as they were added, to the byte
        self._slot.validate_model(folder)

    def _folder(self, id: str) -> Path:
        if id == SHIPPED:
            return self._slot.shipped
        if id == CONFIGURED and self._slot.configured:
            return self._slot.configured
        self._require_model(id)
        return self._models.path(id)

    def _require_model(self, id: str) -> None:
        if id not in (known := self.models()):
            raise NotFoundError(
                f"There is no model {id[:60]!r}{_suggestion(id, known)} `quorum rl models` lists "
                "those that there are."
            )

    def _run_id(self, id: str) -> str:
        if not (RUN_NAME.fullmatch(id) and (self._runs / id / RUN).exists()):
            known = [path.parent.name for path in self._runs.glob(f"*/{RUN}")]
            raise NotFoundError(
                f"There is no training run {id[:60]!r}{_suggestion(id, known)} `quorum rl runs` "
                "lists those that there are."
            )
        return id

    def _refuse_if_configured(self) -> None:
        if self._slot.configured:
            raise InputError(
                f"The setting agents.rl_policy names {self._slot.configured} as the active "
                "model, so no promotion would be heard of. Unset it first."
            )

    def _require_training(self) -> TrainingJobs:
        if self._training is None:
            raise InputError(
                "Training from here needs Ray. Start Quorum without --in-process, or train with "
                "`quorum rl train`."
            )
        return self._training


@lru_cache(64)
def _load_policy(folder: Path, written: tuple[int, ...]) -> Policy:  # noqa: ARG001 read again then
    return load_policy(folder)


def _modified_at(folder: Path) -> tuple[int, ...]:
    """When the files were last changed."""
    try:
        return tuple((folder / name).stat().st_mtime_ns for name in (TENSORS_FILE, MANIFEST_FILE))
    except OSError as error:
        raise CorruptFileError(
            f"The policy in {folder} is refused: {error.filename} cannot be read "
            f"({error.strerror})."
        ) from None


def _suggestion(id: str, known: Sequence[str]) -> str:
    near = get_close_matches(id, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else "."
