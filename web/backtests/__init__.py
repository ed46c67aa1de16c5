"""Backtests: jobs, results, comparisons."""
