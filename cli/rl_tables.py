"""Models and training runs as tables for people and as JSON for programs.

A figure that is not known is a dash or null; simulated data is said to be so wherever it is named.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from cli.rl_models import Drifted, ShownModel, Turn
from domain.canonical import instant
from envs.policies.policy import Policy, Score
from envs.training.evaluation import SHARPE_OVER, SKILL
from envs.training.run_folder import RunState
from envs.training.score_tables import table_of
from research.lab.lab import CONFIGURED, JUDGED
from storage.models.model_registry import SHIPPED

NOTHING = "–"
BRIEF = (SHARPE_OVER, SKILL)
"""Figures of a model in a list."""
_TONES = {"stable": "green", "shifting": "yellow", "drifted": "red"}


def model_json(shown: ShownModel, *, whole: bool = False) -> dict[str, Any]:
    """`whole`: with the arguments, the periods and everybody's scores."""
    policy = shown.policy
    told: dict[str, Any] = {
        "id": shown.id,
        "votes": shown.votes,
        "added_at": instant(shown.added_at) if shown.added_at else None,
        "promotions": [
            {"at": instant(each.at), "by": each.by, "previous": each.previous,
             "undoes": each.undoes}
            for each in shown.promotions
        ],
        "broken": shown.broken or None,
    }  # fmt: skip
    if policy is None:
        return told
    manifest = policy.manifest
    told |= {
        "members": [member.name for member in policy.members],
        "selection": policy.selection,
        "data": manifest.data,
        "simulated": manifest.simulated,
        "parent": manifest.parent,
        "scores": _scores_json(manifest.scores.get(JUDGED, {})),
    }
    if whole:
        told |= {
            "arguments": manifest.arguments,
            "periods": {name: list(days) for name, days in manifest.periods.items()},
            "data_digest": manifest.data_digest,
            "code_version": manifest.code_version,
            "tempers": dict(policy.tempers()),
            "all_scores": {who: _scores_json(each) for who, each in manifest.scores.items()},
        }
    return told


def show_models(found: Sequence[ShownModel], console: Console) -> None:
    table = Table(Column("id", no_wrap=True), "made of and trained on", *BRIEF)
    for each in found:
        name = f"[bold]{each.id}[/]\nvotes" if each.votes else each.id
        if each.policy is None:
            table.add_row(name, f"[red]refused[/]: {escape(each.broken)}", *[NOTHING] * len(BRIEF))
            continue
        scores = each.policy.manifest.scores.get(JUDGED, {})
        figures = (figure(scores.get(column), column) for column in BRIEF)
        made = f"{made_of(each.policy)}\n{escape(_data(each.policy))}"
        table.add_row(name, made, *figures)
    console.print(table)
    if not any(each.votes for each in found):
        console.print(f"The policy of the setting agents.rl_policy ({CONFIGURED}) votes.")


def show_model(shown: ShownModel, console: Console) -> None:
    policy = shown.policy
    if policy is None:
        return
    manifest = policy.manifest
    votes = ", votes" if shown.votes else ""
    console.print(f"[bold]{shown.id}[/]{votes}: {made_of(policy)}", highlight=False)
    facts = {
        "trained on": _data(policy),
        **{name: " to ".join(days) for name, days in manifest.periods.items()},
        "arguments": ", ".join(
            f"{name} {value}" for name, value in manifest.arguments.items() if value is not None
        ),
        "made by": f"Quorum {manifest.code_version}",
        "follows": manifest.parent or "",
        "added": f"{shown.added_at:%Y-%m-%d}" if shown.added_at else "",
    }
    for name, said in facts.items():
        if said:
            console.print(f"  {name}: {said}", markup=False, highlight=False)
    for each in shown.promotions:
        how = "by a roll back" if each.undoes else "promoted"
        console.print(f"  {how} {each.at:%Y-%m-%d %H:%M} UTC, {each.by}", highlight=False)
    title = "On the held-out period, net of cost" + (" (SIMULATED)" if manifest.simulated else "")
    console.print(table_of(title, manifest.scores, policy))


def show_comparison(found: Sequence[ShownModel], console: Console) -> None:
    """A column each; the interval of each figure is in brackets."""
    known = [(each, each.policy) for each in found if each.policy is not None]
    table = Table("", *(each.id for each, _ in known))
    table.add_row("made of", *(made_of(policy) for _, policy in known))
    table.add_row("trained on", *(_data(policy) for _, policy in known))
    periods = [policy.manifest.periods.get("test") for _, policy in known]
    table.add_row("held out", *(" to ".join(days) if days else NOTHING for days in periods))
    scores = [policy.manifest.scores.get(JUDGED, {}) for _, policy in known]
    for name in dict.fromkeys(name for each in scores for name in each):
        table.add_row(name, *(figure(each.get(name), name) for each in scores))
    console.print(table)
    if len({(policy.manifest.data_digest, *(days or ())) for (_, policy), days
            in zip(known, periods, strict=True)}) > 1:  # fmt: skip
        console.print("They were judged on other bars or at other times, which is no fair race.")


def turn_json(turn: Turn) -> dict[str, Any]:
    return {"votes": turn.model, "before": turn.previous, "changed": turn.model != turn.previous}


def show_turn(turn: Turn, console: Console) -> None:
    if turn.model == turn.previous:
        console.print(f"{_titled(turn.model)} votes already.", highlight=False)
        return
    console.print(
        f"{_titled(turn.model)} votes from the next cycle on, in the place of "
        f"{_titled(turn.previous, first=False)}.",
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
        "started_at": instant(state.started_at),
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


def drift_json(found: Drifted) -> dict[str, Any]:
    return {
        "model": found.model,
        "market": found.market,
        "simulated": found.simulated,
        "features": [
            {"feature": each.feature, "psi": each.psi, "word": each.word} for each in found.features
        ],
    }


def show_drift(found: Drifted, console: Console) -> None:
    label = "SIMULATED market" if found.simulated else f"market {found.market}"
    table = Table("feature", "PSI", "", title=f"{found.model} on the {label}")
    for each in found.features:
        if each.psi is None or each.word is None:
            table.add_row(each.feature, NOTHING, "too few bars")
        else:
            table.add_row(each.feature, f"{each.psi:.2f}", f"[{_TONES[each.word]}]{each.word}[/]")
    console.print(table)


def made_of(policy: Policy) -> str:
    """`PPO x 5, DQN x 2, by regimes`."""
    counted = Counter(member.algorithm.upper() for member in policy.members)
    members = ", ".join(f"{name} x {number}" for name, number in counted.items())
    return members if policy.selection == "bagging" else f"{members}, by regimes"


def figure(score: Score | None, name: str) -> str:
    """`0.12 [-0.10, 0.34]`, a dash where nothing is known."""
    if score is None:
        return NOTHING
    digits = 4 if name == SKILL else 2
    value, low, high = (f"{each:.{digits}f}" for each in (score.value, score.low, score.high))
    return f"{value} \\[{low}, {high}]"


def _scores_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: score.model_dump() for name, score in scores.items()}


def _data(policy: Policy) -> str:
    manifest = policy.manifest
    return f"{manifest.data} (SIMULATED)" if manifest.simulated else manifest.data


def _titled(id: str, *, first: bool = True) -> str:
    article = "The" if first else "the"
    return f"{article} policy that ships" if id == SHIPPED else f"{article} model {id}"
