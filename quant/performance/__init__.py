"""Performance metrics of returns, round trips and trading activity."""
