"""One file a revision; a revision that was published never changes."""
