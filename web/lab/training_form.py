"""The form that starts a training run: its fields as typed, and the arguments they make.

Every field has its own error next to it. Leaves out which arguments are valid:
`TrainingArguments.validate` checks them, and the training run reads the market.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from typing import Any, get_args

from domain.errors import InputError
from domain.symbols import parse_symbols
from envs.env_settings import ActionScheme, RewardName
from envs.observation import WARMUP
from envs.training.arguments import Algo, EnsembleSelection, TrainingArguments
from market.store import MarketDataStore
from orchestrator.account.service import AccountService
from storage.models.model_registry import SHIPPED
from web.components.known_symbols import KnownSymbols
from web.number_input import ENGLISH, NumberStyle, read_number, read_whole, write_number
from web.services import LabService, ServedRun, WatchedSymbols

MAX_FIELD_LENGTH = 4_000
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
"""Values to choose from, with their labels."""
_ALLOWED = {
    "actions": get_args(ActionScheme),
    "reward": get_args(RewardName),
    "select": get_args(EnsembleSelection),
}
LABELS = {
    "symbols": "Symbols", "algo": "Algorithms", "actions": "What it may do", "reward": "Reward",
    "steps": "Steps a policy", "seeds": "Seeds", "train_until": "Training ends",
    "validate_until": "Validation ends", "half_spread_bps": "Half spread, bps",
    "commission_bps": "Commission, bps", "select": "They vote", "stages": "Stages",
    "patience": "Patience", "episode": "Episode, bars", "dearer": "Costs vary by",
    "delay": "Orders late by", "noise": "Noise", "seed": "First seed", "hidden": "Units a layer",
}  # fmt: skip
TRAIN_SHARE, VALIDATION_END_SHARE = 0.6, 0.8
"""Shares of the history that are proposed to train on, and to train and choose on."""
BARS_A_DAY = 250 / 366
"""At least, of a market that keeps holidays."""
MIN_EPISODE_BARS = 20


@dataclass(frozen=True, slots=True)
class TrainingFormData:
    """The fields as text. `errors` maps a field to what was refused; the key '' is for the whole
    form."""

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
    errors: Mapping[str, str] = field(default_factory=dict)


FIELD_NAMES = tuple(each.name for each in fields(TrainingFormData) if each.name != "errors")
_ARGUMENTS = tuple(name for name in FIELD_NAMES if name != "symbols")
ADVANCED_FIELDS = frozenset(
    {"stages", "patience", "episode", "dearer", "delay", "noise", "seed", "hidden"}
)
"""Fields that stay folded until one of them is refused."""


def read_form(data: Mapping[str, Any]) -> TrainingFormData:
    """Return the fields as the browser sent them; missing ones are empty."""
    values: dict[str, Any] = {
        name: str(_as_list(data.get(name, ""))[0])[:MAX_FIELD_LENGTH] for name in FIELD_NAMES
    }
    algorithms = tuple(str(each)[:20] for each in _as_list(data.get("algo", ())) if each)
    return TrainingFormData(**{**values, "algo": algorithms})


class TrainingForms:
    """Fills in and parses the form for the served run."""

    def __init__(
        self,
        served_run: ServedRun,
        store: MarketDataStore,
        known_symbols: KnownSymbols,
        watched_symbols: WatchedSymbols,
        account_service: AccountService,
        lab: LabService,
    ) -> None:
        self._served_run, self._store, self._lab = served_run, store, lab
        self._known_symbols, self._watched_symbols = known_symbols, watched_symbols
        self._account_service = account_service

    def default(self) -> TrainingFormData:
        """Return a form with the watchlist's stored history, split in time by its length, at the
        costs in force."""
        symbols = tuple(self._watched_symbols())
        watched = tuple(s for s in symbols if self._known_symbols.has_bars(s)) or symbols
        begin, train_until, validate_until = self._split_dates(watched)
        costs = self._account_service.rules_in_force().trading.costs
        plain = replace(
            TrainingArguments(),
            train_until=train_until,
            validate_until=validate_until,
            episode=_default_episode(begin, train_until),
            half_spread_bps=costs.half_spread_bps,
            commission_bps=costs.commission_bps,
        ).to_json()
        values: dict[str, Any] = {
            name: _format_value(plain[name]) for name in _ARGUMENTS if name != "algo"
        }
        return TrainingFormData(symbols=" ".join(watched), algo=TrainingArguments().algo, **values)

    def parse(
        self, form: TrainingFormData, style: NumberStyle = ENGLISH
    ) -> tuple[TrainingArguments, tuple[str, ...]]:
        """Parse the form, with numbers in `style`, into what to train and on which symbols.

        Raises TrainingFormError with every field that cannot be read, or the first argument that
        cannot be trained.
        """
        errors: dict[str, str] = {}
        symbols = _collect_error(errors, "symbols", lambda: self._parse_symbols(form.symbols))
        read = {
            name: _collect_error(
                errors, name, lambda name=name: _parse_field(name, getattr(form, name), style)
            )
            for name in _ARGUMENTS
        }
        if errors:
            raise TrainingFormError(errors)
        active = self._lab.active_model()
        parent = active if active in self._lab.models() and active != SHIPPED else None
        costs = self._account_service.rules_in_force().trading.costs
        arguments = replace(
            TrainingArguments(),
            horizon=self._served_run.horizon,
            parent=parent,
            impact=costs.impact,
            borrow_bps=costs.borrow_bps,
            **read,
        )
        try:
            arguments.validate()
        except InputError as refusal:
            raise TrainingFormError({refusal.field: _without_field_name(refusal)}) from None
        return arguments, symbols

    def _parse_symbols(self, text: str) -> tuple[str, ...]:
        symbols = parse_symbols(text.split())
        if not symbols:
            raise InputError("None is named. Give at least one, such as AAPL.")
        for symbol in symbols:
            if not self._known_symbols.has_bars(symbol):
                raise InputError(
                    f"Nothing is stored for {symbol} in the {self._served_run.market} market. "
                    "Leave it out, or import its bars with `quorum import`."
                )
        return symbols

    def _split_dates(self, symbols: Sequence[str]) -> tuple[date, date, date]:
        """Return the first day and the last days of training and validation; defaults where nothing
        is stored."""
        served = self._served_run
        spans = [self._store.span(served.market, symbol, served.timeframe) for symbol in symbols]
        known = [span for span in spans if span is not None]
        if not known:
            return date.min, TrainingArguments().train_until, TrainingArguments().validate_until
        begin, end = min(span[0] for span in known).date(), max(span[1] for span in known).date()
        length = (end - begin).days
        return (
            begin,
            begin + timedelta(days=round(length * TRAIN_SHARE)),
            begin + timedelta(days=round(length * VALIDATION_END_SHARE)),
        )


class TrainingFormError(InputError):
    """`errors` maps each field to what is wrong with it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        name, message = next(iter(errors.items()))
        super().__init__(f"{LABELS[name]}: {message}" if name in LABELS else message, field=name)
        self.errors = errors


def with_errors(form: TrainingFormData, refusal: InputError) -> TrainingFormData:
    """Return the form with each refusal next to its field."""
    if isinstance(refusal, TrainingFormError):
        return replace(
            form, errors={_field_or_form(name): message for name, message in refusal.errors.items()}
        )
    return replace(form, errors={_field_or_form(refusal.field): _without_field_name(refusal)})


def _field_or_form(name: str) -> str:
    return name if name in FIELD_NAMES else ""


def _without_field_name(refusal: InputError) -> str:
    """Return the refusal's message without the field's name in front."""
    message = str(refusal)
    head = f"{refusal.field} is "
    return (
        f"It is {message.removeprefix(head)}"
        if refusal.field and message.startswith(head)
        else message
    )


def _collect_error(errors: dict[str, str], name: str, read: Any) -> Any:
    try:
        return read()
    except InputError as refusal:
        errors[name] = str(refusal)
        return None


def _parse_field(name: str, text: str | tuple[str, ...], style: NumberStyle) -> Any:
    """Parse the argument `name` as typed. Raises InputError."""
    if isinstance(text, tuple):
        return text
    if name in _ALLOWED:
        if text not in _ALLOWED[name]:
            raise InputError(f"{text[:40]!r} is none of {', '.join(_ALLOWED[name])}. Choose one.")
        return text
    match getattr(TrainingArguments(), name):
        case int():
            return read_whole("", text, style)
        case float():
            return read_number("", text, style)
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{text[:40]!r} is no date. Write it as 2015-01-31.") from None


def _default_episode(begin: date, train_until: date) -> int:
    """Return the bars of an episode: the default, or half of a short history, so that windows
    differ."""
    bars = round((train_until - begin).days * BARS_A_DAY) - WARMUP
    return min(TrainingArguments().episode, max(bars // 2, MIN_EPISODE_BARS))


def _format_value(value: Any) -> str:
    return write_number(value, 6) if isinstance(value, float) else str(value)


def _as_list(value: Any) -> Sequence[Any]:
    return (value if len(value) else ("",)) if isinstance(value, list | tuple) else (value,)
