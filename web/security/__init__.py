"""What every request must pass."""
