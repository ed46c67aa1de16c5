"""Whether an account may buy what is priced in another currency than its own: it may not.

Prices are never converted, so 70 pence are not taken for 70 dollars. Leaves out backtests, which
take all prices as one currency.
"""

from domain.symbols import MINOR_UNITS, currency_of

DOLLAR_COINS = frozenset({"USDC", "USDT"})
"""Coins that count as one US dollar."""


def currency_mismatch(symbol: str, account_currency: str) -> str | None:
    """Return why the symbol cannot be bought by an account in `account_currency`: prices are never
    converted. None where it can, and where the symbol's currency is unknown."""
    currency = currency_of(symbol)
    if currency is None or _at_par(currency) == _at_par(account_currency):
        return None
    whole = MINOR_UNITS.get(currency)
    unit = f"{currency}, hundredths of {whole}," if whole else currency
    other = "" if whole else f", or set account.currency = {currency} in a home of its own"
    return (
        f"{symbol} is priced in {unit} and the account is in {account_currency}; prices are not "
        f"converted. Buy what is priced in {account_currency}{other}."
    )


def _at_par(currency: str) -> str:
    return "USD" if currency in DOLLAR_COINS else currency
