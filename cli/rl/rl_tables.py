"""Models and training runs as tables for people and as JSON for programs.

An unknown figure is a dash or null; simulated data is marked as such wherever it is named.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from cli.rl.rl_models import DriftReport, ModelDetails, PromotionResult
from domain.canonical import format_instant
from envs.policies.policy import Policy, Score
from envs.training.evaluation import SHARPE_OVER, SKILL
from envs.training.run_folder import RunState
from envs.training.score_tables import score_table
from research.lab.lab import CONFIGURED, ENSEMBLE
from storage.models.model_registry import SHIPPED

UNKNOWN = "–"
SUMMARY_SCORES = (SHARPE_OVER, SKILL)
"""Figures of a model in a list."""
_TONES = {"stable": "green", "shifting": "yellow", "drifted": "red"}


def model_json(details: ModelDetails, *, full: bool = False) -> dict[str, Any]:
    """Return a model as JSON; `full` adds the arguments, the periods and all scores."""
    policy = details.policy
    body: dict[str, Any] = {
        "id": details.id,
        "votes": details.is_active,
        "added_at": format_instant(details.added_at) if details.added_at else None,
        "promotions": [
            {"at": format_instant(each.at), "by": each.by, "previous": each.previous,
             "undoes": each.undoes}
            for each in details.promotions
        ],
        "broken": details.error or None,
    }  # fmt: skip
    if policy is None:
        return body
    manifest = policy.manifest
    body |= {
        "members": [member.name for member in policy.members],
        "selection": policy.selection,
        "data": manifest.data,
        "simulated": manifest.simulated,
        "parent": manifest.parent,
        "scores": _scores_json(manifest.scores.get(ENSEMBLE, {})),
    }
    if full:
        body |= {
            "arguments": manifest.arguments,
            "periods": {name: list(days) for name, days in manifest.periods.items()},
            "data_digest": manifest.data_digest,
            "code_version": manifest.code_version,
            "tempers": dict(policy.tempers()),
            "all_scores": {who: _scores_json(each) for who, each in manifest.scores.items()},
        }
    return body


def show_models(found: Sequence[ModelDetails], console: Console) -> None:
    table = Table(Column("id", no_wrap=True), "made of and trained on", *SUMMARY_SCORES)
    for each in found:
        name = f"[bold]{each.id}[/]\nvotes" if each.is_active else each.id
        if each.policy is None:
            table.add_row(
                name, f"[red]refused[/]: {escape(each.error)}", *[UNKNOWN] * len(SUMMARY_SCORES)
            )
            continue
        scores = each.policy.manifest.scores.get(ENSEMBLE, {})
        figures = (figure(scores.get(column), column) for column in SUMMARY_SCORES)
        made = f"{composition(each.policy)}\n{escape(_data(each.policy))}"
        table.add_row(name, made, *figures)
    console.print(table)
    if not any(model.is_active for model in found):
        console.print(f"The policy of the setting agents.rl_policy ({CONFIGURED}) votes.")


def show_model(details: ModelDetails, console: Console) -> None:
    policy = details.policy
    if policy is None:
        return
    manifest = policy.manifest
    votes = ", votes" if details.is_active else ""
    console.print(f"[bold]{details.id}[/]{votes}: {composition(policy)}", highlight=False)
    facts = {
        "trained on": _data(policy),
        **{name: " to ".join(days) for name, days in manifest.periods.items()},
        "arguments": ", ".join(
            f"{name} {value}" for name, value in manifest.arguments.items() if value is not None
        ),
        "made by": f"Quorum {manifest.code_version}",
        "follows": manifest.parent or "",
        "added": f"{details.added_at:%Y-%m-%d}" if details.added_at else "",
    }
    for name, text in facts.items():
        if text:
            console.print(f"  {name}: {text}", markup=False, highlight=False)
    for each in details.promotions:
        way = "by a roll back" if each.undoes else "promoted"
        console.print(f"  {way} {each.at:%Y-%m-%d %H:%M} UTC, {each.by}", highlight=False)
    title = "On the held-out period, net of cost" + (" (SIMULATED)" if manifest.simulated else "")
    console.print(score_table(title, manifest.scores, policy))


def show_comparison(found: Sequence[ModelDetails], console: Console) -> None:
    """Print a column for each model; the interval of each figure is in brackets."""
    known = [(each, each.policy) for each in found if each.policy is not None]
    table = Table("", *(each.id for each, _ in known))
    table.add_row("made of", *(composition(policy) for _, policy in known))
    table.add_row("trained on", *(_data(policy) for _, policy in known))
    periods = [policy.manifest.periods.get("test") for _, policy in known]
    table.add_row("held out", *(" to ".join(days) if days else UNKNOWN for days in periods))
    scores = [policy.manifest.scores.get(ENSEMBLE, {}) for _, policy in known]
    for name in dict.fromkeys(name for each in scores for name in each):
        table.add_row(name, *(figure(score.get(name), name) for score in scores))
    console.print(table)
    if len({(policy.manifest.data_digest, *(days or ())) for (_, policy), days
            in zip(known, periods, strict=True)}) > 1:  # fmt: skip
        console.print("They were judged on other bars or at other times, which is no fair race.")


def promotion_json(result: PromotionResult) -> dict[str, Any]:
    return {
        "votes": result.model,
        "before": result.previous,
        "changed": result.model != result.previous,
    }


def show_promotion(result: PromotionResult, console: Console) -> None:
    if result.model == result.previous:
        console.print(f"{_model_title(result.model)} votes already.", highlight=False)
        return
    console.print(
        f"{_model_title(result.model)} votes from the next cycle on, in the place of "
        f"{_model_title(result.previous, first=False)}.",
        highlight=False,
    )


def run_json(state: RunState) -> dict[str, Any]:
    return {
        "id": state.id,
        "label": state.label,
        "state": state.state,
        "what": state.what,
        "done": state.done,
        "total": state.total,
        "seconds_left": state.seconds_left,
        "error": state.error or None,
        "started_at": format_instant(state.started_at),
        "data": state.data,
        "simulated": state.simulated,
        "arguments": dict(state.arguments),
    }


def show_runs(found: Sequence[RunState], console: Console) -> None:
    if not found:
        console.print("Nothing was trained yet. `quorum rl train` does.")
        return
    table = Table(Column("run", no_wrap=True), "state", "steps", "trained on", "what went wrong")
    for each in found:
        simulated = " (SIMULATED)" if each.simulated else ""
        steps = f"{each.done:,} of {each.total:,}"
        table.add_row(each.id, each.state, steps, escape(each.data + simulated), escape(each.error))
    console.print(table)


def drift_json(found: DriftReport) -> dict[str, Any]:
    return {
        "model": found.model,
        "market": found.market,
        "simulated": found.simulated,
        "features": [
            {"feature": feature.feature, "psi": feature.psi, "word": feature.word}
            for feature in found.features
        ],
    }


def show_drift(found: DriftReport, console: Console) -> None:
    label = "SIMULATED market" if found.simulated else f"market {found.market}"
    table = Table("feature", "PSI", "", title=f"{found.model} on the {label}")
    for each in found.features:
        if each.psi is None or each.word is None:
            table.add_row(each.feature, UNKNOWN, "too few bars")
        else:
            table.add_row(each.feature, f"{each.psi:.2f}", f"[{_TONES[each.word]}]{each.word}[/]")
    console.print(table)


def composition(policy: Policy) -> str:
    """Return text such as `PPO x 5, DQN x 2, by regimes`."""
    counts = Counter(member.algorithm.upper() for member in policy.members)
    members = ", ".join(f"{name} x {number}" for name, number in counts.items())
    return members if policy.selection == "bagging" else f"{members}, by regimes"


def figure(score: Score | None, name: str) -> str:
    """Return text such as `0.12 [-0.10, 0.34]`, a dash if nothing is known."""
    if score is None:
        return UNKNOWN
    digits = 4 if name == SKILL else 2
    value, low, high = (f"{each:.{digits}f}" for each in (score.value, score.low, score.high))
    return f"{value} \\[{low}, {high}]"


def _scores_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: score.model_dump() for name, score in scores.items()}


def _data(policy: Policy) -> str:
    manifest = policy.manifest
    return f"{manifest.data} (SIMULATED)" if manifest.simulated else manifest.data


def _model_title(id: str, *, first: bool = True) -> str:
    article = "The" if first else "the"
    return f"{article} policy that ships" if id == SHIPPED else f"{article} model {id}"
