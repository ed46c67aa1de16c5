"""What may be done to the paper account from a page or the API, and in which words it is recorded.

Leaves out orders (`pages/orders.py`): this is money, mode, profile and breakers.
"""

from domain.errors import InputError
from domain.trading.account import Account, Mode
from web import formatting
from web.services import House

RESET = "reset"
"""What one types to begin anew."""
LONGEST_REASON = 200


def deposit(house: House, amount: float, note: str) -> Account:
    return _done(house, house.floor.move_cash(_positive("deposited", amount), _line(note)))


def withdraw(house: House, amount: float, note: str) -> Account:
    return _done(house, house.floor.move_cash(-_positive("withdrawn", amount), _line(note)))


def reset(house: House, capital: float, note: str) -> Account:
    return _done(house, house.floor.reset(capital, _line(note)))


def set_mode(house: House, mode: str, where: str) -> Account:
    """Raises InputError for a mode that there is not."""
    if mode not in tuple(Mode):
        raise InputError(f"There is no mode {mode[:40]!r}. Choose {', '.join(Mode)}.")
    return _done(house, house.floor.switch(mode=Mode(mode), profile=None, by=where))


def set_profile(house: House, profile: str, where: str) -> Account:
    return _done(house, house.floor.switch(mode=None, profile=profile, by=where))


def stop(house: House, reason: str, flatten: bool, where: str) -> Account:
    """The emergency stop."""
    return _done(house, house.floor.stop(flatten=flatten, reason=_line(reason), by=where))


def resume(house: House, where: str) -> Account:
    """Resets the breakers."""
    return _done(house, house.floor.reset_guard(by=where))


def _done(house: House, account: Account) -> Account:
    house.bell.ring()
    return account


def _positive(done: str, amount: float) -> float:
    if not amount > 0:
        raise InputError(f"{amount:,.2f} cannot be {done}. Give an amount above zero.")
    return amount


def _line(text: str) -> str:
    return formatting.line(text, LONGEST_REASON)
