"""The form that starts a training run: what was typed, kept as it was typed, and what it asks for.

Every field is told by itself what is wrong with it. Leaves out what a training may be asked for at
all: `Arguments.check` knows, and the market is read by whoever trains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from functools import partial
from typing import Any, get_args

from domain.errors import InputError
from domain.symbols import parse_symbols
from envs.env_settings import Actions, RewardName
from envs.observation import WARMUP
from envs.training.arguments import Algo, Arguments, Selection
from storage.models.model_registry import SHIPPED
from trading.costs import CostSettings
from web.number_input import ENGLISH, NumberStyle, read_number, read_whole, write_number
from web.services import House

LONGEST = 4_000
ALGORITHMS = get_args(Algo)
CHOICES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "actions": (
        ("flat-long", "nothing or all"),
        ("short-flat-long", "short, nothing, all"),
        ("share", "any share"),
        ("short-share", "any share, short too"),
    ),
    "reward": (
        ("log-return", "log return"),
        ("differential-sharpe", "differential Sharpe"),
        ("drawdown", "return less drawdown"),
    ),
    "select": (("bagging", "all alike"), ("regimes", "by the market’s regime")),
}
"""What may be chosen, and what it is called."""
_LISTED = {
    "actions": get_args(Actions),
    "reward": get_args(RewardName),
    "select": get_args(Selection),
}
LABELS = {
    "symbols": "Symbols", "algo": "Algorithms", "actions": "What it may do", "reward": "Reward",
    "steps": "Steps a policy", "seeds": "Seeds", "train_until": "Train until",
    "validate_until": "Choose until", "half_spread_bps": "Half spread, bps",
    "commission_bps": "Commission, bps", "select": "They vote", "stages": "Stages",
    "patience": "Patience", "episode": "Episode, bars", "dearer": "Costs vary by",
    "delay": "Orders late by", "noise": "Noise", "seed": "First seed", "hidden": "Units a layer",
}  # fmt: skip
LEARNT, JUDGED = 0.6, 0.8
"""Shares of the history that are proposed to train on, and to train and choose on."""
BARS_A_DAY = 250 / 366
"""At least, of a market that keeps holidays."""
FEWEST_BARS = 20


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields as text. `faults` says by field what was refused, under '' what is of none."""

    symbols: str = ""
    algo: tuple[str, ...] = ()
    actions: str = ""
    reward: str = ""
    steps: str = ""
    seeds: str = ""
    train_until: str = ""
    validate_until: str = ""
    half_spread_bps: str = ""
    commission_bps: str = ""
    select: str = ""
    stages: str = ""
    patience: str = ""
    episode: str = ""
    dearer: str = ""
    delay: str = ""
    noise: str = ""
    seed: str = ""
    hidden: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)


NAMES = tuple(each.name for each in fields(Typed) if each.name != "faults")
_ARGUMENTS = tuple(name for name in NAMES if name != "symbols")
MORE = frozenset({"stages", "patience", "episode", "dearer", "delay", "noise", "seed", "hidden"})
"""Fields that are folded away until one of them is refused."""


def usual(house: House) -> Typed:
    """What is stored of the watchlist, divided in time by the length of its history, at the costs
    in force."""
    watched = tuple(filter(partial(_stored, house), house.watched())) or tuple(house.watched())
    begin, train_until, validate_until = _divided(house, watched)
    costs = _costs(house)
    plain = replace(
        Arguments(),
        train_until=train_until,
        validate_until=validate_until,
        episode=_episode(begin, train_until),
        half_spread_bps=costs.half_spread_bps,
        commission_bps=costs.commission_bps,
    ).plain()
    told: dict[str, Any] = {name: _written(plain[name]) for name in _ARGUMENTS if name != "algo"}
    return Typed(symbols=" ".join(watched), algo=Arguments().algo, **told)


def typed(data: Mapping[str, Any]) -> Typed:
    """The fields as a browser sent them; what it did not send is empty."""
    told: dict[str, Any] = {name: str(_listed(data.get(name, ""))[0])[:LONGEST] for name in NAMES}
    algorithms = tuple(str(each)[:20] for each in _listed(data.get("algo", ())) if each)
    return Typed(**{**told, "algo": algorithms})


def asked(
    house: House, form: Typed, style: NumberStyle = ENGLISH
) -> tuple[Arguments, tuple[str, ...]]:
    """What to train, and on which symbols; the form's numbers are as `style` writes them.

    Raises RefusedError naming every field that cannot be read, or the first that cannot be trained.
    """
    faults: dict[str, str] = {}
    symbols = _gather(faults, "symbols", lambda: _symbols(house, form.symbols))
    read = {
        name: _gather(faults, name, lambda name=name: _read(name, getattr(form, name), style))
        for name in _ARGUMENTS
    }
    if faults:
        raise RefusedError(faults)
    seated = house.lab.seated()
    parent = seated if seated in house.lab.models() and seated != SHIPPED else None
    costs = _costs(house)
    arguments = replace(
        Arguments(),
        horizon=house.horizon,
        parent=parent,
        impact=costs.impact,
        borrow_bps=costs.borrow_bps,
        **read,
    )
    try:
        arguments.check()
    except InputError as refusal:
        raise RefusedError({refusal.field: _named(refusal)}) from None
    return arguments, symbols


class RefusedError(InputError):
    """`faults`: by field what is wrong with it."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        name, told = next(iter(faults.items()))
        super().__init__(f"{LABELS[name]}: {told}" if name in LABELS else told, field=name)
        self.faults = faults


def refused(form: Typed, refusal: InputError) -> Typed:
    """The form with what was refused beside its fields."""
    if isinstance(refusal, RefusedError):
        return replace(form, faults={_place(name): told for name, told in refusal.faults.items()})
    return replace(form, faults={_place(refusal.field): _named(refusal)})


def _place(name: str) -> str:
    return name if name in NAMES else ""


def _named(refusal: InputError) -> str:
    """Its words, without the field's own name before them."""
    told = str(refusal)
    head = f"{refusal.field} is "
    return f"It is {told.removeprefix(head)}" if refusal.field and told.startswith(head) else told


def _gather(faults: dict[str, str], name: str, read: Any) -> Any:
    try:
        return read()
    except InputError as refusal:
        faults[name] = str(refusal)
        return None


def _read(name: str, text: str | tuple[str, ...], style: NumberStyle) -> Any:
    """The argument `name` as it was typed. Raises InputError."""
    if isinstance(text, tuple):
        return text
    if name in _LISTED:
        if text not in _LISTED[name]:
            raise InputError(f"{text[:40]!r} is none of {', '.join(_LISTED[name])}. Choose one.")
        return text
    match getattr(Arguments(), name):
        case int():
            return read_whole("", text, style)
        case float():
            return read_number("", text, style)
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{text[:40]!r} is no date. Write it as 2015-01-31.") from None


def _symbols(house: House, text: str) -> tuple[str, ...]:
    named = parse_symbols(text.split())
    if not named:
        raise InputError("None is named. Give at least one, such as AAPL.")
    for symbol in named:
        if not _stored(house, symbol):
            raise InputError(
                f"Nothing is stored for {symbol} in the {house.market} market. Leave it out, or "
                "import its bars with `quorum import`."
            )
    return named


def _costs(house: House) -> CostSettings:
    return house.rules(house.floor.account().profile).trading.costs


def _stored(house: House, symbol: str) -> bool:
    return house.library.span(house.market, symbol, house.timeframe) is not None


def _episode(begin: date, train_until: date) -> int:
    """Bars in an episode: as usual, or the half of a short history, so that windows differ."""
    bars = round((train_until - begin).days * BARS_A_DAY) - WARMUP
    return min(Arguments().episode, max(bars // 2, FEWEST_BARS))


def _divided(house: House, symbols: Sequence[str]) -> tuple[date, date, date]:
    """The first day, and the last days to train and to choose on; the usual ones where nothing is
    stored."""
    spans = [house.library.span(house.market, symbol, house.timeframe) for symbol in symbols]
    known = [span for span in spans if span is not None]
    if not known:
        return date.min, Arguments().train_until, Arguments().validate_until
    begin, end = min(span[0] for span in known).date(), max(span[1] for span in known).date()
    length = (end - begin).days
    return (
        begin,
        begin + timedelta(days=round(length * LEARNT)),
        begin + timedelta(days=round(length * JUDGED)),
    )


def _written(value: Any) -> str:
    return write_number(value, 6) if isinstance(value, float) else str(value)


def _listed(value: Any) -> Sequence[Any]:
    return (value if len(value) else ("",)) if isinstance(value, list | tuple) else (value,)
