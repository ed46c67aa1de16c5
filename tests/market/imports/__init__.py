"""Files as people have them, into the store."""
