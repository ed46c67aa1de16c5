"""What may be done to the paper account from a page or the API, and in which words it is recorded.

Leaves out orders (`pages/orders.py`): this is money, mode, profile and trading state.
"""

from domain.errors import InputError
from domain.trading.account import Account, TradingMode
from web import formatting
from web.services import AppServices

RESET_WORD = "reset"
"""What one types to reset the account."""
MAX_REASON_LENGTH = 200


def deposit(services: AppServices, amount: float, note: str) -> Account:
    return _notified(
        services,
        services.account_service.transfer_cash(_positive("deposited", amount), _reason_line(note)),
    )


def withdraw(services: AppServices, amount: float, note: str) -> Account:
    return _notified(
        services,
        services.account_service.transfer_cash(-_positive("withdrawn", amount), _reason_line(note)),
    )


def reset(services: AppServices, capital: float, note: str) -> Account:
    return _notified(services, services.account_service.reset(capital, _reason_line(note)))


def set_mode(services: AppServices, mode: str, changed_by: str) -> Account:
    """Raises InputError for a mode that there is not."""
    if mode not in tuple(TradingMode):
        raise InputError(f"There is no mode {mode[:40]!r}. Choose {', '.join(TradingMode)}.")
    return _notified(
        services,
        services.account_service.update_settings(
            mode=TradingMode(mode), profile=None, by=changed_by
        ),
    )


def set_profile(services: AppServices, profile: str, changed_by: str) -> Account:
    return _notified(
        services,
        services.account_service.update_settings(mode=None, profile=profile, by=changed_by),
    )


def stop(services: AppServices, reason: str, flatten: bool, changed_by: str) -> Account:
    """The emergency stop."""
    return _notified(
        services,
        services.account_service.emergency_stop(
            flatten=flatten, reason=_reason_line(reason), by=changed_by
        ),
    )


def resume(services: AppServices, changed_by: str) -> Account:
    """Resumes trading."""
    return _notified(services, services.account_service.resume_trading(by=changed_by))


def _notified(services: AppServices, account: Account) -> Account:
    services.notifier.notify()
    return account


def _positive(verb: str, amount: float) -> float:
    if not amount > 0:
        raise InputError(f"{amount:,.2f} cannot be {verb}. Give an amount above zero.")
    return amount


def _reason_line(text: str) -> str:
    return formatting.single_line(text, MAX_REASON_LENGTH)
