"""Frozen values that all packages share: no input or output, nothing of ours imported."""
