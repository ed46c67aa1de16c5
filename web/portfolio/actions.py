"""What may be done to the paper account from a page or the API, and in which words it is recorded.

Leaves out orders (`orders/`): this is money, mode, profile and trading state.
"""

from domain.errors import InputError
from domain.trading.account import Account, TradingMode
from orchestrator.account.service import AccountService
from web import formatting
from web.live.notifier import Notifier

RESET_WORD = "reset"
"""The word to type to reset the account."""
MAX_REASON_LENGTH = 200


class AccountActions:
    """Each is recorded with what was given as its reason or as who asked, and tells the streams."""

    def __init__(self, account_service: AccountService, notifier: Notifier) -> None:
        self._account_service, self._notifier = account_service, notifier

    def deposit(self, amount: float, note: str) -> Account:
        amount = _positive("deposited", amount)
        return self._notified(self._account_service.transfer_cash(amount, _reason_line(note)))

    def withdraw(self, amount: float, note: str) -> Account:
        amount = _positive("withdrawn", amount)
        return self._notified(self._account_service.transfer_cash(-amount, _reason_line(note)))

    def reset(self, capital: float, note: str) -> Account:
        return self._notified(self._account_service.reset(capital, _reason_line(note)))

    def set_mode(self, mode: str, changed_by: str) -> Account:
        """Set the trading mode. Raises InputError for an unknown mode."""
        if mode not in tuple(TradingMode):
            raise InputError(f"There is no mode {mode[:40]!r}. Choose {', '.join(TradingMode)}.")
        return self._notified(
            self._account_service.update_settings(
                mode=TradingMode(mode), profile=None, by=changed_by
            )
        )

    def set_profile(self, profile: str, changed_by: str) -> Account:
        return self._notified(
            self._account_service.update_settings(mode=None, profile=profile, by=changed_by)
        )

    def stop(self, reason: str, flatten: bool, changed_by: str) -> Account:
        """Stop trading at once (the emergency stop)."""
        return self._notified(
            self._account_service.emergency_stop(
                flatten=flatten, reason=_reason_line(reason), by=changed_by
            )
        )

    def resume(self, changed_by: str) -> Account:
        """Resume trading."""
        return self._notified(self._account_service.resume_trading(by=changed_by))

    def _notified(self, account: Account) -> Account:
        self._notifier.notify()
        return account


def _positive(verb: str, amount: float) -> float:
    if not amount > 0:
        raise InputError(f"{amount:,.2f} cannot be {verb}. Give an amount above zero.")
    return amount


def _reason_line(text: str) -> str:
    return formatting.single_line(text, MAX_REASON_LENGTH)
