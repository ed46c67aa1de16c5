"""A whole training run as a stream of events: members one after another, then the evaluation.

Nothing is written or shown here; the caller stores the events. The same arguments, market and
checkpoints give the same bytes on the same machine, wherever a run was interrupted. The test period
is used once, at the end.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from domain.errors import InputError
from domain.panel import Bools, Floats
from domain.votes import sigmoid
from envs.environments.episode_sampling import episode_windows
from envs.market_data import MarketHistory, split_periods
from envs.policies.drift import build_reference
from envs.policies.ensemble import classify_regimes, regime_weights
from envs.policies.files import encode_policy
from envs.policies.policy import Manifest, Member, Policy, standardise
from envs.training.arguments import TrainingArguments
from envs.training.evaluation import Evaluator
from envs.training.evaluation_report import evaluate_policy, scatter
from envs.training.events import RunEvaluated, TrainingEvent
from envs.training.member_training import (
    Checkpoint,
    StepCallback,
    TrainingContext,
    build_member,
    decode_checkpoint,
    train_member,
)

ROOT = Path(__file__).parents[2]
VERSIONED_FOLDERS = ("envs", "trading/kernels")
"""Folders whose sources determine what is learnt."""


def ignore_steps(member: str, steps: int) -> None:
    """Ignore the reported steps."""


def run_training(
    arguments: TrainingArguments,
    market: MarketHistory,
    checkpoints: Mapping[str, bytes],
    on_steps: StepCallback = ignore_steps,
) -> Iterator[TrainingEvent]:
    """Train every member that has not ended in `checkpoints` (checkpoint by member; {} for a new
    run), yield an event after each stage, then evaluate. `on_steps(member, steps)` is called in
    between.

    Raises InputError for arguments or a market that cannot be trained on, and CorruptFileError for
    a checkpoint that is damaged or belongs to another run; both before learning begins.
    """
    context = build_context(arguments, market)
    points = {
        f"{algo}-{seed}": decode_checkpoint(
            checkpoints[f"{algo}-{seed}"], f"{algo}-{seed}", context
        )
        for algo, seed in arguments.members
        if f"{algo}-{seed}" in checkpoints
    }
    for number, (algo, seed) in enumerate(arguments.members, start=1):
        name = f"{algo}-{seed}"
        if name in points and points[name].ended:
            continue
        for event, point in train_member(context, algo, seed, number, points.get(name), on_steps):
            points[name] = point
            yield event
    yield _evaluate_run(context, points)


def build_context(arguments: TrainingArguments, market: MarketHistory) -> TrainingContext:
    """Prepare what all members share. Raises InputError for arguments or a market that cannot be
    trained on."""
    arguments.validate()
    periods = split_periods(
        market.dates, arguments.train_until, arguments.validate_until, arguments.horizon + 1
    )
    mean, scale = _feature_moments(market.observation[periods.train.start : periods.train.stop])
    observations = standardise(market.observation, mean, scale).astype(np.float32)
    episode_windows(
        market, observations, periods.train, arguments.settings, portfolio=False
    )  # raises where no window fits
    return TrainingContext(
        arguments=arguments,
        market=market,
        periods=periods,
        mean=mean,
        scale=scale,
        observations=observations,
        validation=Evaluator(market, periods.validation, arguments.settings),
    )


def code_version() -> str:
    """Return the program's version and a digest of the sources that determine what is learnt."""
    digest = hashlib.sha256()
    for folder in VERSIONED_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return f"{version('quorum-markets')}+{digest.hexdigest()[:12]}"


def _evaluate_run(context: TrainingContext, points: Mapping[str, Checkpoint]) -> RunEvaluated:
    """Evaluate the policy of all members on the test period."""
    arguments, market = context.arguments, context.market
    policy = _build_ensemble(context, points)
    evaluator = Evaluator(market, context.periods.test, arguments.settings)
    report = evaluate_policy(policy, evaluator, arguments.horizon, arguments.seed)
    manifest = policy.manifest.model_copy(update={"scores": report.scores})
    tensors, manifest_bytes = encode_policy(replace(policy, manifest=manifest))
    return RunEvaluated(tensors, manifest_bytes, report.held_out.encode())


def _build_ensemble(context: TrainingContext, points: Mapping[str, Checkpoint]) -> Policy:
    """Return the ensemble, with tempers and weights from the validation period, not yet scored."""
    arguments, evaluator = context.arguments, context.validation
    observation = context.market.observation[evaluator.rows.start : evaluator.rows.stop]
    observed = np.asarray(~np.isnan(observation).any(axis=-1))
    x = standardise(observation[observed], context.mean, context.scale)
    members, signals = [], []
    for algo, seed in arguments.members:
        member = build_member(context, algo, seed, points[f"{algo}-{seed}"].network, 0.0)
        signal = scatter(member.signal(x), observed)
        members.append(replace(member, temper=evaluator.fit_temper(signal, arguments.horizon)))
        signals.append(signal)
    trained = context.market.observation[context.periods.train.start : context.periods.train.stop]
    return Policy(
        mean=context.mean,
        scale=context.scale,
        members=tuple(members),
        weights=_ensemble_weights(context, tuple(members), np.stack(signals), x, observed),
        reference=build_reference(trained),
        manifest=_build_manifest(context),
    )


def _ensemble_weights(
    context: TrainingContext,
    members: tuple[Member, ...],
    signals: Floats,
    x: Floats,
    observed: Bools,
) -> Floats:
    """Return (1, members) equal weights or (regimes, members), as the arguments select; `signals`
    (members, T, N) are of the validation period, where `x` (M, K) are the observations of the M
    cells that are `observed` (T, N)."""
    if context.arguments.select == "bagging":
        return np.full((1, len(members)), 1.0 / len(members))
    base, rose = context.validation.outcomes(context.arguments.horizon)
    tempers = np.array([member.temper for member in members])
    rises = sigmoid(base + tempers[:, None, None] * signals)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(rose == 1.0, np.log(rises), np.log1p(-rises))
    scores[:, np.isnan(rose)] = np.nan
    regime = np.zeros(observed.shape, np.int64)
    regime[observed] = classify_regimes(x, context.mean, context.scale)
    names = [member.algorithm for member in members]
    return regime_weights(scores, regime, names, context.arguments.horizon)


def _build_manifest(context: TrainingContext) -> Manifest:
    arguments, market = context.arguments, context.market
    days = market.dates.astype("datetime64[D]").astype(str)
    plain = arguments.to_json()
    del plain["bars"], plain["parent"]  # the digest identifies the bars; `parent` is a field
    return Manifest(
        data=market.name,
        simulated=market.simulated,
        data_digest=market.digest,
        code_version=code_version(),
        periods={
            name: (str(days[rows.start]), str(days[rows.stop - 1]))
            for name, rows in asdict(context.periods).items()
        },
        arguments={**plain},
        scores={},
        parent=arguments.parent,
    )


def _feature_moments(observation: Floats) -> tuple[Floats, Floats]:
    """Return the (K,) mean and standard deviation of each feature over all known observations."""
    known = observation[~np.isnan(observation).any(axis=-1)]
    if not len(known):
        raise InputError(
            "Nothing can be seen in the training period: no symbol has bars enough, or no price "
            "moves. Bring more bars."
        )
    spread = known.std(axis=0)
    return known.mean(axis=0), np.where(spread > 0, spread, 1.0)
