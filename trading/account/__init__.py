"""A paper account: its ledger, its bars, its simulation over history."""
