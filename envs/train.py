"""Train a policy and say what it is worth: `python -m envs.train --help`.

History is divided by date into training, validation and test, with a gap between them. PPO
learns on random windows of the training period, once a seed; the validation period picks the
seed and the temper; the test period is looked at once, at the end, for every seed and every
benchmark. Left behind is a folder that `envs.policies.policy` reads: plain tensors and a manifest. The
same command gives the same bytes on the same machine.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin, get_type_hints

import numpy as np
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table

from domain.errors import QuorumError
from domain.panel import Floats
from envs.learning.evaluation import Judge, chosen, evidence, sharpe
from envs.market_data import History, Periods, divide, history, read_bars
from envs.observation import FEATURES, OBSERVATION_VERSION
from envs.policies.policy import Manifest, Network, Policy, Score, save_policy
from envs.simulated import simulate
from envs.trading_env import ACTIONS, Targets, TradingEnv
from trading.costs import CostSettings

if TYPE_CHECKING:
    from stable_baselines3 import PPO


@dataclass(frozen=True, slots=True)
class Arguments:
    """Everything a run depends on; each is an option of the command."""

    out: Annotated[Path, "Folder to write the policy to."] = Path("var/models/rl")
    bars: Annotated[
        Path | None,
        "CSV or Parquet of adjusted daily bars (symbol, date, open, high, low, close, volume); "
        "the simulated market if not given.",
    ] = None
    market_seed: Annotated[int, "Seed of the simulated market."] = 7
    train_until: Annotated[date, "Last day to train on."] = date(2016, 12, 31)
    validate_until: Annotated[date, "Last day to choose by; the rest is the test."] = date(
        2019, 12, 31
    )
    horizon: Annotated[int, "Bars a forecast reaches; one more is left out between periods."] = 5
    actions: Annotated[Targets, "What the policy may do."] = "flat-long"
    half_spread_bps: Annotated[float, "Half the spread, in basis points of the price."] = 2.0
    commission_bps: Annotated[float, "Commission, in basis points of the value traded."] = 1.0
    seeds: Annotated[int, "How many policies to train; validation picks the one saved."] = 5
    seed: Annotated[int, "Seed of the first policy; the others count up from it."] = 0
    steps: Annotated[int, "Environment steps a policy is trained for."] = 200_000
    episode: Annotated[int, "Bars in an episode."] = 252
    copies: Annotated[int, "Environments stepped side by side."] = 16
    hidden: Annotated[int, "Units in each of the two hidden layers."] = 16
    learning_rate: Annotated[float, "Step size of the optimiser."] = 3e-3
    gamma: Annotated[float, "Discount of a bar; low, because a trade pays within days."] = 0.8
    entropy: Annotated[float, "Weight of the entropy bonus, which keeps a policy unsure."] = 0.01


def main(argv: list[str] | None = None) -> int:
    console = Console()
    try:
        train(_parse(argv), console)
    except QuorumError as error:
        console.print(f"[red]{error}[/red]", highlight=False)
        return error.exit_code
    return 0


def train(arguments: Arguments, console: Console) -> Policy:
    """Run the whole of it, write the folder and return the policy saved there."""
    market, name = _market(arguments)
    gap = arguments.horizon + 1
    periods = divide(market.dates, arguments.train_until, arguments.validate_until, gap)
    costs = CostSettings(
        half_spread_bps=arguments.half_spread_bps, commission_bps=arguments.commission_bps
    )
    seeds = tuple(range(arguments.seed, arguments.seed + arguments.seeds))
    networks = _learn_all(arguments, market, periods, costs, seeds, console)
    actions = ACTIONS[arguments.actions]

    validation = Judge(market, periods.validation, costs)
    seen = _rows(market, periods.validation)
    merits = [sharpe(validation.returns(chosen(net, actions, seen))) for net in networks]
    best = int(np.argmax(merits))
    temper = validation.temper(evidence(networks[best], actions, seen), arguments.horizon)

    scores = _judge(arguments, Judge(market, periods.test, costs), networks, best, temper, actions)
    manifest = Manifest(
        observation_version=OBSERVATION_VERSION,
        features=FEATURES,
        actions=actions,
        hidden=(arguments.hidden, arguments.hidden),
        sha256="0" * 64,
        data=name,
        data_digest=market.digest,
        periods={
            which: (_day(market, rows.start), _day(market, rows.stop - 1))
            for which, rows in asdict(periods).items()
        },
        arguments={
            key: value if isinstance(value, int | float | str | None) else str(value)
            for key, value in asdict(arguments).items()
            if key not in ("out", "bars")
        },
        seeds=seeds,
        seed=seeds[best],
        scores=scores,
    )
    saved = save_policy(arguments.out, networks[best], temper, manifest)
    _report(console, saved, temper)
    return Policy(networks[best], temper, saved)


def learn(
    market: History,
    rows: range,
    costs: CostSettings,
    arguments: Arguments,
    seed: int,
    tick: Callable[[int], None],
) -> Network:
    """One policy, trained with PPO on windows inside `rows`; `tick(steps)` reports progress."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import DummyVecEnv

    class Tick(BaseCallback):
        def _on_step(self) -> bool:
            tick(self.training_env.num_envs)
            return True

    torch.set_num_threads(1)
    mean, scale = _moments(market.observation[rows.start : rows.stop])
    untrained = Network(mean, scale, ())
    observation = untrained.standardise(market.observation).astype(np.float32)

    def environment() -> TradingEnv:
        return TradingEnv(
            market,
            observation,
            rows,
            bars=arguments.episode,
            costs=costs,
            targets=arguments.actions,
        )

    model = PPO(
        "MlpPolicy",
        DummyVecEnv([environment] * arguments.copies),
        n_steps=256,
        batch_size=min(1_024, 256 * arguments.copies),
        n_epochs=5,
        learning_rate=arguments.learning_rate,
        gamma=arguments.gamma,
        gae_lambda=0.9,
        ent_coef=arguments.entropy,
        policy_kwargs={
            "net_arch": [arguments.hidden, arguments.hidden],
            "activation_fn": torch.nn.ReLU,
        },
        seed=seed,
        device="cpu",
    )
    model.learn(arguments.steps, callback=Tick())
    return Network(mean, scale, layers_of(model))


def layers_of(model: "PPO") -> tuple[tuple[Floats, Floats], ...]:
    """Weights (in, out) and biases (out,) of the actor of an SB3 model, first layer first."""
    import torch

    modules = [*model.policy.mlp_extractor.policy_net, model.policy.action_net]
    return tuple(
        (
            np.ascontiguousarray(module.weight.detach().numpy().T, np.float64),
            module.bias.detach().numpy().astype(np.float64),
        )
        for module in modules
        if isinstance(module, torch.nn.Linear)
    )


def _market(arguments: Arguments) -> tuple[History, str]:
    if arguments.bars is not None:
        return history(read_bars(arguments.bars)), arguments.bars.name
    return history(simulate(arguments.market_seed)), f"simulated, seed {arguments.market_seed}"


def _learn_all(
    arguments: Arguments,
    market: History,
    periods: Periods,
    costs: CostSettings,
    seeds: tuple[int, ...],
    console: Console,
) -> list[Network]:
    columns = (*Progress.get_default_columns()[:-1], TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Training", total=arguments.steps * len(seeds))
        networks = []
        for number, seed in enumerate(seeds, start=1):
            progress.update(task, description=f"Seed {seed} ({number} of {len(seeds)})")
            networks.append(
                learn(
                    market,
                    periods.train,
                    costs,
                    arguments,
                    seed,
                    lambda steps: progress.advance(task, steps),
                )
            )
    return networks


def _judge(
    arguments: Arguments,
    judge: Judge,
    networks: list[Network],
    best: int,
    temper: float,
    actions: tuple[str, ...],
) -> dict[str, dict[str, Score]]:
    """Scores on the test period: of the saved policy, of every seed and of every benchmark."""
    seen = _rows(judge.history, judge.rows)
    saved = evidence(networks[best], actions, seen)
    scores = {
        "policy": {
            **judge.scores(chosen(networks[best], actions, seen)),
            "Brier skill over the base rate": judge.skill(saved, temper, arguments.horizon),
        }
    }
    for offset, network in enumerate(networks):
        scores[f"seed {arguments.seed + offset}"] = judge.scores(chosen(network, actions, seen))
    for name, shares in judge.benchmarks(arguments.seed).items():
        scores[name] = judge.scores(shares)
    return scores


def _report(console: Console, manifest: Manifest, temper: float) -> None:
    names = list(manifest.scores["policy"])
    table = Table(title=f"Test period {' to '.join(manifest.periods['test'])}, net of cost")
    for heading in ("", *names):
        table.add_column(heading)
    for who, scores in manifest.scores.items():
        table.add_row(who, *(_words(scores.get(name)) for name in names))
    console.print(table)
    console.print(f"Saved seed {manifest.seed}, temper {temper:.4f}, {manifest.sha256[:8]}.")


def _words(score: Score | None) -> str:
    return "" if score is None else f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def _rows(market: History, rows: range) -> Floats:
    return market.observation[rows.start : rows.stop]


def _moments(observation: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (K,) of all observations that are there."""
    seen = observation[~np.isnan(observation[..., 0])]
    spread = seen.std(axis=0)
    return seen.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _day(market: History, row: int) -> str:
    return str(market.dates[row].astype("datetime64[D]"))


def _parse(argv: list[str] | None) -> Arguments:
    """Command line to arguments: one option a field, with the field's sentence as its help."""
    parser = argparse.ArgumentParser("python -m envs.train", description=__doc__)
    hints = get_type_hints(Arguments, include_extras=True)
    for each in fields(Arguments):
        kind, sentence = get_args(hints[each.name])
        choices = get_args(kind) if get_origin(kind) is Literal else None
        parser.add_argument(
            "--" + each.name.replace("_", "-"),
            type=_READERS.get(kind, str),
            default=each.default,
            choices=choices,
            metavar=None if choices else each.name.upper(),
            help=f"{sentence} (default: {each.default})",
        )
    return Arguments(**vars(parser.parse_args(argv)))


_READERS: dict[object, Callable[[str], object]] = {
    int: int,
    float: float,
    date: date.fromisoformat,
    Path: Path,
    Path | None: Path,
}


if __name__ == "__main__":
    raise SystemExit(main())
