"""The arguments of a training run: one dataclass, from which the command line, the page and the
sweep are made.

Leaves out where a run is written, which does not affect what it learns, and the form of the
command-line options (`options.py`).
"""

import argparse
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from domain.errors import InputError
from envs.env_settings import NAMED_ACTIONS, ActionScheme, EnvSettings, RewardName
from storage import paths
from trading.costs import CostSettings

Algo = Literal["ppo", "a2c", "dqn", "sac", "td3"]
EnsembleSelection = Literal["bagging", "regimes"]
JsonScalar = str | int | float | bool | None
"""Types of an argument in JSON and in a manifest."""

MAX_MEMBERS = 64
"""Most policies in a model."""
REQUIRED_ACTIONS: Mapping[Algo, str] = {"dqn": "named", "sac": "share", "td3": "share"}
"""Algorithms that support only named actions, or only shares; the others support both."""


@dataclass(frozen=True, slots=True)
class TrainingArguments:
    """Everything a run depends on besides its bars; each field is an option of the command."""

    algo: Annotated[
        tuple[Algo, ...], "Algorithms to train, each once a seed; their policies vote together."
    ] = ("ppo",)
    actions: Annotated[
        ActionScheme, "What a policy may do: hold a named position, or any share of equity."
    ] = "flat-long"
    reward: Annotated[RewardName, "What a step is rewarded with, always net of cost."] = (
        "log-return"
    )
    bars: Annotated[
        Path | None,
        "CSV or Parquet of adjusted daily bars (symbol, date, open, high, low, close, volume); "
        "the simulated market if not given.",
    ] = None
    symbols: Annotated[tuple[str, ...], "Only these symbols of the bars."] = ()
    market_seed: Annotated[int, "Seed of the simulated market."] = 7
    train_until: Annotated[date, "Last day to train on."] = date(2016, 12, 31)
    validate_until: Annotated[date, "Last day to choose by; the rest is the test."] = date(
        2019, 12, 31
    )
    horizon: Annotated[int, "Bars a forecast reaches; one more is left out between periods."] = 5
    capital: Annotated[float, "Cash of an account at the start; larger ones move prices more."] = (
        100_000.0
    )
    half_spread_bps: Annotated[float, "Half the spread, in basis points of the price."] = 2.0
    commission_bps: Annotated[float, "Commission, in basis points of the value traded."] = 1.0
    impact: Annotated[
        float, "How far a trade of a bar's whole volume moves the price, in its volatilities."
    ] = 1.0
    borrow_bps: Annotated[float, "Paid a year on what is sold short, in basis points."] = 300.0
    dearer: Annotated[
        float, "Randomisation: each episode's costs times a factor between 1 - this and 1 + this."
    ] = 0.0
    delay: Annotated[int, "Randomisation: orders go out up to so many bars late."] = 0
    noise: Annotated[
        float, "Randomisation: standard deviation of what is added to observations."
    ] = 0.0
    seeds: Annotated[int, "Policies to train of each algorithm."] = 5
    seed: Annotated[int, "Seed of the first policy; the others count up from it."] = 0
    steps: Annotated[int, "Environment steps that a policy is trained for."] = 200_000
    stages: Annotated[
        int, "Parts that training is divided into; validation is scored after each."
    ] = 10
    patience: Annotated[
        int, "Stages without a better validation score after which a policy learns no more."
    ] = 4
    episode: Annotated[int, "Bars in an episode."] = 252
    copies: Annotated[
        int | None,
        "Environments stepped side by side, no more than a stage has steps; left out, what suits "
        "the algorithm.",
    ] = None
    batch: Annotated[
        int | None,
        "Steps learnt from at a time, no more than there are; left out, what suits the algorithm.",
    ] = None
    hidden: Annotated[int, "Units in each of the two hidden layers."] = 16
    learning_rate: Annotated[
        float | None, "Step size of the optimiser; left out, what suits the algorithm."
    ] = None
    gamma: Annotated[float, "Discount of a bar; low, because a trade pays within days."] = 0.8
    entropy: Annotated[
        float | None,
        "Weight of the entropy bonus, which keeps a policy unsure (ppo, a2c, sac); left out, what "
        "suits the algorithm.",
    ] = None
    select: Annotated[
        EnsembleSelection,
        "How policies vote together: all alike, or by validation score in the market's regime.",
    ] = "bagging"
    parent: Annotated[
        str | None, "Id of the model that this one is to replace, noted in the manifest."
    ] = None
    tried: Annotated[
        int,
        "Configurations that a sweep chose these arguments from, noted in the manifest: the best "
        "of many looks better than it is.",
    ] = 1

    @property
    def settings(self) -> EnvSettings:
        """Settings of the environments, and of the accounts in validation and test."""
        return EnvSettings(
            actions=self.actions,
            reward=self.reward,
            episode=self.episode,
            capital=self.capital,
            costs=CostSettings(
                half_spread_bps=self.half_spread_bps,
                commission_bps=self.commission_bps,
                impact=self.impact,
                borrow_bps=self.borrow_bps,
            ),
            dearer=self.dearer,
            delay=self.delay,
            noise=self.noise,
        )

    @property
    def members(self) -> tuple[tuple[Algo, int], ...]:
        """Algorithm and seed of every policy, in the order in which they are trained."""
        return tuple(
            (algo, seed) for algo in self.algo for seed in range(self.seed, self.seed + self.seeds)
        )

    def label(self, data: str) -> str:
        """Return a short description: "ppo, dqn x 5 seeds on simulated, seed 7"."""
        return f"{', '.join(self.algo)} x {self.seeds} seed{'s' * (self.seeds > 1)} on {data}"

    def to_json(self) -> dict[str, JsonScalar]:
        """Return the arguments as a JSON object; `parse_arguments` reads it back.

        Without `symbols` it has no such key: runs and sweeps of release 0.1.0 are named and
        checked by the hash of this object, and must be found and resumed.
        """
        return {
            key: " ".join(value)
            if isinstance(value, tuple)
            else value
            if isinstance(value, int | float | str | None)
            else str(value)
            for key, value in asdict(self).items()
            if key != "symbols" or value
        }

    def validate(self) -> None:
        """Check the arguments. Raises InputError, with the name of the field, for what cannot be
        trained."""
        for name, kind in (
            ("actions", ActionScheme),
            ("reward", RewardName),
            ("select", EnsembleSelection),
        ):
            if getattr(self, name) not in get_args(kind):
                raise InputError(
                    f"{name} is {getattr(self, name)!r}, but it must be one of "
                    f"{', '.join(get_args(kind))}.",
                    field=name,
                )
        for name, holds, accepted in self._bounds():
            if not holds:
                raise InputError(
                    f"{name} is {getattr(self, name)}, but it must be {accepted}.", field=name
                )
        if self.validate_until <= self.train_until:
            raise InputError(
                f"Validation until {self.validate_until} would end before training, until "
                f"{self.train_until}, has. Give a later day to choose by, or an earlier one to "
                "train until.",
                field="validate_until",
            )
        self._validate_algorithms()
        if len(self.members) > MAX_MEMBERS:
            raise InputError(
                f"{len(self.algo)} algorithms with {self.seeds} seeds are {len(self.members)} "
                f"policies; a model holds up to {MAX_MEMBERS}. Give fewer seeds.",
                field="seeds",
            )
        try:
            _ = self.settings
        except ValidationError as error:
            first = error.errors()[0]
            message = first["msg"].removeprefix("Value error, ")
            raise InputError(message, field=message.split(" ", 1)[0]) from error

    def _validate_algorithms(self) -> None:
        known = get_args(Algo)
        if not self.algo or len(set(self.algo)) < len(self.algo) or set(self.algo) - set(known):
            raise InputError(
                f"The algorithms are {' '.join(self.algo) or 'none'}, but each of "
                f"{', '.join(known)} can be given once.",
                field="algo",
            )
        kind = "named" if self.actions in NAMED_ACTIONS else "share"
        for algo in self.algo:
            if REQUIRED_ACTIONS.get(algo, kind) != kind:
                accepted = " or ".join(
                    name
                    for name in get_args(ActionScheme)
                    if (name in NAMED_ACTIONS) == (kind != "named")
                )
                raise InputError(
                    f"{algo} cannot learn {self.actions}: dqn knows named positions (flat-long, "
                    "short-flat-long), sac and td3 shares (share, short-share), ppo and a2c both. "
                    f"With {algo} give {accepted}.",
                    field="algo",
                )

    def _bounds(self) -> tuple[tuple[str, bool, str], ...]:
        """Return the name of each bounded field, whether it is within bounds, and what is
        accepted."""
        return (
            ("horizon", 1 <= self.horizon <= 250, "from 1 to 250"),
            ("seeds", 1 <= self.seeds <= 100, "from 1 to 100"),
            ("seed", 0 <= self.seed < 2**31 - 100, "from 0 to 2147483547"),
            ("market_seed", 0 <= self.market_seed < 2**63, "a whole number of at least 0"),
            ("steps", 1 <= self.steps <= 10**9, "from 1 to 1000000000"),
            ("stages", 1 <= self.stages <= self.steps, "from 1 to the number of steps"),
            ("patience", self.patience >= 1, "at least 1"),
            ("tried", self.tried >= 1, "at least 1"),
            ("copies", self.copies is None or 1 <= self.copies <= 100_000, "from 1 to 100000"),
            ("batch", self.batch is None or 2 <= self.batch <= 1_000_000, "from 2 to 1000000"),
            ("hidden", 1 <= self.hidden <= 1_024, "from 1 to 1024"),
            (
                "learning_rate",
                self.learning_rate is None or 0.0 < self.learning_rate <= 1.0,
                "above 0 and at most 1",
            ),
            ("gamma", 0.0 <= self.gamma < 1.0, "at least 0 and below 1"),
            (
                "entropy",
                self.entropy is None or 0.0 <= self.entropy < math.inf,
                "at least 0",
            ),
        )


def parse_arguments(values: Mapping[str, Any]) -> TrainingArguments:
    """Parse what `TrainingArguments.to_json` made, or a form's fields; missing fields take their
    defaults.

    Raises InputError, with the name of the field, for an unknown argument or one that cannot be
    read.
    """
    kinds = _field_types()
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name not in kinds:
            raise InputError(f"There is no argument {name}.", field=name)
        try:
            given[name] = value if value is None else value_parser(kinds[name])(str(value))
        except (ValueError, TypeError, argparse.ArgumentTypeError) as error:
            raise InputError(
                f"{name} is {value!r}, which cannot be read: {error}.", field=name
            ) from error
    return TrainingArguments(**given)


@cache
def _field_types() -> Mapping[str, Any]:
    return get_type_hints(TrainingArguments)


def value_parser(kind: Any) -> Callable[[str], Any]:
    """Return the function that parses a word of the command line or a form to type `kind`."""
    if get_origin(kind) is tuple:
        return lambda words: tuple(words.replace(",", " ").split())
    if isinstance(kind, types.UnionType):
        return value_parser(get_args(kind)[0])
    if kind is date:
        return parse_date
    if kind is Path:
        return parse_path
    return kind if kind in (int, float) else str


def parse_date(text: str) -> date:
    """Parse an ISO day. Raises ArgumentTypeError, which argparse shows, for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day. Write one as 2020-12-31.") from None


def parse_path(text: str) -> Path:
    """Parse a path. Raises ArgumentTypeError, which argparse shows, for an empty one."""
    try:
        return paths.parse_path(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
