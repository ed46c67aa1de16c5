"""A paper account: its ledger, its bars, and its simulation on history."""
