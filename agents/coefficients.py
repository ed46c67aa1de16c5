"""Fitted weights of the agents' signals: a small file of plain numbers and their origin.

A file is refused, with the problem and the remedy, unless every number is a finite weight of modest
size for an existing signal of an agent whose observations have not changed since it was fitted.
Leaves out fitting (`research.fitting`) and judging the weights: the file holds their record out of
sample for people to read.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from agents.evidence import TunableAgent
from domain.canonical import canonical_bytes, to_json
from domain.errors import ConfigurationError

FORMAT = 1
MAX_WEIGHT = 1.0
"""Log-odds at full scale beyond which a weight is a mistake: 23 points of probability at once."""


@dataclass(frozen=True, slots=True)
class WeightSkill:
    """Skill of a set of weights on bars after those it was fitted on.

    `brier_skill` and `rank_ic` are (value, low, high), 90% intervals, over `n` votes; None where
    the sample was too small.
    """

    brier_skill: tuple[float | None, float | None, float | None]
    rank_ic: tuple[float | None, float | None, float | None]
    n: int


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Weights by agent and signal, and where they came from.

    `versions` are the agents' at the time; `symbols`, `first` to `last`, `timeframe`,
    `horizon` and `panel` (a digest) say on what they were fitted; `spread` is the penalty by agent:
    the standard deviation to which departures from the shipped weights were held.
    """

    weights: Mapping[str, Mapping[str, float]]
    versions: Mapping[str, str]
    symbols: tuple[str, ...]
    first: datetime
    last: datetime
    timeframe: str
    horizon: int
    panel: str
    spread: Mapping[str, float]
    shipped_record: Mapping[str, WeightSkill]
    fitted_record: Mapping[str, WeightSkill]
    made_at: datetime

    def __post_init__(self) -> None:
        """Raises ConfigurationError for a weight that is no number or too large."""
        for agent, weights in self.weights.items():
            for signal, weight in weights.items():
                _check_weight(agent, signal, weight)

    def to_bytes(self) -> bytes:
        return (json.dumps({"format": FORMAT, **to_json(self)}, indent=1) + "\n").encode("ascii")

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Raises ConfigurationError for anything that `to_bytes` would not write."""
        try:
            stored = json.loads(body)
            file_format = stored.pop("format")
        except (ValueError, AttributeError, KeyError, TypeError):
            raise ConfigurationError(f"This is no file of coefficients. {_REMEDY}") from None
        if file_format != FORMAT:
            raise ConfigurationError(
                f"These coefficients have format {file_format!r}, and this program reads {FORMAT}. "
                f"{_REMEDY}"
            )
        try:
            return cls(**_parse(stored))
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"These coefficients are incomplete or misspelt ({error}). {_REMEDY}"
            ) from None


_REMEDY = "Write one with `quorum fit --out FILE`, or unset agents.coefficients."


def load_coefficients(path: Path) -> Coefficients:
    """Read the coefficients in `path`.

    Raises ConfigurationError, naming the file, where it cannot be read or holds no coefficients.
    """
    try:
        return Coefficients.from_bytes(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"The coefficients {path} cannot be read: {error.strerror}. {_REMEDY}"
        ) from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def weights_for_agent(
    coefficients: Coefficients, agent: TunableAgent[Any]
) -> Mapping[str, float] | None:
    """Return the fitted weights of a shipped agent; None where none were fitted.

    Raises ConfigurationError for a signal that the agent does not have, and where its observations
    have changed since.
    """
    weights = coefficients.weights.get(agent.name)
    if weights is None:
        return None
    for signal in weights:
        if signal not in agent.default_weights:
            raise ConfigurationError(
                f"{signal!r} is no signal of the {agent.name} agent"
                f"{_suggestion(signal, agent.default_weights)} {_REMEDY}"
            )
    fitted = coefficients.versions.get(agent.name)
    if fitted != agent.version:
        raise ConfigurationError(
            f"The coefficients of the {agent.name} agent were fitted on what its version "
            f"{fitted!r} sees; this is {agent.version!r}. Fit them again with `quorum fit`, or "
            "unset agents.coefficients."
        )
    return weights


def refuse_unknown_agents(coefficients: Coefficients, known: Iterable[str]) -> None:
    """Raise ConfigurationError for coefficients of an agent that is not `known`."""
    names = tuple(known)
    for agent in coefficients.weights:
        if agent not in names:
            raise ConfigurationError(f"{agent!r} is no agent{_suggestion(agent, names)} {_REMEDY}")


def version_with_weights(base_version: str, weights: Mapping[str, Any] | None) -> str:
    """Return `base_version`, followed by the first digits of the weights' digest unless they are
    the shipped ones."""
    if not weights:
        return base_version
    return f"{base_version}+{sha256(canonical_bytes(weights)).hexdigest()[:8]}"


def _check_weight(agent: str, signal: str, weight: object) -> None:
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise ConfigurationError(
            f"The weight {weight!r} of {agent}'s {signal!r} is no number. {_REMEDY}"
        )
    if not math.isfinite(weight) or abs(weight) > MAX_WEIGHT:
        raise ConfigurationError(
            f"The weight {weight!r} of {agent}'s {signal!r} lies outside -{MAX_WEIGHT:g} to "
            f"{MAX_WEIGHT:g} log-odds, which no evidence of this kind is worth. {_REMEDY}"
        )


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"; did you mean {near[0]!r}?" if near else "."


def _parse(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        **stored,
        "weights": {agent: dict(weights) for agent, weights in stored["weights"].items()},
        "symbols": tuple(stored["symbols"]),
        **{name: datetime.fromisoformat(stored[name]) for name in ("first", "last", "made_at")},
        **{
            name: {agent: _skill(skill) for agent, skill in stored[name].items()}
            for name in ("shipped_record", "fitted_record")
        },
    }


def _skill(stored: Mapping[str, Any]) -> WeightSkill:
    return WeightSkill(tuple(stored["brier_skill"]), tuple(stored["rank_ic"]), stored["n"])
