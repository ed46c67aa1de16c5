"""What a saved policy is worth on any bars: `python -m envs.evaluate --help`.

The ensemble and each member beside buy and hold, flat, random and an average rule, with accounts
and costs as it was trained with, and how far the bars have drifted from those it was trained on.
Nothing is chosen here and nothing is written.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from domain.errors import InputError, QuorumError
from domain.symbols import FLAGS
from envs.market_data import MarketHistory
from envs.observation import WARMUP
from envs.policies.drift import FeatureDrift, measure_drift
from envs.policies.files import load_policy
from envs.policies.policy import Policy
from envs.train import load_market
from envs.training.arguments import (
    TrainingArguments,
    parse_arguments,
    parse_date,
    parse_path,
)
from envs.training.evaluation import Evaluator
from envs.training.evaluation_report import ScoresByName, evaluate_policy
from envs.training.run_folder import policy_folder
from envs.training.score_tables import score_table


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evaluation of a policy. `first` and `last` are ISO days. `seen` says which of these days
    the policy was trained or selected on; it is empty where none are known to be."""

    data: str
    simulated: bool
    first: str
    last: str
    seen: str
    scores: ScoresByName
    drift: tuple[FeatureDrift, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the evaluation as a JSON object."""
        scores = {
            who: {name: score.model_dump() for name, score in figures.items()}
            for who, figures in self.scores.items()
        }
        return {
            **{each.name: getattr(self, each.name) for each in fields(self)[:5]},
            "scores": scores,
            "drift": [asdict(each) for each in self.drift],
        }


def main(argv: list[str] | None = None) -> int:
    options = _parse(argv)
    console = Console()
    try:
        policy = load_policy(policy_folder(options.policy))
        market = load_market(
            TrainingArguments(
                bars=options.bars, market_seed=options.market_seed, symbols=tuple(options.symbols)
            )
        )
        evaluation = evaluate(policy, market, options.first, options.last)
    except QuorumError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False)
        return error.exit_code
    if options.json:
        print(json.dumps(evaluation.to_json(), indent=2))
    else:
        _print_report(console, policy, evaluation)
    return 0


def evaluate(
    policy: Policy, market: MarketHistory, first: date | None, last: date | None
) -> Evaluation:
    """Evaluate `policy` on the bars of `market` from `first` to `last`.

    The default is the policy's test period if it was trained on the same bars, otherwise all bars
    with an observation. Raises InputError where there is nothing to evaluate on.
    """
    arguments = _arguments(policy.manifest.arguments)
    same = policy.manifest.data_digest == market.digest
    rows = _evaluation_rows(market, policy, first, last, same)
    evaluator = Evaluator(market, rows, arguments.settings)
    return Evaluation(
        data=market.name,
        simulated=market.simulated,
        first=evaluator.dates[0],
        last=evaluator.dates[-1],
        seen=_overlap_warning(policy, market, evaluator.dates[0]),
        scores=evaluate_policy(policy, evaluator, arguments.horizon, arguments.seed).scores,
        drift=measure_drift(policy.reference, market.observation[rows.start : rows.stop]),
    )


def _evaluation_rows(
    market: MarketHistory, policy: Policy, first: date | None, last: date | None, same: bool
) -> range:
    """Return the rows to evaluate on."""
    days = market.dates.astype("datetime64[D]")
    start, stop = WARMUP, len(days)
    if first is not None:
        start = max(start, int(np.searchsorted(days, np.datetime64(first, "D"))))
    elif same:
        start = int(np.searchsorted(days, np.datetime64(policy.manifest.periods["test"][0], "D")))
    if last is not None:
        stop = int(np.searchsorted(days, np.datetime64(last, "D"), side="right"))
    if stop - start < 2:
        raise InputError(
            f"No bars are left to judge by from {first or 'the first'} to {last or 'the last'}: "
            f"bars run from {days[0]} to {days[-1]}, and the first {WARMUP} only warm up. Give "
            "other days or more bars."
        )
    if np.isnan(market.observation[start:stop]).all():
        raise InputError(
            f"Nothing can be seen from {days[start]} to {days[stop - 1]}: no symbol has {WARMUP} "
            "bars before, or no price moves. Give other days or more bars."
        )
    return range(start, stop)


def _overlap_warning(policy: Policy, market: MarketHistory, first: str) -> str:
    """Return a warning where the policy has learnt from days evaluated here. Simulated markets
    share days only if their bars are the same."""
    manifest = policy.manifest
    known = manifest.periods["validation"][1]
    same = manifest.data_digest == market.digest
    invented = manifest.simulated or market.simulated
    if first > known or (invented and not same):
        return ""
    whose = "these bars" if same else manifest.data
    return (
        f"The policy was trained and chosen on {whose} up to {known}: days it has learnt from "
        "flatter it."
    )


def _arguments(stored: Mapping[str, Any]) -> TrainingArguments:
    """Return the arguments of the training run, without those unknown to this version."""
    known = {each.name for each in fields(TrainingArguments)}
    return parse_arguments({name: value for name, value in stored.items() if name in known})


def _print_report(console: Console, policy: Policy, evaluation: Evaluation) -> None:
    invented = ", which is invented" if evaluation.simulated else ""
    title = f"{evaluation.data}{invented}, {evaluation.first} to {evaluation.last}, net of cost"
    console.print(score_table(title, evaluation.scores, policy))
    if evaluation.seen:
        console.print(evaluation.seen, style="yellow")
    table = Table(title=f"Drift from {policy.manifest.data}, as it was trained on")
    for heading in ("", "PSI", ""):
        table.add_column(heading)
    for each in evaluation.drift:
        psi = "–" if each.psi is None else f"{each.psi:.3f}"
        table.add_row(each.feature, psi, each.word or "too little seen")
    console.print(table)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m envs.evaluate", description=__doc__)
    add = parser.add_argument
    add(
        "policy",
        type=parse_path,
        metavar="POLICY",
        help="Folder of a policy, or of a training run.",
    )
    add(
        "--bars",
        type=parse_path,
        metavar="FILE",
        help="CSV or Parquet of adjusted daily bars (default: the simulated market)",
    )
    add(
        *FLAGS,
        dest="symbols",
        action="append",
        default=[],
        metavar="SYMBOL",
        help="Only these symbols of the bars. Repeat it, or separate by commas (default: all)",
    )
    add(
        "--market-seed",
        type=int,
        default=7,
        metavar="SEED",
        help="Seed of the simulated market (default: 7)",
    )
    add(
        "--from",
        dest="first",
        type=parse_date,
        metavar="DAY",
        help="First day (default: the first of its test period if it was trained on these bars, "
        "else the first)",
    )
    add(
        "--until",
        dest="last",
        type=parse_date,
        metavar="DAY",
        help="Last day (default: the last)",
    )
    add("--json", action="store_true", help="Print JSON instead of tables.")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
