"""What several features draw."""
