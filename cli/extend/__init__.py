"""Agents and providers of your own: their files, and the check of a provider."""
