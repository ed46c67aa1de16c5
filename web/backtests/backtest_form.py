"""The form that starts a backtest: its fields as typed, and the request they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from domain.errors import InputError
from domain.symbols import parse_symbols
from market.store import MarketDataStore
from orchestrator.account.service import AccountService
from research.backtest.request import MAX_DELAY, BacktestRequest, build_request
from web.number_input import ENGLISH, NumberStyle, read_number, read_whole, write_number
from web.services import Clock, ServedRun, WatchedSymbols

DEFAULT_PERIOD = timedelta(days=5 * 365)
"""Default length of the period."""
WEIGHTINGS = ("equal", "earned")
NO_YES = ("no", "yes")
DELAYS = tuple(str(bars) for bars in range(MAX_DELAY + 1))
MIN_REFIT_BARS = 60
"""Fewest bars that a refit needs."""


@dataclass(frozen=True, slots=True)
class BacktestFormData:
    """The fields as text. `error` says what was refused, '' where nothing was."""

    symbols: str
    start: str
    end: str
    agents: tuple[str, ...]
    capital: str
    half_spread_bps: str
    commission_bps: str
    impact: str
    volume_cap: str
    weighting: str
    calibrated: str
    walk_forward: str
    delay: str
    seed: str
    error: str = ""


def read_form(data: Mapping[str, Sequence[str]]) -> BacktestFormData:
    """Return the fields as the browser sent them; missing ones are empty."""

    def one(name: str) -> str:
        return next(iter(data.get(name, ())), "")[:4000]

    return BacktestFormData(
        symbols=one("symbols"),
        start=one("start"),
        end=one("end"),
        agents=tuple(data.get("agents", ())),
        capital=one("capital"),
        half_spread_bps=one("half_spread_bps"),
        commission_bps=one("commission_bps"),
        impact=one("impact"),
        volume_cap=one("volume_cap"),
        weighting=one("weighting"),
        calibrated=one("calibrated"),
        walk_forward=one("walk_forward"),
        delay=one("delay"),
        seed=one("seed"),
    )


def with_error(form: BacktestFormData, message: str) -> BacktestFormData:
    return replace(form, error=message)


class BacktestForms:
    """Fills in and parses the form for the served run."""

    def __init__(
        self,
        served_run: ServedRun,
        store: MarketDataStore,
        watched_symbols: WatchedSymbols,
        account_service: AccountService,
        clock: Clock,
    ) -> None:
        self._served_run, self._store = served_run, store
        self._watched_symbols, self._clock = watched_symbols, clock
        self._account_service = account_service

    def default(self) -> BacktestFormData:
        """Return a form with the watchlist over the newest five years of its history."""
        watched = tuple(self._watched_symbols())
        spans = [
            self._store.span(self._served_run.market, symbol, self._served_run.timeframe)
            for symbol in watched
        ]
        ends = [span[1].date() for span in spans if span]
        begins = [span[0].date() for span in spans if span]
        end = max(ends, default=self._clock().date())
        start = max(min(begins, default=end), end - DEFAULT_PERIOD)
        rules = self._account_service.rules_in_force()
        costs = rules.trading.costs
        return BacktestFormData(
            symbols=" ".join(watched),
            start=start.isoformat(),
            end=end.isoformat(),
            agents=self._served_run.agents,
            capital="100000",
            half_spread_bps=write_number(costs.half_spread_bps, 6),
            commission_bps=write_number(costs.commission_bps, 6),
            impact=write_number(costs.impact, 6),
            volume_cap=write_number(costs.volume_cap * 100, 6),
            weighting=rules.committee.weighting,
            calibrated=NO_YES[rules.committee.calibrated],
            walk_forward="",
            delay="0",
            seed="7",
        )

    def parse(self, form: BacktestFormData, style: NumberStyle = ENGLISH) -> BacktestRequest:
        """Parse the form into a request, with numbers in `style`.

        Raises InputError with the field, its value and what would be accepted.
        """
        start, end = _parse_date("From", form.start), _parse_date("To", form.end)
        if end < start:
            raise InputError(
                f"The period ends ({end}) before it begins ({start}). Exchange the dates."
            )
        symbols = parse_symbols(form.symbols.split())
        if not symbols:
            raise InputError("Symbols: none is named. Give at least one, such as AAPL.")
        _require_history(self._served_run, self._store, symbols, start, end)
        rules = self._account_service.rules_in_force()
        return build_request(
            market=self._served_run.market,
            timeframe=self._served_run.timeframe,
            horizon=self._served_run.horizon,
            symbols=symbols,
            start=start,
            end=end,
            agents=_parse_agents(self._served_run, form.agents),
            capital=read_number("Starting cash", form.capital, style),
            committee=rules.committee.model_copy(
                update={
                    "weighting": _parse_choice("Weights", form.weighting, WEIGHTINGS),
                    "calibrated": _parse_choice("Calibrated", form.calibrated, NO_YES) == "yes",
                }
            ),
            costs={
                **rules.trading.costs.model_dump(),
                "half_spread_bps": _parse_cost("Half spread", form.half_spread_bps, style),
                "commission_bps": _parse_cost("Commission", form.commission_bps, style),
                "impact": _parse_within("Impact", form.impact, style, 0, 99),
                "volume_cap": _parse_within(
                    "Volume cap, %", form.volume_cap, style, 0, 100, exclusive_low=True
                )
                / 100,
            },
            limits=rules.trading.limits,
            delay=int(_parse_choice("Delay", form.delay.strip(), DELAYS)),
            walk_forward=_parse_whole_number(
                "Walk forward", form.walk_forward, style, MIN_REFIT_BARS
            )
            or None,
            seed=_parse_whole_number("Seed", form.seed, style, 0) or 0,
        )


def _parse_date(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{field}: {text[:40]!r} is no date. Write it as 2015-01-31.") from None


def _parse_agents(served_run: ServedRun, names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        raise InputError("Agents: nobody votes. Choose at least one.")
    if unknown := [name for name in names if name not in served_run.agents]:
        raise InputError(
            f"Agents: {unknown[0][:40]!r} is not one of the agents here: "
            f"{', '.join(served_run.agents)}."
        )
    return tuple(names)


def _parse_cost(field: str, text: str, style: NumberStyle) -> float:
    bps = read_number(field, text, style)
    if not 0 <= bps < 1000:
        raise InputError(
            f"{field}: {bps:g} basis points cannot be charged. Give 0 to 999; 100 are one percent."
        )
    return bps


def _parse_within(
    field: str,
    text: str,
    style: NumberStyle,
    low: float,
    high: float,
    *,
    exclusive_low: bool = False,
) -> float:
    number = read_number(field, text, style)
    if not low <= number <= high or (exclusive_low and number == low):
        more = f"more than {low:g}, up to {high:g}" if exclusive_low else f"{low:g} to {high:g}"
        raise InputError(f"{field}: {number:g} cannot be. Give {more}.")
    return number


def _parse_whole_number(field: str, text: str, style: NumberStyle, minimum: int) -> int | None:
    """Parse a whole number; None where the field is empty."""
    if not text.strip():
        return None
    number = read_whole(field, text, style)
    if not minimum <= number < 2**32:
        raise InputError(
            f"{field}: {text[:40]!r} cannot be. Give a whole number from {minimum} on."
        )
    return number


def _parse_choice(field: str, text: str, choices: Sequence[str]) -> str:
    if text not in choices:
        raise InputError(f"{field}: {text[:40]!r} is none of {', '.join(choices)}. Choose one.")
    return text


def _require_history(
    served_run: ServedRun, store: MarketDataStore, symbols: Sequence[str], start: date, end: date
) -> None:
    for symbol in symbols:
        span = store.span(served_run.market, symbol, served_run.timeframe)
        if span is None:
            raise InputError(
                f"Symbols: nothing is stored for {symbol} in the {served_run.market} market. Leave "
                "it out, or import its bars with `quorum import`."
            )
        if span[0].date() > end or span[1].date() < start:
            raise InputError(
                f"Symbols: {symbol} has bars from {span[0]:%Y-%m-%d} to {span[1]:%Y-%m-%d} only. "
                "Leave it out, or move the period."
            )
