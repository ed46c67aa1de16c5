"""The engine: status, control, watchlist, probes."""
