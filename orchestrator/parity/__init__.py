"""Recompute recorded decisions and paper days, and compare."""
