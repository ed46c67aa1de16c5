"""Environments and training: how fast, and how well."""
