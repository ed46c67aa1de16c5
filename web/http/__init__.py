"""What the responses of all features have in common."""
