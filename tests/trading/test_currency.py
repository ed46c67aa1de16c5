"""A ticket says in which currency a symbol is priced, and that nothing is converted."""

import pytest

from trading.currency import describe_currency


@pytest.mark.parametrize(
    ("symbol", "account", "said"),
    [
        ("AAPL", "USD", "Priced in USD."),
        ("SAP.DE", "EUR", "Priced in EUR."),
        ("BTC-USDT", "USD", "One USDT counts as one USD."),
        ("ABC.XY", "USD", "is unknown: USD is assumed"),
        ("VOD.L", "USD", "GBp, hundredths of GBP, the account is in USD"),
        ("VOD.L", "GBP", "cannot be converted: one GBp counts as one GBP"),
        ("AAPL", "EUR", "cannot be converted: one USD counts as one EUR"),
    ],
)
def test_a_ticket_names_the_currency_and_what_it_counts_as(
    symbol: str, account: str, said: str
) -> None:
    assert said in describe_currency(symbol, account)
