"""Backtests of the committee: runs, baselines and results."""
