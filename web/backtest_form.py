"""The form that starts a backtest: what was typed, kept as it was typed, and what it asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from domain.errors import InputError
from domain.symbols import parse_symbols
from orchestrator.account.store import Rules
from research.backtest.request import LONGEST_DELAY, Request, request
from web.number_input import ENGLISH, NumberStyle, read_number, read_whole, write_number
from web.services import House

USUAL = timedelta(days=5 * 365)
"""Length of the period that is proposed."""
WEIGHTINGS = ("equal", "earned")
SWITCH = ("no", "yes")
DELAYS = tuple(str(bars) for bars in range(LONGEST_DELAY + 1))
FEWEST_REFIT = 60
"""Bars that a refit needs at least."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields as text. `problem` is what was refused, empty where nothing was."""

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
    problem: str = ""


def usual(house: House) -> Typed:
    """The watchlist over the newest five years of its history."""
    watched = tuple(house.watched())
    spans = [house.library.span(house.market, symbol, house.timeframe) for symbol in watched]
    ends = [span[1].date() for span in spans if span]
    begins = [span[0].date() for span in spans if span]
    end = max(ends, default=house.clock().date())
    start = max(min(begins, default=end), end - USUAL)
    rules = _in_force(house)
    costs = rules.trading.costs
    return Typed(
        symbols=" ".join(watched),
        start=start.isoformat(),
        end=end.isoformat(),
        agents=house.agents,
        capital="100000",
        half_spread_bps=write_number(costs.half_spread_bps, 6),
        commission_bps=write_number(costs.commission_bps, 6),
        impact=write_number(costs.impact, 6),
        volume_cap=write_number(costs.volume_cap * 100, 6),
        weighting=rules.committee.weighting,
        calibrated=SWITCH[rules.committee.calibrated],
        walk_forward="",
        delay="0",
        seed="7",
    )


def typed(data: Mapping[str, Sequence[str]]) -> Typed:
    """The fields as a browser sent them; what it did not send is empty."""

    def one(name: str) -> str:
        return next(iter(data.get(name, ())), "")[:4000]

    return Typed(
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


def refused(form: Typed, because: str) -> Typed:
    return replace(form, problem=because)


def asked(house: House, form: Typed, style: NumberStyle = ENGLISH) -> Request:
    """The request that the form makes, its numbers as `style` writes them.

    Raises InputError naming the field, what stands in it and what would be accepted.
    """
    start, end = _day("From", form.start), _day("To", form.end)
    if end < start:
        raise InputError(f"The period ends ({end}) before it begins ({start}). Exchange the dates.")
    symbols = parse_symbols(form.symbols.split())
    if not symbols:
        raise InputError("Symbols: none is named. Give at least one, such as AAPL.")
    _have_history(house, symbols, start, end)
    rules = _in_force(house)
    return request(
        market=house.market,
        timeframe=house.timeframe,
        horizon=house.horizon,
        symbols=symbols,
        start=start,
        end=end,
        agents=_agents(house, form.agents),
        capital=read_number("Starting cash", form.capital, style),
        committee=rules.committee.model_copy(
            update={
                "weighting": _one_of("Weights", form.weighting, WEIGHTINGS),
                "calibrated": _one_of("Calibrated", form.calibrated, SWITCH) == "yes",
            }
        ),
        costs={
            **rules.trading.costs.model_dump(),
            "half_spread_bps": _cost("Half spread", form.half_spread_bps, style),
            "commission_bps": _cost("Commission", form.commission_bps, style),
            "impact": _between("Impact", form.impact, style, 0, 99),
            "volume_cap": _between("Volume cap, %", form.volume_cap, style, 0, 100, above=True)
            / 100,
        },
        limits=rules.trading.limits,
        delay=int(_one_of("Delay", form.delay.strip(), DELAYS)),
        walk_forward=_whole("Walk forward", form.walk_forward, style, FEWEST_REFIT) or None,
        seed=_whole("Seed", form.seed, style, 0) or 0,
    )


def _in_force(house: House) -> Rules:
    """What live cycles trade by: the settings under the account's profile."""
    return house.rules(house.floor.account().profile)


def _day(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{field}: {text[:40]!r} is no date. Write it as 2015-01-31.") from None


def _agents(house: House, named: Sequence[str]) -> tuple[str, ...]:
    if not named:
        raise InputError("Agents: nobody votes. Choose at least one.")
    if unknown := [name for name in named if name not in house.agents]:
        raise InputError(
            f"Agents: {unknown[0][:40]!r} is none of this house: {', '.join(house.agents)}."
        )
    return tuple(named)


def _cost(field: str, text: str, style: NumberStyle) -> float:
    bps = read_number(field, text, style)
    if not 0 <= bps < 1000:
        raise InputError(
            f"{field}: {bps:g} basis points cannot be charged. Give 0 to 999; 100 are one percent."
        )
    return bps


def _between(
    field: str, text: str, style: NumberStyle, low: float, high: float, *, above: bool = False
) -> float:
    number = read_number(field, text, style)
    if not low <= number <= high or (above and number == low):
        more = f"more than {low:g}, up to {high:g}" if above else f"{low:g} to {high:g}"
        raise InputError(f"{field}: {number:g} cannot be. Give {more}.")
    return number


def _whole(field: str, text: str, style: NumberStyle, least: int) -> int | None:
    """None where nothing was typed."""
    if not text.strip():
        return None
    number = read_whole(field, text, style)
    if not least <= number < 2**32:
        raise InputError(f"{field}: {text[:40]!r} cannot be. Give a whole number from {least} on.")
    return number


def _one_of(field: str, text: str, choices: Sequence[str]) -> str:
    if text not in choices:
        raise InputError(f"{field}: {text[:40]!r} is none of {', '.join(choices)}. Choose one.")
    return text


def _have_history(house: House, symbols: Sequence[str], start: date, end: date) -> None:
    for symbol in symbols:
        span = house.library.span(house.market, symbol, house.timeframe)
        if span is None:
            raise InputError(
                f"Symbols: nothing is stored for {symbol} in the {house.market} market. Leave it "
                "out, or import its bars with `quorum import`."
            )
        if span[0].date() > end or span[1].date() < start:
            raise InputError(
                f"Symbols: {symbol} has bars from {span[0]:%Y-%m-%d} to {span[1]:%Y-%m-%d} only. "
                "Leave it out, or move the period."
            )
