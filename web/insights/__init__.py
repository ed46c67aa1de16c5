"""Insights: every agent's vote on every symbol, live."""
