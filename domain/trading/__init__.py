"""The values of trading: orders, the account and its events, tax lots."""
