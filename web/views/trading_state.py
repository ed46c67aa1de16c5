"""How an account's breakers stand: what tripped, what ends it, how much of each limit is used."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from domain.trading.account import Account, Guard, Mode, Standing
from domain.trading.orders import Order
from trading.limits import LimitSettings
from web import formatting
from web.number_input import write_number
from web.views.amounts import percent, units_of
from web.views.valuation import Figures, fallen, figures

_STANDINGS = {
    Standing.ACTIVE: ("Active", "shield-check", "up", "Orders are placed within the limits below."),
    Standing.REDUCING: (
        "Reducing", "shield-alert", "warn", "Positions may only shrink: nothing new is bought.",
    ),
    Standing.HALTED: (
        "Halted", "octagon-x", "down", "Nothing is traded until somebody resets the breakers.",
    ),
}  # fmt: skip
_MODES = {
    Mode.OBSERVE: ("Observe", "eye", "Decisions are recorded and nothing comes of them."),
    Mode.SUGGEST: ("Suggest", "lightbulb", "Decisions become suggestions that you may place."),
    Mode.AUTO: ("Auto", "bot", "Decisions become orders by themselves."),
}
BROKEN = "broken"
_CLOSE = 0.75
"""Share of a limit from which its bar warns."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """`used` of a limit in words, '' where there is none, and `width` of 100 units; `word` says
    how near it is."""

    label: str
    used: str
    limit: str
    width: float
    tone: str
    icon: str
    word: str


@dataclass(frozen=True, slots=True)
class ModeChoice:
    value: str
    word: str
    icon: str
    meaning: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class GuardView:
    """`ends` says what resets the breakers, empty while they stand as they should; `mode` is None
    where the account cannot be read."""

    standing: str
    word: str
    icon: str
    tone: str
    meaning: str
    reason: str
    by: str
    since: datetime | None
    ends: str
    gauges: tuple[Gauge, ...]
    mode: ModeChoice | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`url` opens the ticket filled in with it."""

    symbol: str
    side: str
    units: str
    tone: str
    icon: str
    why: str
    url: str
    decision_url: str


def guard_view(account: Account, limits: LimitSettings) -> GuardView:
    guard = account.guard
    word, icon, tone, meaning = _STANDINGS[guard.standing]
    return GuardView(
        standing=guard.standing.value,
        word=word,
        icon=icon,
        tone=tone,
        meaning=meaning,
        reason=formatting.line(guard.reason),
        by=formatting.line(guard.by, 80),
        since=guard.since,
        ends=_ends(guard),
        gauges=tuple(_gauges(account, figures(account), limits)),
        mode=_mode(account.mode, account.mode),
    )


def broken_view(because: str) -> GuardView:
    """Of an account whose log cannot be trusted: it is not to be read, let alone traded on."""
    return GuardView(
        standing=BROKEN,
        word="Broken",
        icon="triangle-alert",
        tone="down",
        meaning="Nothing is traded: the account's log is not what was written.",
        reason=formatting.line(because),
        by="",
        since=None,
        ends="",
        gauges=(),
        mode=None,
    )


def mode_choices(chosen: Mode) -> tuple[ModeChoice, ...]:
    return tuple(_mode(mode, chosen) for mode in Mode)


def suggestions(orders: Sequence[Order]) -> tuple[Suggestion, ...]:
    return tuple(map(_suggestion, orders))


def ticket_url(symbol: str, side: str, units: float, **more: str) -> str:
    """The ticket, filled in with this."""
    asked = {"symbol": symbol, "side": side, "quantity": write_number(units, 12), **more}
    return "/trade?" + urlencode(asked)


def day_loss(account: Account, told: Figures) -> float | None:
    """The fraction of the equity before the day that is lost since; 0 where it grew."""
    return fallen(told.equity, account.guard.day_equity if account.guard.day else 0.0)


def _gauges(account: Account, told: Figures, limits: LimitSettings) -> Iterator[Gauge]:
    yield _gauge("Lost today", day_loss(account, told), limits.daily_loss)
    yield _gauge("Drawdown", told.drawdown, limits.drawdown)
    losses, most = account.guard.losses, limits.losses
    part = None if most is None else losses / most
    yield _measured("Losses in a row", f"{losses}", "" if most is None else f"{most}", part)


def _gauge(label: str, used: float | None, limit: float | None) -> Gauge:
    part = None if used is None or limit is None else used / limit
    return _measured(label, percent(used), "" if limit is None else percent(limit), part)


def _measured(label: str, used: str, limit: str, part: float | None) -> Gauge:
    if part is None:
        word = "not known yet" if limit else "no limit"
        return Gauge(label, used, limit, 0.0, "none", "circle-dashed", word)
    width = round(min(max(part, 0.0), 1.0) * 100, 1)
    if part >= 1.0:
        return Gauge(label, used, limit, width, "down", "octagon-x", "reached")
    if part >= _CLOSE:
        return Gauge(label, used, limit, width, "warn", "triangle-alert", "close")
    return Gauge(label, used, limit, width, "flat", "circle-check", "within")


def _ends(guard: Guard) -> str:
    if guard.standing is Standing.ACTIVE:
        return ""
    if guard.until is None:
        return "It stays so until somebody resets it."
    return f"It ends by itself on {guard.until:%Y-%m-%d}, or when somebody resets it."


def _mode(mode: Mode, chosen: Mode) -> ModeChoice:
    word, icon, meaning = _MODES[mode]
    return ModeChoice(mode.value, word, icon, meaning, mode is chosen)


def _suggestion(order: Order) -> Suggestion:
    buys = order.side.sign > 0
    return Suggestion(
        symbol=order.symbol,
        side=order.side.value,
        units=units_of(order.quantity),
        tone="up" if buys else "down",
        icon="arrow-up" if buys else "arrow-down",
        why=formatting.line(order.why, 160),
        url=ticket_url(order.symbol, order.side.value, order.quantity),
        decision_url=f"/decisions/{order.receipt}" if order.receipt else "",
    )
