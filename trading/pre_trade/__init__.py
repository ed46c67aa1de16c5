"""Checks of an order before it is placed: its form, its instrument, the account's limits."""
