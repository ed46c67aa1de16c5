"""The database and files: market data, the archive of panels, the journal, accounts, models."""
