"""The outside world turned into a panel."""
