"""What was recorded, computed again and compared."""
