"""Models as the RL lab's pages draw them: a line in the list, one in full, several compared.

Leaves out which models exist, and how their scores are shown (`score_views.py`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from envs.policies.drift import FeatureDrift
from envs.policies.policy import Manifest, Policy
from envs.training.evaluation_report import ENSEMBLE
from research.report.formatting import FormattedFigure, format_number
from research.report.tables import FigureRow, FigureTable, LabelledValue
from web import formatting
from web.lab.run_views import argument_facts
from web.lab.score_views import SHOWN_SCORES, SkillVerdict, score_cell, scores_grid, skill_verdict

_DRIFTS = {
    "stable": ("circle-check", "up"),
    "shifting": ("triangle-alert", "warn"),
    "drifted": ("circle-alert", "down"),
}
FULL_PSI = 0.25


@dataclass(frozen=True, slots=True)
class DriftLine:
    """`width` (of 100) is the length of the bar; '' and a word instead where there are too few
    observations."""

    feature: str
    psi: str
    word: str
    icon: str
    tone: str
    width: str


@dataclass(frozen=True, slots=True)
class ModelLine:
    """`load_error` says why its files are refused; the fields read from them are then empty. `run`
    and `parent` link to where it came from, '' where unknown."""

    id: str
    slug: str
    url: str
    name: str
    data: str
    simulated: bool
    composition: str
    training_periods: str
    verdict: SkillVerdict
    figures: tuple[FormattedFigure, ...]
    active: bool
    promotable: bool
    deletable: bool
    load_error: str
    run: str
    parent: str


@dataclass(frozen=True, slots=True)
class ModelView:
    origin: tuple[LabelledValue, ...]
    scores: FigureTable | None
    members: FigureTable | None
    arguments: tuple[LabelledValue, ...]


def model_line(
    id: str,
    name: str,
    policy: Policy | None,
    *,
    load_error: str,
    active: bool,
    pinned: bool,
    is_local: bool,
    run: str,
) -> ModelLine:
    """Return a model's line. `pinned` means that a setting names the active model, so that no other
    can be promoted; `is_local` that its files are in this home, so that they can be deleted."""
    manifest = policy.manifest if policy else None
    return ModelLine(
        id=id,
        slug=formatting.slug(id),
        url=f"/lab/models/{id}",
        name=name,
        data=formatting.single_line(manifest.data, 40) if manifest else "",
        simulated=bool(manifest and manifest.simulated),
        composition=describe_members(policy) if policy else "",
        training_periods=describe_periods(manifest) if manifest else "",
        verdict=skill_verdict(manifest),
        figures=tuple(score_cell(manifest, head) for head in SHOWN_SCORES),
        active=active,
        promotable=not (active or pinned) and policy is not None,
        deletable=is_local and not active,
        load_error=formatting.single_line(load_error, 300),
        run=run,
        parent=formatting.single_line(manifest.parent or "", 24) if manifest else "",
    )


def model_view(policy: Policy) -> ModelView:
    return ModelView(
        origin=origin_facts(policy.manifest),
        scores=scores_grid(policy.manifest.scores),
        members=members_grid(policy),
        arguments=argument_facts(policy.manifest.arguments),
    )


def describe_members(policy: Policy) -> str:
    """Describe the members: `5 PPO and 5 DQN, voting alike`."""
    count = Counter(member.algorithm for member in policy.members)
    names = " and ".join(f"{n} {algorithm.upper()}" for algorithm, n in count.items())
    how = "weighed by the market’s regime" if policy.selection == "regimes" else "voting alike"
    return f"{names}, {how}" if len(policy.members) > 1 else names


def describe_periods(manifest: Manifest) -> str:
    """Return one sentence with those of the three periods that are known."""
    words = (("train", "Trained"), ("validation", "chosen by"), ("test", "judged on"))
    periods = [
        f"{word} {' to '.join(manifest.periods[name])}"
        for name, word in words
        if name in manifest.periods
    ]
    return f"{', '.join(periods)}." if periods else ""


def drift_lines(drift: Sequence[FeatureDrift]) -> tuple[DriftLine, ...]:
    return tuple(map(_drift_line, drift))


def origin_facts(manifest: Manifest) -> tuple[LabelledValue, ...]:
    return (
        LabelledValue("Data", f"{manifest.data}{' (SIMULATED)' if manifest.simulated else ''}"),
        *(
            LabelledValue(word, " to ".join(manifest.periods[name]))
            for name, word in _PERIODS.items()
            if name in manifest.periods
        ),
        LabelledValue("Data digest", manifest.data_digest[:12], "first digits of its SHA-256"),
        LabelledValue("Code", manifest.code_version, "of the program that trained it"),
        *(
            [LabelledValue("Parent", manifest.parent, "which it went on from")]
            if manifest.parent
            else []
        ),
    )


_PERIODS = {"train": "Trained on", "validation": "Chosen by", "test": "Judged on"}


def members_grid(policy: Policy) -> FigureTable:
    """Return a table of the ensemble's members: the scaling and weight of each."""
    weights = policy.weights
    uneven = len(weights) > 1
    lines = tuple(
        FigureRow(
            member.name,
            (
                FormattedFigure(member.kind),
                FormattedFigure(format_number(member.temper, digits=4)),
                FormattedFigure(
                    f"{format_number(float(weights[:, k].min()), '%', 0)} to "
                    f"{format_number(float(weights[:, k].max()), '%', 0)}"
                    if uneven
                    else format_number(float(weights[0, k]), "%", 1)
                ),
            ),
        )
        for k, member in enumerate(policy.members)
    )
    return FigureTable(
        title="Members",
        row_header="Member",
        heads=("Its network gives", "Scaling", "Weight"),
        lines=lines,
        note="scaling turns a preference into log-odds; 0 is a member that had learnt nothing",
    )


def comparison_grids(policies: Mapping[str, Policy]) -> tuple[FigureTable, ...]:
    """Return tables that compare the ensembles' figures, and their arguments where those differ."""
    scores = {id: policy.manifest.scores.get(ENSEMBLE, {}) for id, policy in policies.items()}
    scores_comparison = scores_grid(scores, "Side by side")
    facts_by_model = {
        id: {fact.name: fact.value for fact in _model_facts(policy)}
        for id, policy in policies.items()
    }
    names = dict.fromkeys(name for own in facts_by_model.values() for name in own)
    rows = {name: tuple(own.get(name, "–") for own in facts_by_model.values()) for name in names}
    lines = tuple(
        FigureRow(name, tuple(map(FormattedFigure, cells)))
        for name, cells in rows.items()
        if len(set(cells)) > 1
    )
    differ = FigureTable("Where they differ", "What", tuple(policies), lines)
    return (*([scores_comparison] if scores_comparison else []), *([differ] if lines else []))


def _model_facts(policy: Policy) -> tuple[LabelledValue, ...]:
    manifest = policy.manifest
    made = LabelledValue("Made of", describe_members(policy))
    return (made, *origin_facts(manifest), *argument_facts(manifest.arguments))


def _drift_line(drift: FeatureDrift) -> DriftLine:
    if drift.psi is None or drift.word is None:
        return DriftLine(drift.feature, "", "too few bars yet", "circle-dashed", "none", "")
    icon, tone = _DRIFTS[drift.word]
    width = f"{min(drift.psi / FULL_PSI, 1.0) * 100:.1f}"
    return DriftLine(drift.feature, f"{drift.psi:.2f}", drift.word, icon, tone, width)
