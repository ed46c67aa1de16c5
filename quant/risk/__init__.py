"""Risk of a series or a symbol: volatility, tails, drawdowns."""
