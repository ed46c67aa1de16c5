"""The parts of the paper account that pages and stream share."""

from dataclasses import dataclass

from domain.sectors import BROAD, sector_of
from domain.trading.account import Account, TradingMode
from orchestrator.account.history import AccountHistoryReader
from orchestrator.account.service import AccountService
from storage.accounts.blotter import SqlBlotter
from trading.account.history import current_drawdown
from web.components.amounts import Kpi
from web.components.trading_state import (
    ModeOption,
    SuggestionLine,
    TradingStateReader,
    TradingStateView,
    mode_options,
    suggestion_lines,
)
from web.portfolio.equity import AccountHistoryView, account_history_view
from web.portfolio.suggestion_cache import SuggestionCache
from web.portfolio.tax_lots import profit_by_symbol
from web.portfolio.views import (
    Allocation,
    Movers,
    PositionLine,
    account_kpis,
    allocations,
    movers,
    position_lines,
)


@dataclass(frozen=True, slots=True)
class AccountComponents:
    """The parts of the paper account, ready to draw.

    `history` is None until there are two rows of bars, `suggestions` is None except in suggest
    mode; `profile` is the name of the strategy profile.
    """

    kpis: tuple[Kpi, ...]
    positions: tuple[PositionLine, ...]
    allocations: tuple[Allocation, ...]
    movers: Movers
    history: AccountHistoryView | None
    trading_state: TradingStateView
    profile: str
    modes: tuple[ModeOption, ...]
    suggestions: tuple[SuggestionLine, ...] | None


class AccountComponentsReader:
    """Reads the parts of the served account, each once a call."""

    def __init__(
        self,
        account_service: AccountService,
        account_history: AccountHistoryReader,
        blotter: SqlBlotter,
        trading_state_reader: TradingStateReader,
        suggestion_cache: SuggestionCache,
    ) -> None:
        self._account_service, self._account_history = account_service, account_history
        self._blotter = blotter
        self._trading_state_reader = trading_state_reader
        self._suggestion_cache = suggestion_cache

    def read(self) -> AccountComponents:
        account = self._account_service.account()
        history = self._account_history.read()
        return AccountComponents(
            kpis=account_kpis(account, current_drawdown(history.drawdown)),
            positions=position_lines(account),
            allocations=allocations(account, sector_names(account)),
            movers=self._movers(account),
            history=account_history_view(history, account.currency),
            trading_state=self._trading_state_reader.of(account),
            profile=account.profile,
            modes=mode_options(account.mode),
            suggestions=suggestion_lines(self._suggestion_cache.current())
            if account.mode is TradingMode.SUGGEST
            else None,
        )

    def _movers(self, account: Account) -> Movers:
        closes = {symbol: bar.close for symbol, bar in account.last_bars.items()}
        profits = profit_by_symbol(self._blotter.round_trips(), self._blotter.lots(), closes)
        return movers(profits, account.positions)


def sector_names(account: Account) -> dict[str, str]:
    """Return the sector's name for each symbol held; '' where it is unknown."""
    found = {symbol: sector_of(symbol, {}) or "" for symbol in account.positions}
    return {
        symbol: "Broad market funds" if sector == BROAD else sector.capitalize()
        for symbol, sector in found.items()
    }
