"""Accounts stored as a hash-chained log, with the read models that follow from it."""
