"""Votes pooled into decisions and targets."""
