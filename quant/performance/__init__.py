"""What a series of returns and trades was worth, as named metrics."""
