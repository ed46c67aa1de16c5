"""What is priced in another currency than the account's is not bought."""

import pytest

from trading.currency import currency_mismatch


@pytest.mark.parametrize(
    ("symbol", "account"),
    [
        ("AAPL", "USD"), ("BTC-USD", "USD"), ("BTC-USDT", "USD"), ("BTC-USD", "USDC"),
        ("SAP.DE", "EUR"), ("EURUSD=X", "USD"), ("ES=F", "USD"), ("ABC.XY", "USD"),
    ],
)  # fmt: skip
def test_what_is_priced_in_the_accounts_money_can_be_bought(symbol: str, account: str) -> None:
    assert currency_mismatch(symbol, account) is None


@pytest.mark.parametrize(
    ("symbol", "account", "said"),
    [
        ("VOD.L", "USD", "priced in GBp, hundredths of GBP,"),
        ("VOD.L", "GBP", "priced in GBp, hundredths of GBP,"),
        ("SAP.DE", "USD", "or set account.currency = EUR"),
        ("AAPL", "EUR", "priced in USD and the account is in EUR"),
        ("ETH-BTC", "USD", "priced in BTC"), ("ZC=F", "USD", "hundredths of USD"),
    ],
)  # fmt: skip
def test_another_currency_is_named_with_what_can_be_bought(
    symbol: str, account: str, said: str
) -> None:
    assert said in (currency_mismatch(symbol, account) or "")
