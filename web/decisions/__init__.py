"""Decisions: the feed, one decision, its verification."""
