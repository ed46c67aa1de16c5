"""Agents that run: in this process or as Ray actors, supervised."""
