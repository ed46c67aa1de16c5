"""A whole training run as a stream of events: members one after another, then the judgement.

Nothing is written and nothing shown here; whoever asked for the run keeps its events. The same
arguments, market and checkpoints give the same bytes on the same machine, wherever a run was
interrupted. The test period is looked at once, at the end.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from domain.errors import InputError
from domain.panel import Floats
from domain.votes import sigmoid
from envs.environments.episode_sampling import episodes
from envs.market_data import History, divide
from envs.policies.drift import reference
from envs.policies.ensemble import by_regime, regimes
from envs.policies.files import encode
from envs.policies.policy import Manifest, Member, Policy, standardise
from envs.training.arguments import Arguments
from envs.training.evaluation import Judge
from envs.training.evaluation_report import judged, spread
from envs.training.events import Event, Judged
from envs.training.member_training import Bools, Checkpoint, Ground, Tick, decode, member_of, train

ROOT = Path(__file__).parents[2]
DECIDING = ("envs", "trading/kernels")
"""Folders whose sources decide what is learnt."""


def nothing(member: str, steps: int) -> None:
    """Steps that nobody wants to hear of."""


def learn(
    arguments: Arguments,
    market: History,
    kept: Mapping[str, bytes],
    tick: Tick = nothing,
) -> Iterator[Event]:
    """Train every member that `kept` (checkpoint by member; {} for a fresh run) does not hold
    as ended, an event a stage, then judge. `tick(member, steps)` hears of steps in between.

    Raises InputError for arguments or a market that cannot be trained on, and
    DamagedError for a checkpoint that is damaged or belongs to another run; both before
    anything is learnt.
    """
    ground = ground_of(arguments, market)
    points = {
        f"{algo}-{seed}": decode(kept[f"{algo}-{seed}"], f"{algo}-{seed}", ground)
        for algo, seed in arguments.members
        if f"{algo}-{seed}" in kept
    }
    for number, (algo, seed) in enumerate(arguments.members, start=1):
        name = f"{algo}-{seed}"
        if name in points and points[name].ended:
            continue
        for event, point in train(ground, algo, seed, number, points.get(name), tick):
            points[name] = point
            yield event
    yield _judged(ground, points)


def ground_of(arguments: Arguments, market: History) -> Ground:
    """Raises InputError for arguments or a market that cannot be trained on."""
    arguments.check()
    periods = divide(
        market.dates, arguments.train_until, arguments.validate_until, arguments.horizon + 1
    )
    mean, scale = _moments(market.observation[periods.train.start : periods.train.stop])
    seen = standardise(market.observation, mean, scale).astype(np.float32)
    episodes(market, seen, periods.train, arguments.settings, portfolio=False)  # or none fits
    return Ground(
        arguments=arguments,
        market=market,
        periods=periods,
        mean=mean,
        scale=scale,
        seen=seen,
        validation=Judge(market, periods.validation, arguments.settings),
    )


def code_version() -> str:
    """Of the program, and a digest of the sources that decide what is learnt."""
    digest = hashlib.sha256()
    for folder in DECIDING:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return f"{version('quorum-markets')}+{digest.hexdigest()[:12]}"


def _judged(ground: Ground, points: Mapping[str, Checkpoint]) -> Judged:
    """The policy of all members, judged on the test period."""
    arguments, market = ground.arguments, ground.market
    policy = _ensemble(ground, points)
    judge = Judge(market, ground.periods.test, arguments.settings)
    found = judged(policy, judge, arguments.horizon, arguments.seed)
    manifest = policy.manifest.model_copy(update={"scores": found.scores})
    tensors, words = encode(replace(policy, manifest=manifest))
    return Judged(tensors, words, found.held_out.encode())


def _ensemble(ground: Ground, points: Mapping[str, Checkpoint]) -> Policy:
    """All members with what their wishes are worth on the validation period, not scored yet."""
    arguments, judge = ground.arguments, ground.validation
    observation = ground.market.observation[judge.rows.start : judge.rows.stop]
    there = np.asarray(~np.isnan(observation).any(axis=-1))
    x = standardise(observation[there], ground.mean, ground.scale)
    members, leanings = [], []
    for algo, seed in arguments.members:
        member = member_of(ground, algo, seed, points[f"{algo}-{seed}"].network, 0.0)
        leaning = spread(member.leaning(x), there)
        members.append(replace(member, temper=judge.temper(leaning, arguments.horizon)))
        leanings.append(leaning)
    trained = ground.market.observation[ground.periods.train.start : ground.periods.train.stop]
    return Policy(
        mean=ground.mean,
        scale=ground.scale,
        members=tuple(members),
        weights=_weights(ground, tuple(members), np.stack(leanings), x, there),
        reference=reference(trained),
        manifest=_manifest(ground),
    )


def _weights(
    ground: Ground, members: tuple[Member, ...], leanings: Floats, x: Floats, there: Bools
) -> Floats:
    """(1 or R, members) by what was asked for; `leanings` (members, T, N) are of the validation
    period, where `x` (M, K) is what was seen `there` (T, N)."""
    if ground.arguments.select == "bagging":
        return np.full((1, len(members)), 1.0 / len(members))
    base, rose = ground.validation.outcomes(ground.arguments.horizon)
    tempers = np.array([member.temper for member in members])
    rises = sigmoid(base + tempers[:, None, None] * leanings)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(rose == 1.0, np.log(rises), np.log1p(-rises))
    scores[:, np.isnan(rose)] = np.nan
    regime = np.zeros(there.shape, np.int64)
    regime[there] = regimes(x, ground.mean, ground.scale)
    names = [member.algorithm for member in members]
    return by_regime(scores, regime, names, ground.arguments.horizon)


def _manifest(ground: Ground) -> Manifest:
    arguments, market = ground.arguments, ground.market
    days = market.dates.astype("datetime64[D]").astype(str)
    plain = arguments.plain()
    del plain["bars"], plain["parent"]  # the data's digest says more than a path; parent is told
    return Manifest(
        data=market.name,
        simulated=market.simulated,
        data_digest=market.digest,
        code_version=code_version(),
        periods={
            name: (str(days[rows.start]), str(days[rows.stop - 1]))
            for name, rows in asdict(ground.periods).items()
        },
        arguments={**plain},
        scores={},
        parent=arguments.parent,
    )


def _moments(observation: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (K,) of all observations that are there."""
    seen = observation[~np.isnan(observation).any(axis=-1)]
    if not len(seen):
        raise InputError(
            "Nothing can be seen in the training period: no symbol has bars enough, or no price "
            "moves. Bring more bars."
        )
    spread = seen.std(axis=0)
    return seen.mean(axis=0), np.where(spread > 0, spread, 1.0)
