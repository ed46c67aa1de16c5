"""Models as the pages of the RL lab draw them: a line in the list, one whole, several side by side.

Leaves out which models there are, and how their worth is told (`lab_scores.py`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from envs.policies.drift import Drift
from envs.policies.policy import Manifest, Policy
from envs.training.evaluation_report import POLICY
from research.report.formatting import Said, number
from research.report.tables import Fact, Grid, Line
from web import formatting
from web.lab.run_views import argument_facts
from web.lab.score_views import SHOWN, Verdict, cell, scores_grid, verdict

_DRIFTS = {
    "stable": ("circle-check", "up"),
    "shifting": ("triangle-alert", "warn"),
    "drifted": ("circle-alert", "down"),
}
FULL_PSI = 0.25


@dataclass(frozen=True, slots=True)
class DriftLine:
    """`width` of 100 is how far the bar reaches; '' and a word instead where too little is seen."""

    feature: str
    psi: str
    word: str
    icon: str
    tone: str
    width: str


@dataclass(frozen=True, slots=True)
class ModelLine:
    """`broken` says why its files are refused; all that they would say is empty then. `run` and
    `parent` lead to where it came from, '' where that is not known."""

    id: str
    slug: str
    url: str
    name: str
    data: str
    simulated: bool
    made_of: str
    learnt: str
    verdict: Verdict
    figures: tuple[Said, ...]
    seated: bool
    promotable: bool
    deletable: bool
    broken: str
    run: str
    parent: str


@dataclass(frozen=True, slots=True)
class ModelView:
    origin: tuple[Fact, ...]
    scores: Grid | None
    members: Grid | None
    arguments: tuple[Fact, ...]


def model_line(
    id: str,
    name: str,
    policy: Policy | None,
    *,
    broken: str,
    seated: bool,
    fixed: bool,
    kept: bool,
    run: str,
) -> ModelLine:
    """`fixed` where a setting has the seat, so that no other can be promoted; `kept` where its
    files are of this home, so that they can be deleted."""
    manifest = policy.manifest if policy else None
    return ModelLine(
        id=id,
        slug=formatting.slug(id),
        url=f"/lab/models/{id}",
        name=name,
        data=formatting.line(manifest.data, 40) if manifest else "",
        simulated=bool(manifest and manifest.simulated),
        made_of=made_of(policy) if policy else "",
        learnt=learnt(manifest) if manifest else "",
        verdict=verdict(manifest),
        figures=tuple(cell(manifest, head) for head in SHOWN),
        seated=seated,
        promotable=not (seated or fixed) and policy is not None,
        deletable=kept and not seated,
        broken=formatting.line(broken, 300),
        run=run,
        parent=formatting.line(manifest.parent or "", 24) if manifest else "",
    )


def model_view(policy: Policy) -> ModelView:
    return ModelView(
        origin=origin_facts(policy.manifest),
        scores=scores_grid(policy.manifest.scores),
        members=members_grid(policy),
        arguments=argument_facts(policy.manifest.arguments),
    )


def made_of(policy: Policy) -> str:
    """`5 PPO and 5 DQN, voting alike`."""
    count = Counter(member.algorithm for member in policy.members)
    names = " and ".join(f"{n} {algorithm.upper()}" for algorithm, n in count.items())
    how = "weighed by the market’s regime" if policy.selection == "regimes" else "voting alike"
    return f"{names}, {how}" if len(policy.members) > 1 else names


def learnt(manifest: Manifest) -> str:
    """Its three periods in a sentence each, those that are told."""
    words = (
        ("train", "Trained"), ("validation", "chosen by"), ("test", "judged on"),
    )  # fmt: skip
    told = [
        f"{word} {' to '.join(manifest.periods[name])}"
        for name, word in words
        if name in manifest.periods
    ]
    return f"{', '.join(told)}." if told else ""


def drift_lines(drift: Sequence[Drift]) -> tuple[DriftLine, ...]:
    return tuple(map(_drift_line, drift))


def origin_facts(manifest: Manifest) -> tuple[Fact, ...]:
    return (
        Fact("Data", f"{manifest.data}{' (SIMULATED)' if manifest.simulated else ''}"),
        *(
            Fact(word, " to ".join(manifest.periods[name]))
            for name, word in _PERIODS.items()
            if name in manifest.periods
        ),
        Fact("Data digest", manifest.data_digest[:12], "first digits of its SHA-256"),
        Fact("Code", manifest.code_version, "of the program that trained it"),
        *([Fact("Parent", manifest.parent, "which it went on from")] if manifest.parent else []),
    )


_PERIODS = {"train": "Trained on", "validation": "Chosen by", "test": "Judged on"}


def members_grid(policy: Policy) -> Grid:
    """Who votes in it: what each wish is worth and how much each weighs."""
    weights = policy.weights
    uneven = len(weights) > 1
    lines = tuple(
        Line(
            member.name,
            (
                Said(member.kind),
                Said(number(member.temper, digits=4)),
                Said(
                    f"{number(float(weights[:, k].min()), '%', 0)} to "
                    f"{number(float(weights[:, k].max()), '%', 0)}"
                    if uneven
                    else number(float(weights[0, k]), "%", 1)
                ),
            ),
        )
        for k, member in enumerate(policy.members)
    )
    return Grid(
        title="Members",
        corner="Member",
        heads=("Its network gives", "Temper", "Weight"),
        lines=lines,
        said="temper is what a wish is worth in log-odds; 0 is a member that had learnt nothing",
    )


def compared(policies: Mapping[str, Policy]) -> tuple[Grid, ...]:
    """The ensembles' figures side by side, and what they were asked for where that differs."""
    scores = {id: policy.manifest.scores.get(POLICY, {}) for id, policy in policies.items()}
    worth = scores_grid(scores, "Side by side")
    told = {
        id: {fact.name: fact.value for fact in _described(policy)}
        for id, policy in policies.items()
    }
    names = dict.fromkeys(name for own in told.values() for name in own)
    rows = {name: tuple(own.get(name, "–") for own in told.values()) for name in names}
    lines = tuple(
        Line(name, tuple(map(Said, cells))) for name, cells in rows.items() if len(set(cells)) > 1
    )
    differ = Grid("Where they differ", "What", tuple(policies), lines)
    return (*([worth] if worth else []), *([differ] if lines else []))


def _described(policy: Policy) -> tuple[Fact, ...]:
    manifest = policy.manifest
    made = Fact("Made of", made_of(policy))
    return (made, *origin_facts(manifest), *argument_facts(manifest.arguments))


def _drift_line(drift: Drift) -> DriftLine:
    if drift.psi is None or drift.word is None:
        return DriftLine(drift.feature, "", "too few bars yet", "circle-dashed", "none", "")
    icon, tone = _DRIFTS[drift.word]
    width = f"{min(drift.psi / FULL_PSI, 1.0) * 100:.1f}"
    return DriftLine(drift.feature, f"{drift.psi:.2f}", drift.word, icon, tone, width)
