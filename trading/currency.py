"""Says that an account counts prices of another currency as its own, for it converts none."""

from domain.symbols import MINOR_UNITS, currency_of

DOLLAR_COINS = frozenset({"USDC", "USDT"})
"""Coins that count as one US dollar."""


def describe_currency(symbol: str, account_currency: str) -> str:
    """Return the sentence of a ticket on the currency of `symbol` in an account."""
    currency = currency_of(symbol)
    if currency is None:
        return f"The currency of {symbol} is unknown: {account_currency} is assumed."
    if currency == account_currency:
        return f"Priced in {currency}."
    if currency in DOLLAR_COINS and account_currency == "USD":
        return f"One {currency} counts as one USD."
    whole = MINOR_UNITS.get(currency)
    unit = f"{currency}, hundredths of {whole}" if whole else currency
    return (
        f"{symbol} is priced in {unit}, the account is in {account_currency}, and this cannot be "
        f"converted: one {currency} counts as one {account_currency}."
    )
