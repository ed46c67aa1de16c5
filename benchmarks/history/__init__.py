"""What the committee does on imported history, and how fast."""
