"""An account's trading state: which risk limit tripped, when it ends, how much of each limit is
used."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from domain.errors import VerificationError
from domain.trading.account import Account, RiskState, TradingMode, TradingState
from domain.trading.orders import Order
from orchestrator.account.service import AccountService
from trading.account.valuation import AccountValuation, drawdown, value_account
from trading.limits import LimitSettings
from web import formatting
from web.components.amounts import format_quantity, percent
from web.number_input import write_number

_STATES = {
    TradingState.ACTIVE: (
        "Active",
        "shield-check",
        "up",
        "Orders are placed within the limits below.",
    ),
    TradingState.REDUCING: (
        "Reducing",
        "shield-alert",
        "warn",
        "Positions may only shrink: nothing new is bought.",
    ),
    TradingState.HALTED: (
        "Halted",
        "octagon-x",
        "down",
        "Nothing is traded until you resume trading.",
    ),
}
_MODES = {
    TradingMode.OBSERVE: (
        "Manual only",
        "eye",
        "Decisions are recorded and nothing comes of them.",
    ),
    TradingMode.SUGGEST: (
        "Suggest",
        "lightbulb",
        "Decisions become suggestions that you may place.",
    ),
    TradingMode.AUTO: ("Automatic", "bot", "Decisions become orders by themselves."),
}
UNREADABLE = "broken"
_WARNING_SHARE = 0.75
"""Used share of a limit above which its bar warns."""


@dataclass(frozen=True, slots=True)
class LimitGauge:
    """`used` is in words, '' where there is no limit, and `width` is of 100 units; `word` says how
    near the limit is."""

    label: str
    used: str
    limit: str
    width: float
    tone: str
    icon: str
    word: str


@dataclass(frozen=True, slots=True)
class ModeOption:
    value: str
    word: str
    icon: str
    meaning: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class TradingStateView:
    """`reset_note` says what ends the state, empty while it is active; `mode` is None where the
    account cannot be read."""

    state: str
    word: str
    icon: str
    tone: str
    meaning: str
    reason: str
    by: str
    since: datetime | None
    reset_note: str
    gauges: tuple[LimitGauge, ...]
    mode: ModeOption | None


@dataclass(frozen=True, slots=True)
class SuggestionLine:
    """`url` opens the ticket filled in with it."""

    symbol: str
    side: str
    quantity: str
    tone: str
    icon: str
    reason: str
    url: str
    decision_url: str


def trading_state_view(account: Account, limits: LimitSettings) -> TradingStateView:
    risk = account.risk
    word, icon, tone, meaning = _STATES[risk.trading_state]
    return TradingStateView(
        state=risk.trading_state.value,
        word=word,
        icon=icon,
        tone=tone,
        meaning=meaning,
        reason=formatting.single_line(risk.reason),
        by=formatting.single_line(risk.by, 80),
        since=risk.since,
        reset_note=_reset_note(risk),
        gauges=tuple(_gauges(account, value_account(account), limits)),
        mode=_mode_option(account.mode, account.mode),
    )


def unreadable_account_view(error: str) -> TradingStateView:
    """Return the view of an account whose log fails its checks: it can be neither read nor traded
    on."""
    return TradingStateView(
        state=UNREADABLE,
        word="Broken",
        icon="triangle-alert",
        tone="down",
        meaning="Nothing is traded: the account's log is not what was written.",
        reason=formatting.single_line(error),
        by="",
        since=None,
        reset_note="",
        gauges=(),
        mode=None,
    )


class TradingStateReader:
    """Reads the trading state of the served account."""

    def __init__(self, account_service: AccountService) -> None:
        self._account_service = account_service

    def read(self) -> TradingStateView:
        """Also of an account that cannot be read, so that the engine's page can show that."""
        try:
            account = self._account_service.account()
        except VerificationError as broken:
            return unreadable_account_view(str(broken))
        return self.of(account)

    def of(self, account: Account) -> TradingStateView:
        limits = self._account_service.rules(account.profile).trading.limits
        return trading_state_view(account, limits)


def mode_options(chosen: TradingMode) -> tuple[ModeOption, ...]:
    return tuple(_mode_option(mode, chosen) for mode in TradingMode)


def suggestion_lines(orders: Sequence[Order]) -> tuple[SuggestionLine, ...]:
    return tuple(map(_suggestion, orders))


def ticket_url(symbol: str, side: str, quantity: float, **more: str) -> str:
    """Return the URL of a ticket filled in with these values."""
    query = {"symbol": symbol, "side": side, "quantity": write_number(quantity, 12), **more}
    return "/trade?" + urlencode(query)


def day_loss(account: Account, valuation: AccountValuation) -> float | None:
    """Return the fraction of the equity before the day that is lost since; 0 where it grew."""
    return drawdown(valuation.equity, account.risk.day_equity if account.risk.day else 0.0)


def _gauges(
    account: Account, valuation: AccountValuation, limits: LimitSettings
) -> Iterator[LimitGauge]:
    yield _percent_gauge("Lost today", day_loss(account, valuation), limits.daily_loss)
    yield _percent_gauge("Drawdown since reset", valuation.drawdown, limits.drawdown)
    losses, most = account.risk.losses, limits.losses
    part = None if most is None else losses / most
    yield _limit_gauge("Losses in a row", f"{losses}", "" if most is None else f"{most}", part)


def _percent_gauge(label: str, used: float | None, limit: float | None) -> LimitGauge:
    part = None if used is None or limit is None else used / limit
    return _limit_gauge(label, percent(used), "" if limit is None else percent(limit), part)


def _limit_gauge(label: str, used: str, limit: str, part: float | None) -> LimitGauge:
    if part is None:
        word = "not known yet" if limit else "no limit"
        return LimitGauge(label, used, limit, 0.0, "none", "circle-dashed", word)
    width = round(min(max(part, 0.0), 1.0) * 100, 1)
    if part >= 1.0:
        return LimitGauge(label, used, limit, width, "down", "octagon-x", "reached")
    if part >= _WARNING_SHARE:
        return LimitGauge(label, used, limit, width, "warn", "triangle-alert", "close")
    return LimitGauge(label, used, limit, width, "flat", "circle-check", "within")


def _reset_note(risk: RiskState) -> str:
    if risk.trading_state is TradingState.ACTIVE:
        return ""
    if risk.until is None:
        return "It stays so until you resume trading."
    return f"It ends by itself on {risk.until:%Y-%m-%d}, or when you resume trading."


def _mode_option(mode: TradingMode, chosen: TradingMode) -> ModeOption:
    word, icon, meaning = _MODES[mode]
    return ModeOption(mode.value, word, icon, meaning, mode is chosen)


def _suggestion(order: Order) -> SuggestionLine:
    buys = order.side.sign > 0
    return SuggestionLine(
        symbol=order.symbol,
        side=order.side.value,
        quantity=format_quantity(order.quantity),
        tone="up" if buys else "down",
        icon="arrow-up" if buys else "arrow-down",
        reason=formatting.single_line(order.reason, 160),
        url=ticket_url(order.symbol, order.side.value, order.quantity),
        decision_url=f"/decisions/{order.receipt}" if order.receipt else "",
    )
