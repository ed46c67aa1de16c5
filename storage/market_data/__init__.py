"""The market data store, and the watchlist."""
