"""Scores and learning benchmarks of the agents, kept for pages."""
