"""Risk of a record or a symbol: volatility, tails, drawdowns."""
